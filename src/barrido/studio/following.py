"""What has changed since the last look: in one sweep, or in the list of all.

A source is opened, looked at, asked to tell, and closed in one and the same thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from barrido import app
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.wire import dumps
from barrido.errors import StoreError, SweepNotFound
from barrido.figures import sweeps, trials
from barrido.store.queries import Reader, TrialRow, wal_of

ALIVE_S = 1.0
"""How often is looked whether a controller lives, which no commit tells; and whether the list has changed."""


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told: of these trials or sweeps, of the notes after one, of all sweeps (``is_all``)."""

    keys: frozenset[Any] = frozenset()
    notes_after: int | None = None
    is_all: bool = False
    is_gone: bool = False

    def and_then(self, later: News) -> News:
        """Both, for somebody who was told neither."""
        seen = [one.notes_after for one in (self, later) if one.notes_after is not None]
        return News(
            self.keys | later.keys,
            min(seen, default=None),
            self.is_all or later.is_all,
            self.is_gone or later.is_gone,
        )


class Source(Protocol):
    def open(self) -> None:
        """Raises SweepNotFound, StoreError."""

    def everything(self) -> News:
        """What somebody is told who comes now."""

    def look(self) -> News | None:
        """What has changed since the last look, None if nothing has."""

    def tell(self, news: News) -> str:
        """``news`` as server-sent events."""

    def close(self) -> None: ...


def event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {dumps(data)}\n\n"


class SweepSource:
    """Reads what can have changed, and no more: trials that are not over, and those that are new.

    What changes in a trial that is over is its annotation, of which the log tells.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._closing = ExitStack()

    def open(self) -> None:
        self._reader = reader = self._closing.enter_context(Reader(self._folder))
        self._file = self._identity()
        # Before all else: what is committed while it is read is looked at once more
        self._version, self._event = reader.version(), reader.last_event()
        self._note = max((note.seq for note in reader.notes()), default=0)
        self._is_alive, self._alive_at = app.is_running(self._folder), time.monotonic()
        self._open = {row.number: row for row in reader.unfinished()}
        self._known = {*reader.numbers(), *self._open}

    def close(self) -> None:
        self._closing.close()

    def everything(self) -> News:
        return News(frozenset(self._open))

    def look(self) -> News | None:
        now = time.monotonic()
        is_due = now - self._alive_at >= ALIVE_S
        if is_due:
            self._alive_at = now
            if self._identity() != self._file:
                return News(is_gone=True)
        version = self._reader.version()
        was_alive, has_changed = self._is_alive, version != self._version
        if is_due or has_changed:
            self._is_alive = app.is_running(self._folder)
        if not has_changed:
            return News() if self._is_alive != was_alive else None
        self._version = version
        notes_after = self._note
        self._note = max((note.seq for note in self._reader.notes(notes_after)), default=notes_after)
        return News(self._changed(), notes_after)

    def tell(self, news: News) -> str:
        if news.is_gone:
            return event("gone", {"name": self._folder.name})
        reader = self._reader
        notes = [] if news.notes_after is None else reader.notes(news.notes_after)
        body = {
            "sweep": sweeps.summary(reader),
            "trials": trials.table(reader, sorted(news.keys)),
            "notes": [asdict(note) for note in notes],
            "limits": asdict(reader.sweep().limits),
        }
        return event("sweep", body)

    def _changed(self) -> frozenset[int]:
        reader, annotated = self._reader, set(self._annotated())
        count = sum(reader.counts().values())
        next_number = max(self._known, default=-1) + 1
        new = range(next_number, next_number + count - len(self._known))
        rows = reader.trials(sorted({*self._open, *annotated, *new}))
        if len(self._known.union(row.number for row in rows)) < count:
            rows = reader.trials()  # a question that was asked first was answered last
        return frozenset(self._take(rows)) | annotated

    def _take(self, rows: Iterable[TrialRow]) -> list[int]:
        """The numbers of those that are not as they were."""
        changed = []
        for row in rows:
            if row.number in self._known and self._open.get(row.number, row) == row:
                continue
            changed.append(row.number)
            self._known.add(row.number)
            if row.phase.is_terminal:
                self._open.pop(row.number, None)
            else:
                self._open[row.number] = row
        return changed

    def _annotated(self) -> Iterator[int]:
        for seq, body in self._reader.happened(self._event):
            self._event = seq
            if body.get("verb") == Verb.ANNOTATE and body["trial"] is not None:
                yield body["trial"]

    def _identity(self) -> tuple[int, int] | None:
        """Another one, or None: the sweep was removed."""
        try:
            found = self._folder.db.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


class ListSource:
    """Looks at the sweeps' files, and reads those that were written to."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def open(self) -> None:
        self._seen, self._seen_at = self._signatures(), time.monotonic()

    def close(self) -> None:
        pass

    def everything(self) -> News:
        return News(is_all=True)

    def look(self) -> News | None:
        now = time.monotonic()
        if now - self._seen_at < ALIVE_S:
            return None
        self._seen_at = now
        before, self._seen = self._seen, self._signatures()
        names = before.keys() | self._seen.keys()
        changed = frozenset(name for name in names if before.get(name) != self._seen.get(name))
        return News(changed) if changed else None

    def tell(self, news: News) -> str:
        if not news.is_all:
            with suppress(StoreError):  # the whole list says which cannot be read
                return "".join(map(self._told, sorted(news.keys)))
        return event("sweeps", sweeps.listing(self._workspace))

    def _told(self, name: str) -> str:
        try:
            with Reader(self._workspace.sweep(name)) as reader:
                return event("sweep", {"sweep": sweeps.summary(reader)})
        except SweepNotFound:
            return event("gone", {"name": name})

    def _signatures(self) -> dict[str, tuple[Any, ...]]:
        """By name what differs once a sweep was written to or archived, or its controller came or went."""
        folder = self._workspace.sweeps
        paths = folder.iterdir() if folder.is_dir() else ()
        found = {}
        for path in paths:
            sweep = SweepFolder(path)
            written = _written(sweep.db)
            if not (path.name.startswith(".") or written is None):
                marks = app.is_running(sweep), sweep.archived.exists()
                found[path.name] = written, _written(wal_of(sweep)), *marks
        return found


def _written(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
