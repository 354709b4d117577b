"""What a sweep with rungs has spent, and what of it was too much; the plan beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from barrido.core.events import Cause, Exited, Launched, Paused, PauseMode, Reported
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Unit, Work
from barrido.core.trial import Phase
from barrido.sdk.planning import plan_lines, plan_sweep
from barrido.sdk.progress import Watch
from barrido.sdk.rows import trials_table
from barrido.sdk.spending import spending, spending_lines
from barrido.sdk.summary import summary
from barrido.store.queries import Reader

RUNGS = {"max_resource": 9, "min_resource": 1, "reduction_factor": 3, "stop_last_trials": True}
HALVING = {"type": "successive_halving", "size": 3, **RUNGS, "max_resource": 3}
THREE = Limits(max_total_trials=3, max_concurrent_trials=3)


def read(told: Any) -> Any:
    with Reader(told.folder) as reader:
        return spending(reader)


def halved(story: Callable[..., Any], extra: int, **settings: Any) -> Any:
    """Three trials, of which the last goes on; each makes ``extra`` reports meanwhile."""
    told = story(limits=THREE, scheduler=HALVING, **settings).start()
    for trial in range(3):
        told.launched(trial)
    for trial in range(3):
        for _ in range(1 + extra):
            told.reported(trial, trial / 10)
        told.tell(Paused(trial, 1, told.at))
    told.launched(2)
    return told


def test_what_is_held_in_time_is_not_more_than_it_had_to_be(story: Callable[..., Any]) -> None:
    told = halved(story, 0)
    told.reported(2, 0.9).reported(2, 0.9).exited(2)
    told.exited(0, -15).exited(1, -15)
    assert told.state.phase.is_terminal
    spent = read(told)
    assert (spent.reports, spent.beyond) == (5, 0)
    assert list(spending_lines(spent)) == ["5 reports, as much as 1.7 full trainings of 3"]


def test_reports_after_a_trial_was_to_pause_are_more_than_it_had_to_be(story: Callable[..., Any]) -> None:
    told = halved(story, 1)  # trial 2 goes on: its second report is none too many
    told.reported(2, 0.9)
    told.reported(2, 0.9)  # it was to end at its third
    told.exited(2).exited(0, -15).exited(1, -15)
    spent = read(told)
    assert (spent.reports, spent.beyond) == (8, 3)
    *_, line = spending_lines(spent)
    assert line.startswith("3 reports more than the rungs needed: ")


def test_a_sweep_without_rungs_has_no_such_account(story: Callable[..., Any]) -> None:
    assert read(story().start()) is None
    assert read(story("timed", scheduler=HALVING, pausing=Pausing(unit=Unit.SECONDS)).start()) is None


def test_what_is_done_again_was_not_needed_the_first_time(story: Callable[..., Any]) -> None:
    told = story(limits=THREE, scheduler=HALVING, pausing=Pausing(mode=PauseMode.RESTART)).start()
    for trial in range(3):
        told.launched(trial)
    for trial in (2, 1, 0):  # the best comes first, and waits
        told.reported(trial, trial / 10).reported(trial, 0.0)
        told.exited(trial, -15)
    assert told.state.live[2].attempt == 2
    told.tell(Launched(2, 2, told.at))
    for _ in range(3):
        told.tell(Reported(2, 2, 0.5, None, told.at))
    told.tell(Exited(2, 2, Cause.EXIT, 0, told.at))
    spent = read(told)
    assert (spent.reports, spent.beyond) == (9, 3)


def test_trials_show_their_rungs_where_there_are_some(story: Callable[..., Any]) -> None:
    told = halved(story, 0)
    with Reader(told.folder) as reader:
        head, *lines = trials_table(reader.trials(), metric="acc", at=told.at, width=None)
        progress = Watch(reader).look(at=told.at)
    assert head.split()[:6] == ["trial", "status", "x", "acc", "reports", "rung"]
    assert "1→3" in lines[2]
    assert progress.eta_s is None
    told.reported(2, 0.9).reported(2, 0.9).exited(2).exited(0, -15).exited(1, -15)
    with Reader(told.folder) as reader:
        trials, progress = reader.trials(), Watch(reader).look(at=told.at)
    assert [trial.phase for trial in trials] == [Phase.PRUNED, Phase.PRUNED, Phase.COMPLETED]
    text = "\n".join(summary(progress, trials, told.folder, width=None, at=told.at))
    assert "5 reports, as much as 1.7 full trainings of 3" in text
    assert "place 2 of 3 at 1: 1 goes on" in text


def recipe(scheduler: dict[str, Any], trials: int, at_once: int = 4, **settings: Any) -> Recipe:
    return Recipe(
        **{
            "name": "plan",
            "objective": Objective("acc", Goal.MAXIMIZE),
            "limits": Limits(max_total_trials=trials, max_concurrent_trials=at_once),
            "work": Work(command="true"),
            "scheduler": scheduler,
            **settings,
        }
    )


HYPERBAND = {"type": "hyperband", **RUNGS, "max_resource": 81, "variant": "algorithm"}


def test_the_plan_says_what_comes_to_each_rung_and_what_it_costs() -> None:
    plan = plan_sweep(recipe(HYPERBAND, 143), seconds_per_unit=2)
    first, head, *lines, waits, time = plan_lines(plan, width=None)
    assert first == "hyperband: 143 trials, 1,581 reports, as much as 19.5 full trainings of 81"
    assert head.split() == ["bracket", "trials", "how", "many", "come", "to", "each", "rung", "reports"]
    assert " ".join(lines[1].split()) == "3 34 34 at 3, 11 at 9, 3 at 27, 1 at 81 276"
    assert waits == "trials that wait are suspended"
    assert time == "time: about 13m 10s with 4 trials at a time, if none has to wait"


def test_trials_that_begin_anew_cost_what_they_do_again() -> None:
    plan = plan_sweep(recipe(HYPERBAND, 143, pausing=Pausing(mode=PauseMode.RESTART)))
    assert plan.resource == 1902
    assert plan.seconds is None
    assert plan.to_json()["resource"] == 1902


def test_brackets_of_one_shape_share_a_line() -> None:
    lines = list(plan_lines(plan_sweep(recipe(HYPERBAND, 286)), width=None))
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["bracket", "times", "trials"],
        ["4", "2", "162"],
        ["3", "2", "68"],
    ]


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 1581.0), (1000, 81.0)])
def test_no_sweep_is_shorter_than_its_longest_trial(at_once: int, seconds: float) -> None:
    seconds_alone = recipe(HYPERBAND, 143, at_once, pausing=Pausing(unit=Unit.SECONDS))
    assert plan_sweep(seconds_alone).seconds == seconds


def test_a_sweep_without_rungs_and_one_that_stops_at_them_have_plans_too() -> None:
    lines = list(plan_lines(plan_sweep(recipe({"type": "fifo"}, 9)), width=None))
    assert lines == ["9 trials, each runs to its end"]
    stopped = recipe({"type": "fifo"}, 9, policy={"type": "median_stopping"})
    lines = list(plan_lines(plan_sweep(stopped), width=None))
    assert lines == ["9 trials, each runs to its end or until median_stopping stops it"]
    asha = {"type": "asha", **RUNGS, "max_resource": 9, "variant": "stopping"}
    text = "\n".join(plan_lines(plan_sweep(recipe(asha, 9)), width=None))
    assert "wait" not in text.replace("has to wait", "")
    few = {"x": {"type": "choice", "values": [1, 2, 3]}}
    assert plan_sweep(recipe(asha, 9, space=few)).outlook.trials == 3
