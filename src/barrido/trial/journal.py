"""The metric journals' format, version 1: what trials append and the controller follows.

One JSON object a line, in UTF-8, ended by a newline; a line without its newline is not there yet.
Two forms, for every door:

    {"name": "loss", "value": 0.12, "step": 3, "time": 1735689600.5}
    {"metrics": {"loss": 0.12, "accuracy": 0.9}, "step": 3, "time": 1735689600.5}

``step`` (an integer) and ``time`` (seconds since the epoch) may be missing. A value is a number, or
one of the strings "NaN", "Infinity", "-Infinity"; bare ``NaN`` and ``null`` are read as NaN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from barrido.trial.entry import NAME_CHARS, append, check_name, check_step, format_line

__all__ = ["NAME_CHARS", "Line", "append", "format_line", "parse_line"]

_INFINITE = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True, slots=True)
class Line:
    metrics: Mapping[str, float]
    step: int | None
    time: float | None


def parse_line(raw: bytes) -> Line:
    """Read one line, with or without its newline. Raises ValueError that says what is wrong with it."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError('not an object like {"name": "loss", "value": 0.12}')
    if "metrics" in body:
        if not isinstance(body["metrics"], dict):
            raise ValueError('"metrics" is not an object of numbers by name')
        pairs = list(body["metrics"].items())
    elif "name" in body and "value" in body:
        pairs = [(body["name"], body["value"])]
    else:
        raise ValueError('neither "metrics" nor "name" and "value" in it')
    metrics = {check_name(name): _value(name, value) for name, value in pairs}
    return Line(metrics, _step(body), _time(body))


def _step(body: Mapping[str, object]) -> int | None:
    step = body.get("step")
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if step is None:
        return None
    if not isinstance(step, int) or isinstance(step, bool):
        raise ValueError(f'"step" is not a whole number (got {step!r})')
    return check_step(step)


def _time(body: Mapping[str, object]) -> float | None:
    if body.get("time") is None:
        return None
    time = _number('"time"', body["time"])
    if not isfinite(time):
        raise ValueError(f'"time" is not a number of seconds (got {time!r})')
    return time


def _value(name: object, value: object) -> float:
    # JSON.stringify and others write NaN as null.
    return nan if value is None else _number(f"the value of {name!r}", value)


def _number(what: str, value: object) -> float:
    if isinstance(value, str) and value in _INFINITE:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} is not a number (got {value!r})")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is larger than any number") from None
