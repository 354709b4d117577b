"""What readers ask a sweep's database: the live view, the SDK, the studio. Read-only, any number of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

from barrido.core import wire
from barrido.core.events import Outcome
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Limits, Recipe
from barrido.core.state import SweepPhase
from barrido.core.trial import HOLDS_SLOT, Expectation, Failure, Phase
from barrido.errors import StoreError, SweepNotFound
from barrido.store import migrations
from barrido.store.points import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """A sweep as it stands. Values are in the user's scale, times in seconds since the epoch.

    ``tags`` are as they are now; the recipe has those of the beginning. ``queued`` points were put in by hand
    and wait for a worker.
    """

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
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    queued: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """A trial as it stands. Values, the expected ones too, are in the user's scale.

    ``origin`` says who put it in by hand, "" if the sampler chose it.
    """

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
    origin: str = ""
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None  # how it failed, or its latest attempt, if it did


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
class Tally:
    """All trials of a sweep in numbers. ``mean_s``: how long those that ended ran, None if none did."""

    counts: Mapping[Phase, int]
    starts: tuple[int, int]  # how many have started, and how many of those did so warm
    mean_s: float | None
    by_hand: int  # how many people put in


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
_LATER = {
    "trials": {
        "warm": "0", "expected": "NULL", "until": "NULL", "rungs": "NULL",
        "origin": "''", "note": "''", "tags": "NULL", "failure": migrations.FAILURE,
    },
    "sweep": {"note": "''", "tags": "NULL", "queued": "0"},
}  # fmt: skip
"""Columns that older databases lack, and what is read instead: readers change nothing, a controller will."""


class Reader:
    """Looks at one sweep. A view of the newest commit at each call; never blocks the writer.

    Raises StoreError if it cannot be read, or was written by a newer barrido.
    """

    def __init__(self, folder: SweepFolder) -> None:
        if not folder.db.exists():
            raise SweepNotFound(f"there is no sweep in {folder.root}")
        self.folder = folder
        # Read-write in name only: a read-only connection cannot open a WAL whose writer died. Where nobody
        # can write and no WAL is left, SQLite must be told that it need not make one.
        is_still = not os.access(folder.root, os.W_OK) and not wal_of(folder).exists()
        uri = f"{folder.db.absolute().as_uri()}{'?immutable=1' if is_still else ''}"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=20)
        try:
            self._rows("PRAGMA query_only = ON")
            self._check_version()
        except StoreError:
            self.close()
            raise
        self._recipe: Recipe | None = None
        self._columns: dict[str, frozenset[str]] = {}  # of each table, when last looked at

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def _rows(self, sql: str, args: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, args)
        except sqlite3.Error as error:
            raise StoreError(f"{self.folder.db} cannot be read: {error}") from error

    def _check_version(self) -> None:
        found = self._rows("SELECT (SELECT user_version FROM pragma_user_version), format FROM sweep")
        schema, form = found.fetchone() or (0, 0)
        try:
            migrations.check_schema(schema)
            migrations.check_format(form)
        except StoreError as error:
            raise StoreError(f"{self.folder.db} cannot be read: {error.message}", hint=error.hint) from error

    def version(self) -> int:
        """Changes whenever something was committed."""
        return int(self._rows("PRAGMA data_version").fetchone()[0])

    def sweep(self) -> SweepRow:
        try:
            return self._sweep()
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise StoreError(f"{self.folder.db} holds no sweep that is known here: {error!r}") from error

    def _sweep(self) -> SweepRow:
        later = ", ".join(self._later("sweep", column) for column in _LATER["sweep"])
        row = self._rows(
            "SELECT recipe, phase, ends_as, reason, limits, best_trial, best_value, created_at, started_at,"
            f" ended_at, {later} FROM sweep"
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
            note=row[10],
            tags=dict(self._recipe.tags) if row[11] is None else json.loads(row[11]),
            queued=row[12],
        )

    def trials(self, numbers: Sequence[int] | None = None) -> list[TrialRow]:
        """All trials by number, or those in ``numbers``."""
        if numbers is None:
            return self._trials()
        return self._trials(f"WHERE number IN ({','.join('?' * len(numbers))})", tuple(numbers))

    def numbers(self) -> list[int]:
        """The numbers of all trials."""
        return [number for (number,) in self._rows("SELECT number FROM trials ORDER BY number")]

    def unfinished(self) -> list[TrialRow]:
        """The trials that are not over."""
        over = ",".join(f"'{phase}'" for phase in Phase if phase.is_terminal)
        return self._trials(f"WHERE phase NOT IN ({over})")

    def running(self) -> list[TrialRow]:
        """The trials that hold a slot."""
        phases = ",".join(f"'{phase}'" for phase in HOLDS_SLOT)
        return self._trials(f"WHERE phase IN ({phases})")

    def _trials(self, which: str = "", args: tuple[Any, ...] = ()) -> list[TrialRow]:
        columns = ", ".join([_TRIAL, *(self._later("trials", column) for column in _LATER["trials"])])
        rows = self._rows(f"SELECT {columns} FROM trials {which} ORDER BY number", args)
        return [_trial(row) for row in rows]

    def _later(self, table: str, column: str) -> str:
        """The column, if the database has it."""
        if column not in self._columns.get(table, ()):
            found = self._rows("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = frozenset(name for (name,) in found)
        return column if column in self._columns[table] else _LATER[table][column]

    def counts(self) -> dict[Phase, int]:
        """How many trials are in each phase."""
        rows = self._rows("SELECT phase, count(*) FROM trials GROUP BY phase")
        return {Phase(phase): count for phase, count in rows}

    def by_hand(self) -> int:
        """How many trials people put in by hand."""
        origin = self._later("trials", "origin")
        return int(self._rows(f"SELECT count(*) FROM trials WHERE {origin} <> ''").fetchone()[0])

    def last_event(self) -> int:
        """The number of the newest event of the log, 0 if there is none."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def answer_to(self, request: str, after: int = 0) -> list[str] | None:
        """What was said to a request of this id, None if it is in no event newer than number ``after``."""
        row = self._rows(
            "SELECT actions FROM events WHERE seq > ? AND json_extract(body, '$.request') = ?",
            (after, request),
        ).fetchone()
        if row is None:
            return None
        return [action["text"] for action in json.loads(row[0]) if action["kind"] == "note"]

    def starts(self) -> tuple[int, int]:
        """How many trials have started, and how many of those did so warm."""
        row = self._rows(
            f"SELECT count(started_at), coalesce(sum({self._later('trials', 'warm')}), 0) FROM trials"
        ).fetchone()
        return int(row[0]), int(row[1])

    def tally(self) -> Tally:
        """What `counts`, `starts` and `by_hand` tell, and how long trials take, in one look."""
        warm, origin = self._later("trials", "warm"), self._later("trials", "origin")
        rows = self._rows(
            f"SELECT phase, count(*), count(started_at), total({warm}), total(ended_at - started_at),"
            f" count(ended_at - started_at), total({origin} <> '') FROM trials GROUP BY phase"
        ).fetchall()
        started, warm_ones, ran_s, ended, by_hand = (sum(row[k] for row in rows) for k in range(2, 7))
        counts = {Phase(row[0]): row[1] for row in rows}
        return Tally(counts, (started, int(warm_ones)), ran_s / ended if ended else None, int(by_hand))

    def spans(self) -> list[tuple[int, int, str, float | None, float | None]]:
        """Of each trial its number, attempt and phase, and when it started and ended."""
        return self._rows(
            "SELECT number, attempt, phase, started_at, ended_at FROM trials ORDER BY number"
        ).fetchall()

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

    def series(self, name: str, *, only_counting: bool, trials: Sequence[int] | None = None) -> Series:
        """The values of a metric in many trials."""
        return Series(self._rows, name, only_counting=only_counting, trials=trials)

    def summaries(self, trial: int) -> dict[str, tuple[int, float | None, float | None, float | None]]:
        """By metric, what a trial's latest attempt logged: how many values, the last (None is NaN), and the
        lowest and the highest finite one, None if there is none."""
        rows = self._rows(
            "SELECT own.name, count, value, low, high FROM (SELECT trial, attempt, name, count(*) AS count,"
            " max(seq) AS seq, min(value) FILTER (WHERE abs(value) < 9e999) AS low,"
            " max(value) FILTER (WHERE abs(value) < 9e999) AS high FROM metrics WHERE trial = ?1"
            " AND attempt = (SELECT max(attempt) FROM metrics WHERE trial = ?1) GROUP BY name) AS own"
            " JOIN metrics USING (trial, attempt, seq) ORDER BY own.name",
            (trial,),
        )
        return {name: (count, last, low, high) for name, count, last, low, high in rows}

    def metric_names(self) -> list[str]:
        return [name for (name,) in self._rows("SELECT DISTINCT name FROM metrics ORDER BY name")]

    def notes(self, after: int = 0) -> list[NoteRow]:
        """What people should read, newer than note number ``after``."""
        rows = self._rows("SELECT seq, at, trial, text FROM notes WHERE seq > ? ORDER BY seq", (after,))
        return [NoteRow(*row) for row in rows]

    def moves(self, trial: int | None = None) -> Iterator[dict[str, Any]]:
        """The events of the log, as JSON, at which trials, or one, may have come or gone."""
        sql = """SELECT body FROM events WHERE substr(body, 1, 18) <> '{"kind":"reported"'"""
        if trial is not None:
            sql += " AND json_extract(body, '$.trial') = ?"
        for (body,) in self._rows(f"{sql} ORDER BY seq", () if trial is None else (trial,)):
            yield json.loads(body)

    def happened(self, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """The log without what was decided: (number, event), newer than number ``after``."""
        for seq, body in self._rows("SELECT seq, body FROM events WHERE seq > ? ORDER BY seq", (after,)):
            yield seq, json.loads(body)

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
        rungs={int(r): value for r, value in json.loads(row[16]).items()} if row[16] else {},
        origin=row[17],
        note=row[18],
        tags=json.loads(row[19]) if row[19] else {},
        failure=None if row[20] is None else Failure(row[20]),
    )
