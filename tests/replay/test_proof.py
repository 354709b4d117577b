"""Replay equals history, and says so where it does not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from barrido.core.events import PauseMode, Requested, Verb
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Goal, Limits, Objective, Pausing
from barrido.core.state import SweepPhase
from barrido.errors import HistoryMismatch
from barrido.executors.sim import Fault, SimWorld
from barrido.replay.proof import prove
from barrido.replay.record import read_history
from barrido.replay.simulation import what_if
from barrido.store.queries import Reader

RULES: list[dict[str, Any]] = [
    {},
    {"policy": {"type": "bandit", "slack_factor": 0.1}},
    {"policy": {"type": "median_stopping", "delay_evaluation": 3}},
    {"policy": {"type": "truncation_selection", "truncation_percentage": 30}},
    {"scheduler": {"type": "hyperband", "max_resource": 9}},
    {"scheduler": {"type": "asha", "max_resource": 9, "variant": "promotion"}},
    {"scheduler": {"type": "asha", "max_resource": 9, "variant": "stopping"}},
]


def change(folder: SweepFolder, sql: str) -> None:
    with sqlite3.connect(folder.db) as db:
        db.execute(sql)
    db.close()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: " ".join(one["type"] for one in rule.values()))
@pytest.mark.parametrize("mode", list(PauseMode))
def test_replay_equals_history(
    ran: Callable[..., SweepFolder], rule: dict[str, Any], mode: PauseMode
) -> None:
    proof = prove(ran(**rule, pausing=Pausing(mode=mode)))
    assert (proof.name, proof.trials, proof.phase) == ("iris", 17, SweepPhase.COMPLETED)
    assert proof.events > proof.trials
    assert proof.decisions > proof.trials


def test_a_sweep_whose_trials_fail_and_report_no_numbers_is_proven_too(
    ran: Callable[..., SweepFolder],
) -> None:
    faults = {1: Fault(exit_code=3, ends_after=2), 2: Fault(nan_from=1), 4: Fault(lost_after=2)}
    world = SimWorld(
        lambda params, step: params["x"],
        steps=3,
        metric="acc",
        faults=lambda order: faults.get(order.trial, Fault()) if order.attempt == 1 else Fault(),
    )
    assert prove(ran(world=world)).phase is SweepPhase.COMPLETED
    silent = SimWorld(lambda params, step: 0.0, steps=0)
    assert prove(ran("silent", world=silent)).phase is SweepPhase.FAILED


@pytest.mark.parametrize("looks", [1, 7, 30])
def test_a_sweep_that_runs_is_proven_as_far_as_it_has_come(
    ran: Callable[..., SweepFolder], looks: int
) -> None:
    proof = prove(ran(looks=looks))
    assert proof.phase is SweepPhase.RUNNING
    assert 3 <= proof.trials < 17


def test_a_sweep_that_nobody_began_is_proven_by_nothing(ran: Callable[..., SweepFolder]) -> None:
    folder = ran()
    for table in ("events", "trials", "metrics"):
        change(folder, f"DELETE FROM {table}")
    assert prove(folder).events == 0


def test_a_reason_that_is_worded_otherwise_today_stays_as_it_is_on_record(
    ran: Callable[..., SweepFolder],
) -> None:
    folder = ran(policy={"type": "bandit", "slack_factor": 0.1})
    change(folder, "UPDATE events SET actions = replace(actions, 'best is trial', 'the best was')")
    change(folder, "UPDATE trials SET reason = replace(reason, 'best is trial', 'the best was')")
    with Reader(folder) as reader:
        assert any("the best was" in trial.reason for trial in reader.trials())
    prove(folder)


def test_a_decision_that_was_not_made_is_found(ran: Callable[..., SweepFolder]) -> None:
    folder = ran(policy={"type": "bandit", "slack_factor": 0.1})
    change(
        folder,
        "UPDATE events SET actions = '[]' WHERE seq ="
        " (SELECT max(seq) FROM events WHERE actions LIKE '%stop%')",
    )
    with pytest.raises(HistoryMismatch, match=r"event \d+ \(reported\) leads to other decisions"):
        prove(folder)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE trials SET reports = 5 WHERE number = 4", "trial 4 is shown with reports = 5, but .* to 12"),
        ("UPDATE trials SET phase = 'failed' WHERE number = 4", "phase = failed, but .* leads to completed"),
        ("UPDATE sweep SET best_trial = 99", "the sweep is shown with best_trial = 99"),
        ("DELETE FROM trials WHERE number = 16", "trial 16 is only in the log"),
        ("UPDATE trials SET number = 17 WHERE number = 2", "trial 2 is only in the log"),
    ],
)
def test_what_is_shown_and_did_not_happen_is_found(
    ran: Callable[..., SweepFolder], sql: str, what: str
) -> None:
    folder = ran()
    change(folder, sql)
    with pytest.raises(HistoryMismatch, match=what):
        prove(folder)


@pytest.mark.parametrize(
    "rule", [{}, {"scheduler": {"type": "hyperband", "max_resource": 9}}], ids=["plain", "rungs"]
)
def test_a_sweep_that_people_added_to_and_wrote_on_is_proven_and_asked_what_if(
    ran: Callable[..., SweepFolder], rule: Mapping[str, Any]
) -> None:
    wishes = [
        (3, Requested("a", Verb.ENQUEUE, 0.0, changes={"params": {"x": 0.99}}, origin="cli")),
        (5, Requested("b", Verb.RERUN, 0.0, trial=1)),
        (6, Requested("c", Verb.ANNOTATE, 0.0, trial=1, changes={"note": "why", "tags": {"k": "v"}})),
        (99, Requested("d", Verb.ANNOTATE, 0.0, changes={"note": "over", "tags": {"of": None, "k": "v"}})),
        (99, Requested("e", Verb.ANNOTATE, 0.0, trial=2, changes={"note": "late"})),
    ]
    folder = ran(wishes=wishes, tags={"of": "recipe", "is": "kept"}, **rule)
    proof = prove(folder)
    assert (proof.phase, proof.trials) == (SweepPhase.COMPLETED, 19)
    with Reader(folder) as reader:
        sweep, trials = reader.sweep(), reader.trials()
        assert sweep.ended_at is not None
        assert (sweep.note, sweep.tags) == ("over", {"is": "kept", "k": "v"})
        assert [(t.number, t.note, t.tags) for t in trials if t.note] == [
            (1, "why", {"k": "v"}),
            (2, "late", {}),
        ]
        assert sorted(t.origin for t in trials if t.origin) == ["by hand, by cli", "trial 1 again"]
        assert reader.by_hand() == 2
    if not rule:
        history = read_history(folder)
        asked = what_if(history, scheduler={"type": "fifo"})
        assert asked.saved == 0
        assert asked.course.best_trial == history.course.best_trial
        assert [run.trial for run in asked.course.runs] == list(range(19))


def test_a_sweep_that_compares_nothing_and_a_loss_are_proven(ran: Callable[..., SweepFolder]) -> None:
    limits = Limits(max_total_trials=3, max_concurrent_trials=2)
    assert prove(ran("grid", objective=None, limits=limits)).trials == 3
    assert prove(ran("loss", objective=Objective("acc", Goal.MINIMIZE), limits=limits)).trials == 3
