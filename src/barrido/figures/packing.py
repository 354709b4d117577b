"""What a page carries of a sweep, made small enough to be sent to somebody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

MANY = 2000
"""Beyond so many trials, only those in the report's table keep their texts, and numbers are rounded."""
TEXTS: Mapping[str, Any] = {"reason": "", "note": "", "tags": {}, "expected": None, "rungs": {}}
"""Columns, with what stands in them for trials that do not keep theirs."""
PRIVATE = ("folder", "mlflow", "recipe")
"""What of a sweep says more about a machine than about the sweep: paths, addresses, environment variables."""


def packed_sweep(overview: Mapping[str, Any]) -> dict[str, Any]:
    """The Overview without what is nobody else's business; of the recipe, the command stays."""
    shown = {name: value for name, value in overview.items() if name not in PRIVATE}
    return {**shown, "command": overview["recipe"]["work"]["command"]}


def packed_trials(table: Mapping[str, Any], *, keep: Collection[int]) -> dict[str, Any]:
    """The Trials. A column that holds the same everywhere is written once, as ``{"all": value}``.

    ``keep``: the numbers of the trials whose texts stay if there are many of them.
    """
    columns = {name: column for name, column in table.items() if name != "params"}
    params: Mapping[str, Any] = table["params"]
    if len(columns["number"]) > MANY:
        is_kept = [number in keep for number in columns["number"]]
        for name, empty in TEXTS.items():
            columns[name] = [
                value if kept else empty for value, kept in zip(columns[name], is_kept, strict=True)
            ]
        columns, params = rounded(columns), rounded(params)
    return {
        **{name: _folded(column) for name, column in columns.items()},
        "params": {name: _folded(column) for name, column in params.items()},
    }


def _folded(column: list[Any]) -> Any:
    is_same = len(column) > 1 and all(value == column[0] for value in column)
    return {"all": column[0]} if is_same else column


def rounded(data: Any) -> Any:
    """``data`` with numbers as exact as a picture can show: 7 digits, points in time to the millisecond.

    >>> rounded({"lr": [0.12345678901, 1763843234.123456, 3, "Infinity"]})
    {'lr': [0.1234568, 1763843234.123, 3, 'Infinity']}
    """
    match data:
        case float():
            return round(data, 3) if abs(data) >= 1e6 else float(f"{data:.7g}")
        case list() | tuple():
            return [rounded(item) for item in data]
        case Mapping():
            return {name: rounded(item) for name, item in data.items()}
        case _:
            return data
