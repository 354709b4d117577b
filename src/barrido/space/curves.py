"""Quantile functions and their inverses: monotone maps between the unit interval and the number line.

Exponentials and normal quantiles are taken one number at a time with the standard library. NumPy's
vector instructions may round differently with the length and layout of an array, and a trial's point
must not depend on what else was asked for together with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, erfc, exp, inf, log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
else:
    from barrido.space import lazy_numpy as np


TOP = 1 - 2**-53
"""The largest unit coordinate."""
REACH = 8.209536151601386
"""How many standard deviations from the mean a draw can be: the normal quantile of `TOP`."""
EXPONENT_LIMIT = 708.0
"""exp of this, and of its negative, is an ordinary number; a little further out it is not."""


@dataclass(frozen=True)
class Linear:
    """Uniform between ``low`` and ``high``."""

    low: float
    high: float

    def quantile(self, u: Array) -> Array:
        """Numbers for unit coordinates; any shape."""
        return np.minimum(self.low + u * (self.high - self.low), self.high)

    def cdf(self, x: Array) -> Array:
        """Unit coordinates, 1 included, for numbers; any shape."""
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def reach(self) -> tuple[float, float]:
        """The lowest and the highest number that can really come out."""
        return self.low, self.high


@dataclass(frozen=True)
class Gaussian:
    """Normal with mean ``mu`` and standard deviation ``sigma``."""

    mu: float
    sigma: float

    def quantile(self, u: Array) -> Array:
        from statistics import NormalDist

        inv_cdf = NormalDist().inv_cdf
        z = [inv_cdf(min(max(p, 1 - TOP), TOP)) for p in u.ravel().tolist()]
        return self.mu + self.sigma * np.array(z).reshape(u.shape)

    def cdf(self, x: Array) -> Array:
        z = (np.asarray(x, dtype=np.float64) - self.mu) / (self.sigma * sqrt(2))
        return np.array([erfc(-v) / 2 for v in z.ravel().tolist()]).reshape(z.shape)

    @property
    def support(self) -> tuple[float, float]:
        return -inf, inf

    @property
    def reach(self) -> tuple[float, float]:
        return self.mu - REACH * self.sigma, self.mu + REACH * self.sigma


@dataclass(frozen=True)
class Exponential:
    """``base ** y`` for y drawn from another curve."""

    exponent: Linear | Gaussian
    base: float = e

    def _power(self, y: float) -> float:
        return exp(y) if self.base == e else self.base**y

    def quantile(self, u: Array) -> Array:
        y = self.exponent.quantile(u)
        return np.array([self._power(v) for v in y.ravel().tolist()]).reshape(y.shape)

    def cdf(self, x: Array) -> Array:
        x = np.asarray(x, dtype=np.float64)
        y = [log(v) / log(self.base) if v > 0 else -inf for v in x.ravel().tolist()]
        return self.exponent.cdf(np.array(y).reshape(x.shape))

    @property
    def support(self) -> tuple[float, float]:
        low, high = self.exponent.support
        return self._power(low), self._power(high)

    @property
    def reach(self) -> tuple[float, float]:
        low, high = self.exponent.reach
        return self._power(low), self._power(high)


Curve = Linear | Gaussian | Exponential
