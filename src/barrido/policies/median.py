"""Median stopping: stop a trial whose best is worse than the median of the running averages.

Semantics: Azure ML's median stopping policy, after Golovin et al., "Google Vizier: A Service for
Black-Box Optimization", KDD 2017, section 3.2.2. Difference from the paper: the averages are those
of all trials with as many reports, the judged one included, not of the completed ones only.
"""

from __future__ import annotations

from array import array
from decimal import Decimal
from math import inf

from barrido.core.protocols import GO_ON, Step, Verdict
from barrido.core.recipe import Goal
from barrido.policies.bests import Bests
from barrido.policies.exact import ZERO, divided, halfway, plus
from barrido.policies.ranking import Ranked, Ranking
from barrido.policies.timing import applies
from barrido.policies.wording import in_reports, numbers


class MedianStopping:
    """Compares a trial's best in n reports with the averages over n reports; alone, a trial goes on."""

    def __init__(
        self,
        *,
        goal: Goal,
        evaluation_interval: int | None = 1,
        delay_evaluation: int | None = 0,
    ) -> None:
        self.evaluation_interval = evaluation_interval or 1
        self.delay_evaluation = delay_evaluation or 0
        self._goal = goal
        self._bests = Bests()
        self._sums: dict[int, Decimal] = {}
        self._averages: dict[int, array[float]] = {}  # of the trial, one for each n where it is judged
        self._pools: dict[int, Ranking] = {}  # all averages over n reports

    def observe(self, trial: int, n: int, loss: float) -> None:
        if n == 1 and trial in self._bests:
            self._forget(trial)
        self._bests.add(trial, loss)
        total = self._sums[trial] = plus(self._sums.get(trial, ZERO), loss)
        if applies(self, n):
            average = divided(total, n)
            self._averages.setdefault(trial, array("d")).append(average)
            self._pools.setdefault(n, Ranking()).add(trial, average)

    def ended(self, trial: int) -> None:
        """Its averages stay in the pools, and nobody will take them out again."""
        self._averages.pop(trial, None)
        self._sums.pop(trial, None)

    def judge(self, trial: int, n: int) -> Verdict:
        pool = self._pools[n]
        if len(pool) < 2:
            return GO_ON
        better, worse = pool[len(pool) // 2], pool[(len(pool) - 1) // 2]
        low, high = better.loss, worse.loss
        best = self._bests.at(trial, n)
        # Without any usable value a trial never goes on, not even where most have none.
        if best < inf and (best <= low or best <= halfway(low, high)):
            return GO_ON
        median = halfway(low, high)
        return Verdict(Step.STOP, self._reason(best, median, n, len(pool), better))

    def _forget(self, trial: int) -> None:
        """Its process was lost and runs again from the start: what the earlier one reported is void."""
        judged = (n for n in range(1, self._bests.reports(trial) + 1) if applies(self, n))
        for n, average in zip(judged, self._averages.pop(trial, ()), strict=True):
            self._pools[n].remove(trial, average)
        self._bests.forget(trial)
        del self._sums[trial]

    def _reason(self, best: float, median: float, n: int, count: int, nearest: Ranked) -> str:
        """``nearest`` is the trial whose average is at the median, or next to it on the better side."""
        sign = self._goal.sign
        here, middle, there = numbers(sign * best, sign * median, sign * nearest.loss)
        had = f"best {here}" if best < inf else here
        if median == inf:
            return f"{had} {in_reports(n)}"
        side = "below" if self._goal is Goal.MAXIMIZE else "above"
        return (
            f"{had} {in_reports(n)} is {side} the median {middle} of {count} running averages;"
            f" nearest is trial {nearest.trial} with {there}"
        )
