"""How a sweep ends when several reasons to end come together, and what a second attempt starts from."""

from __future__ import annotations

import json
from typing import Any

from barrido.core.decide import begin, decide, next_deadline
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Finish,
    Launched,
    Outcome,
    Reported,
    Requested,
    Started,
    Stop,
    Suggested,
    Ticked,
    Verb,
)  # fmt: skip
from barrido.core.plan import Plan
from barrido.core.protocols import Policy
from barrido.core.recipe import Goal, Limits, StopAfter
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.core.wire import dumps
from barrido.policies import Bandit
from barrido.schedulers.fifo import Fifo


class Tale:
    """A sweep that began, with every question answered."""

    def __init__(self, *, policy: Policy | None = None, **limits: Any) -> None:
        self.plan = Plan(
            metric="loss",
            goal=Goal.MINIMIZE,
            limits=Limits(**{"max_total_trials": 99, "max_concurrent_trials": 2, **limits}),
            scheduler=Fifo(),
            policy=None if policy is None else lambda: policy,
        )
        self.state = begin(self.plan)
        self.tell(Started(0.0))

    def tell(self, event: Event) -> list[Action]:
        out: list[Action] = []
        for action in decide(self.plan, self.state, event):
            if isinstance(action, Ask):
                out += self.tell(Suggested(action.ask, tuple({"x": n} for n in action.numbers), event.at))
            else:
                out.append(action)
        return out

    def end(self, trial: int, *values: float, code: int = 0, cause: Cause = Cause.EXIT) -> list[Action]:
        attempt = self.state.trials[trial].attempt
        out = [a for v in values for a in self.tell(Reported(trial, attempt, v, None, 1.0))]
        return out + self.tell(Exited(trial, attempt, cause, code, 2.0))


def test_trials_that_all_fail_are_no_reason_to_call_the_sweep_completed() -> None:
    tale = Tale(stop_after=StopAfter(2), max_failed_trials=3, max_concurrent_trials=1)
    tale.end(0, code=1)
    tale.end(1, code=1)
    assert tale.state.phase is SweepPhase.RUNNING
    (finish,) = tale.end(2, code=1)
    assert isinstance(finish, Finish)
    assert finish.outcome is Outcome.FAILED


def test_a_sweep_that_stops_helping_without_a_best_says_that_there_is_none() -> None:
    tale = Tale(stop_after=StopAfter(2), max_concurrent_trials=1)
    tale.end(0, float("nan"))
    (finish,) = tale.end(1, float("nan"))
    assert finish == Finish(Outcome.COMPLETED, "the last 2 trials brought no value that could be compared")


def test_the_timeout_also_holds_for_an_ending_that_waits_for_its_last_trials() -> None:
    tale = Tale(stop_after=StopAfter(1), timeout=50.0)
    tale.end(0, 1.0)
    tale.end(2, 1.0)
    assert tale.state.phase is SweepPhase.ENDING
    assert next_deadline(tale.plan, tale.state) == 50.0
    assert tale.tell(Ticked(50.0)) == [Stop(1, 1, "timeout of 50 s reached")]
    assert next_deadline(tale.plan, tale.state) is None
    assert tale.end(1, code=-15) == [Finish(Outcome.CANCELED, "timeout of 50 s reached")]


def test_a_failed_sweep_stays_failed_when_it_is_canceled_while_it_ends() -> None:
    tale = Tale(max_failed_trials=1)
    tale.end(0, code=1)
    assert tale.tell(Requested("c", Verb.CANCEL, 3.0)) == []
    (finish,) = tale.end(1, code=-15)
    assert isinstance(finish, Finish)
    assert finish.outcome is Outcome.FAILED
    assert "exit code 1" in finish.reason


def test_a_second_attempt_is_judged_from_its_first_report_on() -> None:
    tale = Tale(policy=Bandit(goal=Goal.MINIMIZE, slack_amount=1.0))
    for value in (0.5, 0.5, 0.5):
        tale.tell(Reported(0, 1, value, None, 1.0))
    tale.tell(Reported(1, 1, 0.4, None, 1.0))
    tale.end(1, cause=Cause.LOST)
    trial = tale.state.trials[1]
    assert (trial.attempt, trial.phase, trial.last_step) == (2, Phase.LAUNCHING, 0)
    (stop,) = tale.tell(Reported(1, 2, float("nan"), None, 5.0))
    assert isinstance(stop, Stop)
    assert stop.attempt == 2
    assert tale.state.best_loss == 0.4  # the best of the whole history


def test_a_trial_that_is_launched_late_has_its_whole_time() -> None:
    tale = Tale(trial_timeout=10.0)
    tale.tell(Launched(0, 1, 100.0))
    assert next_deadline(tale.plan, tale.state) == 110.0


def test_text_that_is_not_unicode_can_be_written_and_read_again() -> None:
    body = {"reason": "no such folder: caf\udce9", "more": "größer"}
    assert json.loads(dumps(body).encode().decode()) == body
    assert "größer" in dumps({"more": "größer"})
