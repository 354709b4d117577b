"""Distributions over real numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import e, log
from typing import TYPE_CHECKING, Any, ClassVar, Self

from barrido.errors import Problem
from barrido.space.checks import (
    check_base,
    check_below,
    check_exponent,
    check_flag,
    check_numbers,
    check_positive,
    is_number,
    join,
)
from barrido.space.curves import Curve, Exponential, Gaussian, Linear
from barrido.space.domain import Continuous, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike
else:
    from barrido.space import lazy_numpy as np


@dataclass(frozen=True, repr=False)
class Uniform(Continuous):
    """Any number from ``min_value`` to ``max_value``, all equally likely.

    >>> Uniform(0.05, 0.1).from_unit([0.5])
    [0.07500000000000001]
    """

    type: ClassVar[str] = "uniform"

    min_value: float
    max_value: float

    @cached_property
    def curve(self) -> Curve:
        return Linear(self.min_value, self.max_value)

    def problems(self, path: str = "") -> list[Problem]:
        return check_numbers(self, path, "min_value", "max_value") or check_below(
            self, path, "min_value", "max_value"
        )


@dataclass(frozen=True, repr=False)
class LogUniform(Continuous):
    """``exp(x)`` for x uniform from ``min_value`` to ``max_value``: the bounds are natural-log exponents.

    For a learning rate from 0.0001 to 0.1 give the logarithms, or use ``Float(1e-4, 0.1, log=True)``.
    With another ``base``, ``base ** x``.

    >>> LogUniform(-4, -1, base=10).from_unit([0.0, 0.5])
    [0.0001, 0.0031622776601683794]
    """

    type: ClassVar[str] = "loguniform"

    min_value: float
    max_value: float
    base: float = field(default=e, kw_only=True)

    @cached_property
    def curve(self) -> Curve:
        return Exponential(Linear(self.min_value, self.max_value), self.base)

    def problems(self, path: str = "") -> list[Problem]:
        found = [*check_numbers(self, path, "min_value", "max_value"), *check_base(self.base, path)]
        if found := found or check_below(self, path, "min_value", "max_value"):
            return found
        return [
            *check_exponent(self.min_value, self.base, path, "min_value"),
            *check_exponent(self.max_value, self.base, path, "max_value"),
        ]

    def notices(self, path: str = "") -> list[Problem]:
        if self.problems() or not 0 < self.min_value < self.max_value <= 1:
            return []
        low, high = self.curve.support
        exponents = (log(self.min_value) / log(self.base), log(self.max_value) / log(self.base))
        return [
            Problem(
                f"{self} draws numbers from {low:.4g} to {high:.4g}: its bounds are exponents",
                path=path,
                hint=f"for numbers from {self.min_value} to {self.max_value} write "
                f"min_value: {exponents[0]:.6g}, max_value: {exponents[1]:.6g}, "
                f"or {{type: float, low: {self.min_value}, high: {self.max_value}, log: true}}",
            )
        ]

    def with_base(self, base: float) -> Self:
        return replace(self, base=base)


@dataclass(frozen=True, repr=False)
class Normal(Continuous):
    """Normally distributed with mean ``mu`` and standard deviation ``sigma``."""

    type: ClassVar[str] = "normal"

    mu: float
    sigma: float

    @cached_property
    def curve(self) -> Curve:
        return Gaussian(self.mu, self.sigma)

    def problems(self, path: str = "") -> list[Problem]:
        return check_numbers(self, path, "mu", "sigma") or _check_sigma(self, path)


@dataclass(frozen=True, repr=False)
class LogNormal(Continuous):
    """``exp(x)`` for x normally distributed; with another ``base``, ``base ** x``."""

    type: ClassVar[str] = "lognormal"

    mu: float
    sigma: float
    base: float = field(default=e, kw_only=True)

    @cached_property
    def curve(self) -> Curve:
        return Exponential(Gaussian(self.mu, self.sigma), self.base)

    def problems(self, path: str = "") -> list[Problem]:
        found = [*check_numbers(self, path, "mu", "sigma"), *check_base(self.base, path)]
        if found := found or _check_sigma(self, path):
            return found
        low, high = Gaussian(self.mu, self.sigma).reach
        furthest = max(low, high, key=abs)
        subject = f"mu {self.mu} and sigma {self.sigma} reach {furthest:.4g} as an exponent"
        return check_exponent(furthest, self.base, path, "sigma", subject=subject)

    def with_base(self, base: float) -> Self:
        return replace(self, base=base)


@dataclass(frozen=True, repr=False)
class Float(Continuous):
    """Any number from ``low`` to ``high``, the numbers themselves; with ``log``, equally in every decade.

    >>> Float(1e-4, 1e-2, log=True).from_unit([0.0, 0.5])
    [0.00010000000000000009, 0.0010000000000000002]
    """

    type: ClassVar[str] = "float"

    low: float
    high: float
    log: bool = False

    @cached_property
    def curve(self) -> Curve:
        if not self.log:
            return Linear(self.low, self.high)
        return Exponential(Linear(log(self.low), log(self.high)))

    def from_unit(self, u: ArrayLike) -> list[Value]:
        # log and exp do not quite cancel: an end of the range must not be overstepped by that
        drawn = self.curve.quantile(np.asarray(u, dtype=np.float64))
        values: list[Value] = np.minimum(np.maximum(drawn, self.low), self.high).tolist()
        return values

    def problems(self, path: str = "") -> list[Problem]:
        found = [*check_numbers(self, path, "low", "high"), *check_flag(self.log, path, "log")]
        if found := found or check_below(self, path, "low", "high"):
            return found
        return check_positive(self, path) if self.log else []


def _check_sigma(domain: Any, path: str) -> list[Problem]:
    if domain.sigma > 0:
        low, high = Gaussian(domain.mu, domain.sigma).reach
        if is_number(low) and is_number(high):
            return []
        what = f"mu {domain.mu} and sigma {domain.sigma} are too large for floating point"
        return [Problem(what, path=join(path, "sigma"))]
    hint = "nothing is left to search: give the parameter the value of mu as a plain input"
    return [
        Problem(
            f"sigma must be above 0 (got {domain.sigma})",
            path=join(path, "sigma"),
            hint=hint if domain.sigma == 0 else "",
        )
    ]
