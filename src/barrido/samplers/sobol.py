"""Quasi-random search: a scrambled Sobol' sequence fills the space more evenly than chance does.

Sobol' sequence with the direction numbers of Joe and Kuo, "Constructing Sobol sequences with better
two-dimensional projections", SIAM J. Sci. Comput. 30 (2008); scrambled by a random linear matrix and
a digital shift (Matoušek, "On the L2-discrepancy for anchored boxes", J. Complexity 14 (1998)), as
SciPy implements them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Observation
from barrido.core.trial import Params
from barrido.errors import Problem, SpecError
from barrido.samplers.distinct import NumberedPoints
from barrido.space import Space

MOST_DIMENSIONS = 21201
"""There are direction numbers for so many."""
_BLOCK = 64  # points made at once; a power of two, as the sequence likes it
_KEPT = 4  # blocks


class SobolSampler:
    """Trial k gets the k-th point of the sequence that ``seed`` scrambles.

    In a finite space nothing is tried twice: trial k gets the k-th different point of the sequence, and
    None once there are no more. Raises SpecError for a space with too many dimensions.
    """

    learns: bool = False

    def __init__(self, space: Space) -> None:
        if problems := self.problems(space):
            raise SpecError(problems)
        self._width = len(space.dimensions)
        self._points = NumberedPoints(space, self._coordinates)
        self._sequence: tuple[int, _Sequence] | None = None

    @staticmethod
    def problems(space: Space, path: str = "") -> list[Problem]:
        """Whether the space has more dimensions than there are direction numbers for."""
        width = len(space.dimensions)
        if width <= MOST_DIMENSIONS:
            return []
        what = f"sobol handles at most {MOST_DIMENSIONS} dimensions, the search space has {width}"
        return [Problem(what, path=path, hint="use the random sampling algorithm")]

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return self._points.get(numbers, seed)

    def _coordinates(self, numbers: Sequence[int], seed: int) -> NDArray[np.float64]:
        if self._width == 0:
            return np.empty((len(numbers), 0))
        if self._sequence is None or self._sequence[0] != seed:
            self._sequence = (seed, _Sequence(self._width, seed))
        sequence = self._sequence[1]
        return np.array([sequence.point(k) for k in numbers]).reshape(len(numbers), self._width)


class _Engine(Protocol):
    def random(self, n: int) -> NDArray[np.float64]:
        """The next n points, (n, d)."""


class _Sequence:
    """The points of one scrambled sequence by number, made in blocks of which the last few are kept."""

    def __init__(self, width: int, seed: int) -> None:
        self._width = width
        self._seed = seed
        self._engine = self._new_engine()
        self._made = 0  # blocks that the engine has given
        self._blocks: dict[int, NDArray[np.float64]] = {}

    def point(self, k: int) -> NDArray[np.float64]:
        block, row = divmod(k, _BLOCK)
        if block not in self._blocks:
            self._make(block)
        coordinates: NDArray[np.float64] = self._blocks[block][row]
        return coordinates

    def _make(self, block: int) -> None:
        if block < self._made:
            self._engine = self._new_engine()
            self._made = 0
            self._blocks.clear()
        while self._made <= block:
            # drawn, not skipped: SciPy's fast_forward fails with more than 32 bits
            self._blocks[self._made] = self._engine.random(_BLOCK)
            self._made += 1
            if len(self._blocks) > _KEPT:
                del self._blocks[min(self._blocks)]

    def _new_engine(self) -> _Engine:
        from scipy.stats.qmc import Sobol

        # 53 bits: as fine as floating point, and no end to the sequence
        rng = np.random.default_rng(self._seed)
        return cast(_Engine, Sobol(self._width, scramble=True, bits=53, seed=rng))
