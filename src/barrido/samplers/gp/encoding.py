"""Points of a search space as features whose distances a kernel may use.

Each column of the unit cube becomes one to a few features that share a length scale. What the kernel
sees are Euclidean distances between features, so it is positive semi-definite whatever the space:

* continuous and ordered columns: one feature, the coordinate, levels spread evenly over [0, 1], what is
  normally distributed in standard deviations;
* unordered columns: one feature per level, 1/√2 at the level taken, so that two different levels are
  at distance 1 (the Hamming distance of mixed-variable Gaussian processes);
* conditional columns: a point on a quarter circle where active, its centre where not, after the arc
  kernel of Swersky, Duvenaud, Snoek, Hutter, Osborne, "Raiders of the lost architecture: kernels for
  Bayesian optimization in conditional parameter spaces" (2014, arXiv 1409.4011). Wherever on the arc a
  value lies, it is equally far from the centre: an inactive child has no influence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barrido.space import Discrete, Domain, Kind, LogNormal, Normal, QLogNormal, QNormal, Space
from barrido.space.ladders import Even

Array = NDArray[np.float64]

ARC = np.pi / 2  # radians from one end of a conditional column to the other
BELL = 3.5  # standard deviations from the middle of a bell's axis to its ends
_HAMMING = np.sqrt(0.5)


@dataclass(frozen=True, slots=True)
class Straight:
    """An axis on which coordinates lie evenly."""

    scale: float = 1.0
    shift: float = 0.0

    def place(self, u: Array) -> Array:
        """Where on the axis, [0, 1], unit coordinates lie."""
        return self.scale * u + self.shift

    def stretch(self, u: Array) -> Array:
        """The derivative of `place`."""
        return np.full(u.shape, self.scale)


@dataclass(frozen=True, slots=True)
class Bell:
    """An axis of standard deviations, for what is normally distributed.

    A function of such a parameter is smooth in the parameter, not in its quantile.
    """

    def place(self, u: Array) -> Array:
        from scipy.special import ndtri

        return np.asarray(0.5 + np.clip(ndtri(u), -BELL, BELL) / (2.0 * BELL))

    def stretch(self, u: Array) -> Array:
        from scipy.special import ndtri

        away = np.clip(ndtri(u), -BELL, BELL)
        inside = np.sqrt(2.0 * np.pi) * np.exp(0.5 * away * away) / (2.0 * BELL)
        return np.where(np.abs(away) < BELL, inside, 0.0)


@dataclass(frozen=True, slots=True)
class _Column:
    """How one column becomes the features from ``start`` to ``stop``."""

    start: int
    stop: int
    levels: int  # of an unordered column, else 0
    axis: Straight | Bell
    is_conditional: bool


def _axis(domain: Domain) -> Straight | Bell:
    if isinstance(domain, Normal | LogNormal | QNormal | QLogNormal):
        return Bell()
    if isinstance(domain, Discrete) and isinstance(domain.ladder, Even) and domain.ladder.count > 1:
        gaps = domain.ladder.count - 1
        return Straight(domain.ladder.count / gaps, -0.5 / gaps)
    return Straight()


class Encoding:
    """From unit coordinates (n, d) to features (n, f); ``owner`` (f,) is the column of each feature."""

    def __init__(self, space: Space) -> None:
        columns: list[_Column] = []
        owners: list[int] = []
        for column, dimension in enumerate(space.dimensions):
            conditional = dimension.condition is not None
            levels = dimension.levels or 0 if dimension.kind is Kind.UNORDERED else 0
            width = levels or (2 if conditional else 1)
            start = len(owners)
            columns.append(_Column(start, start + width, levels, _axis(dimension.domain), conditional))
            owners += [column] * width
        self._space = space
        self._columns = columns
        self.owner: NDArray[np.int64] = np.array(owners, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.owner)

    def encode(
        self,
        u: Array,  # (n, d) unit cube, inactive coordinates may be anything
    ) -> Array:
        """Features (n, f)."""
        active = self._space.active(u)
        features = np.zeros((len(u), len(self)))
        for column, c in enumerate(self._columns):
            mask = active[:, column]
            values = np.where(mask, u[:, column], 0.0)
            if c.levels:
                index = np.minimum((values * c.levels).astype(np.int64), c.levels - 1)
                features[np.arange(len(u)), c.start + index] = _HAMMING
                features[~mask, c.start : c.stop] = 0.0
            elif c.is_conditional:
                angle = ARC * c.axis.place(values)
                features[:, c.start] = np.where(mask, np.cos(angle), 0.0) / ARC
                features[:, c.start + 1] = np.where(mask, np.sin(angle), 0.0) / ARC
            else:
                features[:, c.start] = c.axis.place(values)
        return features

    def pull_back(
        self,
        u: Array,  # (n, d)
        slope: Array,  # (n, f), derivative of something by the features
    ) -> Array:
        """Its derivative by the coordinates, (n, d); 0 where a column is unordered or inactive."""
        active = self._space.active(u)
        gradient = np.zeros(u.shape)
        for column, c in enumerate(self._columns):
            if c.levels:
                continue
            values = np.where(active[:, column], u[:, column], 0.5)
            along = slope[:, c.start]
            if c.is_conditional:
                angle = ARC * c.axis.place(values)
                along = np.cos(angle) * slope[:, c.start + 1] - np.sin(angle) * along
            gradient[:, column] = np.where(active[:, column], along * c.axis.stretch(values), 0.0)
        return gradient
