"""Lines of metrics: whole where they are few, thinned where they are many, never without their best."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from barrido.core.decide import begin
from barrido.core.events import PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Point
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Work
from barrido.core.trial import Trial
from barrido.errors import RequestError
from barrido.figures.curves import curves
from barrido.registry import build_plan
from barrido.store.batch import Batch, Measurement
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore

Rows = list[tuple[int, int, str, float, int | None, bool]]
"""Trial, attempt, metric, value, step, whether it counts; in the order in which they came."""


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., Reader]:
    def write(rows: Rows, **settings: Any) -> Reader:
        recipe = Recipe(
            **{
                "name": "lines",
                "objective": Objective("loss", Goal.MINIMIZE),
                "limits": Limits(max_total_trials=100, max_concurrent_trials=100),
                "work": Work(command="true"),
                **settings,
            }
        )
        folder = SweepFolder(tmp_path / "lines")
        store = SqliteStore.create(folder, recipe, version="0", at=0.0)
        state, batch = begin(build_plan(recipe)), Batch()
        seqs: dict[tuple[int, int], int] = {}
        for trial, attempt, name, value, step, counts in rows:
            seq = seqs[trial, attempt] = seqs.get((trial, attempt), -1) + 1
            point = Point(name, value, step, 0.0)
            batch.measurements.append(Measurement(trial, attempt, seq, "report", point, counts))
            one = state.trials.setdefault(trial, Trial(number=trial, params={}))
            one.attempt = attempt
            one.losses.append(value)
            batch.touched.add(trial)
        store.commit(batch, state)
        store.close()
        return Reader(folder)

    return write


def line(values: list[float], *, trial: int = 0, attempt: int = 1, first: int | None = 1) -> Rows:
    return [
        (trial, attempt, "loss", value, None if first is None else first + k, True)
        for k, value in enumerate(values)
    ]


def test_few_points_are_given_as_they_are(logged: Callable[..., Reader]) -> None:
    reader = logged([*line([3.0, 1.0, 2.0]), *line([nan, inf, 0.1 + 0.2], trial=4, first=10)])
    assert curves(reader) == {
        "metric": "loss",
        "step_name": "step",
        "is_thinned": False,
        "trials": {
            "trial": [0, 4],
            "steps": [[1, 2, 3], [10, 11, 12]],
            "values": [[3.0, 1.0, 2.0], ["NaN", "Infinity", 0.1 + 0.2]],
        },
    }


def test_only_the_trials_that_are_asked_for(logged: Callable[..., Reader]) -> None:
    reader = logged([*line([3.0]), *line([2.0], trial=1), *line([1.0], trial=2)])
    assert curves(reader, trials=[2, 0, 77])["trials"]["trial"] == [0, 2]
    assert curves(reader, trials=[])["trials"]["trial"] == []


@pytest.mark.parametrize("goal", Goal)
def test_a_thinned_line_keeps_its_first_its_last_and_its_best(
    logged: Callable[..., Reader], goal: Goal
) -> None:
    rng = np.random.default_rng(0)
    values = [rng.normal(size=rng.integers(1, 200)).tolist() for _ in range(20)]
    rows = [row for trial, one in enumerate(values) for row in line(one, trial=trial)]
    reader = logged(rows, objective=Objective("loss", goal))
    found = curves(reader, points=300)
    assert found["is_thinned"]
    assert sum(map(len, found["trials"]["steps"])) <= 300
    whole = curves(reader)
    assert not whole["is_thinned"]
    assert whole["trials"]["values"] == values
    for trial, steps, kept in zip(*found["trials"].values(), strict=True):
        assert steps == sorted(set(steps))
        assert kept == [values[trial][step - 1] for step in steps]
        assert {1, len(values[trial])} <= set(steps)
        assert (min if goal is Goal.MINIMIZE else max)(values[trial]) in kept
    assert curves(reader, trials=[3], points=300)["trials"]["values"] == [values[3]]


def test_metrics_that_are_logged_in_turns_are_thinned_alike(logged: Callable[..., Reader]) -> None:
    rows: Rows = []
    for step in range(200):
        rows += [(0, 1, name, float(step), step, name == "loss") for name in ("loss", "a", "b", "c")]
    reader = logged(rows)
    for name in ("loss", "a", "b", "c"):
        steps = curves(reader, name, points=54)["trials"]["steps"][0]
        assert 40 <= len(steps) <= 60
        assert max(np.diff(steps)) <= 5


@pytest.mark.parametrize("before", [0, 1])
def test_a_metric_that_is_logged_many_times_between_two_of_another_is_thinned_evenly(
    logged: Callable[..., Reader], before: int
) -> None:
    """Ten times a turn: whatever share of the values is kept, none of it falls on the other one alone."""
    rows: Rows = [(0, 1, "other", 0.0, 0, False)] * before
    for turn in range(60):
        rows += [(0, 1, "loss", 0.0, 10 * turn + k, True) for k in range(10)]
        rows.append((0, 1, "other", 0.0, turn, False))
    reader = logged(rows)
    for points in range(40, 120):
        steps = curves(reader, points=points)["trials"]["steps"][0]
        assert len(steps) <= points
        assert len(set(np.diff(steps)[8:-2])) == 1


def test_a_thinned_line_has_most_of_its_points_where_it_begins(logged: Callable[..., Reader]) -> None:
    rows = [row for trial in range(10) for row in line([1 / k for k in range(1, 101)], trial=trial)]
    (steps, *_) = curves(logged(rows), points=100)["trials"]["steps"]
    gaps = np.diff(steps)
    assert len(steps) <= 10
    assert steps[0] == 1
    assert list(gaps[:5]) == sorted(gaps[:5])
    assert gaps[0] <= 2


def test_of_another_metric_both_ends_of_its_range_are_kept(logged: Callable[..., Reader]) -> None:
    values = [5.0] * 300
    values[101], values[207] = 9.0, 1.0
    rows: Rows = [(0, 1, "acc", value, k, False) for k, value in enumerate(values)]
    found = curves(logged([*line([1.0]), *rows]), "acc", points=20)["trials"]
    assert {1.0, 9.0} <= set(found["values"][0])


def test_without_steps_values_are_counted(logged: Callable[..., Reader]) -> None:
    reader = logged(
        [*line([3.0, 2.0, 1.0], first=None), (1, 1, "loss", 5.0, 0, True), (1, 1, "loss", 4.0, 0, True)]
    )
    found = curves(reader)
    assert (found["step_name"], found["trials"]["steps"]) == ("count", [[1, 2, 3], [1, 2]])


def test_without_steps_thinned_lines_are_counted_too(logged: Callable[..., Reader]) -> None:
    rows: Rows = []
    for k in range(100):
        rows += [(0, 1, "other", 0.0, None, False), (0, 1, "loss", float((k - 30) ** 2), None, True)]
    found = curves(logged(rows), points=20)["trials"]
    steps, values = found["steps"][0], found["values"][0]
    assert {1, 31, 100} <= set(steps)
    assert len(steps) <= 20
    assert values == [float((step - 31) ** 2) for step in steps]


@pytest.mark.parametrize("mode", [None, PauseMode.CHECKPOINT])
@pytest.mark.parametrize(
    "steps", [[None, None, 10, 5], [3, None, 4, 5], [1, 2, 3, None], [None, 1, 2, 3]], ids=str
)
def test_where_any_step_is_missing_all_values_are_counted(
    logged: Callable[..., Reader], steps: list[int | None], mode: PauseMode | None
) -> None:
    rows: Rows = [(0, 1, "loss", float(k), step, True) for k, step in enumerate(steps)]
    reader = logged([*rows, *line([7.0, 6.0], trial=1, first=20)], **staged(mode))
    for points in (100, 4):
        found = curves(reader, points=points)["trials"]
        assert found["steps"][1] == [1, 2]
        assert found["values"][0] == [step - 1.0 for step in found["steps"][0]]
    assert curves(reader)["trials"]["steps"][0] == [1, 2, 3, 4]


@pytest.mark.parametrize("mode", [None, PauseMode.CHECKPOINT])
def test_a_line_ascends_in_whatever_order_its_steps_came(
    logged: Callable[..., Reader], mode: PauseMode | None
) -> None:
    rows: Rows = [(0, 1, "loss", float(step), step, True) for step in (9, 3, 7, 1)]
    rows += [(0, 2, "loss", float(step), step, True) for step in (8, 5)]
    found = curves(logged(rows, **staged(mode)))["trials"]
    steps = [5, 8] if mode is None else [1, 3, 5, 8]
    assert (found["steps"], found["values"]) == ([steps], [[float(step) for step in steps]])


def staged(mode: PauseMode | None) -> dict[str, Any]:
    """Settings of a sweep whose trials go on in that way."""
    scheduler = {"type": "hyperband", "max_resource": 9, "min_resource": 1, "reduction_factor": 3}
    return {} if mode is None else {"scheduler": scheduler, "pausing": Pausing(mode=mode)}


def test_the_door_that_does_not_count_is_left_out(logged: Callable[..., Reader]) -> None:
    reader = logged(
        [(0, 1, "loss", 1.0, 1, True), (0, 1, "loss", 7.0, 1, False), (0, 1, "loss", 2.0, 2, True)]
    )
    assert curves(reader)["trials"]["values"] == [[1.0, 2.0]]


def test_a_line_is_that_of_the_latest_attempt(logged: Callable[..., Reader]) -> None:
    reader = logged([*line([9.0, 8.0, 7.0]), *line([3.0, 2.0], attempt=2), *line([1.0], trial=1)])
    assert curves(reader)["trials"] == {
        "trial": [0, 1],
        "steps": [[1, 2], [1]],
        "values": [[3.0, 2.0], [1.0]],
    }


def test_a_trial_whose_latest_attempt_has_not_logged_it_yet_has_no_line(
    logged: Callable[..., Reader],
) -> None:
    reader = logged([*line([9.0, 8.0]), (0, 2, "lr", 0.1, 1, False), *line([1.0], trial=1)])
    assert curves(reader)["trials"]["trial"] == [1]


def test_earlier_attempts_make_a_line_no_thinner(logged: Callable[..., Reader]) -> None:
    rows = [*line([1.0] * 30, first=None), *line([2.0] * 30, attempt=2), (0, 2, "lr", 0.1, 1, False)]
    found = curves(logged(rows), points=30)
    assert (found["is_thinned"], found["trials"]["steps"]) == (False, [list(range(1, 31))])


def test_attempts_that_go_on_from_checkpoints_are_one_line(logged: Callable[..., Reader]) -> None:
    rows = [*line([9.0, 8.0, 7.0, 6.0]), *line([7.5, 6.5, 5.5], attempt=2, first=3)]
    reader = logged(rows, **staged(PauseMode.CHECKPOINT))
    assert curves(reader)["trials"] == {
        "trial": [0],
        "steps": [[1, 2, 3, 4, 5]],
        "values": [[9.0, 8.0, 7.5, 6.5, 5.5]],
    }


def test_a_metric_that_nobody_logged_is_refused_with_the_nearest(logged: Callable[..., Reader]) -> None:
    reader = logged([*line([1.0]), (0, 1, "accuracy", 1.0, 1, False)])
    with pytest.raises(RequestError, match="has logged 'acuracy'") as error:
        curves(reader, "acuracy")
    assert error.value.hint == "did you mean 'accuracy'? there is accuracy, loss"


def test_without_a_primary_metric_one_has_to_be_named(logged: Callable[..., Reader]) -> None:
    reader = logged([(0, 1, "time", 1.0, 1, False)], objective=None)
    with pytest.raises(RequestError, match="no primary metric"):
        curves(reader)
    assert curves(reader, "time")["trials"]["values"] == [[1.0]]


def test_before_the_first_report_there_are_no_lines(logged: Callable[..., Reader]) -> None:
    assert curves(logged([]))["trials"] == {"trial": [], "steps": [], "values": []}


@pytest.mark.parametrize("others", [0, 1])
def test_values_are_counted_alike_whether_something_else_was_logged_or_not(
    logged: Callable[..., Reader], others: int
) -> None:
    rows: Rows = []
    for trial in range(3):
        for k in range(90 + trial):
            rows += [(trial, 1, "other", 0.0, None, False)] * others
            rows.append((trial, 1, "loss", float((k - 40) ** 2), None, True))
    reader = logged(rows)
    for points in (60, 10_000):
        found = curves(reader, points=points)["trials"]
        for trial, steps, values in zip(*found.values(), strict=True):
            assert {1, 41, 90 + trial} <= set(steps)
            assert steps == sorted(set(steps))
            assert values == [float((step - 41) ** 2) for step in steps]
