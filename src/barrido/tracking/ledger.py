"""What the tracking process remembers: which runs exist in MLflow, and how far they were filled.

One small SQLite file with one writer. Everything is written before, or right after, the request to
MLflow that it is about, so that a killed process goes on where it was. A power cut may take the newest of it,
but not that a run was asked for: what is told twice is there once, a run that is made twice is there twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from barrido.tracking.protocol import Pair

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    alias TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    run_id TEXT,
    info TEXT,
    wish TEXT,
    asked INTEGER NOT NULL,
    prepared INTEGER NOT NULL,
    forwarded INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    started INTEGER NOT NULL,
    holders INTEGER NOT NULL,
    shared INTEGER NOT NULL,
    virtual INTEGER NOT NULL,
    status TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS deferred (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    alias TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deferred_of_run ON deferred (alias, seq);
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Kind(StrEnum):
    SWEEP = "sweep"
    TRIAL = "trial"
    NESTED = "nested"  # made by a script, below its trial's run


@dataclass(slots=True, kw_only=True)
class Run:
    """A run that barrido looks after. ``alias`` is its id before MLflow gave it one."""

    alias: str
    kind: Kind
    trial: int = -1  # of the sweep's run
    attempt: int = 0
    run_id: str | None = None  # MLflow's, as soon as it is known
    info: Mapping[str, Any] | None = None  # as MLflow answered its creation
    wish: Mapping[str, Any] | None = None  # NESTED: the script's own request to create it
    asked: bool = False  # a request to create it went out: look for it before asking again
    prepared: bool = False  # its searched parameters are logged
    forwarded: int = 0  # offset in its log
    stored: int = -1  # the last of the store's metrics that was mirrored
    started: bool = False  # its script has used it
    holders: int = 0  # how many parts of its script use it now
    shared: bool = False  # several runs of its script, as the script sees it, are this one
    virtual: bool = False  # its script was told the alias as its id
    status: str | None = (
        None  # terminal, as MLflow was told; REFUSED: it never was a run; CONTINUED: see Runs
    )

    @property
    def number(self) -> int | None:
        """The trial it belongs to, None for the sweep's own run."""
        return self.trial if self.trial >= 0 else None

    @property
    def is_bare(self) -> bool:
        """Whether MLflow has it without its searched parameters."""
        return self.run_id is not None and not self.prepared


@dataclass(frozen=True, slots=True)
class Deferred:
    """Something a script wrote while MLflow was away. ``kind``: param, tag, metric or update."""

    seq: int
    kind: str
    body: Any


_NAMES = tuple(field.name for field in fields(Run))
_JSON = ("info", "wish")
_FLAGS = ("asked", "prepared", "started", "shared", "virtual")


class Ledger:
    """All runs are held in memory; `save` writes one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=20)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        rows = self._db.execute(f"SELECT {', '.join(_NAMES)} FROM runs").fetchall()
        self.runs = {run.alias: run for run in map(_from_row, rows)}
        self._deferring = {alias for (alias,) in self._db.execute("SELECT DISTINCT alias FROM deferred")}
        self._bare = {run.alias for run in self.runs.values() if run.is_bare}
        self._by_id = {run.run_id: run for run in self.runs.values() if run.run_id}
        self._nested: defaultdict[tuple[int, int], list[Run]] = defaultdict(list)
        for run in self.runs.values():
            if run.kind is Kind.NESTED:
                self._nested[run.trial, run.attempt].append(run)

    def save(self, run: Run, *, durable: bool = False) -> None:
        """Write it; if ``durable``, so that no power cut takes it or anything that was written before."""
        if run.kind is Kind.NESTED and run.alias not in self.runs:
            self._nested[run.trial, run.attempt].append(run)
        self.runs[run.alias] = run
        if run.run_id:
            self._by_id[run.run_id] = run
        if run.is_bare:
            self._bare.add(run.alias)
        else:
            self._bare.discard(run.alias)
        marks = ", ".join("?" * len(_NAMES))
        if durable:
            self._db.execute("PRAGMA synchronous = FULL")
        try:
            self._db.execute(
                f"INSERT OR REPLACE INTO runs ({', '.join(_NAMES)}) VALUES ({marks})", _to_row(run)
            )
        finally:
            if durable:
                self._db.execute("PRAGMA synchronous = NORMAL")

    def find(self, run_id: str) -> Run | None:
        """A run by its alias or its real id."""
        return self.runs.get(run_id) or self._by_id.get(run_id)

    def nested(self, trial: int, attempt: int) -> Sequence[Run]:
        """The runs that an attempt's script made below its own."""
        return self._nested.get((trial, attempt), ())

    def defer(self, run: Run, kind: str, bodies: Sequence[Any]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO deferred (alias, kind, body) VALUES (?, ?, ?)",
            [(run.alias, kind, json.dumps(body)) for body in bodies],
        )
        self._db.execute("COMMIT")
        self._deferring.add(run.alias)

    def has_deferred(self, run: Run) -> bool:
        return run.alias in self._deferring

    def waiting(self) -> list[Run]:
        """Those that something was deferred for, or that are bare."""
        return [self.runs[alias] for alias in self._deferring | self._bare]

    def deferred(self, run: Run, limit: int = 100) -> list[Deferred]:
        """The oldest of what waits for ``run``."""
        rows = self._db.execute(
            "SELECT seq, kind, body FROM deferred WHERE alias = ? ORDER BY seq LIMIT ?", (run.alias, limit)
        )
        return [Deferred(seq, kind, json.loads(body)) for seq, kind, body in rows]

    def deferred_pairs(self, run: Run, kind: str) -> list[Pair]:
        """The latest value of each parameter or tag that waits."""
        pairs = (d.body for d in self.deferred(run, 10_000) if d.kind == kind)
        return list({key: (key, value) for key, value in pairs}.values())

    def done(self, run: Run, items: Sequence[Deferred]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM deferred WHERE seq = ?", [(item.seq,) for item in items])
        self._db.execute("COMMIT")
        if not self.deferred(run, 1):
            self._deferring.discard(run.alias)

    def fact(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def note(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(value)))

    def close(self) -> None:
        self._db.close()


def _to_row(run: Run) -> tuple[Any, ...]:
    values = []
    for name in _NAMES:
        value = getattr(run, name)
        if name in _JSON and value is not None:
            value = json.dumps(value)
        values.append(value)
    return tuple(values)


def _from_row(row: Sequence[Any]) -> Run:
    values = dict(zip(_NAMES, row, strict=True))
    values["kind"] = Kind(values["kind"])
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Run(**values)
