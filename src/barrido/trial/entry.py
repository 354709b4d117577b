"""Writes journal lines (format: see `barrido.trial.journal`). Small, because shells start it per report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import isfinite

NAME_CHARS = 250  # what MLflow allows
STEP_BITS = 63


def format_line(metrics: Mapping[str, float], *, step: int | None, time: float) -> bytes:
    """One journal line.

    >>> format_line({"loss": 0.5}, step=3, time=1.5)
    b'{"metrics": {"loss": 0.5}, "step": 3, "time": 1.5}\\n'
    """
    body: dict[str, object] = {"metrics": {name: _plain(value) for name, value in metrics.items()}}
    if step is not None:
        body["step"] = step
    body["time"] = time
    return json.dumps(body, allow_nan=False).encode() + b"\n"


def append(path: str | os.PathLike[str], line: bytes) -> int:
    """Append one line, whole or not at all among other writers; the offset behind it.

    Raises OSError. If only a part of the line fits on the disk, that part is taken back, so that it
    spoils no line after it and a repetition counts once.
    """
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        written = os.write(fd, line)
        if written != len(line):
            end = os.lseek(fd, 0, os.SEEK_CUR)
            if os.fstat(fd).st_size == end:  # nobody has written behind it
                os.ftruncate(fd, end - written)
            raise OSError(f"could not write a whole line to {os.fspath(path)}")
        return os.lseek(fd, 0, os.SEEK_CUR)
    finally:
        os.close(fd)


def check_name(name: object) -> str:
    """Raises ValueError unless this can be a metric's name."""
    if not isinstance(name, str) or not name or len(name) > NAME_CHARS:
        raise ValueError(f"a metric's name is a text of 1 to {NAME_CHARS} characters (got {name!r})")
    if not name.isprintable():
        raise ValueError(f"a metric's name is made of printable characters (got {name!r})")
    return name


def check_step(step: int) -> int:
    """Raises ValueError unless this fits where steps are kept."""
    if step.bit_length() > STEP_BITS:
        raise ValueError(f"a step has at most {STEP_BITS} bits (got {step!r:.40})")
    return step


def _plain(value: float) -> float | str:
    value = float(value)
    if isfinite(value):
        return value
    return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
