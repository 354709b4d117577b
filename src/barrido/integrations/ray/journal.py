"""The journal: what happened to a sweep inside Tune, from which both plug-ins are rebuilt.

One JSON object a line, only ever appended to. A sweep begins with a line that has its ``recipe``; a file may
hold several, of which the last counts. A line that a crash tore is cut off before the next is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from barrido.errors import RequestError

Line = Mapping[str, Any]

RECIPE = "recipe"
NAME = "barrido.jsonl"
"""What it is called in the folder of the experiment."""


class Journal:
    """Lines are kept in memory until `open` says where they belong."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._path: Path | None = None

    def open(self, path: Path) -> None:
        """Go on in the file at ``path``, which is made if it is not there. Raises RequestError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = _whole(path)
            with path.open("ab") as file:
                file.truncate(whole)
        except OSError as error:
            raise RequestError(
                f"the journal {path} cannot be written: {error.strerror}",
                hint="say where it is to be: journal=…",
            ) from None
        kept, self._kept, self._path = self._kept, [], path
        if kept:
            self._append("".join(kept), is_safe=True)

    def write(self, line: Line, *, is_safe: bool = False) -> None:
        """Append a line; with ``is_safe`` it outlives a power cut, else it outlives this process."""
        text = json.dumps(line, separators=(",", ":")) + "\n"
        if self._path is None:
            self._kept.append(text)
        else:
            self._append(text, is_safe=is_safe)

    def _append(self, text: str, *, is_safe: bool) -> None:
        assert self._path is not None
        with self._path.open("ab", buffering=0) as file:
            rest = memoryview(text.encode())
            while rest:
                rest = rest[file.write(rest) :]
            if is_safe:
                os.fsync(file.fileno())

    def text(self) -> str:
        """All of it."""
        return "".join(self._kept) if self._path is None else self._path.read_text(encoding="utf-8")


def read(path: Path) -> list[Line]:
    """The lines of the last sweep in a file; none if it is not there, or has none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return last_sweep(data[: _end(data)].decode().splitlines())


def last_sweep(texts: Iterable[str]) -> list[Line]:
    """The lines from the last one on that begins a sweep."""
    lines = [json.loads(text) for text in texts]
    begins = [place for place, line in enumerate(lines) if RECIPE in line]
    return lines[begins[-1] :] if begins else []


def _whole(path: Path) -> int:
    """How many bytes of a file are whole lines."""
    return _end(path.read_bytes()) if path.exists() else 0


def _end(data: bytes) -> int:
    return data.rfind(b"\n") + 1
