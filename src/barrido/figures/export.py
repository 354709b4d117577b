"""A sweep as a file for other programs: CSV with one row a trial, JSON with everything.

Both are made piece by piece: a sweep of 10,000 trials with 100 reports each is never in memory as a whole.

The JSON file is one object. Keys may be added to it; a change of what is there raises ``version``.

```
{"format": "barrido-sweep", "version": 1, "barrido": the version that wrote it,
 "sweep": {"name", "phase", "reason", "metric", "goal", "best_trial", "best_value",
           "created_at", "started_at", "ended_at", "note", "tags"},
 "recipe": what was asked for; of environment variables the names alone, as many hold keys and tokens,
 "limits": as they are now, after updates,
 "trials": [{"number", "status", "phase", "attempt", "params", "value", "last_value", "reports", "last_step",
             "until", "rungs": {resource: value}, "expected": {"mean", "spread", "improvement"} or null,
             "warm", "exit_code", "failure", "reason", "queued_at", "started_at", "ended_at", "note", "tags",
             "origin",
             "metrics": [{"name", "attempt", "door", "counts": [], "step": [], "value": [], "at": []}]}],
 "notes": [{"seq", "at", "trial", "text"}]}
```

Times are seconds since the epoch, values in the user's scale; NaN and the infinities are the texts "NaN",
"Infinity" and "-Infinity". A series of metrics holds the values of one name, attempt and door, in the order
in which they came; those that count were decided on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import barrido
from barrido.core.wire import dumps, expectation_to_json, number_to_json
from barrido.sdk.addresses import hide_secrets, without_secrets
from barrido.sdk.progress import TRIAL_STATUS
from barrido.store.queries import MetricRow, Reader, SweepRow, TrialRow

FORMAT, VERSION = "barrido-sweep", 1
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would calculate."""

_FIRST = ("number", "status", "phase", "value")
_TIMES = ("queued_at", "started_at", "ended_at")
_LAST = ("reason", "note")


def to_csv(reader: Reader) -> Iterator[str]:
    """A line for each trial, by number, below a line of names (RFC 4180).

    Columns: ``number``, ``status``, ``phase``, ``value`` (the best of the primary metric), each parameter,
    the last value of each metric, ``queued_at``, ``started_at``, ``ended_at`` (ISO 8601), ``reason`` and
    ``note``. Where a parameter and a metric, or one of them and a column of ours, have the same name, they
    are ``param.x`` and ``metric.x``. Texts that a spreadsheet would take for a formula have an apostrophe
    before them.
    """
    from barrido.figures import trials

    table = trials.table(reader)
    params: Mapping[str, Sequence[Any]] = table["params"]
    metrics = reader.metric_names()
    ours = {*_FIRST, *_TIMES, *_LAST}
    names = [
        *_FIRST,
        *(_distinct(name, "param.", {*ours, *metrics}) for name in params),
        *(_distinct(name, "metric.", {*ours, *params}) for name in metrics),
        *_TIMES,
        *_LAST,
    ]
    line, writer = _lines()
    writer.writerow(map(_cell, names))
    yield line()
    for row, number in enumerate(table["number"]):
        last = {metric.name: metric.value for metric in reader.metrics(number)} if metrics else {}
        writer.writerow(
            [
                number,
                *(_cell(table[name][row]) for name in _FIRST[1:-1]),
                _measured(table["value"][row]),
                *(_cell(values[row]) for values in params.values()),
                *(_measured(last.get(name)) for name in metrics),
                *(_moment(table[name][row]) for name in _TIMES),
                *(_cell(table[name][row]) for name in _LAST),
            ]
        )
        yield line()


def _distinct(name: str, prefix: str, others: Iterable[str]) -> str:
    """``name``, behind ``prefix`` where it could be taken for another column's."""
    return f"{prefix}{name}" if name in others or name.startswith(("param.", "metric.")) else name


def _lines() -> tuple[Any, Any]:
    """What gives the text that was written since it was last asked, and the writer."""
    text = StringIO()

    def line() -> str:
        written = text.getvalue()
        text.seek(0)
        text.truncate()
        return written

    return line, csv.writer(text)


def _cell(value: Any) -> Any:
    """
    >>> _cell("=1+1"), _cell(-1.5), _cell(True), _cell(None), _cell({"depth": 3})
    ("'=1+1", -1.5, 'true', '', '{"depth": 3}')
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case str():
            # Half a surrogate pair, as file names that are not UTF-8 have it, cannot be written to a file.
            text = value.encode(errors="backslashreplace").decode()
            return f"'{text}" if text.startswith(FORMULA) else text
        case _:
            return _cell(json.dumps(value, ensure_ascii=False))


def _measured(value: float | str | None) -> float | str:
    """A number that was measured, as other programs read it; NaN and the infinities are no formulas."""
    return "" if value is None else number_to_json(float(value))


def _moment(at: float | None) -> str:
    """
    >>> _moment(1.5), _moment(None)
    ('1970-01-01T00:00:01.500Z', '')
    """
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(reader: Reader) -> Iterator[str]:
    """The whole sweep as one JSON object, in pieces: see this module's text for its shape."""
    sweep = reader.sweep()
    head = {
        "format": FORMAT,
        "version": VERSION,
        "barrido": barrido.__version__,
        "sweep": _sweep(reader.folder.name, sweep),
        "recipe": _recipe(sweep),
        "limits": asdict(sweep.limits),
    }
    yield f'{dumps(head)[:-1]},\n"trials":[\n'
    before = ""
    for trial in reader.trials():
        yield f"{before}{dumps(_trial(reader, trial))}"
        before = ",\n"
    notes = [
        {"seq": note.seq, "at": note.at, "trial": note.trial, "text": note.text} for note in reader.notes()
    ]
    yield f'],\n"notes":{dumps(notes)}}}\n'


def _sweep(name: str, sweep: SweepRow) -> dict[str, Any]:
    objective = sweep.recipe.objective
    return {
        "name": name,
        "phase": str(sweep.phase),
        "reason": sweep.reason,
        "metric": objective.metric if objective else None,
        "goal": str(objective.goal) if objective else None,
        "best_trial": sweep.best_trial,
        "best_value": _value(sweep.best_value),
        "created_at": sweep.created_at,
        "started_at": sweep.started_at,
        "ended_at": sweep.ended_at,
        "note": sweep.note,
        "tags": dict(sweep.tags),
    }


def _recipe(sweep: SweepRow) -> dict[str, Any]:
    body = sweep.recipe.to_json()
    if body["tracking_uri"] is not None:
        body["tracking_uri"] = without_secrets(body["tracking_uri"])
    work = body["work"]
    shown = {
        "environment": None if work["environment"] is None else hide_secrets(work["environment"]),
        "environment_variables": list(work["environment_variables"]),
    }
    return {**body, "work": {**work, **shown}}


def _trial(reader: Reader, trial: TrialRow) -> dict[str, Any]:
    series: dict[tuple[str, int, str], list[MetricRow]] = {}
    for attempt in range(1, trial.attempt + 1):
        for row in reader.metrics(trial.number, attempt=attempt):
            series.setdefault((row.name, attempt, row.door), []).append(row)
    return {
        "number": trial.number,
        "status": TRIAL_STATUS[trial.phase],
        "phase": str(trial.phase),
        "attempt": trial.attempt,
        "params": trial.params,
        "value": _value(trial.best_value),
        "last_value": _value(trial.last_value),
        "reports": trial.reports,
        "last_step": trial.last_step,
        "until": trial.until,
        "rungs": {str(resource): _value(value) for resource, value in trial.rungs.items()},
        "expected": expectation_to_json(trial.expected),
        "warm": trial.warm,
        "exit_code": trial.exit_code,
        "failure": trial.failure and str(trial.failure),
        "reason": trial.reason,
        "queued_at": trial.queued_at,
        "started_at": trial.started_at,
        "ended_at": trial.ended_at,
        "note": trial.note,
        "tags": dict(trial.tags),
        "origin": trial.origin,
        "metrics": [
            {
                "name": name,
                "attempt": attempt,
                "door": door,
                "counts": [int(row.counts) for row in rows],
                "step": [row.step for row in rows],
                "value": [number_to_json(row.value) for row in rows],
                "at": [row.at for row in rows],
            }
            for (name, attempt, door), rows in series.items()
        ],
    }


def _value(value: float | None) -> float | str | None:
    return None if value is None else number_to_json(value)
