"""Grid search: every point of a finite space once, the last parameter running fastest."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import takewhile
from math import prod

from barrido.core.protocols import Observation
from barrido.core.trial import Params
from barrido.errors import Problem, SpecError
from barrido.space import Space
from barrido.space.constraints import Constraint

FUTILE = 200_000
"""After so many looks in a row that met nothing the constraints allow, the grid counts as used up."""


class GridSampler:
    """Trial k gets the k-th point of the space that its constraints allow. ``seed`` does not matter.

    Points that differ from one that is not allowed in nothing that the constraint is about are passed over
    unseen: the first allowed one may lie behind billions of others.

    Raises SpecError for a space that has no end of points; see `problems`.
    """

    learns: bool = False

    def __init__(self, space: Space) -> None:
        if problems := self.problems(space):
            raise SpecError(problems)
        self._space = space
        self._allowed = array("q")  # the places in the grid of the first points that constraints allow
        self._looked = 0  # at so many places
        self._runs = [(constraint, _run(space, constraint)) for constraint in space.constraints]

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
        futile = 0
        while len(self._allowed) <= k and self._looked < size:
            values = self._space.flatten(self._space.point(self._looked))
            if runs := [run for constraint, run in self._runs if not constraint.allows(values)]:
                futile += 1
                self._looked += max(run - self._looked % run for run in runs)
                if futile == FUTILE:
                    self._looked = size
            else:
                futile = 0
                self._allowed.append(self._looked)
                self._looked += 1
        return self._allowed[k] if k < len(self._allowed) else size


def _run(space: Space, constraint: Constraint) -> int:
    """How many points in a row of the grid have the same values of the parameters that it is about."""
    about = {name.partition(".")[0] for name in constraint.names}
    after = takewhile(lambda name: name not in about, reversed(list(space.parameters)))
    return prod(space.parameters[name].size or 1 for name in after)
