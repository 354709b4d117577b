"""Levels of a discrete domain and their places in the unit interval.

A ladder numbers the levels and says which unit coordinates fall on which. Every level has a
``middle``, the coordinate that stands for it: ``index(middle(i)) == i``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrido.space.curves import TOP, Curve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

    from barrido.space.curves import Array
else:
    from barrido.space import lazy_numpy as np


@dataclass(frozen=True)
class Even:
    """``count`` levels, numbered from 0, all equally likely."""

    count: int

    @property
    def size(self) -> int:
        return self.count

    @property
    def first(self) -> int:
        return 0

    def index(self, u: Array) -> Integers:
        return np.minimum((u * self.count).astype(np.int64), self.count - 1)

    def middle(self, index: Integers) -> Array:
        return np.minimum((index + 0.5) / self.count, TOP)


@dataclass(frozen=True)
class Rounded:
    """Level k is the multiple k·q, and gets what the curve draws between (k-½)q and (k+½)q.

    ``first`` and ``last`` are None where the curve has no end. Levels that only a single point of the
    curve would round to have no probability and do not exist.
    """

    curve: Curve
    q: float
    first: int | None
    last: int | None

    @property
    def size(self) -> int | None:
        return None if self.first is None or self.last is None else self.last - self.first + 1

    def index(self, u: Array) -> Integers:
        k = np.rint(self.curve.quantile(u) / self.q)
        if self.first is not None:
            k = np.maximum(k, self.first)
        if self.last is not None:
            k = np.minimum(k, self.last)
        return k.astype(np.int64)

    def middle(self, index: Integers) -> Array:
        below = self.curve.cdf(np.float64(self.q) * (index - 0.5))
        above = self.curve.cdf(np.float64(self.q) * (index + 0.5))
        return np.minimum((below + above) / 2, TOP)


Ladder = Even | Rounded
