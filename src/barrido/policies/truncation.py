"""Truncation selection: stop a trial that is among the worst so many percent at its report.

Semantics: Azure ML's truncation selection policy. The worst ⌊trials · percentage / 100⌋ are stopped,
so few trials mean that none is; of equal ones the lower number counts as worse.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import inf

from barrido.core.protocols import GO_ON, Step, Verdict
from barrido.core.recipe import Goal
from barrido.errors import RequestError
from barrido.policies.bests import Bests
from barrido.policies.timing import applies
from barrido.policies.wording import in_reports, numbers, ordinal


class _Ranking:
    """Trials from worst to best, ties by number. Two arrays: 16 bytes a trial."""

    def __init__(self) -> None:
        self._gains: array[float] = array("d")  # negated losses: worst first is ascending
        self._trials: array[int] = array("q")

    def __len__(self) -> int:
        return len(self._gains)

    def place(self, trial: int, loss: float) -> int:
        """How many are worse."""
        start = bisect_left(self._gains, -loss)
        if start == len(self._gains) or self._gains[start] != -loss:
            return start
        end = bisect_right(self._gains, -loss, start)
        return bisect_left(self._trials, trial, start, end)

    def add(self, trial: int, loss: float) -> None:
        place = self.place(trial, loss)
        self._gains.insert(place, -loss)
        self._trials.insert(place, trial)

    def remove(self, trial: int, loss: float) -> None:
        place = self.place(trial, loss)
        del self._gains[place], self._trials[place]


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
        self._rankings: dict[int, _Ranking] = {}
        self._left_out: set[int] = set()

    def observe(self, trial: int, n: int, loss: float) -> None:
        if n == 1 and trial in self._bests:
            self._forget(trial)
        best = self._bests.add(trial, loss)
        if applies(self, n) and trial not in self._left_out:
            self._rankings.setdefault(n, _Ranking()).add(trial, best)

    def ended(self, trial: int) -> None:
        if self._excludes_finished and trial in self._bests and trial not in self._left_out:
            self._withdraw(trial)
            self._left_out.add(trial)

    def judge(self, trial: int, n: int) -> Verdict:
        ranking = self._rankings.get(n) or _Ranking()
        best = self._bests.at(trial, n)
        worse = ranking.place(trial, best)
        count = len(ranking) + (trial in self._left_out)
        stopped = count * self._percentage // 100
        if worse >= stopped:
            return GO_ON
        return Verdict(Step.STOP, self._reason(best, n, worse + 1, count, stopped))

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

    def _reason(self, best: float, n: int, rank: int, count: int, stopped: int) -> str:
        value = self._goal.sign * best
        here = numbers(value, value)[0]
        had = f"best {here}" if best < inf else here
        return (
            f"{had} {in_reports(n)} ranks {ordinal(rank)} worst of {count}; "
            f"the worst {self._percentage}% ({stopped}) are stopped"
        )
