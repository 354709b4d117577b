"""What a person should know about the tracking: lines in a file that the controller follows."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path

from barrido.core.events import Note

log = logging.getLogger(__name__)


class Notices:
    """Appends to ``notices.jsonl``. Each thing is said once, as long as the process lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said: set[Hashable] = set()

    def say(self, text: str, *, trial: int | None = None, once: Hashable = None) -> None:
        """``once`` is what the notice is about, its text if it is left out."""
        key = (trial, text if once is None else once)
        if key in self._said:
            return
        self._said.add(key)
        log.warning("%s%s", "" if trial is None else f"trial {trial}: ", text)
        line = json.dumps({"at": round(time.time(), 3), "trial": trial, "text": text})
        try:
            with self._path.open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            log.error("a notice could not be written: %s", error)


class NoticeReader:
    """Hands out each line of ``notices.jsonl`` once, across controllers too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_suffix(".read")  # how far an earlier controller has read
        try:
            self._offset = int(self._mark.read_text())
        except (FileNotFoundError, ValueError):
            self._offset = 0

    def news(self) -> tuple[Note, ...]:
        try:
            if self._path.stat().st_size <= self._offset:
                return ()
            with self._path.open("rb") as file:
                file.seek(self._offset)
                raw = file.read()
        except FileNotFoundError:
            return ()
        whole = raw[: raw.rfind(b"\n") + 1]
        self._offset += len(whole)
        with suppress(OSError):  # the disk is full: the next controller says it again
            self._mark.write_text(str(self._offset))
        notes = []
        for line in whole.splitlines():
            with suppress(ValueError):  # torn by a full disk
                body = json.loads(line)
                notes.append(Note(body["text"], body["trial"]))
        return tuple(notes)
