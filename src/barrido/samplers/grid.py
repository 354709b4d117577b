"""Grid search: every point of a finite space once, the last parameter running fastest."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from barrido.core.protocols import Observation
from barrido.core.trial import Params
from barrido.errors import Problem, SpecError
from barrido.space import Space


class GridSampler:
    """Trial k gets the k-th point of the space that its constraints allow. ``seed`` does not matter.

    Raises SpecError for a space that has no end of points; see `problems`.
    """

    learns: bool = False

    def __init__(self, space: Space) -> None:
        if problems := self.problems(space):
            raise SpecError(problems)
        self._space = space
        self._allowed = array("q")  # the places in the grid of the first points that constraints allow
        self._looked = 0  # at so many places

    @staticmethod
    def problems(space: Space, path: str = "") -> list[Problem]:
        """The parameters that cannot be enumerated; ``path`` is put before their names."""
        return [
            Problem(
                f"a grid cannot enumerate {dimension.domain}: it has no end of values",
                path=f"{path}.{dimension.name}" if path else dimension.name,
                hint="list the values with choice, or step through a range with int or quniform; "
                "or use the random sampling algorithm",
            )
            for dimension in space.dimensions
            if dimension.levels is None
        ]

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        size = self._space.size or 0
        places = map(self._place, numbers) if self._space.constraints else numbers
        return [self._space.point(k) if k < size else None for k in places]

    def _place(self, k: int) -> int:
        """Where in the grid the k-th point is that may be tried; beyond its end if there is none."""
        size = self._space.size or 0
        while len(self._allowed) <= k and self._looked < size:
            if self._space.allows(self._space.point(self._looked)):
                self._allowed.append(self._looked)
            self._looked += 1
        return self._allowed[k] if k < len(self._allowed) else size
