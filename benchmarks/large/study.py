"""A sweep as a study of Optuna: the same trials, parameters and reports, for optuna-dashboard to show.

Optuna's own way to add trials takes 70 ms for each of them, which for 10,000 trials of 100 reports is an
hour; so its database is made by Optuna, and filled with the rows that Optuna would have written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Goal
from barrido.core.trial import Phase
from barrido.figures.trials import table
from barrido.store.queries import Reader, TrialRow

STATES: Mapping[Phase, str] = {Phase.COMPLETED: "COMPLETE", Phase.PRUNED: "PRUNED"}
"""Optuna's word; whatever else became of a trial is FAIL there."""


def make_study(folder: SweepFolder, path: Path) -> str:
    """Write the finished sweep in ``folder`` into a new Optuna database at ``path``; its storage's URL."""
    import optuna

    url = f"sqlite:///{path}"
    with Reader(folder) as reader:
        objective = reader.sweep().recipe.objective
        assert objective is not None
        maximizes = objective.goal is Goal.MAXIMIZE
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        direction = (
            optuna.study.StudyDirection.MAXIMIZE if maximizes else optuna.study.StudyDirection.MINIMIZE
        )
        optuna.create_study(storage=url, study_name=folder.name, direction=direction)
        trials, params = reader.trials(), table(reader)["params"]
    choices = {name: _choices(column) for name, column in params.items() if not _is_numeric(column)}
    db, source = sqlite3.connect(path), sqlite3.connect(folder.db)
    with db:
        db.executemany("INSERT INTO trials VALUES (?, ?, 1, ?, ?, ?)", map(_trial, trials))
        db.executemany(
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)"
            " VALUES (?, ?, ?, ?)",
            (row for name, column in params.items() for row in _param(name, column, choices.get(name))),
        )
        db.executemany(
            "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, 0, ?, 'FINITE')",
            ((t.number + 1, t.best_value) for t in trials if t.phase in STATES and t.best_value is not None),
        )
        db.executemany(
            "INSERT INTO trial_intermediate_values"
            " (trial_id, step, intermediate_value, intermediate_value_type) VALUES (?, ?, ?, ?)",
            source.execute(
                "SELECT trial + 1, row_number() OVER (PARTITION BY trial ORDER BY seq), value,"
                " CASE WHEN value IS NULL THEN 'NAN' ELSE 'FINITE' END FROM metrics WHERE counts"
            ),
        )
    source.close()
    db.close()
    return url


def _trial(trial: TrialRow) -> tuple[Any, ...]:
    times = (trial.started_at or trial.queued_at, trial.ended_at or trial.queued_at)
    texts = (datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S.%f") for at in times)
    return (trial.number + 1, trial.number, STATES.get(trial.phase, "FAIL"), *texts)


def _param(name: str, column: list[Any], choices: list[Any] | None) -> Iterator[tuple[Any, ...]]:
    """The rows of one parameter; trials that lack it have none. The trial of row k is number k."""
    attributes: dict[str, Any]
    if choices is not None:
        kind, attributes = "CategoricalDistribution", {"choices": choices}
    elif any(isinstance(value, float) for value in column):
        kind, attributes = "FloatDistribution", {"step": None, "low": 1e-9, "high": 1e9, "log": False}
    else:
        kind, attributes = "IntDistribution", {"step": 1, "low": 0, "high": 10_000, "log": False}
    distribution = json.dumps({"name": kind, "attributes": attributes})
    for number, value in enumerate(column):
        if value is not None:
            yield number + 1, name, float(choices.index(value) if choices else value), distribution


def _is_numeric(column: list[Any]) -> bool:
    known = [value for value in column if value is not None]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def _choices(column: list[Any]) -> list[Any]:
    """The values of a parameter that is no number, in the order in which they came."""
    return list(dict.fromkeys(value for value in column if value is not None))
