"""Distributions over whole numbers and over multiples of a step."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, e, floor, inf, log
from typing import TYPE_CHECKING, Any, ClassVar, Self

from barrido.errors import Problem
from barrido.space.checks import (
    COUNTABLE,
    check_below,
    check_flag,
    check_numbers,
    check_positive,
    check_whole,
    is_number,
    join,
)
from barrido.space.continuous import LogNormal, LogUniform, Normal, Uniform
from barrido.space.curves import Exponential, Linear
from barrido.space.domain import Continuous, Discrete, Value
from barrido.space.ladders import Even, Ladder, Rounded

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, repr=False)
class Randint(Discrete):
    """A whole number from 0 to ``upper - 1``, all equally likely."""

    type: ClassVar[str] = "randint"

    upper: int

    @cached_property
    def ladder(self) -> Ladder:
        return Even(self.upper)

    def value_of(self, index: int) -> Value:
        return index

    def index_of(self, value: object) -> int | None:
        return _whole_between(value, 0, self.upper - 1)

    def problems(self, path: str = "") -> list[Problem]:
        if found := check_whole(self.upper, path, "upper"):
            return found
        if self.upper > 0:
            return []
        what = f"upper must be above 0 (got {self.upper})"
        hint = "values are the whole numbers from 0 to upper - 1"
        return [Problem(what, path=join(path, "upper"), hint=hint)]


@dataclass(frozen=True, repr=False)
class Int(Discrete):
    """A whole number from ``low`` to ``high``, both included, all equally likely.

    With ``log``, k has the probability that a log-uniform number lies between k - ½ and k + ½.

    >>> list(Int(2, 5).grid())
    [2, 3, 4, 5]
    """

    type: ClassVar[str] = "int"

    low: int
    high: int
    log: bool = False

    @cached_property
    def ladder(self) -> Ladder:
        if not self.log:
            return Even(self.high - self.low + 1)
        ends = Linear(log(self.low - 0.5), log(self.high + 0.5))
        return Rounded(Exponential(ends), 1.0, self.low, self.high)

    @cached_property
    def _offset(self) -> int:
        return 0 if self.log else self.low

    def value_of(self, index: int) -> Value:
        return index + self._offset

    def index_of(self, value: object) -> int | None:
        whole = _whole_between(value, self.low, self.high)
        return None if whole is None else whole - self._offset

    def problems(self, path: str = "") -> list[Problem]:
        found = [*check_whole(self.low, path, "low"), *check_whole(self.high, path, "high")]
        if found := [*found, *check_flag(self.log, path, "log")]:
            return found
        if self.low > self.high:
            return check_below(self, path, "low", "high")
        if self.high - self.low > COUNTABLE:
            return [Problem("there are more than 2**53 numbers from low to high", path=join(path, "high"))]
        return check_positive(self, path) if self.log else []


class Quantised(Discrete):
    """``round(x / q) * q`` for x from a continuous domain.

    Values are the floats nearest to the exact multiples of ``q`` as it is written, 0.3 and not
    0.30000000000000004; ints when ``q`` is an int.
    """

    q: float

    @property
    @abstractmethod
    def unrounded(self) -> Continuous:
        """Where x comes from."""

    @cached_property
    def _q(self) -> Fraction:
        return _as_written(self.q)

    @cached_property
    def ladder(self) -> Rounded:
        low, high = self.unrounded.curve.support
        half = _as_written(0.5)
        first = None if low == -inf else floor(_as_written(low) / self._q + half)
        last = None if high == inf else ceil(_as_written(high) / self._q - half)
        return Rounded(self.unrounded.curve, self.q, first, last)

    def value_of(self, index: int) -> Value:
        if isinstance(self.q, int):
            return index * self.q
        return index * self._q.numerator / self._q.denominator  # int / int rounds correctly

    def index_of(self, value: object) -> int | None:
        if not is_number(value):
            return None
        index = round(value / self.q)
        if abs(value - self.value_of(index)) > 1e-9 * max(abs(value), self.q):
            return None
        first, last = self.ladder.first, self.ladder.last
        below, above = first is not None and index < first, last is not None and index > last
        return None if below or above else index

    def problems(self, path: str = "") -> list[Problem]:
        found = [*self.unrounded.problems(path), *check_numbers(self, path, "q")]
        if found:
            return found
        where = join(path, "q")
        if self.q <= 0:
            return [Problem(f"q must be above 0 (got {self.q})", path=where)]
        if max(abs(end) / self.q for end in self.unrounded.curve.reach) > COUNTABLE:
            return [Problem(f"q is too fine: it makes more than 2**53 steps (got {self.q})", path=where)]
        return []

    def notices(self, path: str = "") -> list[Problem]:
        return self.unrounded.notices(path)


@dataclass(frozen=True, repr=False)
class QUniform(Quantised):
    """``round(x / q) * q`` for x uniform from ``min_value`` to ``max_value``.

    >>> list(QUniform(0, 0.5, 0.1).grid())
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    >>> list(QUniform(8, 32, 8).grid())
    [8, 16, 24, 32]
    """

    type: ClassVar[str] = "quniform"

    min_value: float
    max_value: float
    q: float

    @cached_property
    def unrounded(self) -> Continuous:
        return Uniform(self.min_value, self.max_value)


@dataclass(frozen=True, repr=False)
class QLogUniform(Quantised):
    """``round(exp(x) / q) * q`` for x uniform from ``min_value`` to ``max_value``."""

    type: ClassVar[str] = "qloguniform"

    min_value: float
    max_value: float
    q: float
    base: float = field(default=e, kw_only=True)

    @cached_property
    def unrounded(self) -> Continuous:
        return LogUniform(self.min_value, self.max_value, base=self.base)

    def with_base(self, base: float) -> Self:
        return replace(self, base=base)


@dataclass(frozen=True, repr=False)
class QNormal(Quantised):
    """``round(x / q) * q`` for x normally distributed."""

    type: ClassVar[str] = "qnormal"

    mu: float
    sigma: float
    q: float

    @cached_property
    def unrounded(self) -> Continuous:
        return Normal(self.mu, self.sigma)


@dataclass(frozen=True, repr=False)
class QLogNormal(Quantised):
    """``round(exp(x) / q) * q`` for x normally distributed."""

    type: ClassVar[str] = "qlognormal"

    mu: float
    sigma: float
    q: float
    base: float = field(default=e, kw_only=True)

    @cached_property
    def unrounded(self) -> Continuous:
        return LogNormal(self.mu, self.sigma, base=self.base)

    def with_base(self, base: float) -> Self:
        return replace(self, base=base)


def _as_written(number: Any) -> Fraction:
    """The exact value of a number's shortest decimal form: a tenth for 0.1."""
    from fractions import Fraction

    return Fraction(repr(number))


def _whole_between(value: object, low: int, high: int) -> int | None:
    if not is_number(value) or value != int(value):
        return None
    return int(value) if low <= value <= high else None
