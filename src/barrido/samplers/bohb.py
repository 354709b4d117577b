"""BOHB's model: what the trials at the largest informed resource say of where new ones should begin.

Falkner, Klein, Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML 2018 (arXiv
1807.01774), Algorithm 2; Hyperband (`barrido.schedulers.hyperband`) is the other half.

Differences from Algorithm 2: those of `barrido.samplers.tpe`. A trial that failed is bad at every resource,
but does not make one informed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from barrido.core.protocols import Fate, Observation
from barrido.core.trial import Params
from barrido.errors import Problem
from barrido.samplers.tpe import Settings, TPESampler
from barrido.space import Space

RHO = 1 / 3
"""How often a point is drawn without the model, so that none can mislead the search by more than a factor."""


class BOHBSampler:
    """TPE over the losses at one rung: the highest where at least N_min + 2 trials were compared.

    N_min = d + 1. ``levels`` are the resources of the rungs. In a finite space nothing is tried twice, and
    trial k gets None once everything was tried. Raises SpecError for a space with too many dimensions for a
    Sobol' sequence.
    """

    learns: bool = True

    def __init__(self, space: Space, levels: Sequence[int]) -> None:
        self._tpe = TPESampler(space, Settings(rho=RHO))
        self._levels = sorted(levels, reverse=True)
        self._least = len(space) + 3  # N_min + 2

    @staticmethod
    def problems(space: Space, path: str = "") -> list[Problem]:
        """Whether the space has more dimensions than a Sobol' sequence can have."""
        return TPESampler.problems(space, path)

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        level = self._informed(observations)
        return self._tpe.ask([_at(level, one) for one in observations], pending, numbers, seed)

    def _informed(self, observations: Sequence[Observation]) -> int:
        """The largest resource b with |D_b| ≥ N_min + 2; 0, where nothing was compared, if there is none."""
        counts = Counter(level for one in observations for level in one.rungs)
        return next((level for level in self._levels if counts[level] >= self._least), 0)


def _at(level: int, one: Observation) -> Observation:
    """What a trial is to a model of one rung: its loss there. Of one that did not come there, only its point
    is known: it need not be tried again."""
    if one.outcome is Fate.FAILED:
        return one
    if level in one.rungs:
        return Observation(one.number, one.params, (one.rungs[level],), level, Fate.COMPLETED)
    return Observation(one.number, one.params, (), 0, Fate.STOPPED)
