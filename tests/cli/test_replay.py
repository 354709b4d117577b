"""``barrido job replay``: the proof, and the tables of what would have been."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from barrido.core.layout import SweepFolder


@pytest.fixture
def curves(tale: Callable[..., Any]) -> SweepFolder:
    """A sweep called iris: trial 1 is the best, trial 2 far behind, trial 3 fails."""
    told = tale(points=[{"lr": k / 10} for k in range(4)])
    for trial in range(4):
        told.launch(trial)
    for step in range(6):
        for trial, height in enumerate((0.7, 0.9, 0.2)):
            told.report(trial, height - 0.1 / (step + 1))
    for trial in range(3):
        told.end(trial)
    told.end(3, 1, "no luck")
    folder: SweepFolder = told.folder
    return folder


def rows(said: Any) -> list[list[str]]:
    return [line.split() for line in said.out.splitlines()]


def test_a_log_that_tells_what_happened_is_proven_in_one_line(
    barrido: Callable[..., Any], curves: SweepFolder
) -> None:
    said = barrido("job", "replay", "iris")
    assert said.code == 0
    assert said.out == (
        "iris: replay equals history: 28 events led to the same 6 decisions and 4 trials again\n"
    )
    data = json.loads(barrido("job", "replay", "iris", "-o", "json").out)
    assert data == {
        "name": "iris", "events": 28, "decisions": 6, "trials": 4, "phase": "completed", "equal": True,
    }  # fmt: skip


def test_a_sweep_that_runs_is_proven_so_far(barrido: Callable[..., Any], running: Any) -> None:
    assert barrido("job", "replay", "iris").out.endswith("again, as far as it has come (running)\n")


def test_a_log_that_does_not_is_an_error(barrido: Callable[..., Any], curves: SweepFolder) -> None:
    with sqlite3.connect(curves.db) as db:
        db.execute("UPDATE trials SET reports = 5 WHERE number = 1")
    db.close()
    said = barrido("job", "replay", "iris")
    assert (said.code, said.out) == (1, "")
    assert "error: trial 1 is shown with reports = 5, but the log leads to 6" in said.err


def test_a_policy_is_told_beside_what_happened(barrido: Callable[..., Any], curves: SweepFolder) -> None:
    said = barrido("job", "replay", "iris", "--policy", "bandit", "--set", "slack_amount=0.5")
    assert said.code == 0
    head, was, would, *_ = rows(said)
    assert head == [
        "rule",
        "trials",
        "stopped",
        "at",
        "reports",
        "saved",
        "Accuracy",
        "rank",
        "trial",
        "1",
        "time",
    ]
    assert was[:9] == ["as", "it", "was", "4", "0", "-", "18", "-", "0.883333"]
    assert would[:9] == ["bandit", "slack_amount=0.5", "4", "1", "1", "13", "28%", "0.883333", "1"]
    assert would[9] == "survives"
    assert would[10].startswith("~")


def test_a_best_trial_that_is_stopped_is_told(barrido: Callable[..., Any], tale: Callable[..., Any]) -> None:
    told = tale(points=[{"lr": 0.1}, {"lr": 0.2}])
    told.launch(0)
    told.launch(1)
    for slow, quick in ((0.1, 0.5), (0.2, 0.5), (0.9, 0.5)):
        told.report(0, quick)
        told.report(1, slow)
    told.end(0)
    told.end(1)
    asha = "{type: asha, variant: stopping, max_resource: 3}"
    said = barrido("job", "replay", "iris", "--scheduler", asha)
    assert "stopped at 1" in said.out
    data = json.loads(barrido("job", "replay", "iris", "--scheduler", asha, "-o", "json").out)
    (found,) = data["what_if"]
    assert (found["best_survives"], found["best_reached"], found["rank"]) == (False, 0.1, 2)
    assert (found["best_trial"], found["best_value"]) == (0, 0.5)
    assert data["history"]["best_value"] == 0.9


def test_everything_is_in_the_json(barrido: Callable[..., Any], curves: SweepFolder) -> None:
    data = json.loads(
        barrido("job", "replay", "iris", "--policy", "{type: bandit, slack_amount: 0.5}", "-o", "json").out
    )
    assert data["objective"] == {"primary_metric": "Accuracy", "goal": "maximize"}
    assert data["history"]["reports"] == 18
    (found,) = data["what_if"]
    assert found["early_termination"]["slack_amount"] == 0.5
    assert found["scheduler"] == {"type": "fifo"}
    assert (found["reports"], found["saved_reports"], found["saved_percent"]) == (13, 5, 27.78)
    assert (found["best_survives"], found["rank"], found["cut"]) == (True, 1, 0)
    assert [run["status"] for run in found["runs"]] == ["completed", "completed", "pruned", "failed"]
    assert "is below" in found["runs"][2]["reason"]


def test_all_rules_stand_side_by_side(barrido: Callable[..., Any], curves: SweepFolder) -> None:
    said = barrido("job", "replay", "iris", "--policy", "all")
    assert [row[0] for row in rows(said)[1:10]] == [
        "as", "fifo", "bandit", "median_stopping", "truncation_selection", "successive_halving", "hyperband",
        "asha", "asha",
    ]  # fmt: skip
    assert barrido("job", "replay", "iris", "--scheduler", "all").out == said.out


def test_trials_that_were_cut_short_are_told(barrido: Callable[..., Any], tale: Callable[..., Any]) -> None:
    told = tale(points=[{"lr": 0.1}, {"lr": 0.2}])
    told.launch(0)
    told.report(0, 0.5, 0.6)
    said = barrido("job", "replay", "iris", "--scheduler", "fifo")
    assert said.code == 0
    assert "note (fifo): 1 trial ends with its record: how it would have gone on, nobody knows" in said.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--policy", "bandt"], "did you mean 'bandit'?"),
        (["--policy", "nowhere.yml"], "there is no file 'nowhere.yml'"),
        (["--scheduler", "hyperband"], "max_resource: is missing"),
        (["--set", "slack_factor=1"], "--set gives a setting of a policy or scheduler"),
        (["--policy", "all", "--set", "slack_factor=1"], "`all` takes no other"),
        (["--policy", "all", "--scheduler", "fifo"], "`all` takes no other"),
    ],
)
def test_mistakes(barrido: Callable[..., Any], curves: SweepFolder, args: list[str], message: str) -> None:
    said = barrido("job", "replay", "iris", *args)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_there_must_be_something_on_record(barrido: Callable[..., Any], tale: Callable[..., Any]) -> None:
    tale()
    said = barrido("job", "replay", "iris", "--policy", "all")
    assert said.code == 2
    assert "no trial of 'iris' has reported 'Accuracy'" in said.err


def test_replay_leaves_the_sweep_as_it_was(barrido: Callable[..., Any], curves: SweepFolder) -> None:
    def content() -> list[str]:
        with closing(sqlite3.connect(curves.db)) as db:
            return list(db.iterdump())

    before = content()
    barrido("job", "replay", "iris")
    barrido("job", "replay", "iris", "--policy", "all")
    assert content() == before
