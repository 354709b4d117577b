"""Kernel densities over the unit cube of a search space: where points of one sort lie.

The densities of BOHB: Falkner, Klein, Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at
Scale", ICML 2018 (arXiv 1807.01774), section 3.2: the mean of one product kernel about each point, of
Gaussians with bandwidths by the normal reference rule, 1.06 σ n^(-1/(4+d)), and for unordered columns of what
Aitchison and Aitken, "Multivariate binary discrimination by the kernel method", Biometrika 63 (1976), have.

Differences from the paper:

- Gaussians are cut off at the walls of the cube and scaled: every density integrates to one over it.
- Where a column is ordered and discrete, the Gaussian is averaged over the cell of its level. A density has
  no bound when all points are on one level; the probability of a level has.
- A column that is inactive in one of two points says nothing about how near they are: its factor is 1, the
  density of a draw from the space. The paper's code copies a coordinate from another point, drawn at random.
- σ counts a draw from the space as one more point. A few equal points leave room around them, and a column
  that is active in one point only has a bandwidth.
- The bandwidth of an unordered column does not depend on the order of its values, which has no meaning: it is
  the one at which c values in n points have the probabilities of Laplace's rule, (count + 1) / (n + c).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri

from barrido.space import Dimension, Discrete, Kind, Space
from barrido.space.curves import TOP
from barrido.space.ladders import Even

Array = NDArray[np.float64]

_VARIANCE_OF_A_DRAW = 1 / 12  # uniform over the unit interval
_NARROW = 0.1  # over a cell of so many bandwidths or fewer a Gaussian hardly changes
_TINY = 1e-300  # stands for a probability that is too small for floating point


@dataclass(frozen=True)
class Density:
    """The mean of the kernels about ``points``.

    It is relative to a draw from the space, whose density is 1 everywhere. A level of probability p in a
    column whose draws bring it with probability w has the density p / w.
    """

    space: Space
    points: Array  # (n, d), n > 0, as `Space.to_unit` gives them: levels at their middle, NaN where inactive
    bandwidths: Array  # (d,) σ of Gaussians; for unordered columns the probability of another value

    @classmethod
    def of(cls, space: Space, points: Array) -> Density:
        """The density that the reference rules make of ``points``, (n, d)."""
        columns = zip(space.dimensions, points.T, strict=True)
        widths = [bandwidth(dimension, x[~np.isnan(x)], len(space)) for dimension, x in columns]
        return cls(space, points, np.array(widths))

    def log(self, u: Array) -> Array:
        """Logarithms (m,) of the density at ``u``, (m, d), unit coordinates in the form of ``points``."""
        kernels = np.zeros((len(u), len(self.points)))
        for column, dimension in enumerate(self.space.dimensions):
            at, about, h = u[:, column, None], self.points[:, column], self.bandwidths[column]
            factor = _log_kernel(dimension, at, about, h)
            kernels += np.where(np.isnan(factor), 0.0, factor)
        mean: Array = logsumexp(kernels, axis=1) - log(len(self.points))
        return mean

    def draw(self, count: int, rng: np.random.Generator, *, widening: float = 1.0) -> Array:
        """Unit coordinates (count, d) of draws, with Gaussians ``widening`` times as wide.

        They are anywhere in the cube, inactive columns as in a draw from the space: see `Space.snap`.
        """
        drawn = rng.random((count, len(self.space)))
        about = self.points[rng.integers(len(self.points), size=count)]
        for column, dimension in enumerate(self.space.dimensions):
            active = np.flatnonzero(~np.isnan(about[:, column]))
            x, h = about[active, column], self.bandwidths[column]
            if dimension.kind is Kind.UNORDERED:
                is_kept = rng.random(len(x)) < 1 - h
                drawn[active, column] = np.where(is_kept, x, _other(drawn[active, column], x, dimension))
            else:
                h *= widening
                below, above = ndtr(-x / h), ndtr((1 - x) / h)
                z = ndtri(below + drawn[active, column] * (above - below))
                drawn[active, column] = np.clip(x + h * z, 0.0, TOP)
        return drawn


def bandwidth(dimension: Dimension, x: Array, d: int) -> float:
    """The bandwidth of a column of ``d``, from the coordinates ``x``, (n,), of points that have it."""
    n = len(x)
    if dimension.kind is Kind.UNORDERED:
        count = dimension.levels or 1
        return (count - 1) / (n + count)
    squares = float(np.sum((x - x.mean()) ** 2)) if n else 0.0
    sigma = sqrt((squares + _VARIANCE_OF_A_DRAW) / (n + 1))
    return float(1.06 * sigma * (n + 1) ** (-1 / (4 + d)))


def _log_kernel(dimension: Dimension, at: Array, about: Array, h: float) -> Array:
    """Logarithms (m, n) of a column's kernels about ``about``, (n,), at ``at``, (m, 1); NaN from NaN."""
    if dimension.kind is Kind.UNORDERED:
        count = dimension.levels or 1
        if count == 1:
            return 0.0 * (at + about)
        factor = np.where(at == about, count * (1 - h), count * h / (count - 1))
        return np.where(np.isnan(at + about), np.nan, np.log(factor))
    inside = np.log(ndtr((1 - about) / h) - ndtr(-about / h))
    gaussian: Array = -(((at - about) / h) ** 2) / 2 - log(h * sqrt(2 * pi)) - inside
    if not isinstance(dimension.domain, Discrete):
        return gaussian
    low, high = _cells(dimension.domain, at)
    # a difference of two tails is exact where they are near 0: the cell is mirrored to below the middle
    side = np.where(at > about, -1.0, 1.0)
    mass = np.abs(ndtr(side * (high - about) / h) - ndtr(side * (low - about) / h))
    width = high - low
    is_narrow = width <= _NARROW * h
    averaged = np.log(np.maximum(mass, _TINY) / np.where(is_narrow, 1.0, width)) - inside
    return np.where(is_narrow, gaussian, averaged)


def _cells(domain: Discrete, u: Array) -> tuple[Array, Array]:
    """Lower and upper ends of the cells whose levels have the coordinates ``u``; NaN from NaN."""
    ladder = domain.ladder
    if isinstance(ladder, Even):
        half = 0.5 / ladder.count
        return u - half, u + half
    index = ladder.index(np.nan_to_num(u))
    low, high = (ladder.curve.cdf(np.float64(ladder.q) * (index + side)) for side in (-0.5, 0.5))
    return np.where(np.isnan(u), np.nan, low), np.where(np.isnan(u), np.nan, high)


def _other(u: Array, x: Array, dimension: Dimension) -> Array:
    """Coordinates of other values than those at ``x``, all equally likely; ``u``, (n,), is random."""
    count = dimension.levels or 1
    step = 1 + np.floor(u * max(count - 1, 1))
    return (x + step / count) % 1.0
