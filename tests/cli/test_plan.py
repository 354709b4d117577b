"""What a sweep is going to do, what it did at its rungs, and what of that was too much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import Paused
from barrido.core.recipe import Limits, Pausing

HYPERBAND = """
type: sweep
trial: {command: "echo ${{search_space.lr}}"}
search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
objective: {goal: maximize, primary_metric: Accuracy}
limits: {max_total_trials: 143, max_concurrent_trials: 2}
scheduler: {type: hyperband, max_resource: 81}
"""
RUNGS = {"max_resource": 3, "min_resource": 1, "reduction_factor": 3, "stop_last_trials": True}


@pytest.fixture
def file(workspace: Any) -> str:
    Path("sweep.yml").write_text(HYPERBAND)
    return "sweep.yml"


def test_the_plan_is_said_without_running_anything(
    barrido: Callable[..., Any], file: str, workspace: Any
) -> None:
    said = barrido("job", "plan", "-f", file, "--seconds-per-unit", "2")
    assert said.code == 0
    note, first, _, *brackets, waits, time = said.out.splitlines()
    assert "are suspended there" in note
    assert first == "hyperband: 143 trials, 1,581 reports, as much as 19.5 full trainings of 81"
    assert len(brackets) == 5
    assert waits == "trials that wait are suspended"
    assert time.startswith("time: about 26m 21s with 2 trials at a time")
    assert not workspace.root.exists()


def test_a_sweep_that_is_smaller_than_a_hyperband_says_how_it_shrinks(
    barrido: Callable[..., Any], file: str
) -> None:
    said = barrido("job", "plan", file, "--set", "limits.max_total_trials=20")
    assert (
        "max_total_trials 20 is smaller than a full Hyperband (143): trials begin at 9, not at 1" in said.out
    )
    assert "time: unknown until a trial has run" in said.out


def test_the_plan_is_data_too(barrido: Callable[..., Any], file: str) -> None:
    said = barrido("job", "plan", file, "-o", "json", "--set", "scheduler.pause=restart")
    data = json.loads(said.out)
    assert (data["trials"], data["resource"], data["unit"], data["seconds"]) == (143, 1902, "reports", None)
    assert data["pausing"]["mode"] == "restart"
    assert data["brackets"][0]["rungs"][1] == {"trials": 27, "resource": 3}
    assert [bracket["resource"] for bracket in data["brackets"]] == [405, 363, 351, 378, 405]


def test_mistakes_are_said_as_everywhere(barrido: Callable[..., Any], file: str) -> None:
    said = barrido("job", "plan", file, "--set", "scheduler.max_resource=0")
    assert said.code == 2
    assert "scheduler.max_resource: must be at least 1" in said.err


@pytest.fixture
def halved(tale: Callable[..., Any]) -> Any:
    """Three trials at their first rung, of which the last is promoted; one was not held in time."""
    told = tale(
        points=[{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}],
        scheduler={"type": "successive_halving", **RUNGS, "size": 3},
        pausing=Pausing(memory=2**30),
        limits=Limits(max_total_trials=3, max_concurrent_trials=1),
    )
    for trial in range(3):
        told.launch(trial)
        told.report(trial, *([trial / 10] * (2 if trial == 0 else 1)))
        told.tell(Paused(trial, 1, 0.0, 2**20))
    return told


def test_trials_that_wait_are_shown_with_their_rungs(barrido: Callable[..., Any], halved: Any) -> None:
    out = barrido("job", "trials", "iris").out.splitlines()
    assert out[0].split() == ["trial", "status", "lr", "Accuracy", "reports", "rung", "time", "reason"]
    assert "1→3" in out[3]
    data = json.loads(barrido("job", "show", "iris_2", "-o", "json").out)
    assert (data["until"], data["rungs"]) == (3, {"1": 0.2})
    assert "0.2 at 1, on its way to 3" in barrido("job", "show", "iris_2").out


def test_a_sweep_says_how_its_trials_are_scheduled_and_what_was_spent(
    barrido: Callable[..., Any], halved: Any
) -> None:
    assert "type=successive_halving max_resource=3 min_resource=1" in barrido("job", "show", "iris").out
    halved.launch(2)
    halved.report(2, 0.5, 0.6)
    for trial in range(3):
        halved.end(trial)
    out = barrido("job", "show", "iris").out
    assert "6 reports, as much as 2 full trainings of 3" in out
    assert "1 report more than the rungs needed" in out
    data = json.loads(barrido("job", "show", "iris", "-o", "json").out)
    assert data["scheduler"]["type"] == "successive_halving"
    assert data["pausing"]["mode"] == "suspend"


def test_a_sweep_is_created_with_its_plan_and_ends_with_its_account(
    barrido: Callable[..., Any], file: str
) -> None:
    Path("src").mkdir()
    line = '{"name": "Accuracy", "value": %s}\\n'
    Path("src/train.sh").write_text(f"""printf '{line * 6}' $1 $1 $1 $1 $1 $1 >> "$BARRIDO_METRICS"\n""")
    changes = {
        "trial.code": "src",
        "trial.command": "sh train.sh ${{search_space.lr}}",
        "limits.max_total_trials": "5",
        "scheduler.max_resource": "3",
        "scheduler.stop_last_trials": "true",
    }
    sets = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    said = barrido("job", "create", file, "--stream", *sets)
    assert said.code == 0, said.err
    assert said.out.startswith("hyperband: 5 trials, 11 reports, as much as 3.7 full trainings of 3\nbracket")
    assert "30 reports, as much as 10 full trainings of 3" in said.out
    assert re.search(r"\n\d+ reports more than the rungs needed: what is printed, or written to", said.out)
