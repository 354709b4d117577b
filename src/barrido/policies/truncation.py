"""Truncation selection: stop a trial that is among the worst so many percent at its report.

Semantics: Azure ML's truncation selection policy. The worst ⌊trials · percentage / 100⌋ are stopped,
so few trials mean that none is; of equal ones the lower number counts as worse.
"""

from __future__ import annotations

from math import inf

from barrido.core.protocols import GO_ON, Step, Verdict
from barrido.core.recipe import Goal
from barrido.errors import RequestError
from barrido.policies.bests import Bests
from barrido.policies.ranking import Ranked, Ranking
from barrido.policies.timing import applies
from barrido.policies.wording import in_reports, numbers, ordinal


class TruncationSelection:
    """``truncation_percentage`` is an integer from 1 to 99.

    ``exclude_finished_jobs`` leaves trials that will not report again out of the ranking, except the
    one that is judged.
    """

    def __init__(
        self,
        *,
        goal: Goal,
        truncation_percentage: int,
        exclude_finished_jobs: bool = False,
        evaluation_interval: int | None = 1,
        delay_evaluation: int | None = 0,
    ) -> None:
        if not 1 <= truncation_percentage <= 99:
            raise RequestError(
                f"truncation_percentage must be from 1 to 99 (got {truncation_percentage})",
                hint="20 stops the worst fifth",
            )
        self.evaluation_interval = evaluation_interval or 1
        self.delay_evaluation = delay_evaluation or 0
        self._goal = goal
        self._percentage = truncation_percentage
        self._excludes_finished = exclude_finished_jobs
        self._bests = Bests()
        self._rankings: dict[int, Ranking] = {}
        self._left_out: set[int] = set()

    def observe(self, trial: int, n: int, loss: float) -> None:
        if n == 1 and trial in self._bests:
            self._forget(trial)
        best = self._bests.add(trial, loss)
        if applies(self, n) and trial not in self._left_out:
            self._rankings.setdefault(n, Ranking()).add(trial, best)

    def ended(self, trial: int) -> None:
        if self._excludes_finished and trial in self._bests and trial not in self._left_out:
            self._withdraw(trial)
            self._left_out.add(trial)

    def judge(self, trial: int, n: int) -> Verdict:
        ranking = self._rankings.get(n) or Ranking()
        best = self._bests.at(trial, n)
        worse = ranking.place(trial, best)
        count = len(ranking) + (trial in self._left_out)
        stopped = count * self._percentage // 100
        if worse >= stopped:
            return GO_ON
        # One that is left out of the ranking itself stands before all that it is not better than
        spared = ranking[stopped - (trial in self._left_out)]
        return Verdict(Step.STOP, self._reason(best, n, worse + 1, count, stopped, spared))

    def _withdraw(self, trial: int) -> None:
        for n in range(1, self._bests.reports(trial) + 1):
            if applies(self, n):
                self._rankings[n].remove(trial, self._bests.at(trial, n))

    def _forget(self, trial: int) -> None:
        """Its process was lost and runs again from the start: what the earlier one reported is void."""
        if trial in self._left_out:
            self._left_out.remove(trial)
        else:
            self._withdraw(trial)
        self._bests.forget(trial)

    def _reason(self, best: float, n: int, rank: int, count: int, stopped: int, spared: Ranked) -> str:
        sign = self._goal.sign
        here, there = numbers(sign * best, sign * spared.loss)
        had = f"best {here}" if best < inf else here
        return (
            f"{had} {in_reports(n)} ranks {ordinal(rank)} worst of {count}; "
            f"the worst {self._percentage}% ({stopped}) are stopped, the first spared is"
            f" trial {spared.trial} with {there}"
        )
