"""Trials whose attempts fail: run again, given up, told apart; and sweeps that are opened again for them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from barrido.controller.loop import Controller, replay
from barrido.core.answer import answer
from barrido.core.decide import MAX_ATTEMPTS, begin, decide, next_deadline, reconcile
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Finish,
    Launch,
    Launched,
    Note,
    Outcome,
    Paused,
    PauseMode,
    Reported,
    Requested,
    Started,
    Stop,
    Ticked,
    Unpause,
    Verb,
)  # fmt: skip
from barrido.core.plan import Plan
from barrido.core.protocols import Order, Scheduler
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, StopAfter, Work
from barrido.core.retries import LONGEST_S, backoff_s
from barrido.core.state import SweepPhase, observations, pending
from barrido.core.trial import Failure, Phase, Trial
from barrido.executors.sim import Fault, SimWorld
from barrido.policies.truncation import TruncationSelection
from barrido.registry import build_plan, build_sampler
from barrido.samplers.grid import GridSampler
from barrido.schedulers.fifo import Fifo
from barrido.schedulers.hyperband import Hyperband
from barrido.space import Choice, Space
from barrido.store.memory import MemoryStore


class Desk:
    """A sweep over x = 0, 1, 2, …, whose trials do what they are told."""

    def __init__(self, scheduler: Scheduler | None = None, **limits: Any) -> None:
        defaults = {"max_total_trials": 4, "max_concurrent_trials": 1, "max_retries": 2}
        self.plan = Plan(
            metric="loss",
            goal=Goal.MINIMIZE,
            limits=Limits(**{**defaults, **limits}),
            scheduler=scheduler or Fifo(),
            seed=7,
        )
        self.state = begin(self.plan)
        self.sampler = GridSampler(Space({"x": Choice(range(20))}))
        self.said: list[str] = []
        self.finish: Finish | None = None
        self.at = 0.0
        self.tell(Started(0.0))

    def tell(self, event: Event) -> list[Action]:
        """What follows from it, but for questions, which are answered."""
        self.at = event.at
        out: list[Action] = []
        for action in decide(self.plan, self.state, event):
            match action:
                case Ask():
                    out += self.tell(answer(self.sampler, self.state, action, 0, at=event.at))
                case Note(text):
                    self.said.append(text)
                case Finish():
                    self.finish = action
                case _:
                    out.append(action)
        return out

    def run(self, trial: int, *, loss: float | None = None, at: float = 1.0) -> None:
        self.tell(Launched(trial, self.state.trials[trial].attempt, at))
        if loss is not None:
            self.report(trial, loss)

    def report(self, trial: int, loss: float) -> list[Action]:
        return self.tell(Reported(trial, self.state.trials[trial].attempt, loss, None, self.at))

    def exit(
        self, trial: int, code: int | None = 1, cause: Cause = Cause.EXIT, *, at: float = 2.0
    ) -> list[Action]:
        return self.tell(
            Exited(trial, self.state.trials[trial].attempt, cause, code, at, "Traceback\nValueError: odd")
        )

    def tick(self) -> list[Action]:
        """Let time pass until something is due."""
        due = next_deadline(self.plan, self.state)
        assert due is not None
        return self.tell(Ticked(due))


def test_a_failed_attempt_waits_and_is_followed_by_another_one() -> None:
    desk = Desk()
    desk.run(0, loss=0.25)
    (launch,) = desk.exit(0)
    assert launch == Launch(1, 1)  # its worker is free for others
    trial = desk.state.trials[0]
    assert (trial.phase, trial.failure, trial.exit_code) == (Phase.QUEUED, Failure.EXIT_CODE, 1)
    assert desk.said == [trial.reason]
    assert trial.reason.startswith("attempt 1 failed, attempt 2 follows in ")
    assert trial.reason.endswith(" s: exit code 1: ValueError: odd")
    assert 0.75 <= trial.due_at - 2.0 <= 1.0
    assert next_deadline(desk.plan, desk.state) is None  # there is no worker for it
    desk.run(1, at=2.1)
    assert desk.exit(1, 0, at=2.2) == [Launch(2, 1)]  # too early for trial 0
    assert desk.exit(2, 0, at=9.0) == [Launch(0, 2)]  # before any new trial
    assert (trial.phase, trial.attempt, list(trial.losses)) == (Phase.LAUNCHING, 2, [])
    assert (trial.failure, trial.exit_code, trial.best) == (None, None, 0.25)
    desk.run(0, loss=0.5)
    desk.exit(0, 0)
    assert (trial.phase, trial.best, list(trial.losses)) == (Phase.COMPLETED, 0.25, [0.5])
    assert desk.state.best == 0


def test_when_all_chances_are_used_up_it_has_failed() -> None:
    desk = Desk(max_total_trials=1)
    for attempt, code in ((1, 1), (2, -11), (3, 4)):
        desk.run(0)
        assert desk.state.trials[0].attempt == attempt
        desk.exit(0, code, at=desk.at)
        if attempt < 3:
            assert desk.tick() == [Launch(0, attempt + 1)]
    trial = desk.state.trials[0]
    assert (trial.phase, trial.failure, trial.retries) == (Phase.FAILED, Failure.EXIT_CODE, 2)
    assert desk.finish is not None
    assert desk.finish.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("cause", "code", "failure", "says"),
    [
        (Cause.EXIT, 3, Failure.EXIT_CODE, "exit code 3: ValueError: odd"),
        (Cause.EXIT, -11, Failure.SIGNAL, "killed by signal 11 (SIGSEGV): ValueError: odd"),
        (
            Cause.OUT_OF_MEMORY,
            -9,
            Failure.OUT_OF_MEMORY,
            "out of memory, killed by the kernel: ValueError: odd",
        ),
        (Cause.NO_LAUNCH, None, Failure.NO_LAUNCH, "could not be started: Traceback\nValueError: odd"),
    ],
)
def test_how_it_failed_is_told_apart(cause: Cause, code: int | None, failure: Failure, says: str) -> None:
    desk = Desk(max_total_trials=1, max_retries=1)
    desk.exit(0, code, cause)
    trial = desk.state.trials[0]
    assert (trial.phase, trial.failure) == (Phase.QUEUED, failure)
    desk.tick()
    desk.exit(0, code, cause, at=desk.at)
    assert (trial.phase, trial.failure, trial.reason) == (Phase.FAILED, failure, says)


def test_attempts_that_are_lost_are_no_failures_of_the_trial() -> None:
    desk = Desk(max_total_trials=1, max_retries=1)
    for attempt in range(2, MAX_ATTEMPTS + 1):
        assert desk.exit(0, None, Cause.LOST) == [Launch(0, attempt)]
    desk.exit(0)
    assert desk.tick() == [Launch(0, MAX_ATTEMPTS + 1)]
    assert (desk.state.trials[0].lost, desk.state.trials[0].retries) == (MAX_ATTEMPTS - 1, 1)
    desk.exit(0, None, Cause.LOST)
    assert (desk.state.trials[0].phase, desk.state.trials[0].failure) == (Phase.FAILED, Failure.LOST)


def test_what_was_stopped_is_not_run_again() -> None:
    desk = Desk(max_concurrent_trials=2, max_total_trials=2, trial_timeout=10.0)
    desk.run(0, at=0.0)
    desk.run(1, at=5.0)
    assert desk.tell(Requested("a", Verb.CANCEL, 6.0, trial=1)) == [Stop(1, 1, "canceled")]
    desk.exit(1, -15, at=6.5)
    assert desk.tick() == [Stop(0, 1, "ran longer than 10 s")]
    desk.exit(0, -15, at=11.0)
    zero, one = desk.state.trials.values()
    assert (zero.phase, zero.failure, zero.attempt) == (Phase.CANCELED, Failure.TIMEOUT, 1)
    assert (one.phase, one.failure, one.attempt) == (Phase.CANCELED, None, 1)


def test_one_that_waits_is_canceled_at_once_and_one_that_is_not_needed_any_more_has_failed() -> None:
    desk = Desk()
    desk.exit(0)
    assert desk.tell(Requested("a", Verb.CANCEL, 3.0, trial=0)) == []
    assert (desk.state.trials[0].phase, desk.state.trials[0].reason) == (Phase.CANCELED, "canceled")
    desk.exit(1)
    desk.tell(Requested("b", Verb.CANCEL, 4.0, origin="cli"))
    desk.exit(2, -15, at=4.5)
    assert [t.phase for t in desk.state.trials.values()] == [Phase.CANCELED] * 3
    assert desk.finish == Finish(Outcome.CANCELED, "canceled by cli")


def test_while_a_sweep_ends_nothing_is_run_again() -> None:
    desk = Desk(max_concurrent_trials=2, max_failed_trials=1, max_retries=1)
    desk.exit(0)
    desk.tick()
    assert desk.exit(0, at=desk.at) == [Stop(1, 1, desk.state.reason)]
    assert desk.state.phase is SweepPhase.ENDING
    desk.exit(1, -15)
    assert desk.finish is not None
    assert desk.finish.outcome is Outcome.FAILED


def test_what_waits_when_a_sweep_has_enough_has_failed() -> None:
    desk = Desk(max_total_trials=9, stop_after=StopAfter(1, 0.5))
    desk.run(0, loss=1.0)
    desk.exit(0, 0)
    desk.run(1, loss=2.0)
    desk.exit(1, 4)
    desk.run(2, loss=3.0)
    desk.exit(2, 0)
    assert desk.finish is not None
    assert desk.finish.outcome is Outcome.COMPLETED
    one = desk.state.trials[1]
    assert (one.phase, one.failure, one.exit_code) == (Phase.FAILED, Failure.EXIT_CODE, 4)
    assert one.reason.startswith("exit code 4: ValueError: odd; not run again: the last 1 trials did not")


def test_a_paused_sweep_runs_nothing_again_until_it_goes_on() -> None:
    desk = Desk(max_total_trials=1)
    desk.exit(0)
    desk.tell(Requested("a", Verb.PAUSE, 3.0))
    assert next_deadline(desk.plan, desk.state) is None
    assert desk.tell(Ticked(100.0)) == []
    assert desk.tell(Requested("b", Verb.UNPAUSE, 101.0)) == [Launch(0, 2)]


def test_as_long_as_nothing_has_succeeded_no_more_than_may_fail_are_begun() -> None:
    desk = Desk(max_total_trials=100, max_failed_trials=3)
    begun = set()
    for _ in range(9):
        (trial,) = desk.state.live or [None]
        if trial is None:
            (launch,) = desk.tick()
            assert isinstance(launch, Launch)
            trial = launch.trial
        begun.add(trial)
        desk.exit(trial, at=desk.at)
    assert begun == {0, 1, 2}
    assert desk.finish is not None
    assert desk.finish.reason.startswith("the first 3 trials failed; trial ")


def test_the_wait_doubles_up_to_a_bound_and_differs_from_trial_to_trial() -> None:
    limits = Limits(max_total_trials=1, max_concurrent_trials=1, max_retries=2000, retry_backoff=2.0)

    def wait(number: int, retries: int, limits: Limits = limits) -> float:
        return backoff_s(limits, 0, Trial(number=number, params={}, attempt=retries, retries=retries))

    for retries in (1, 2, 3, 4, 5, 6, 1500):
        full = min(2.0 * 2 ** min(retries - 1, 9), LONGEST_S)
        waits = [wait(number, retries) for number in range(200)]
        assert 0.75 * full <= min(waits) < 0.8 * full
        assert 0.95 * full < max(waits) <= full
    assert wait(3, 1) == wait(3, 1)
    assert wait(0, 5, replace(limits, retry_backoff=0.0)) == 0.0
    assert 225.0 <= wait(0, 5, replace(limits, retry_backoff=300.0)) <= 300.0


def test_with_no_wait_the_next_attempt_begins_at_once() -> None:
    desk = Desk(retry_backoff=0.0)
    assert desk.exit(0) == [Launch(0, 2)]
    assert desk.said == ["attempt 1 failed, attempt 2 follows: exit code 1: ValueError: odd"]


def test_a_sampler_still_sees_it_as_being_evaluated() -> None:
    desk = Desk()
    desk.run(0, loss=0.5)
    desk.exit(0)
    assert pending(desk.state) == [{"x": 1}, {"x": 0}]
    assert [one.outcome.value for one in observations(desk.state)] == ["running"]


def test_a_policy_compares_only_what_the_current_attempt_did() -> None:
    desk = Desk(max_concurrent_trials=2, max_total_trials=2)
    desk.state.policy = TruncationSelection(goal=Goal.MINIMIZE, truncation_percentage=50)
    desk.report(0, 0.0)
    desk.exit(0, at=1.0)
    assert desk.tick() == [Launch(0, 2)]
    assert desk.report(0, 9.0) == []
    assert desk.report(1, 5.0) == []  # it would be the worse half, were 0.0 compared
    assert desk.state.best == 0
    assert desk.state.best_loss == 0.0


def test_one_that_fails_on_its_way_into_a_pause_goes_on_from_its_rung() -> None:
    desk = Desk(Hyperband(max_resource=3, trials=5), max_total_trials=5)
    desk.run(0)
    desk.report(0, 0.5)
    assert desk.state.trials[0].phase is Phase.PAUSING
    desk.exit(0)
    assert (desk.state.trials[0].phase, desk.state.trials[0].retries) == (Phase.PAUSED, 1)
    for number in (1, 2):
        desk.run(number)
        desk.report(number, 1.0 + number)
        last = desk.exit(number)
    assert last == [Launch(0, 2, until=3)]
    assert [t.phase for t in desk.state.trials.values()] == [Phase.LAUNCHING, Phase.PRUNED, Phase.PRUNED]


def test_after_a_crash_there_is_nothing_to_do_again_for_one_that_waits() -> None:
    desk = Desk(max_total_trials=1)
    desk.exit(0)
    assert reconcile(desk.plan, desk.state) == []
    assert desk.tick() == [Launch(0, 2)]


def over(**limits: Any) -> Desk:
    """A sweep that ended: of its trials 0 to 3, 1 and 2 failed."""
    desk = Desk(max_retries=0, **limits)
    for number in range(4):
        desk.run(number, loss=float(number + 1), at=number)
        desk.exit(number, int(number in (1, 2)), at=number + 0.5)
    assert desk.finish == Finish(Outcome.COMPLETED, "all 4 trials are done")
    return desk


def test_a_sweep_that_is_over_is_opened_again_for_those_that_failed() -> None:
    desk = over(timeout=100.0)
    assert desk.tell(Requested("a", Verb.RERUN, 1000.0, origin="cli", reopens=True)) == [Launch(4, 1)]
    assert desk.said[-2:] == [
        "opened again by cli: it was completed",
        "each of 2 failed trials again by cli is run next, max_total_trials = 6",
    ]
    assert next_deadline(desk.plan, desk.state) == 1100.0
    desk.run(4, loss=0.125, at=1001.0)
    assert desk.exit(4, 0, at=1002.0) == [Launch(5, 1)]
    desk.run(5, loss=8.0, at=1003.0)
    desk.exit(5, 0, at=1004.0)
    assert desk.finish == Finish(Outcome.COMPLETED, "all 6 trials are done")
    assert (desk.state.best, desk.state.best_loss) == (4, 0.125)
    four, five = desk.state.trials[4], desk.state.trials[5]
    assert (four.params, four.origin) == ({"x": 1}, "trial 1 again, by cli")
    assert (five.params, five.origin) == ({"x": 2}, "trial 2 again, by cli")


def test_nobody_is_run_again_twice_but_who_failed_again() -> None:
    desk = over()
    desk.tell(Requested("a", Verb.RERUN, 10.0, reopens=True))
    desk.exit(4, 0, at=11.0)
    desk.exit(5, 1, at=12.0)
    assert desk.state.phase is SweepPhase.COMPLETED
    assert desk.tell(Requested("b", Verb.RERUN, 13.0, reopens=True)) == [Launch(6, 1)]
    assert desk.state.trials[6].params == {"x": 2}
    desk.exit(6, 0, at=14.0)
    assert desk.tell(Requested("c", Verb.RERUN, 15.0, reopens=True)) == []
    assert desk.said[-1] == "no trial has failed that was not run again since: nothing is run"
    assert desk.state.phase is SweepPhase.COMPLETED
    assert desk.tell(Requested("d", Verb.RERUN, 16.0, trial=0, reopens=True)) == [Launch(7, 1)]


def test_a_canceled_sweep_that_is_opened_again_runs_nothing_else() -> None:
    desk = Desk(max_total_trials=10, max_retries=0)
    desk.run(0, loss=1.0)
    desk.exit(0, 0)
    desk.exit(1)
    desk.tell(Requested("a", Verb.CANCEL, 3.0))
    desk.exit(2, -15, at=4.0)
    assert desk.finish == Finish(Outcome.CANCELED, "canceled")
    assert desk.tell(Requested("b", Verb.RERUN, 5.0, reopens=True)) == [Launch(3, 1)]
    assert desk.said[-2].endswith("7 that it had not begun are not run, unless max_total_trials is raised")
    more = {"max_total_trials": 5}
    desk.tell(Requested("c", Verb.UPDATE, 5.5, changes=more))
    assert desk.exit(3, 0, at=6.0) == [Launch(4, 1)]
    desk.exit(4, 0, at=7.0)
    assert desk.finish == Finish(Outcome.COMPLETED, "all 5 trials are done")


def test_where_all_failed_the_count_of_failures_begins_anew() -> None:
    desk = Desk(max_total_trials=9, max_retries=0, max_failed_trials=2)
    desk.exit(0)
    desk.exit(1)
    assert desk.finish is not None
    assert desk.finish.outcome is Outcome.FAILED
    desk.tell(Requested("a", Verb.RERUN, 5.0, reopens=True))
    assert desk.exit(2, at=6.0) == [Launch(3, 1)]
    desk.exit(3, at=7.0)
    assert desk.finish.reason.startswith("the first 2 trials failed; trial 2: exit code 1")


def test_a_log_of_an_older_version_ends_where_it_ended() -> None:
    desk = over()
    assert desk.tell(Requested("a", Verb.RERUN, 9.0, trial=1)) == []
    assert desk.said[-1] == "trial 1 again came too late, when the sweep was ending, and is not run"
    assert desk.state.phase is SweepPhase.COMPLETED


def test_in_a_live_sweep_those_that_failed_come_next() -> None:
    desk = Desk(max_retries=0)
    desk.run(0, loss=1.0)
    desk.exit(0, 0)
    desk.exit(1)
    assert desk.tell(Requested("a", Verb.RERUN, 3.0, origin="sdk", reopens=True)) == []
    assert desk.state.limits.max_total_trials == 5
    assert desk.exit(2, 0) == [Launch(3, 1)]
    assert desk.state.trials[3].params == {"x": 1}
    assert desk.exit(3, 0) == [Launch(4, 1)]
    assert desk.state.trials[4].params == {"x": 3}  # no point of the sampler is lost


SCHEDULERS: dict[str, dict[str, Any]] = {
    "fifo": {},
    "under a policy": {"policy": {"type": "median_stopping", "delay_evaluation": 2}},
    "hyperband": {"scheduler": {"type": "hyperband", "max_resource": 9}},
    "hyperband by checkpoints": {
        "scheduler": {"type": "hyperband", "max_resource": 9},
        "pausing": Pausing(mode=PauseMode.CHECKPOINT),
    },
    "asha": {"scheduler": {"type": "asha", "max_resource": 9, "variant": "promotion"}},
    "asha that stops": {"scheduler": {"type": "asha", "max_resource": 9, "variant": "stopping"}},
}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", SCHEDULERS)
def test_random_failures(kind: str, seed: int) -> None:
    """No trial has more chances than it may, none runs twice at a time, and the log tells it all again."""
    dice = random.Random(f"{kind} {seed}")
    most, slots = dice.randrange(4), dice.randrange(1, 5)
    recipe = Recipe(
        name="unlucky",
        seed=seed,
        space={"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(
            max_total_trials=25,
            max_concurrent_trials=slots,
            max_retries=most,
            retry_backoff=dice.choice([0.0, 0.5, 3.0]),
            max_failed_trials=dice.choice([3, 100]),
        ),
        work=Work(command="true"),
        **SCHEDULERS[kind],
    )

    def fault(order: Order) -> Fault:
        own = random.Random(f"{seed} {order.trial} {order.attempt}")
        match own.randrange(8):
            case 0 | 1:
                return Fault(exit_code=own.randrange(1, 9), ends_after=own.randrange(5))
            case 2:
                return Fault(no_launch="text file busy")
            case 3:
                return Fault(lost_after=own.randrange(3))
        return Fault()

    world = SimWorld(lambda params, step: params["x"] + 1 / step, steps=9, faults=fault)
    store = MemoryStore(recipe)
    plan = build_plan(recipe)
    one = Controller(recipe, plan, build_sampler(recipe), world.executor(), store, world.clock)
    one.begin()
    one.run()

    failed: Counter[int] = Counter()
    going: set[int] = set()
    working: set[int] = set()
    launched: dict[int, list[int]] = {}
    for decision in store.log:
        event = decision.event
        if isinstance(event, Exited):
            going.discard(event.trial)
            failed[event.trial] += event.cause is Cause.NO_LAUNCH or bool(event.code and event.code > 0)
        if isinstance(event, Exited | Paused):
            working.discard(event.trial)
        for action in decision.actions:
            if isinstance(action, Launch | Unpause):
                working.add(action.trial)
                assert len(working) <= slots
            if isinstance(action, Launch):
                assert action.trial not in going, "two attempts at once"
                going.add(action.trial)
                launched.setdefault(action.trial, []).append(action.attempt)
    assert not going
    for trial in one.state.trials.values():
        assert trial.phase.is_terminal
        assert failed[trial.number] <= 1 + most
        assert trial.retries <= most
        assert (trial.phase is Phase.FAILED) == (trial.failure is not None)
        attempts = launched[trial.number]
        assert all(b == a + 1 for a, b in pairwise(attempts))
        assert trial.best == min(
            (
                e.event.value
                for e in store.log
                if isinstance(e.event, Reported) and e.event.trial == trial.number
            ),
            default=float("inf"),
        )
    again = begin(plan)
    assert replay(plan, again, store)
    assert repr(again.trials) == repr(one.state.trials)
