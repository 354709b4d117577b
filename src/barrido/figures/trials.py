"""The trials of a sweep as columns: every view's table.

Each column is a list with an entry a trial, by number. Values are in the user's scale, NaN and the infinities
are words, as `barrido.core.wire.number_to_json` has them; what is not there is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from barrido import app
from barrido.core.wire import expectation_to_json, number_to_json
from barrido.figures.dimensions import columns_of, names_of
from barrido.sdk.progress import TRIAL_STATUS
from barrido.store.queries import Reader, TrialRow


def table(reader: Reader, numbers: Sequence[int] | None = None) -> dict[str, Any]:
    """All trials, or those in ``numbers`` that there are. ``params`` has a column a parameter."""
    space = reader.sweep().recipe.space
    rows = reader.trials(numbers)
    return {
        "number": [row.number for row in rows],
        "status": [TRIAL_STATUS[row.phase] for row in rows],
        "phase": [row.phase.value for row in rows],
        "attempt": [row.attempt for row in rows],
        "value": [_value(row.best_value) for row in rows],
        "last": [_value(row.last_value) for row in rows],
        "reports": [row.reports for row in rows],
        "step": [row.last_step for row in rows],
        "queued_at": [row.queued_at for row in rows],
        "started_at": [row.started_at for row in rows],
        "ended_at": [row.ended_at for row in rows],
        "exit_code": [row.exit_code for row in rows],
        "failure": [row.failure and str(row.failure) for row in rows],
        "reason": [row.reason for row in rows],
        "warm": [int(row.warm) for row in rows],
        "until": [row.until for row in rows],
        "expected": [expectation_to_json(row.expected) for row in rows],
        "note": [row.note for row in rows],
        "tags": [dict(row.tags) for row in rows],
        "origin": [row.origin for row in rows],
        "rungs": [_rungs(row) for row in rows],
        "params": columns_of([row.params for row in rows], list(names_of(space))),
    }


def row(reader: Reader, number: int) -> dict[str, Any]:
    """One trial: the same keys, each with its value alone. Raises TrialNotFound."""
    columns = table(reader, [number])
    if not columns["number"]:
        raise app.no_trial(reader, number)
    params: Mapping[str, list[Any]] = columns.pop("params")
    one = {name: column[0] for name, column in columns.items()}
    return {**one, "params": {name: column[0] for name, column in params.items()}}


def _value(value: float | None) -> float | str | None:
    return None if value is None else number_to_json(value)


def _rungs(row: TrialRow) -> dict[str, float | None]:
    return {str(resource): value for resource, value in row.rungs.items()}
