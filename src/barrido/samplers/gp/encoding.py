"""Points of a search space as features whose distances a kernel may use.

Each column of the unit cube becomes one to a few features that share a length scale. What the kernel
sees are Euclidean distances between features, so it is positive semi-definite whatever the space:

* continuous and ordered columns: one feature, the coordinate, levels spread evenly over [0, 1];
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

from barrido.space import Kind, Space
from barrido.space.ladders import Even

Array = NDArray[np.float64]

ARC = np.pi / 2  # radians from one end of a conditional column to the other
_HAMMING = np.sqrt(0.5)


@dataclass(frozen=True, slots=True)
class _Column:
    """How one column becomes the features from ``start`` to ``stop``."""

    start: int
    stop: int
    levels: int  # of an unordered column, else 0
    scale: float  # of an ordered one: feature = scale * u + shift
    shift: float
    is_conditional: bool


class Encoding:
    """From unit coordinates (n, d) to features (n, f); ``owner`` (f,) is the column of each feature."""

    def __init__(self, space: Space) -> None:
        columns: list[_Column] = []
        owners: list[int] = []
        for column, dimension in enumerate(space.dimensions):
            conditional = dimension.condition is not None
            levels, scale, shift = 0, 1.0, 0.0
            if dimension.kind is Kind.UNORDERED:
                levels = dimension.levels or 0
            elif isinstance(ladder := getattr(dimension.domain, "ladder", None), Even) and ladder.count > 1:
                scale, shift = ladder.count / (ladder.count - 1), -0.5 / (ladder.count - 1)
            width = levels or (2 if conditional else 1)
            columns.append(_Column(len(owners), len(owners) + width, levels, scale, shift, conditional))
            owners += [column] * width
        self._space = space
        self._columns = columns
        self.owner: NDArray[np.int64] = np.array(owners, dtype=np.int64)
        self.smooth: NDArray[np.bool_] = np.array([not c.levels for c in columns], dtype=np.bool_)

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
                angle = ARC * (c.scale * values + c.shift)
                features[:, c.start] = np.where(mask, np.cos(angle), 0.0) / ARC
                features[:, c.start + 1] = np.where(mask, np.sin(angle), 0.0) / ARC
            else:
                features[:, c.start] = c.scale * values + c.shift
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
            if c.is_conditional:
                angle = ARC * (c.scale * np.nan_to_num(u[:, column]) + c.shift)
                along = np.cos(angle) * slope[:, c.start + 1] - np.sin(angle) * slope[:, c.start]
                gradient[:, column] = np.where(active[:, column], c.scale * along, 0.0)
            else:
                gradient[:, column] = c.scale * slope[:, c.start]
        return gradient
