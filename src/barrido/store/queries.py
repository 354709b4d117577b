"""What readers ask a sweep's database: the live view, the SDK, the studio. Read-only, any number of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from types import TracebackType
from typing import Any

from barrido.core import wire
from barrido.core.events import Outcome
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Expectation
from barrido.core.recipe import Limits, Recipe
from barrido.core.state import SweepPhase
from barrido.core.trial import HOLDS_SLOT, Phase
from barrido.errors import StoreError, SweepNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """A sweep as it stands. Values are in the user's scale, times in seconds since the epoch."""

    recipe: Recipe
    phase: SweepPhase
    ends_as: Outcome | None  # while it is ending
    reason: str
    limits: Limits
    best_trial: int | None
    best_value: float | None
    created_at: float
    started_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """A trial as it stands. Values, the expected ones too, are in the user's scale."""

    number: int
    attempt: int
    phase: Phase
    params: Mapping[str, Any]
    reason: str
    reports: int
    best_value: float | None
    last_value: float | None
    last_step: int
    queued_at: float
    started_at: float | None
    ended_at: float | None
    exit_code: int | None
    warm: bool
    expected: Expectation | None = None
    until: int | None = None  # the resource at which the scheduler is asked about it
    rungs: Mapping[int, float | None] = field(default_factory=dict)  # by resource; None is the worst


@dataclass(frozen=True, slots=True)
class MetricRow:
    """``seq`` counts the values of one attempt in the order they were read; NaN and infinities as logged."""

    trial: int
    attempt: int
    seq: int
    door: str
    name: str
    value: float
    step: int | None
    at: float
    counts: bool


@dataclass(frozen=True, slots=True)
class NoteRow:
    seq: int
    at: float
    trial: int | None
    text: str


def wal_of(folder: SweepFolder) -> Path:
    """What was committed and is not in the database file yet; gone when the last one closes it."""
    return folder.db.with_name(f"{folder.db.name}-wal")


_TRIAL = (
    "number, attempt, phase, params, reason, reports, best_value, last_value, last_step, queued_at,"
    " started_at, ended_at, exit_code"
)
_LATER = {"warm": "0", "expected": "NULL", "until": "NULL", "rungs": "NULL"}
"""Columns that older databases lack, and what is read instead: readers change nothing, a controller will."""


class Reader:
    """Looks at one sweep. A view of the newest commit at each call; never blocks the writer."""

    def __init__(self, folder: SweepFolder) -> None:
        if not folder.db.exists():
            raise SweepNotFound(f"there is no sweep in {folder.root}")
        self.folder = folder
        # Read-write in name only: a read-only connection cannot open a WAL whose writer died. Where nobody
        # can write and no WAL is left, SQLite must be told that it need not make one.
        is_still = not os.access(folder.root, os.W_OK) and not wal_of(folder).exists()
        uri = f"{folder.db.absolute().as_uri()}{'?immutable=1' if is_still else ''}"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=20)
        self._rows("PRAGMA query_only = ON")
        self._recipe: Recipe | None = None
        self._columns: frozenset[str] = frozenset()  # of the table of trials, when last looked at

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def _rows(self, sql: str, args: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, args)
        except sqlite3.Error as error:
            raise StoreError(f"{self.folder.db} cannot be read: {error}") from error

    def version(self) -> int:
        """Changes whenever something was committed."""
        return int(self._rows("PRAGMA data_version").fetchone()[0])

    def sweep(self) -> SweepRow:
        row = self._rows(
            "SELECT recipe, phase, ends_as, reason, limits, best_trial, best_value, created_at, started_at,"
            " ended_at FROM sweep"
        ).fetchone()
        if self._recipe is None:
            self._recipe = Recipe.from_json(json.loads(row[0]))
        return SweepRow(
            recipe=self._recipe,
            phase=SweepPhase(row[1]),
            ends_as=Outcome(row[2]) if row[2] else None,
            reason=row[3],
            limits=Limits.from_json(json.loads(row[4])),
            best_trial=row[5],
            best_value=row[6],
            created_at=row[7],
            started_at=row[8],
            ended_at=row[9],
        )

    def trials(self, numbers: Sequence[int] | None = None) -> list[TrialRow]:
        """All trials by number, or those in ``numbers``."""
        if numbers is None:
            return self._trials()
        marks = ",".join("?" * len(numbers))
        return self._trials(f"WHERE number IN ({marks})", tuple(numbers))

    def running(self) -> list[TrialRow]:
        """The trials that hold a slot."""
        phases = ",".join(f"'{phase}'" for phase in HOLDS_SLOT)
        return self._trials(f"WHERE phase IN ({phases})")

    def _trials(self, which: str = "", args: tuple[Any, ...] = ()) -> list[TrialRow]:
        columns = ", ".join([_TRIAL, *map(self._later, _LATER)])
        rows = self._rows(f"SELECT {columns} FROM trials {which} ORDER BY number", args)
        return [_trial(row) for row in rows]

    def _later(self, column: str) -> str:
        """The column, if the database has it."""
        if column not in self._columns:
            found = self._rows("SELECT name FROM pragma_table_info('trials')")
            self._columns = frozenset(name for (name,) in found)
        return column if column in self._columns else _LATER[column]

    def counts(self) -> dict[Phase, int]:
        """How many trials are in each phase."""
        rows = self._rows("SELECT phase, count(*) FROM trials GROUP BY phase")
        return {Phase(phase): count for phase, count in rows}

    def starts(self) -> tuple[int, int]:
        """How many trials have started, and how many of those did so warm."""
        row = self._rows(
            f"SELECT count(started_at), coalesce(sum({self._later('warm')}), 0) FROM trials"
        ).fetchone()
        return int(row[0]), int(row[1])

    def metrics(self, trial: int, *, name: str | None = None, attempt: int | None = None) -> list[MetricRow]:
        """What a trial logged, in order: in its latest attempt unless told otherwise."""
        sql = (
            "SELECT trial, attempt, seq, door, name, value, step, at, counts FROM metrics WHERE trial = ?"
            " AND attempt = coalesce(?, (SELECT max(attempt) FROM metrics WHERE trial = ?))"
        )
        args: tuple[Any, ...] = (trial, attempt, trial)
        if name is not None:
            sql, args = f"{sql} AND name = ?", (*args, name)
        return [
            MetricRow(t, a, seq, door, metric, nan if value is None else value, step, at, bool(counts))
            for t, a, seq, door, metric, value, step, at, counts in self._rows(f"{sql} ORDER BY seq", args)
        ]

    def metric_names(self) -> list[str]:
        return [name for (name,) in self._rows("SELECT DISTINCT name FROM metrics ORDER BY name")]

    def notes(self, after: int = 0) -> list[NoteRow]:
        """What people should read, newer than note number ``after``."""
        rows = self._rows("SELECT seq, at, trial, text FROM notes WHERE seq > ? ORDER BY seq", (after,))
        return [NoteRow(*row) for row in rows]

    def events(self, after: int = 0) -> Iterator[tuple[int, dict[str, Any], list[dict[str, Any]]]]:
        """The log: (number, event, what was decided), as JSON (see `barrido.core.wire`)."""
        for seq, body, actions in self._rows(
            "SELECT seq, body, actions FROM events WHERE seq > ? ORDER BY seq", (after,)
        ):
            yield seq, json.loads(body), json.loads(actions)


def _trial(row: tuple[Any, ...]) -> TrialRow:
    return TrialRow(
        number=row[0],
        attempt=row[1],
        phase=Phase(row[2]),
        params=json.loads(row[3]),
        reason=row[4],
        reports=row[5],
        best_value=row[6],
        last_value=row[7],
        last_step=row[8],
        queued_at=row[9],
        started_at=row[10],
        ended_at=row[11],
        exit_code=row[12],
        warm=bool(row[13]),
        expected=None if row[14] is None else wire.expectation_from_json(json.loads(row[14])),
        until=row[15],
        rungs={int(r): value for r, value in json.loads(row[16] or "{}").items()},
    )


def sweeps(workspace: Workspace, *, unreadable: list[StoreError] | None = None) -> list[SweepFolder]:
    """The sweeps of a workspace, oldest first.

    One that cannot be read hides no other: it is left out, and ``unreadable`` gets why.
    """
    if not workspace.sweeps.is_dir():
        return []
    by_age = []
    for path in sorted(workspace.sweeps.iterdir()):
        folder = SweepFolder(path)
        if path.name.startswith(".") or not folder.db.exists():
            continue
        try:
            with Reader(folder) as reader:
                by_age.append((reader.sweep().created_at, folder))
        except StoreError as error:
            if unreadable is not None:
                unreadable.append(error)
    return [folder for _, folder in sorted(by_age, key=lambda pair: pair[0])]
