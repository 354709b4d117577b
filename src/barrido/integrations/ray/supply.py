"""Where Tune's trials come from, and how many of them there may be.

Tune counts a trial that waits at a rung as one that runs: with ``max_concurrent_trials=2`` it would give no
third one, and a rung of nine would wait for ever. So its limit is moved: to the trials that there are, and as
many more as are wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter

from barrido.integrations.ray.conductor import ENDLESS, Conductor
from barrido.integrations.ray.search import BarridoSearch


class Supply:
    """``search_alg`` is the controller's. ``search`` is ours if it chooses the points, else None.

    ``most`` is how many trials may run at a time, None if nobody said so. ``draws_anew``: Tune's own
    generator chooses them, which after a restart draws others than those that it has forgotten.
    """

    def __init__(self, search_alg: Any, trial: TuneTrial) -> None:
        self._search_alg = search_alg
        self.draws_anew = isinstance(search_alg, BasicVariantGenerator)
        self._limiter = search_alg if self.draws_anew else None
        self.search: BarridoSearch | None = None
        searcher = getattr(search_alg, "searcher", None)
        while searcher is not None:
            if isinstance(searcher, BarridoSearch):
                self.search = searcher
            elif isinstance(searcher, ConcurrencyLimiter):
                self._limiter = searcher
            searcher = getattr(searcher, "searcher", None)
        if self.search is not None:
            self._limiter = None  # it sees to that itself
            self.most = self.search.max_concurrent
        else:
            self.most = self._limiter.max_concurrent or None if self._limiter is not None else None
        self._room = _room(trial)
        self._asked: frozenset[int] = frozenset()

    @property
    def total(self) -> int:
        """How many trials there will be at most."""
        return min(int(self._search_alg.total_samples), ENDLESS)

    def limit(self, conductor: Conductor, trials: int) -> None:
        """Have Tune give as many trials as are wanted. There are ``trials`` that are not over."""
        if self._limiter is not None:
            self._limiter.max_concurrent = max(1, trials + conductor.wanted)

    def adjust(self, conductor: Conductor, trials: int, *, has_started: bool) -> None:
        """Let as many trials run as there is room for; one more than that once all have started.

        Where there are no more, the rungs are not to wait for them.
        """
        asked = frozenset(conductor.state.questions)
        if self._search_alg.is_finished():
            conductor.forget()
            conductor.exhaust()
        elif not conductor.state.live and asked & self._asked:
            conductor.exhaust()  # Tune was asked, nothing runs that it could wait for, and it gave none
        self._asked = asked
        most = max(self._room, conductor.slots + has_started)
        for _ in range(conductor.slots, most if self.most is None else min(self.most, most)):
            if conductor.state.free <= 0:
                conductor.widen()
        self.limit(conductor, trials)


def _room(trial: TuneTrial) -> int:
    """For how many trials like this one there is room in the cluster as it is; 1 where nobody knows."""
    factory = trial.placement_group_factory
    if factory is None or not ray.is_initialized():
        return 1
    there: Mapping[str, float] = ray.cluster_resources()
    shares = [there.get(name, 0) // need for name, need in factory.required_resources.items() if need > 0]
    return max(1, int(min(shares, default=1)))
