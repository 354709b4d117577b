"""What is on record of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from tests.replay.conftest import STEPS, accuracy

from barrido.core.events import Action, Event, Launch, Launched, PauseMode, Reported
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Pausing
from barrido.core.trial import Phase
from barrido.errors import RequestError
from barrido.executors.sim import Fault, SimWorld
from barrido.replay.record import _attempts, read_history
from barrido.store.batch import Decision
from barrido.store.queries import Reader


def told(*events: Event | Action) -> list[Decision]:
    """Events, and actions that were decided on some event or other."""
    nothing = Launched(99, 1, 0.0)
    return [
        Decision(nothing, [one]) if isinstance(one, Launch) else Decision(one, [])  # type: ignore[arg-type]
        for one in events
    ]


def report(attempt: int, at: float, value: float, step: int | None = None) -> Reported:
    return Reported(0, attempt, value, step, at)


def curves(*events: Event | Action) -> list[Sequence[float]]:
    return [list(attempt.values) for attempt in _attempts(told(*events))]


def test_a_sweep_is_on_record_as_it_ran(ran: Callable[..., SweepFolder]) -> None:
    folder = ran()
    history = read_history(folder)
    with Reader(folder) as reader:
        params = {trial.number: trial.params for trial in reader.trials()}
        sweep = reader.sweep()
    for record in history.records:
        assert list(record.values) == [accuracy(params[record.trial], n + 1) for n in range(STEPS)]
        assert record.seconds == pytest.approx(1 + params[record.trial]["x"])
        assert (record.is_cut, record.exit_code) == (False, 0)
    assert (history.longest, len(history.records)) == (STEPS, 17)
    assert history.course.reports == 17 * STEPS
    assert history.course.best_trial == sweep.best_trial
    assert sweep.started_at is not None
    assert sweep.ended_at is not None
    assert history.course.seconds == sweep.ended_at - sweep.started_at


def test_trials_that_were_stopped_are_cut_and_those_that_failed_are_not(
    ran: Callable[..., SweepFolder],
) -> None:
    world = SimWorld(
        accuracy,
        steps=STEPS,
        metric="acc",
        faults=lambda order: Fault(exit_code=3, ends_after=4) if order.trial == 2 else Fault(),
    )
    history = read_history(
        ran(world=world, policy={"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 5})
    )
    runs = {run.trial: run for run in history.course.runs}
    for record in history.records:
        assert record.is_cut == (runs[record.trial].phase is Phase.PRUNED)
        assert len(record.values) == runs[record.trial].reports
    assert history.records[2].exit_code == 3
    assert any(record.is_cut for record in history.records)


@pytest.mark.parametrize("mode", list(PauseMode))
def test_trials_that_paused_are_on_record_whole_however_they_went_on(
    ran: Callable[..., SweepFolder], mode: PauseMode
) -> None:
    folder = ran(scheduler={"type": "hyperband", "max_resource": 9}, pausing=Pausing(mode=mode))
    history = read_history(folder)
    with Reader(folder) as reader:
        params = {trial.number: trial.params for trial in reader.trials()}
    for record in history.records:
        count = len(record.values)
        assert list(record.values) == [accuracy(params[record.trial], n + 1) for n in range(count)]
        # What a trial waited for others, frozen, is not the time of a report
        assert record.seconds == pytest.approx(1 + params[record.trial]["x"])
    assert {len(record.values) for record in history.records} == {1, 3, 10}


def test_an_attempt_begins_anew_unless_it_has_a_checkpoint() -> None:
    first = (Launch(0, 1), report(1, 1.0, 0.1), report(1, 2.0, 0.2))
    assert curves(*first, Launch(0, 2), report(2, 3.0, 0.3)) == [[0.1, 0.2], [0.3]]
    assert curves(*first, Launch(0, 2, start=2), report(2, 3.0, 0.3)) == [[0.1, 0.2], [0.1, 0.2, 0.3]]


def test_steps_that_are_done_again_after_a_checkpoint_do_not_count() -> None:
    first = (Launch(0, 1), report(1, 1.0, 0.1, 1), report(1, 2.0, 0.2, 2), report(1, 3.0, 0.3, 3))
    again = (Launch(0, 2, start=3), report(2, 4.0, 0.25, 2), report(2, 5.0, 0.3, 3), report(2, 6.0, 0.4, 4))
    assert curves(*first, *again)[1] == [0.1, 0.2, 0.3, 0.4]
    uncounted = (Launch(0, 1), report(1, 1.0, 0.1, 0), Launch(0, 2, start=1), report(2, 2.0, 0.2, 0))
    assert curves(*uncounted)[1] == [0.1, 0.2]


def test_time_runs_from_the_launch_and_not_while_a_trial_is_frozen() -> None:
    events: list[Event | Action] = [
        Launch(0, 1), Launched(0, 1, 10.0), report(1, 12.0, 0.1), report(1, 14.0, 0.2),
        Launched(0, 1, 100.0), report(1, 102.0, 0.3), Launched(0, 1, 10.0), report(1, 104.0, 0.4),
    ]  # fmt: skip
    (attempt,) = _attempts(told(*events))
    assert attempt.gaps == [2.0] * 4


def test_the_attempt_that_reported_most_is_the_record_the_later_of_equal_ones(
    ran: Callable[..., SweepFolder],
) -> None:
    world = SimWorld(
        lambda params, step: params["x"] + step,
        steps=3,
        metric="acc",
        faults=lambda order: Fault(lost_after=2) if order.attempt == 1 else Fault(ends_after=1),
    )
    history = read_history(ran(world=world))
    assert {len(record.values) for record in history.records} == {2}
    assert history.course.reports == 17 * 3


def test_without_anything_on_record_there_is_nothing_to_ask(ran: Callable[..., SweepFolder]) -> None:
    with pytest.raises(RequestError, match="nothing is compared"):
        read_history(ran("aimless", objective=None))
    with pytest.raises(RequestError, match="no trial of 'silent' has reported 'acc'"):
        read_history(ran("silent", world=SimWorld(accuracy, steps=0)))


def test_a_sweep_that_runs_is_on_record_as_far_as_it_has_come(ran: Callable[..., SweepFolder]) -> None:
    history = read_history(ran(looks=9))
    assert all(record.is_cut for record in history.records)
    assert all(early.trial < late.trial for early, late in pairwise(history.records))
