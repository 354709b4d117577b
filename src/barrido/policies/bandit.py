"""Bandit: stop what falls too far behind the best trial at the same number of reports.

Semantics: Azure ML's bandit policy, with bounds that also hold for negative metrics: below
``B - s·|B|/(1+s)`` when the goal is to maximize, above ``B + s·|B|`` when it is to minimize; for
positive metrics these are the documented ``B/(1+s)`` and ``B·(1+s)``.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import NamedTuple

from barrido.core.protocols import GO_ON, Step, Verdict
from barrido.core.recipe import Goal
from barrido.errors import RequestError
from barrido.policies.bests import Bests
from barrido.policies.exact import WIDE, decimal
from barrido.policies.wording import in_reports, numbers


class _Leader(NamedTuple):
    """The best of all trials from their ``n``-th report on, and the worst loss it lets pass."""

    n: int
    loss: float
    trial: int
    bound: float


class Bandit:
    """Exactly one of ``slack_factor`` (relative) and ``slack_amount`` (in the metric's unit), 0 or more.

    A trial on the bound goes on. Trials with fewer reports count with the best they have.
    """

    def __init__(
        self,
        *,
        goal: Goal,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        evaluation_interval: int | None = 1,
        delay_evaluation: int | None = 0,
    ) -> None:
        given = [slack for slack in (slack_factor, slack_amount) if slack is not None]
        if len(given) != 1 or not 0 <= given[0] < inf:
            raise RequestError(
                "a bandit policy needs one slack of 0 or more "
                f"(got slack_factor={slack_factor}, slack_amount={slack_amount})",
                hint="give slack_factor or slack_amount, not both",
            )
        self.evaluation_interval = evaluation_interval or 1
        self.delay_evaluation = delay_evaluation or 0
        self._goal = goal
        self._slack = decimal(given[0])
        self._is_factor = slack_factor is not None
        self._bests = Bests()
        self._leaders: list[_Leader] = []  # n ascending, loss strictly descending

    def observe(self, trial: int, n: int, loss: float) -> None:
        if n == 1 and trial in self._bests:
            self._forget(trial)
        self._bests.add(trial, loss)
        self._lead(trial, n, loss)

    def ended(self, trial: int) -> None:
        pass

    def judge(self, trial: int, n: int) -> Verdict:
        reached = bisect_right(self._leaders, n, key=lambda leader: leader.n)
        leader = self._leaders[reached - 1]
        best = self._bests.at(trial, n)
        if best <= leader.bound:
            return GO_ON
        return Verdict(Step.STOP, self._reason(best, n, leader))

    def _lead(self, trial: int, n: int, loss: float) -> None:
        leaders = self._leaders
        place = bisect_right(leaders, n, key=lambda leader: leader.n)
        if place and leaders[place - 1].loss <= loss:
            return
        first = place - 1 if place and leaders[place - 1].n == n else place
        last = place
        while last < len(leaders) and leaders[last].loss >= loss:
            last += 1
        leaders[first:last] = [_Leader(n, loss, trial, self._bound(loss))]

    def _bound(self, loss: float) -> float:
        if loss == inf:
            return inf
        best, slack = decimal(loss), self._slack
        if self._is_factor:
            slack = WIDE.multiply(slack, abs(best))
            if self._goal is Goal.MAXIMIZE:
                slack = WIDE.divide(slack, WIDE.add(1, self._slack))
        return float(WIDE.add(best, slack))

    def _forget(self, trial: int) -> None:
        """Its process was lost and runs again from the start: what the earlier one reported is void."""
        self._bests.forget(trial)
        self._leaders = []
        for other in self._bests:
            for n in range(1, self._bests.reports(other) + 1):
                self._lead(other, n, self._bests.at(other, n))

    def _reason(self, best: float, n: int, leader: _Leader) -> str:
        sign = self._goal.sign
        slack = float(WIDE.subtract(decimal(leader.bound), decimal(leader.loss)))
        here, bound, top, less = numbers(sign * best, sign * leader.bound, sign * leader.loss, slack)
        had = f"best {here}" if best < inf else here
        side, operator = ("below", "−") if self._goal is Goal.MAXIMIZE else ("above", "+")
        return (
            f"{had} {in_reports(n)} is {side} {top} {operator} {less} = {bound}; best is trial {leader.trial}"
        )
