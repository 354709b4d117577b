"""Random search: independent draws from the distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Observation
from barrido.core.trial import Params
from barrido.errors import Problem
from barrido.samplers.distinct import NumberedPoints
from barrido.space import Space


class RandomSampler:
    """Trial k gets what ``default_rng((seed, k))`` draws.

    In a finite space nothing is tried twice: trial k gets the k-th different point of draws 0, 1, 2, …,
    and None once there are no more.
    """

    learns: bool = False

    def __init__(self, space: Space) -> None:
        self._width = len(space.dimensions)
        self._points = NumberedPoints(space, self._coordinates)

    @staticmethod
    def problems(space: Space, path: str = "") -> list[Problem]:  # noqa: ARG004
        """Nothing: any space can be drawn from."""
        return []

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return self._points.get(numbers, seed)

    def _coordinates(self, numbers: Sequence[int], seed: int) -> NDArray[np.float64]:
        u = np.empty((len(numbers), self._width))
        for row, k in enumerate(numbers):
            np.random.default_rng((seed, k)).random(out=u[row])
        return u
