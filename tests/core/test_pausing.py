"""Rungs in ``decide``: trials that are paused, promoted and dropped, told as stories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from barrido.core.decide import begin, decide, next_deadline, reconcile
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Discard,
    Exited,
    Finish,
    Launch,
    Launched,
    Note,
    Outcome,
    Pause,
    Paused,
    PauseMode,
    Reported,
    Requested,
    Started,
    Stop,
    Suggested,
    Ticked,
    Unpause,
    Verb,
)  # fmt: skip
from barrido.core.plan import Plan
from barrido.core.protocols import Assignment, Drop, Fate, Idle, Promote, Sample, Step, Verdict
from barrido.core.recipe import Goal, Limits, Pausing, StopAfter, Unit
from barrido.core.state import observations
from barrido.core.trial import Phase, Trial

MIB = 1 << 20


@dataclass
class Halve:
    """Two trials go to 2; the better one then goes to 4, where it ends. Remembers what it is told."""

    state: dict[str, Any] = field(default_factory=dict)

    def init(self) -> Any:
        return {"sampled": [], "rung": {}, "over": {}, "decided": False}

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        if number is not None and len(state["sampled"]) < 2:
            state["sampled"].append(number)
            return state, Sample(until=2)
        rung = state["rung"]
        waits = {t: loss for t, loss in rung.items() if t not in state["over"]}
        if len(rung) + len(set(state["over"]) - set(rung)) < len(state["sampled"]):
            return state, Idle.WAIT
        if not waits:
            return state, Idle.FINISHED
        best = min(waits, key=lambda trial: (waits[trial], trial))
        worst = max(waits, key=lambda trial: (waits[trial], trial))
        if len(waits) == 2:
            state["over"][worst] = "dropped"
            return state, Drop(worst, "second of 2 at 2")
        if not state["decided"]:
            state["decided"] = True
            return state, Promote(best, 4, "first of 2 at 2")
        return state, Idle.WAIT

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        if resource == 2:
            state["rung"][trial] = loss
            return state, Verdict(Step.PAUSE, "waits at 2")
        return state, Verdict(Step.FINISH, "it had all of 4")

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        state["over"][trial] = loss
        return state

    def missing(self, state: Any, trial: int) -> Any:
        state["sampled"].remove(trial)
        return state


class Tale:
    """Time is the number of the event."""

    def __init__(self, *, goal: Goal = Goal.MINIMIZE, slots: int = 2, **pausing: Any) -> None:
        self.plan = Plan(
            metric="loss",
            goal=goal,
            limits=Limits(max_total_trials=2, max_concurrent_trials=slots),
            scheduler=Halve(),
            pausing=Pausing(**pausing),
        )
        self.state = begin(self.plan)
        self.now = 0.0
        self.said: list[Action] = self.tell(Started)

    def tell(self, event: Callable[..., Any], *values: Any, **named: Any) -> list[Action]:
        """One event, and the answers to what it asks for; what is to be done."""
        self.now += 1
        out: list[Action] = []
        for action in decide(self.plan, self.state, event(*values, at=self.now, **named)):
            if isinstance(action, Ask):
                points = tuple({"x": number} for number in action.numbers)
                out += self.tell(Suggested, action.ask, points)
            else:
                out.append(action)
        return out

    def trial(self, number: int) -> Trial:
        return self.state.trials[number]

    def report(self, number: int, *values: float, step: int | None = None) -> list[Action]:
        attempt = self.trial(number).attempt
        return [a for v in values for a in self.tell(Reported, number, attempt, v, step)]

    def pause(self, number: int, **more: Any) -> list[Action]:
        return self.tell(Paused, number, self.trial(number).attempt, **more)

    def exit(self, number: int, code: int = 0, cause: Cause = Cause.EXIT) -> list[Action]:
        return self.tell(Exited, number, self.trial(number).attempt, cause, code)

    def come(self, number: int, *values: float, **more: Any) -> list[Action]:
        """Report ``values``, be frozen; what is done besides freezing it."""
        actions = self.report(number, *values)
        if self.trial(number).phase is Phase.PAUSING:
            actions += self.pause(number, **more)
        return [action for action in actions if not isinstance(action, Pause)]


def test_the_better_of_two_suspended_trials_goes_on_and_the_other_is_gone_before_it_counts_as_ended() -> None:
    tale = Tale()
    assert tale.said == [Launch(0, 1, 2), Launch(1, 1, 2)]
    assert tale.report(0, 0.9, 0.5) == [Pause(0, 1, PauseMode.SUSPEND, "waits at 2")]
    assert tale.pause(0) == []
    assert tale.come(1, 0.1, 0.7) == [Stop(1, 1, "second of 2 at 2"), Unpause(0, 1, 4)]
    assert tale.trial(1).phase is Phase.STOPPING
    assert tale.exit(1, -15) == []
    assert tale.trial(1).phase is Phase.PRUNED
    tale.tell(Launched, 0, 1)
    assert tale.report(0, 0.4, 0.3) == [Stop(0, 1, "it had all of 4")]
    assert tale.exit(0, -15) == [Finish(Outcome.COMPLETED, "all 2 trials are done")]
    assert tale.trial(0).phase is Phase.COMPLETED
    assert tale.trial(0).rungs == {2: 0.5, 4: 0.3}
    assert (tale.state.best, tale.state.best_loss) == (1, 0.1)  # the best that anybody saw on the way


def test_a_rung_compares_losses_whatever_the_goal() -> None:
    tale = Tale(goal=Goal.MAXIMIZE)
    tale.report(0, 0.9, 0.5)
    tale.pause(0)
    assert tale.come(1, 0.1, 0.7) == [Stop(0, 1, "second of 2 at 2"), Unpause(1, 1, 4)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_worst_at_a_rung(value: float) -> None:
    tale = Tale()
    tale.report(0, 0.1, value)
    tale.pause(0)
    assert tale.come(1, 9e9, 9e9)[-1] == Unpause(1, 1, 4)


def test_a_paused_trial_holds_no_worker() -> None:
    tale = Tale(slots=1)
    assert tale.said == [Launch(0, 1, 2)]
    assert tale.report(0, 0.5, 0.5) == [Pause(0, 1, PauseMode.SUSPEND, "waits at 2")]
    assert tale.pause(0) == [Launch(1, 1, 2)]


def test_later_reports_of_a_trial_that_was_not_held_in_time_do_not_count_at_its_rung() -> None:
    tale = Tale()
    tale.report(0, 0.9, 0.8)
    tale.report(0, 0.1, 0.05)
    tale.pause(0)
    tale.report(0, 0.01)
    assert tale.trial(0).rungs == {2: 0.8}
    # It is dropped, with the best value of all
    assert tale.come(1, 0.7, 0.7) == [Stop(0, 1, "second of 2 at 2"), Unpause(1, 1, 4)]
    assert (tale.state.best, tale.state.best_loss) == (0, 0.01)


def test_a_promoted_trial_that_is_there_already_is_asked_about_at_once() -> None:
    tale = Tale()
    tale.report(0, 0.9, 0.1, 0.2, 0.3, 0.4)
    tale.pause(0)
    assert tale.come(1, 0.7, 0.7) == [Stop(1, 1, "second of 2 at 2"), Stop(0, 1, "it had all of 4")]
    assert tale.trial(0).rungs == {2: 0.1, 4: 0.3}
    tale.exit(1, -15)
    assert tale.exit(0, -15) == [Finish(Outcome.COMPLETED, "all 2 trials are done")]


def test_a_trial_that_ends_while_it_is_to_be_frozen_is_over() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    tale.exit(0)
    assert tale.trial(0).phase is Phase.COMPLETED
    assert tale.state.scheduler["over"] == {0: 0.5}
    assert tale.come(1, 0.7, 0.7) == [Unpause(1, 1, 4)]


def test_a_restarted_trial_begins_anew_and_is_compared_by_what_it_does_then() -> None:
    tale = Tale(mode=PauseMode.RESTART)
    tale.report(0, 0.5, 0.5)
    assert tale.exit(0, -15) == []
    assert tale.report(1, 0.7, 0.7)[1:] == [Stop(1, 1, "second of 2 at 2"), Launch(0, 2, 4, 0)]
    assert tale.exit(1, -15) == []
    assert tale.trial(1).phase is Phase.PRUNED
    tale.tell(Launched, 0, 2)
    assert tale.report(0, 0.5, 0.4, 0.3) == []
    assert tale.report(0, 0.2) == [Stop(0, 2, "it had all of 4")]


def test_a_checkpoint_goes_on_counting_and_a_step_that_is_done_again_does_not_count() -> None:
    tale = Tale(mode=PauseMode.CHECKPOINT)
    for step in (1, 2):
        tale.report(0, 0.5, step=step)
    tale.exit(0, -15)
    assert tale.come(1, 0.7, 0.7) == [Stop(1, 1, "second of 2 at 2"), Launch(0, 2, 4, 2)]
    assert tale.exit(1, -15) == [Discard(1)]
    assert tale.report(0, 0.45, step=2) == []
    assert tale.report(0, 0.4, step=3) == []
    assert tale.report(0, 0.3, step=4) == [Stop(0, 2, "it had all of 4")]
    assert list(tale.trial(0).losses) == [0.5, 0.5, 0.4, 0.3]


def test_scripts_that_do_not_count_their_steps_are_counted_for() -> None:
    tale = Tale(mode=PauseMode.CHECKPOINT)
    for number in (0, 1):
        tale.report(number, 0.5, 0.5 + number, step=0)
        tale.exit(number, -15)
    assert tale.report(0, 0.4, step=0) == []
    assert tale.report(0, 0.3, step=0) == [Stop(0, 2, "it had all of 4")]


def test_an_input_carries_the_resource_and_the_rung_is_reached_when_the_script_ends() -> None:
    tale = Tale(unit=Unit.INPUT, input="epochs", mode=PauseMode.RESTART)
    tale.report(0, 0.9, 0.5)
    assert tale.exit(0) == []
    assert tale.trial(0).phase is Phase.PAUSED
    tale.report(1, 0.7)
    assert tale.exit(1) == [Launch(0, 2, 4, 0)]
    tale.report(0, 0.9, 0.5, 0.4, 0.2)
    assert tale.exit(0) == [Finish(Outcome.COMPLETED, "all 2 trials are done")]
    assert tale.trial(0).rungs == {2: 0.5, 4: 0.2}
    assert tale.trial(0).phase is Phase.COMPLETED


def test_seconds_are_those_of_running() -> None:
    tale = Tale(unit=Unit.SECONDS)
    tale.tell(Launched, 0, 1)  # at 3
    tale.tell(Launched, 1, 1)  # at 4
    tale.report(0, 0.5)
    assert next_deadline(tale.plan, tale.state) == 5.0
    assert tale.tell(Ticked) == [
        Pause(0, 1, PauseMode.SUSPEND, "waits at 2"),
        Pause(1, 1, PauseMode.SUSPEND, "waits at 2"),
    ]
    assert tale.trial(1).rungs == {2: float("inf")}
    # It had 4 seconds, two of them while nobody looked
    assert tale.pause(0) == [Stop(1, 1, "second of 2 at 2"), Unpause(0, 1, 4)]
    tale.now = 100.0
    tale.tell(Launched, 0, 1)
    assert tale.trial(0).ran_s(tale.now) == 4.0
    assert tale.tell(Ticked) == [Stop(0, 1, "it had all of 4")]


def test_a_trial_timeout_does_not_count_frozen_time() -> None:
    tale = Tale()
    tale.state.limits = Limits(max_total_trials=2, max_concurrent_trials=2, trial_timeout=10.0)
    tale.report(0, 0.5, 0.5)  # from 3 to 4
    tale.pause(0)  # at 5
    tale.now = 1000.0
    tale.come(1, 0.7, 0.7)
    tale.tell(Launched, 0, 1)
    assert next_deadline(tale.plan, tale.state) == tale.now - 2.0 + 10.0


def test_suspended_trials_beyond_the_memory_are_let_go_the_worst_first_and_begin_anew() -> None:
    tale = Tale(memory=150 * MIB, slots=1)
    tale.report(0, 0.5, 0.9)
    tale.pause(0, memory=100 * MIB)
    stop, note, drop, unpause = tale.come(1, 0.7, 0.7, memory=100 * MIB)
    assert stop == Stop(0, 1, "suspended trials would hold more than 150 MiB of memory")
    assert isinstance(note, Note)
    assert "begin anew" in note.text
    assert drop == Stop(0, 1, "second of 2 at 2")
    assert unpause == Unpause(1, 1, 4)


def test_one_that_was_let_go_is_launched_again_when_its_old_processes_are_gone() -> None:
    tale = Tale(memory=50 * MIB)
    tale.report(0, 0.5, 0.5)
    tale.pause(0, memory=100 * MIB)
    actions = tale.come(1, 0.7, 0.7, memory=10 * MIB)
    assert Stop(1, 1, "second of 2 at 2") in actions
    assert not [a for a in actions if isinstance(a, Launch | Unpause)]
    assert Stop(0, 1, "first of 2 at 2") in reconcile(tale.plan, tale.state)
    assert tale.exit(0, -15) == [Launch(0, 2, 4, 0)]


def test_a_gpu_is_not_held_by_a_suspended_trial_where_that_is_to_be_spared() -> None:
    tale = Tale(spares_gpus=True, spill=PauseMode.CHECKPOINT)
    tale.report(0, 0.5, 0.5)
    stop, note = tale.pause(0, gpu=True)
    assert stop == Stop(0, 1, "trials that hold a GPU are not kept suspended")
    assert isinstance(note, Note)
    tale.exit(0, -15)
    assert tale.come(1, 0.7, 0.7)[-1] == Launch(0, 2, 4, 2)


def test_frozen_processes_that_are_killed_from_outside_are_started_anew_when_promoted() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    tale.pause(0)
    assert tale.exit(0, -9) == []
    assert tale.trial(0).phase is Phase.PAUSED
    assert tale.come(1, 0.7, 0.7) == [Stop(1, 1, "second of 2 at 2"), Launch(0, 2, 4, 0)]


def test_a_machine_that_restarts_under_a_paused_trial_does_not_cost_it_its_rung() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    assert tale.exit(0, cause=Cause.LOST) == []  # while it was to be frozen
    assert tale.trial(0).phase is Phase.PAUSED
    assert tale.come(1, 0.7, 0.7)[-1] == Launch(0, 2, 4, 0)


def test_canceling_a_paused_trial_takes_it_out_of_its_rung() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    tale.pause(0)
    assert tale.tell(Requested, "r", Verb.CANCEL, trial=0) == [Stop(0, 1, "canceled")]
    assert tale.exit(0, -15) == []
    assert tale.trial(0).phase is Phase.CANCELED
    assert tale.state.scheduler["over"] == {0: None}
    assert tale.come(1, 0.7, 0.7) == [Unpause(1, 1, 4)]


def test_a_canceled_sweep_ends_paused_trials_too() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    tale.pause(0)
    assert tale.tell(Requested, "r", Verb.CANCEL) == [Stop(1, 1, "canceled"), Stop(0, 1, "canceled")]
    tale.exit(0, -15)
    assert tale.exit(1, -15) == [Finish(Outcome.CANCELED, "canceled")]


def test_what_was_decided_about_pauses_is_done_again_after_a_crash() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    assert reconcile(tale.plan, tale.state) == [
        Pause(0, 1, PauseMode.SUSPEND, "waits at 2"),
        Launch(1, 1, 2),
    ]
    tale.pause(0)
    assert reconcile(tale.plan, tale.state) == [Launch(1, 1, 2)]
    tale.come(1, 0.7, 0.7)
    assert reconcile(tale.plan, tale.state) == [Stop(1, 1, "second of 2 at 2"), Unpause(0, 1, 4)]


def test_a_trial_that_is_promoted_before_it_is_frozen_goes_on_as_soon_as_it_is() -> None:
    tale = Tale()
    tale.report(0, 0.7, 0.7)
    tale.pause(0)
    _, drop = tale.report(1, 0.5, 0.5)
    assert drop == Stop(0, 1, "second of 2 at 2")
    assert tale.trial(1).phase is Phase.PAUSING
    assert reconcile(tale.plan, tale.state)[0] == Pause(1, 1, PauseMode.SUSPEND, "first of 2 at 2")
    assert tale.pause(1) == [Unpause(1, 1, 4)]


def test_a_trial_for_which_there_was_no_point_is_taken_back() -> None:
    tale = Tale(slots=1)
    tale.report(0, 0.5, 0.5)
    tale.state.limits = Limits(max_total_trials=5, max_concurrent_trials=1)
    asked = decide(tale.plan, tale.state, Paused(0, 1, 9.0))
    assert asked == [Ask(1, (1,))]
    assert decide(tale.plan, tale.state, Suggested(1, (None,), 10.0)) == [Unpause(0, 1, 4)]
    assert tale.state.scheduler["sampled"] == [0]


def test_a_trial_that_is_being_stopped_has_not_come_to_its_input() -> None:
    tale = Tale(unit=Unit.INPUT, input="epochs", mode=PauseMode.RESTART)
    tale.report(0, 0.5)
    tale.tell(Requested, "r", Verb.CANCEL)
    tale.exit(0)  # it heard the SIGTERM, and ended well
    assert tale.trial(0).phase is Phase.CANCELED
    assert tale.exit(1) == [Finish(Outcome.CANCELED, "canceled")]


def test_a_checkpoint_that_went_too_far_before_it_ended_is_complete_when_it_is_promoted() -> None:
    tale = Tale(mode=PauseMode.CHECKPOINT)
    tale.report(0, 0.5, 0.5, 0.4, 0.3, 0.2)
    tale.exit(0, -15)
    tale.come(1, 0.7, 0.7)
    assert tale.trial(0).phase is Phase.COMPLETED
    assert tale.trial(0).rungs == {2: 0.5, 4: 0.3}
    assert tale.exit(1, -15)[-1] == Finish(Outcome.COMPLETED, "all 2 trials are done")


def test_a_trial_that_takes_too_long_to_save_is_out_of_its_rung() -> None:
    tale = Tale(mode=PauseMode.CHECKPOINT)
    tale.state.limits = Limits(max_total_trials=2, max_concurrent_trials=2, trial_timeout=50.0)
    tale.report(0, 0.5, 0.5)
    tale.now = 100.0
    assert Stop(0, 1, "ran longer than 50 s") in tale.tell(Ticked)
    assert tale.state.scheduler["over"] == {0: None}
    tale.exit(0, -9)
    assert tale.trial(0).phase is Phase.CANCELED


def test_trials_that_wait_with_a_value_are_a_success() -> None:
    tale = Tale()
    tale.state.limits = Limits(max_total_trials=2, max_concurrent_trials=2, max_failed_trials=1)
    tale.report(0, 0.5, 0.5)
    tale.pause(0)
    assert tale.exit(1, 1) == [Unpause(0, 1, 4)]


def test_those_that_are_dropped_at_a_rung_do_not_end_a_sweep_that_new_trials_would_help() -> None:
    tale = Tale()
    rule = StopAfter(1)
    tale.state.limits = Limits(max_total_trials=2, max_concurrent_trials=2, stop_after=rule)
    tale.report(0, 0.5, 0.5)
    tale.pause(0)
    assert tale.come(1, 0.7, 0.7) == [Stop(1, 1, "second of 2 at 2"), Unpause(0, 1, 4)]
    assert tale.exit(1, -15) == []


def test_a_late_report_of_processes_that_are_let_go_does_not_start_the_next_attempt() -> None:
    tale = Tale(memory=50 * MIB)
    tale.report(0, 0.5, 0.5)
    tale.pause(0, memory=100 * MIB)
    tale.come(1, 0.7, 0.7, memory=10 * MIB)
    tale.report(0, 0.45)
    assert tale.trial(0).phase is Phase.LAUNCHING
    assert tale.exit(0, -15) == [Launch(0, 2, 4, 0)]


def test_frozen_processes_that_die_when_they_are_to_go_on_are_started_anew() -> None:
    tale = Tale()
    tale.report(0, 0.5, 0.5)
    tale.pause(0)
    assert tale.come(1, 0.7, 0.7)[-1] == Unpause(0, 1, 4)
    assert tale.exit(0, -9) == [Launch(0, 2, 4, 0)]


def test_steps_that_begin_at_one_in_each_attempt_count_where_an_input_is_the_resource() -> None:
    tale = Tale(unit=Unit.INPUT, input="epochs", mode=PauseMode.CHECKPOINT)
    for number, value in ((0, 0.5), (1, 0.7)):
        tale.report(number, 0.9, step=1)
        tale.report(number, value, step=2)
        tale.exit(number)
    tale.report(0, 0.01, step=1)
    tale.exit(0)
    assert tale.trial(0).rungs == {2: 0.5, 4: 0.01}


def test_what_a_trial_was_compared_by_is_known_while_it_begins_anew() -> None:
    tale = Tale(mode=PauseMode.RESTART)
    tale.report(0, 0.5, 0.5)
    tale.exit(0, -15)
    tale.come(1, 0.7, 0.7)
    seen = {one.number: one for one in observations(tale.state)}
    assert (tuple(seen[0].curve), seen[0].rungs, seen[0].outcome) == ((), {2: 0.5}, Fate.RUNNING)
