"""What all domains have in common.

A domain is the set of values of one parameter with a distribution over it, given as a map from the
unit interval: `from_unit` of uniform numbers has exactly that distribution, `to_unit` leads back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from enum import StrEnum
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Self

from barrido.errors import Problem, RequestError
from barrido.space.checks import is_number
from barrido.space.curves import TOP, Curve
from barrido.space.ladders import Ladder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from barrido.space.curves import Array
    from barrido.space.ladders import Integers
else:
    from barrido.space import lazy_numpy as np


Value = Any
"""What a trial gets: str, int, float or bool, or a dict of such."""


class Kind(StrEnum):
    """How the values of a domain lie to each other."""

    CONTINUOUS = "continuous"
    ORDERED = "ordered"  # levels, in a meaningful order
    UNORDERED = "unordered"  # levels without one


class Domain(ABC):
    """The values of one parameter and how likely each is.

    Constructors accept anything: `problems` says what is wrong with it, all at once. Drawing from a
    domain that has problems may raise anything.
    """

    type: ClassVar[str]  # its name in YAML

    def __post_init__(self) -> None:
        """Turn arguments from NumPy or a YAML reader into Python's own."""
        for field in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))

    @property
    @abstractmethod
    def kind(self) -> Kind: ...

    @property
    @abstractmethod
    def size(self) -> int | None:
        """How many different values there are; None if there is no end of them."""

    @abstractmethod
    def problems(self, path: str = "") -> list[Problem]:
        """What is wrong with the arguments; ``path`` is put before their names."""

    def notices(self, path: str = "") -> list[Problem]:
        """What is allowed but probably not meant."""
        return []

    @abstractmethod
    def from_unit(self, u: ArrayLike) -> list[Value]:
        """Values for unit coordinates ``u``, (n,), in [0, 1). Monotone where the values are ordered."""

    @abstractmethod
    def to_unit(self, values: Sequence[Value]) -> Array:
        """Unit coordinates (n,) of values: the middle of the level where values are discrete.

        Raises RequestError for a value that cannot come from this domain.
        """

    @abstractmethod
    def snap(self, u: Array) -> Array:
        """Unit coordinates moved to where `to_unit` puts their values; any shape."""

    @abstractmethod
    def contains(self, value: object) -> bool:
        """Whether the value can come from this domain, up to rounding."""

    def level(self, k: int) -> Value:
        """The k-th value of a finite domain, k from 0 to ``size - 1``."""
        raise RequestError(f"{self} has no end of values: it cannot be enumerated")

    def grid(self) -> Iterator[Value]:
        """All values of a finite domain, in order, one at a time."""
        if self.size is None:
            raise RequestError(f"{self} has no end of values: it cannot be enumerated")
        return map(self.level, range(self.size))

    def to_json(self) -> dict[str, Any]:
        """The YAML form: ``{"type": "uniform", "min_value": 0, "max_value": 1}``."""
        return {"type": self.type, **self._arguments()}

    def with_base(self, base: float) -> Self:
        """The same domain, its exponents (where it has them) counted to ``base`` instead of e."""
        return self

    def _arguments(self) -> dict[str, Any]:
        """Arguments by name; optional ones only where they differ from their default."""
        named = ((field, getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]
        return {f.name: v for f, v in named if f.default is MISSING or v != f.default}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._arguments().items())})"

    def __str__(self) -> str:
        return f"{self.type}({', '.join(f'{k}: {v}' for k, v in self._arguments().items())})"

    def _refuse(self, value: object) -> RequestError:
        return RequestError(f"{value!r} is not a value of {self}")


class Continuous(Domain):
    """Any number that its curve reaches."""

    @property
    @abstractmethod
    def curve(self) -> Curve:
        """The quantile function."""

    @property
    def kind(self) -> Kind:
        return Kind.CONTINUOUS

    @property
    def size(self) -> int | None:
        return None

    def from_unit(self, u: ArrayLike) -> list[Value]:
        values: list[Value] = self.curve.quantile(np.asarray(u, dtype=np.float64)).tolist()
        return values

    def to_unit(self, values: Sequence[Value]) -> Array:
        for value in values:
            if not self.contains(value):
                raise self._refuse(value)
        return np.minimum(self.curve.cdf(np.array(values, dtype=np.float64)), TOP)

    def snap(self, u: Array) -> Array:
        return np.minimum(u, TOP)

    def contains(self, value: object) -> bool:
        if not is_number(value):
            return False
        low, high = self.curve.support
        slack = 1e-9 * max(abs(low), abs(high)) if isfinite(high - low) else 0.0
        return low - slack <= value <= high + slack


class Discrete(Domain):
    """Numbered levels, each with a value."""

    @property
    @abstractmethod
    def ladder(self) -> Ladder:
        """Which unit coordinates belong to which level."""

    @abstractmethod
    def value_of(self, index: int) -> Value:
        """The value of a level, by its number on the ladder."""

    @abstractmethod
    def index_of(self, value: object) -> int | None:
        """The level of a value, None if it has none."""

    @property
    def kind(self) -> Kind:
        return Kind.ORDERED

    @cached_property
    def size(self) -> int | None:
        return self.ladder.size

    def level(self, k: int) -> Value:
        first = self.ladder.first
        return super().level(k) if self.size is None or first is None else self.value_of(first + k)

    def from_unit(self, u: ArrayLike) -> list[Value]:
        indices = self.ladder.index(np.asarray(u, dtype=np.float64)).tolist()
        return [self.value_of(index) for index in indices]

    def to_unit(self, values: Sequence[Value]) -> Array:
        return self.ladder.middle(self.indices_of(values))

    def indices_of(self, values: Sequence[Value]) -> Integers:
        """Levels (n,) of values; raises RequestError for a value that has none."""
        indices = []
        for value in values:
            if (index := self.index_of(value)) is None:
                raise self._refuse(value)
            indices.append(index)
        return np.array(indices, dtype=np.int64)

    def snap(self, u: Array) -> Array:
        return self.ladder.middle(self.ladder.index(u))

    def contains(self, value: object) -> bool:
        return self.index_of(value) is not None


def plain(value: Any) -> Any:
    """Python's own str, int or float for any of its subclasses and NumPy scalars; else the value."""
    if type(value).__module__ == "numpy" and isinstance(value, np.generic):
        value = value.item()
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return str.__str__(value) if isinstance(value, str) else value
