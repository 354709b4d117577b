"""Bars: when trials ran, where, and when they waited."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from barrido.core.events import PauseMode
from barrido.core.recipe import Limits, Pausing
from barrido.core.trial import Phase
from barrido.executors.sim import NO_FAULT, Fault
from barrido.figures.timeline import timeline
from barrido.figures.trial import detail
from barrido.store.queries import Reader

Play = Callable[..., Reader]
HYPERBAND = {"type": "hyperband", "max_resource": 9, "min_resource": 1, "reduction_factor": 3}
BEGAN = 1_700_000_000.0


def bars(answer: dict[str, Any]) -> list[dict[str, Any]]:
    columns = answer["bars"]
    assert len({len(column) for column in columns.values()}) == 1
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def check(answer: dict[str, Any], workers: int) -> None:
    """No two bars of a slot, and none of a trial, lie over each other."""
    found = bars(answer)
    assert answer["slots"] <= workers
    assert [bar["from"] for bar in found] == sorted(bar["from"] for bar in found)
    lanes: dict[Any, list[dict[str, Any]]] = {}
    for bar in found:
        assert (bar["slot"] is None) == (bar["kind"] == "wait")
        lanes.setdefault(("trial", bar["trial"]), []).append(bar)
        if bar["slot"] is not None:
            assert 0 <= bar["slot"] < answer["slots"]
            lanes.setdefault(("slot", bar["slot"]), []).append(bar)
    for lane in lanes.values():
        assert all(one["to"] <= two["from"] for one, two in pairwise(lane))


def test_three_trials_on_two_slots(played: Play) -> None:
    reader = played(
        limits=Limits(max_total_trials=3, max_concurrent_trials=2),
        world={"steps": lambda params: 4 if params["x"] < 0.9 else 2},
        space={"x": {"type": "choice", "values": [0.1, 0.5, 0.95]}},
        sampler={"type": "grid"},
    )
    answer = timeline(reader)
    check(answer, 2)
    assert (answer["slots"], answer["start"], answer["end"]) == (2, BEGAN, BEGAN + 6)
    assert [(bar["trial"], bar["slot"], bar["from"] - BEGAN, bar["to"] - BEGAN) for bar in bars(answer)] == [
        (0, 0, 0.0, 4.0),
        (1, 1, 0.0, 4.0),
        (2, 0, 4.0, 6.0),
    ]
    assert answer["bars"]["end"] == ["completed"] * 3
    assert answer["bars"]["kind"] == ["run"] * 3


def test_what_still_runs_has_no_end(played: Play) -> None:
    answer = timeline(played(turns=3))
    assert answer["end"] is None
    still = [bar for bar in bars(answer) if bar["to"] is None]
    assert still
    assert all(bar["end"] == "" for bar in still)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("mode", PauseMode)
def test_trials_that_pause_wait_between_their_bars(played: Play, mode: PauseMode, workers: int) -> None:
    reader = played(
        scheduler=HYPERBAND,
        limits=Limits(max_total_trials=17, max_concurrent_trials=workers),
        pausing=Pausing(mode=mode),
    )
    answer = timeline(reader)
    check(answer, workers)
    found = bars(answer)
    for row in reader.trials():
        own = [bar for bar in found if bar["trial"] == row.number]
        runs = [bar for bar in own if bar["kind"] == "run"]
        assert len(runs) == max(1, len(row.rungs))
        assert own[-1]["to"] == row.ended_at
        assert own[-1]["end"] == str(row.phase)
        assert all(bar["end"] == "" for bar in own[:-1])
        assert all(one["to"] == two["from"] for one, two in pairwise(own))
        assert detail(reader, row.number)["seconds"] == pytest.approx(
            sum(bar["to"] - bar["from"] for bar in runs)
        )
    reports = sum(bar["to"] - bar["from"] for bar in found if bar["kind"] == "run")
    assert reports >= 69  # a second each


def test_those_that_wait_have_an_open_bar(played: Play) -> None:
    reader = played(
        scheduler=HYPERBAND, limits=Limits(max_total_trials=17, max_concurrent_trials=1), turns=14
    )
    paused = {row.number for row in reader.trials() if row.phase is Phase.PAUSED}
    found = bars(timeline(reader))
    assert paused == {bar["trial"] for bar in found if bar["kind"] == "wait" and bar["to"] is None} != set()


def test_a_trial_whose_machine_went_away_has_a_bar_for_each_attempt(played: Play) -> None:
    def faults(order: Any) -> Fault:
        return Fault(lost_after=2) if order.trial == 1 and order.attempt == 1 else NO_FAULT

    reader = played(limits=Limits(max_total_trials=3, max_concurrent_trials=1), world={"faults": faults})
    answer = timeline(reader)
    check(answer, 1)
    assert [bar["trial"] for bar in bars(answer) if bar["kind"] == "run"] == [0, 1, 1, 2]
    assert [bar["end"] for bar in bars(answer) if bar["trial"] == 1][-1] == "completed"


def test_a_trial_that_could_not_be_started_has_no_bar(played: Play) -> None:
    reader = played(
        limits=Limits(max_total_trials=3, max_concurrent_trials=1, max_failed_trials=5),
        world={"faults": lambda order: Fault(no_launch="no room") if order.trial == 1 else NO_FAULT},
    )
    assert timeline(reader)["bars"]["trial"] == [0, 2]
