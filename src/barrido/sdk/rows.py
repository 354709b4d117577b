"""Trials as rows of a table: the same in ``barrido job trials`` and at the end of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from barrido.core.recipe import Goal
from barrido.sdk.table import Column, natural_width, table
from barrido.sdk.wording import (
    COLORS,
    NOTHING,
    Paint,
    clean,
    expectation_text,
    number,
    one_line,
    params_text,
    rung_text,
    took,
    unpainted,
    value_text,
)
from barrido.store.queries import TrialRow


def best_first(trials: Sequence[TrialRow], goal: Goal | None) -> list[TrialRow]:
    """Those with a value first, the best of them at the top; ties and the rest by number."""
    sign = goal.sign if goal else 1.0
    return sorted(
        trials,
        key=lambda t: (t.best_value is None, 0.0 if t.best_value is None else sign * t.best_value, t.number),
    )


def trials_table(
    trials: Sequence[TrialRow],
    *,
    metric: str | None,
    at: float,
    width: int | None,
    paint: Paint = unpainted,
) -> list[str]:
    """A column for each parameter if there is room for them, one for all of them otherwise."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    spread = [Column(clean(name), right=_is_numeric(trials, name)) for name in names]
    rows = [
        [value_text(trial.params[name]) if name in trial.params else NOTHING for name in names]
        for trial in trials
    ]
    columns, cells = _around(trials, spread, rows, metric, at, paint)
    if names and width is not None and natural_width(columns, cells, least=True) > width:
        rows = [[params_text(trial.params)] for trial in trials]
        columns, cells = _around(trials, [Column("parameters", cut=True)], rows, metric, at, paint)
    head, *lines = table(columns, cells, width=width)
    return [paint(head, dim=True), *lines]


def _around(
    trials: Sequence[TrialRow],
    params: Sequence[Column],
    cells: Sequence[Sequence[str]],
    metric: str | None,
    at: float,
    paint: Paint,
) -> tuple[list[Column], list[list[str]]]:
    """The columns of parameters, with what else there is to know of a trial before and behind them."""
    measured = [] if metric is None else [Column(clean(metric), right=True), Column("reports", right=True)]
    columns = [
        Column("trial", right=True),
        Column("status", paint=partial(status_painted, paint=paint)),
        *params,
        *measured,
        Column("time", right=True),
    ]
    rows = [
        [
            str(trial.number),
            str(trial.phase),
            *mine,
            *([] if metric is None else [number(trial.best_value), str(trial.reports)]),
            took(trial.started_at, trial.ended_at, at=at),
        ]
        for trial, mine in zip(trials, cells, strict=True)
    ]
    expected = [expectation_text(trial.expected) for trial in trials]
    if metric is not None and any(expected):
        place = 2 + len(params)
        columns.insert(place, Column("expected", right=True))
        rows = [[*row[:place], one or NOTHING, *row[place:]] for row, one in zip(rows, expected, strict=True)]
    rungs = [rung_text(trial) for trial in trials]
    if any(rungs):
        columns.insert(-1, Column("rung", right=True))
        rows = [[*row[:-1], one or NOTHING, row[-1]] for row, one in zip(rows, rungs, strict=True)]
    for name, texts in (
        ("reason", [one_line(trial.reason) for trial in trials]),
        ("origin", [one_line(trial.origin) for trial in trials]),
        ("note", [one_line(trial.note) for trial in trials]),
    ):
        if any(texts):
            columns.append(Column(name, cut=True))
            rows = [[*row, text] for row, text in zip(rows, texts, strict=True)]
    return columns, rows


def _is_numeric(trials: Sequence[TrialRow], name: str) -> bool:
    values = [trial.params[name] for trial in trials if name in trial.params]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def status_painted(text: str, *, paint: Paint) -> str:
    """A status, already padded for its column, in its colour."""
    color = COLORS.get(text.strip())
    return paint(text, color) if color else text
