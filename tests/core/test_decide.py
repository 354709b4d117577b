"""``decide``, told as stories: events in, actions out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from barrido.core.decide import begin, decide, next_deadline, reconcile
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
    Reported,
    Requested,
    Resumed,
    Started,
    Stop,
    Suggested,
    Ticked,
    Verb,
)  # fmt: skip
from barrido.core.plan import Plan
from barrido.core.protocols import Fate, Step, Verdict
from barrido.core.recipe import Goal, Limits, StopAfter
from barrido.core.state import SweepPhase, SweepState, observations, pending
from barrido.core.trial import TRANSITIONS, Phase, Trial, move
from barrido.errors import IllegalTransition
from barrido.schedulers.fifo import Fifo


class StopBelow:
    """Stops a trial whose report at an even n is above a bound."""

    evaluation_interval = 2
    delay_evaluation = 2

    def __init__(self, bound: float) -> None:
        self.bound = bound
        self.seen: dict[tuple[int, int], float] = {}

    def observe(self, trial: int, n: int, loss: float) -> None:
        self.seen[trial, n] = loss

    def ended(self, trial: int) -> None:
        pass

    def judge(self, trial: int, n: int) -> Verdict:
        loss = self.seen[trial, n]
        return Verdict(Step.STOP, f"{loss:g} at report {n}") if loss > self.bound else Verdict()


class Story:
    """A sweep told event by event; time is the number of the event."""

    def __init__(self, *, goal: Goal = Goal.MINIMIZE, bound: float | None = None, **limits: Any) -> None:
        given: dict[str, Any] = {"max_total_trials": 4, "max_concurrent_trials": 2, **limits}
        self.plan = Plan(
            metric="loss",
            goal=goal,
            limits=Limits(**given),
            scheduler=Fifo(),
            policy=None if bound is None else lambda: StopBelow(bound),
        )
        self.state: SweepState = begin(self.plan)
        self.now = 0.0

    def tell(self, event: Event) -> list[Action]:
        self.now = max(self.now + 1, event.at)
        return decide(self.plan, self.state, event)

    def start(self) -> list[Action]:
        asked = self.tell(Started(self.now))
        return self.answer(asked)

    def answer(self, actions: list[Action], *, none_from: int = 1000) -> list[Action]:
        """Answer every question among ``actions``; what follows."""
        out: list[Action] = []
        for action in actions:
            if isinstance(action, Ask):
                points = tuple({"x": n} if n < none_from else None for n in action.numbers)
                out += self.tell(Suggested(action.ask, points, self.now))
            else:
                out.append(action)
        return out

    def report(self, trial: int, *values: float) -> list[Action]:
        return [
            a
            for value in values
            for a in self.tell(Reported(trial, self.state.trials[trial].attempt, value, None, self.now))
        ]

    def exit(self, trial: int, code: int = 0, **more: Any) -> list[Action]:
        attempt = self.state.trials[trial].attempt
        return self.answer(self.tell(Exited(trial, attempt, Cause.EXIT, code, self.now, **more)))

    def phase(self, trial: int) -> Phase:
        return self.state.trials[trial].phase


def test_a_sweep_asks_for_as_many_points_as_it_has_slots_and_launches_what_it_hears() -> None:
    story = Story()
    assert story.tell(Started(1.0)) == [Ask(0, (0, 1))]
    assert story.tell(Suggested(0, ({"x": 0}, {"x": 1}), 2.0)) == [Launch(0, 1), Launch(1, 1)]
    assert pending(story.state) == [{"x": 0}, {"x": 1}]


def test_a_slot_that_gets_free_is_filled_and_the_sweep_finishes_after_its_last_trial() -> None:
    story = Story()
    story.start()
    story.report(0, 0.5)
    assert story.exit(0) == [Launch(2, 1)]
    for trial in (1, 2):
        story.report(trial, 0.6)
        story.exit(trial)
    story.report(3, 0.4)
    assert story.exit(3) == [Finish(Outcome.COMPLETED, "all 4 trials are done")]
    assert (story.state.best, story.state.best_loss) == (3, 0.4)
    assert story.state.phase is SweepPhase.COMPLETED


def test_a_finite_space_ends_the_sweep_when_the_sampler_has_no_point_left() -> None:
    story = Story(max_total_trials=10)
    story.answer(story.tell(Started(0.0)), none_from=1)
    story.report(0, 1.0)
    actions = story.exit(0)
    assert actions == [Finish(Outcome.COMPLETED, "the only point of the search space was tried")]


def test_a_maximised_metric_is_best_where_it_is_highest() -> None:
    story = Story(goal=Goal.MAXIMIZE)
    story.start()
    story.report(0, 0.7, 0.9, 0.8)
    story.report(1, 0.85)
    assert (story.state.best, story.state.best_loss) == (0, -0.9)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_the_worst_and_never_the_best(value: float) -> None:
    story = Story()
    story.start()
    story.report(0, value)
    assert story.state.best is None
    story.report(1, 1e300)
    assert story.state.best == 1


def test_equal_values_leave_the_trial_with_the_lower_number_best() -> None:
    story = Story()
    story.start()
    story.report(1, 0.5)
    story.report(0, 0.5)
    assert story.state.best == 0


def test_a_policy_is_asked_at_its_points_only_and_what_it_stops_is_pruned_with_its_reason() -> None:
    story = Story(bound=0.5)
    story.start()
    assert story.report(0, 0.9) == []
    assert story.report(0, 0.8) == [Stop(0, 1, "0.8 at report 2")]
    assert story.phase(0) is Phase.STOPPING
    assert story.exit(0, -15) == [Launch(2, 1)]
    assert story.phase(0) is Phase.PRUNED
    assert story.state.trials[0].reason == "0.8 at report 2"


def test_reports_of_a_trial_that_is_being_stopped_do_not_count() -> None:
    story = Story(bound=0.5)
    story.start()
    story.report(0, 0.9, 0.8)
    story.report(0, 0.0)
    assert story.state.trials[0].reports == 2
    assert story.state.best_loss == 0.8


def test_a_trial_that_ends_by_itself_while_it_is_being_stopped_is_pruned_all_the_same() -> None:
    story = Story(bound=0.5)
    story.start()
    story.report(0, 0.9, 0.8)
    story.exit(0, 0)
    assert story.phase(0) is Phase.PRUNED


def test_a_policy_that_never_applied_is_told_about_at_the_end() -> None:
    story = Story(bound=0.5, max_total_trials=1)
    story.start()
    story.report(0, 0.9)
    note, finish = story.exit(0)
    assert isinstance(note, Note)
    assert "it starts at report 2, and no trial logged 'loss' more than 1 time" in note.text
    assert isinstance(finish, Finish)


def test_the_first_three_failures_without_a_success_fail_the_sweep_with_the_first_ones_words() -> None:
    story = Story(max_total_trials=9, max_concurrent_trials=1)
    story.start()
    story.exit(0, 1, detail="Traceback\nValueError: no such file")
    story.exit(1, 2)
    (finish,) = story.exit(2, 3)
    assert isinstance(finish, Finish)
    assert finish.outcome is Outcome.FAILED
    assert finish.reason.startswith(
        "the first 3 trials failed; trial 0: exit code 1: ValueError: no such file"
    )
    assert "Traceback" in finish.reason


def test_failures_after_a_success_do_not_fail_the_sweep() -> None:
    story = Story(max_total_trials=5, max_concurrent_trials=1)
    story.start()
    story.report(0, 0.1)
    story.exit(0)
    for trial in range(1, 4):
        story.exit(trial, 1)
    assert story.exit(4, 1) == [Finish(Outcome.COMPLETED, "all 5 trials are done")]


def test_trials_that_never_log_the_primary_metric_fail_the_sweep_naming_what_they_did_log() -> None:
    story = Story(max_failed_trials=1)
    story.start()
    story.exit(0, 0, logged=("Loss", "acc"))
    story.exit(1, 0)
    assert story.state.phase is SweepPhase.FAILED
    assert "never logged the primary metric 'loss'; it logged 'Loss', 'acc'" in story.state.reason


def test_a_sweep_without_an_objective_runs_every_point_and_succeeds() -> None:
    story = Story(max_total_trials=5, max_concurrent_trials=5)
    story.plan = replace(story.plan, metric=None)
    story.start()
    for trial in range(5):
        actions = story.exit(trial)
    assert actions == [Finish(Outcome.COMPLETED, "all 5 trials are done")]


def test_a_sweep_ends_when_new_trials_stop_helping() -> None:
    story = Story(max_total_trials=99, max_concurrent_trials=1, stop_after=StopAfter(2, 0.1))
    story.start()
    for trial, value in enumerate((1.0, 0.5, 0.45)):
        story.report(trial, value)
        story.exit(trial)
    assert story.state.phase is SweepPhase.RUNNING
    story.report(3, 0.41)
    (finish,) = story.exit(3)
    assert finish == Finish(
        Outcome.COMPLETED, "the last 2 trials did not improve the best (trial 3) by 0.1 or more"
    )


def test_an_ending_sweep_waits_for_the_trials_that_still_run() -> None:
    story = Story(max_total_trials=99, stop_after=StopAfter(1, 0.1))
    story.start()
    story.report(0, 1.0)
    story.exit(0)  # helped: it is the first
    story.report(2, 1.0)
    assert story.exit(2) == []
    assert story.state.phase is SweepPhase.ENDING
    assert isinstance(story.exit(1)[-1], Finish)


def test_a_cancel_stops_what_runs_and_the_sweep_is_canceled_when_all_are_gone() -> None:
    story = Story()
    story.start()
    actions = story.tell(Requested("r1", Verb.CANCEL, 5.0, origin="cli"))
    assert actions == [Stop(0, 1, "canceled by cli"), Stop(1, 1, "canceled by cli")]
    assert story.exit(0, -15) == []
    assert story.exit(1, -9) == [Finish(Outcome.CANCELED, "canceled by cli")]
    assert {story.phase(0), story.phase(1)} == {Phase.CANCELED}


def test_a_request_that_is_delivered_twice_counts_once() -> None:
    story = Story()
    story.start()
    cancel = Requested("r1", Verb.CANCEL, 5.0, trial=0, origin="cli")
    assert story.tell(cancel) == [Stop(0, 1, "canceled by cli")]
    story.exit(0, -15)
    assert story.tell(cancel) == []


def test_a_paused_sweep_starts_nothing_and_goes_on_when_unpaused() -> None:
    story = Story()
    story.start()
    story.tell(Requested("p", Verb.PAUSE, 5.0))
    story.report(0, 1.0)
    assert story.exit(0) == []
    actions = story.answer(story.tell(Requested("u", Verb.UNPAUSE, 6.0)))
    assert [a for a in actions if not isinstance(a, Note)] == [Launch(2, 1)]


def test_raised_limits_give_more_trials_more_slots() -> None:
    story = Story(max_total_trials=2)
    story.start()
    changes = {"max_total_trials": 5, "max_concurrent_trials": 3}
    actions = story.answer(story.tell(Requested("l", Verb.UPDATE, 5.0, changes=changes)))
    assert [a for a in actions if not isinstance(a, Note)] == [Launch(2, 1)]


def test_timeouts_stop_a_trial_and_then_the_sweep() -> None:
    story = Story(timeout=100.0, trial_timeout=10.0, max_concurrent_trials=1)
    story.start()
    story.tell(Launched(0, 1, 20.0))
    assert next_deadline(story.plan, story.state) == 30.0
    assert story.tell(Ticked(30.0)) == [Stop(0, 1, "ran longer than 10 s")]
    story.exit(0, -15)
    assert story.phase(0) is Phase.CANCELED
    assert next_deadline(story.plan, story.state) == story.state.started_at + 100.0
    actions = story.tell(Ticked(story.state.started_at + 100.0))
    assert actions == [Stop(1, 1, "timeout of 100 s reached")]
    assert story.exit(1, -15) == [Finish(Outcome.CANCELED, "timeout of 100 s reached")]


def test_time_without_a_controller_does_not_count_towards_the_sweeps_timeout() -> None:
    story = Story(timeout=100.0)
    story.start()
    before = next_deadline(story.plan, story.state)
    story.tell(Resumed(1500.0, down_s=1000.0))
    assert before is not None
    assert next_deadline(story.plan, story.state) == before + 1000.0


def test_a_trial_whose_machine_was_restarted_is_run_again_from_nothing() -> None:
    story = Story()
    story.start()
    story.report(0, 0.5)
    actions = story.tell(Exited(0, 1, Cause.LOST, None, 9.0, "the machine was restarted"))
    assert Launch(0, 2) in actions
    assert story.state.trials[0].reports == 0
    story.report(0, 0.4)
    assert story.tell(Reported(0, 1, 0.0, None, 9.0)) == []  # a late word of the first attempt
    assert story.state.best_loss == 0.4


def test_a_trial_knows_whether_its_attempt_started_warm() -> None:
    story = Story()
    story.start()
    story.report(0, 0.5)  # heard before it is known to be there

    def is_warm_after(event: Event) -> bool:
        story.tell(event)
        return story.state.trials[0].warm

    assert is_warm_after(Launched(0, 1, 5.0, warm=True))
    assert is_warm_after(Launched(0, 1, 5.0))  # told again, after a crash, by one who adopted it
    assert not is_warm_after(Exited(0, 1, Cause.LOST, None, 9.0, "the machine was restarted"))
    assert not is_warm_after(Launched(0, 1, 5.0, warm=True))  # a late word of the first attempt
    assert not is_warm_after(Launched(0, 2, 10.0))


def test_reconcile_repeats_what_may_not_have_been_done() -> None:
    story = Story(bound=0.5, max_concurrent_trials=3)
    story.start()
    story.tell(Launched(1, 1, 5.0))
    story.report(2, 0.9, 0.8)
    assert reconcile(story.plan, story.state) == [Launch(0, 1), Stop(2, 1, "0.8 at report 2")]


def test_observations_tell_budget_and_fate() -> None:
    story = Story(bound=0.5, max_concurrent_trials=3)
    story.start()
    story.report(0, 0.4)
    story.report(1, 0.9, 0.8)
    story.exit(1, -15)
    story.exit(2, 1)
    seen = observations(story.state)
    assert [(o.number, list(o.curve), o.resource, o.outcome) for o in seen] == [
        (0, [0.4], 1, Fate.RUNNING),
        (1, [0.9, 0.8], 2, Fate.STOPPED),
        (2, [], 0, Fate.FAILED),
    ]


def test_nothing_moves_a_sweep_that_is_over() -> None:
    story = Story(max_total_trials=1)
    story.start()
    story.report(0, 1.0)
    story.exit(0)
    assert story.tell(Requested("c", Verb.CANCEL, 99.0)) == []
    assert story.tell(Exited(0, 1, Cause.EXIT, 1, 99.0)) == []


def test_a_trial_moves_only_along_the_table() -> None:
    for phase in Phase:
        for to in Phase:
            trial = Trial(number=0, params={}, phase=phase)
            if to in TRANSITIONS[phase]:
                move(trial, to)
                assert trial.phase is to
            else:
                with pytest.raises(IllegalTransition, match="trial 0 cannot go from"):
                    move(trial, to)
