"""Everything about one trial: its row, its metrics, logs and files, and why it ended as it did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from barrido.core.layout import SweepFolder, TrialFolder
from barrido.core.recipe import Goal
from barrido.core.wire import number_to_json
from barrido.errors import TrialNotFound
from barrido.figures import trials
from barrido.figures.links import trial_link
from barrido.figures.timeline import running_s
from barrido.figures.why import why
from barrido.sdk.job import find_trial
from barrido.store.queries import Reader

LISTED = 1000
"""How many files of a trial are listed."""
PIECE = 256 << 10
"""Bytes of a log that are given at once."""


def detail(reader: Reader, number: int) -> dict[str, Any]:
    """Raises TrialNotFound. ``seconds`` is how long it has run, without what it waited."""
    found = find_trial(reader, number)
    folder = reader.folder.trial(number)
    return {
        "trial": trials.row(reader, number),
        "sweep": reader.folder.name,
        "metrics": _metrics(reader, number),
        "logs": [
            {"attempt": attempt, "size": _size(path)}
            for attempt in range(1, found.attempt + 1)
            if (path := _log_of(folder, attempt, found.attempt)).exists()
        ],
        "outputs": [
            {"path": path.relative_to(folder.root).as_posix(), "size": _size(path)}
            for path in _outputs(folder)
        ],
        "mlflow": trial_link(reader.folder, number),
        "why": why(reader, found),
        "attempts": found.attempt,
        "folder": str(folder.root),
        "seconds": running_s(reader, found),
    }


def _metrics(reader: Reader, number: int) -> dict[str, Any]:
    """Each metric of the latest attempt. The best is the highest where that is the goal of the primary
    metric."""
    objective = reader.sweep().recipe.objective
    is_highest = objective is not None and objective.goal is Goal.MAXIMIZE
    return {
        name: {"last": _value(last), "best": _value(high if is_highest else low), "count": count}
        for name, (count, last, low, high) in reader.summaries(number).items()
    }


def _value(value: float | None) -> float | str:
    return number_to_json(float("nan") if value is None else value)


def _outputs(folder: TrialFolder) -> list[Path]:
    """The files that the trial left for people, of all attempts; none that lies elsewhere."""
    root = folder.root.resolve()
    earlier = (sorted(folder.root.glob(f"work.*/{name}")) for name in ("outputs", "logs"))
    now = (folder.work / "outputs", folder.named_outputs, folder.work / "logs")
    found: list[Path] = []
    for place in (*now, *chain(*earlier)):
        for path in _files(place, root):
            found.append(path)
            if len(found) == LISTED:
                return found
    return found


def _files(place: Path, root: Path) -> Iterator[Path]:
    """The files below ``place``, by name, as far as they lie below ``root``."""
    if not place.resolve().is_relative_to(root):
        return
    for where, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            if path.is_file() and path.resolve().is_relative_to(root):
                yield path


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def log(folder: SweepFolder, number: int, offset: int = 0, attempt: int | None = None) -> dict[str, Any]:
    """A piece of what a trial wrote, from byte ``offset`` on; a negative one counts from the end.

    ``offset`` is where the next piece begins, ``is_over`` whether nothing will be added any more. No
    character is torn apart; what is no UTF-8 is replaced. Raises TrialNotFound.
    """
    with Reader(folder) as reader:
        found = find_trial(reader, number)
    latest = found.attempt
    if attempt is not None and not 1 <= attempt <= latest:
        raise TrialNotFound(
            f"trial {number} has no attempt {attempt}", hint=f"it has {latest}, numbered from 1"
        )
    is_over = found.phase.is_terminal or (attempt is not None and attempt < latest)
    path = _log_of(folder.trial(number), attempt or latest, latest)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(min(size, offset) if offset >= 0 else max(0, size + offset))
            piece = file.read(PIECE)
    except FileNotFoundError:
        size, start, piece = 0, 0, b""
    skipped = _torn_head(piece) if start else 0
    is_end = start + len(piece) >= size
    kept = len(piece) if is_end and is_over else len(piece) - _torn_tail(piece)
    return {
        "text": piece[skipped:kept].decode(errors="replace"),
        "offset": start + max(skipped, kept),
        "size": size,
        "is_over": is_over,
    }


def _log_of(folder: TrialFolder, attempt: int, latest: int) -> Path:
    return folder.log if attempt == latest else folder.log.with_name(f"std_log.{attempt}.txt")


def _torn_head(piece: bytes) -> int:
    """How many bytes at the beginning belong to a character that began before.

    >>> _torn_head("é!".encode()[1:]), _torn_head(b"!")
    (1, 0)
    """
    count = 0
    while count < min(3, len(piece)) and piece[count] & 0xC0 == 0x80:
        count += 1
    return count


def _torn_tail(piece: bytes) -> int:
    """How many bytes at the end are the beginning of a character that goes on.

    >>> _torn_tail("a€".encode()[:-1]), _torn_tail("a€".encode())
    (2, 0)
    """
    for back in range(1, min(4, len(piece) + 1)):
        byte = piece[-back]
        if byte & 0xC0 != 0x80:  # where a character begins, and how long it is
            length = 1 + sum(byte >= first for first in (0xC0, 0xE0, 0xF0))
            return back if length > back else 0
    return 0
