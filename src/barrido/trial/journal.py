"""The metric journals' format, version 1: what trials append and the controller follows.

One JSON object a line, in UTF-8, ended by a newline; a line without its newline is not there yet.
Two forms, for every door:

    {"name": "loss", "value": 0.12, "step": 3, "time": 1735689600.5}
    {"metrics": {"loss": 0.12, "accuracy": 0.9}, "step": 3, "time": 1735689600.5}

``step`` (an integer) and ``time`` (seconds since the epoch) may be missing. A value is a number, or
one of the strings "NaN", "Infinity", "-Infinity"; bare ``NaN`` is read as well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

NAME_CHARS = 250  # what MLflow allows


@dataclass(frozen=True, slots=True)
class Line:
    metrics: Mapping[str, float]
    step: int | None
    time: float | None


def format_line(metrics: Mapping[str, float], *, step: int | None, time: float) -> bytes:
    """One journal line.

    >>> format_line({"loss": 0.5}, step=3, time=1.5)
    b'{"metrics": {"loss": 0.5}, "step": 3, "time": 1.5}\\n'
    """
    body: dict[str, Any] = {"metrics": {name: _plain(value) for name, value in metrics.items()}}
    if step is not None:
        body["step"] = step
    body["time"] = time
    return json.dumps(body, allow_nan=False).encode() + b"\n"


def append(path: str | os.PathLike[str], line: bytes) -> int:
    """Append one line, whole or not at all among other writers; the offset behind it."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.write(fd, line) != len(line):
            raise OSError(f"could not write a whole line to {os.fspath(path)}")
        return os.lseek(fd, 0, os.SEEK_CUR)
    finally:
        os.close(fd)


def parse_line(raw: bytes) -> Line:
    """Read one line, with or without its newline. Raises ValueError that says what is wrong with it."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError('not an object like {"name": "loss", "value": 0.12}')
    if "metrics" in body:
        named = body["metrics"]
        if not isinstance(named, dict):
            raise ValueError('"metrics" is not an object of numbers by name')
    elif "name" in body and "value" in body:
        named = {body["name"]: body["value"]}
    else:
        raise ValueError('neither "metrics" nor "name" and "value" in it')
    step = body.get("step")
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if step is not None and (not isinstance(step, int) or isinstance(step, bool)):
        raise ValueError(f'"step" is not a whole number (got {step!r})')
    time = body.get("time")
    if time is not None and (isinstance(time, bool) or not isinstance(time, int | float)):
        raise ValueError(f'"time" is not a number of seconds (got {time!r})')
    return Line({_name(n): _number(n, v) for n, v in named.items()}, step, time)


def _name(name: object) -> str:
    if not isinstance(name, str) or not name or len(name) > NAME_CHARS:
        raise ValueError(f"a metric's name is a text of 1 to {NAME_CHARS} characters (got {name!r})")
    return name


def _number(name: object, value: object) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"the value of {name!r} is not a number (got {value!r})")
    return float(value)


def _plain(value: float) -> float | str:
    value = float(value)
    if isfinite(value):
        return value
    return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
