"""The store on disk: SQLite in WAL mode, one writer.

``synchronous`` is FULL for a batch with a decision in it, and NORMAL for one that only holds reports:
a power cut may then take the newest reports, never a decision or anything it was based on (the WAL is
one sequence, and syncing its end syncs all of it).
"""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from math import isfinite
from typing import Any, cast

from barrido.core import events, wire
from barrido.core.annotation import Annotation
from barrido.core.events import Action, Event, Finish
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Fate, Observation, Point
from barrido.core.recipe import Goal, Limits, Recipe
from barrido.core.state import SweepPhase, SweepState
from barrido.core.trial import Trial
from barrido.errors import StoreError, SweepNotFound
from barrido.store import migrations
from barrido.store.batch import Attempt, Batch, Decision, Feed, Measurement

WAL_PAGES = 100
"""So many pages of 4 KiB the WAL grows to. Few, so that a disk that is nearly full is not filled by it."""

READ_AT_ONCE = 1_000
"""Events of the log."""


class SqliteStore:
    """One sweep's database. Create it once with `create`, open it ever after with the constructor."""

    def __init__(self, folder: SweepFolder) -> None:
        if not folder.db.exists():
            raise SweepNotFound(f"there is no sweep in {folder.root}")
        self._path = folder.db
        self._db = _connect(folder)
        try:
            migrations.migrate(self._db)
            migrations.check_format(int(self._one("SELECT format FROM sweep")))
            self._recipe = Recipe.from_json(json.loads(self._one("SELECT recipe FROM sweep")))
            self._seq = int(self._one("SELECT coalesce(max(seq), 0) FROM events"))
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise explain(error, f"{self._path} could not be opened") from error
            raise
        self._sign = _sign(self._recipe)
        self._full = True
        self._limits: Limits | None = None  # as they were last written, and how
        self._limits_text = ""
        self._annotation: Annotation | None = None  # the sweep's, in the same way
        self._tags_text = ""

    @classmethod
    def create(
        cls,
        folder: SweepFolder,
        recipe: Recipe,
        *,
        version: str,
        at: float,
        prior: Sequence[Observation] = (),
    ) -> SqliteStore:
        """A new database for ``recipe``, with what its sampler knows from the start.

        Whole or not there: it is moved into place when it is complete.
        """
        from importlib import resources  # not for the controller, which comes up without it

        draft = SweepFolder(folder.root / "draft")
        try:
            draft.root.mkdir(parents=True, exist_ok=True)
            draft.db.touch(mode=0o600)  # the recipe may hold a tracking address with its password
            db = _connect(draft)
            schema = resources.files("barrido.store").joinpath("schema.sql").read_text()
            db.executescript(f"BEGIN; {schema}")  # one transaction is one sync
            db.execute(f"PRAGMA user_version = {migrations.LATEST}")
            body = recipe.to_json()
            db.execute(
                "INSERT INTO sweep (id, name, version, format, recipe, phase, limits, created_at)"
                " VALUES (1, ?, ?, ?, ?, 'created', ?, ?)",
                (recipe.name, version, events.VERSION, wire.dumps(body), wire.dumps(body["limits"]), at),
            )
            db.executemany(
                "INSERT INTO prior VALUES (?, ?, ?, ?, ?)", [_prior_row(one, _sign(recipe)) for one in prior]
            )
            db.execute("COMMIT")
            db.close()  # folds the WAL into the file
            draft.db.replace(folder.db)
            draft.root.rmdir()
        except (OSError, sqlite3.Error) as error:
            raise explain(error, f"the sweep could not be written to {folder.root}") from error
        return cls(folder)

    def recipe(self) -> Recipe:
        return self._recipe

    def phase(self) -> SweepPhase:
        return SweepPhase(self._one("SELECT phase FROM sweep"))

    def prior(self) -> list[Observation]:
        """What the sampler knows from the start."""
        rows = self._db.execute("SELECT number, params, value, resource, outcome FROM prior ORDER BY number")
        return [
            Observation(
                number,
                json.loads(params),
                () if value is None else (self._sign * value,),
                resource,
                Fate(outcome),
            )
            for number, params, value, resource, outcome in rows
        ]

    def decisions(self) -> Iterator[Decision]:
        rows = self._db.execute("SELECT body, actions FROM events ORDER BY seq")
        while portion := rows.fetchmany(READ_AT_ONCE):
            # One text, so that the names of its parameters are the same strings in all points
            for body, actions in json.loads(f"[{','.join(f'[{body},{made}]' for body, made in portion)}]"):
                yield Decision(
                    cast("Event", wire.decode(body)),
                    [cast("Action", wire.decode(action)) for action in actions],
                )

    def attempt(self, trial: int, attempt: int) -> Attempt:
        key = (trial, attempt)
        feeds = self._db.execute("SELECT door, offset, owns FROM feeds WHERE trial = ? AND attempt = ?", key)
        count = self._one("SELECT count(*) FROM metrics WHERE trial = ? AND attempt = ?", key)
        names = self._db.execute("SELECT DISTINCT name FROM metrics WHERE trial = ? AND attempt = ?", key)
        return Attempt(
            tuple(Feed(trial, attempt, door, offset, bool(owns)) for door, offset, owns in feeds),
            int(count),
            frozenset(name for (name,) in names),
        )

    def has_taken(self, request: str) -> bool:
        """Whether the request of this id is in the log."""
        sql = "SELECT count(*) FROM events WHERE body LIKE ? AND json_extract(body, '$.request') = ?"
        return bool(self._one(sql, ('{"kind":"requested",%', request)))

    def annotation(self, trial: int | None) -> Annotation | None:
        """What is written on a trial, or on the sweep; None if there is no such trial."""
        where, args = ("sweep", ()) if trial is None else ("trials WHERE number = ?", (trial,))
        row = self._db.execute(f"SELECT note, tags FROM {where}", args).fetchone()
        if row is None:
            return None
        first = self._recipe.tags if trial is None else {}
        return Annotation(row[0], first if row[1] is None else json.loads(row[1]))

    def commit(self, batch: Batch, state: SweepState) -> None:
        self._transact(lambda: self._write(batch, state), durable=batch.durable)

    def annotate(self, batch: Batch, annotations: Mapping[int | None, Annotation]) -> None:
        """Write the decisions and remarks of ``batch``, and ``annotations``, of a sweep that is over."""
        self._transact(lambda: self._write_annotations(batch, annotations), durable=batch.durable)

    def close(self) -> None:
        self._db.close()

    def _transact(self, write: Callable[[], int], *, durable: bool) -> None:
        """All of it or nothing. ``write`` gives the number of the newest event."""
        try:
            if durable != self._full:
                self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._full = durable
            self._db.execute("BEGIN IMMEDIATE")
            try:
                seq = write()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                with suppress(sqlite3.Error):  # what is in the WAL already leaves its place to what comes
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raise explain(error, f"{self._path} could not be written") from error
        self._seq = seq

    def _append(self, batch: Batch) -> int:
        """What is only ever added to; the number of the newest event."""
        seq, rows = self._seq, []
        for decision in batch.decisions:
            seq += 1
            actions = [wire.encode(action) for action in decision.actions]
            rows.append(
                (seq, decision.event.at, wire.dumps(wire.encode(decision.event)), wire.dumps(actions))
            )
        db = self._db
        if rows:
            db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        if batch.measurements:
            db.executemany(
                "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_metric_row, batch.measurements)
            )
        if batch.feeds:
            db.executemany(
                "INSERT OR REPLACE INTO feeds VALUES (?, ?, ?, ?, ?)",
                [(f.trial, f.attempt, f.door, f.offset, f.owns) for f in batch.feeds.values()],
            )
        if batch.remarks:
            db.executemany(
                "INSERT INTO notes (at, trial, text) VALUES (?, ?, ?)",
                [(r.at, r.trial, _text(r.text)) for r in batch.remarks],
            )
        return seq

    def _write(self, batch: Batch, state: SweepState) -> int:
        db, seq = self._db, self._append(batch)
        if batch.touched:
            db.executemany(
                f"INSERT OR REPLACE INTO trials VALUES (?{', ?' * 20})",
                [
                    self._trial_row(state.trials[number], state.annotation(number))
                    for number in sorted(batch.touched)
                ],
            )
        if batch.decisions:
            ends = [d.event.at for d in batch.decisions if d.actions and isinstance(d.actions[-1], Finish)]
            db.execute(
                "UPDATE sweep SET phase = ?, ends_as = ?, reason = ?, limits = ?, best_trial = ?,"
                " best_value = ?, started_at = ?, ended_at = CASE WHEN ? THEN coalesce(?, ended_at) END,"
                " note = ?, tags = ?,"
                " queued = ?",
                (
                    state.phase,
                    state.ends_as,
                    _text(state.reason),
                    self._limits_json(state.limits),
                    state.best,
                    None if state.best is None else self._sign * state.best_loss,
                    state.started_at,
                    state.phase.is_terminal,
                    ends[-1] if ends else None,
                    state.annotation(None).note,
                    self._tags_json(state.annotation(None)),
                    len(state.queue),
                ),
            )
        return seq

    def _write_annotations(self, batch: Batch, annotations: Mapping[int | None, Annotation]) -> int:
        for trial, written in annotations.items():
            table, which = ("sweep", 1) if trial is None else ("trials", trial)
            key = "id" if trial is None else "number"
            self._db.execute(
                f"UPDATE {table} SET note = ?, tags = ? WHERE {key} = ?",
                (written.note, wire.dumps(written.tags), which),
            )
        return self._append(batch)

    def _limits_json(self, limits: Limits) -> str:
        if limits is not self._limits:
            self._limits, self._limits_text = limits, wire.dumps(asdict(limits))
        return self._limits_text

    def _tags_json(self, annotation: Annotation) -> str:
        if annotation is not self._annotation:
            self._annotation, self._tags_text = annotation, wire.dumps(annotation.tags)
        return self._tags_text

    def _trial_row(self, t: Trial, annotation: Annotation) -> tuple[Any, ...]:
        expected = t.expected and wire.expectation_to_json(t.expected.signed(self._sign))
        return (
            t.number,
            t.attempt,
            t.phase,
            wire.dumps(t.params),
            _text(t.reason),
            t.reports,
            self._sign * t.best if t.best < float("inf") else None,
            self._sign * t.losses[-1] if t.reports and t.losses[-1] < float("inf") else None,
            t.last_step,
            t.queued_at,
            t.started_at,
            t.ended_at,
            t.exit_code,
            t.warm,
            expected and wire.dumps(expected),
            t.until,
            self._rungs_json(t) if t.rungs else None,
            _text(t.origin),
            annotation.note,
            wire.dumps(annotation.tags) if annotation.tags else None,
            t.failure,
        )

    def _rungs_json(self, t: Trial) -> str:
        return wire.dumps({str(r): self._sign * v if isfinite(v) else None for r, v in t.rungs.items()})

    def _one(self, sql: str, args: tuple[Any, ...] = ()) -> Any:
        return self._db.execute(sql, args).fetchone()[0]


def _sign(recipe: Recipe) -> float:
    """Times a loss: the value in the user's scale."""
    return (recipe.objective.goal if recipe.objective else Goal.MINIMIZE).sign


def _prior_row(one: Observation, sign: float) -> tuple[Any, ...]:
    value = sign * one.loss if one.curve else None
    return (one.number, wire.dumps(one.params), value, one.resource, one.outcome)


def _metric_row(m: Measurement) -> tuple[Any, ...]:
    point: Point = m.point
    value = None if point.value != point.value else point.value
    return (m.trial, m.attempt, m.seq, m.door, point.name, value, point.step, point.at, m.counts)


def _text(text: str) -> str:
    """As SQLite can keep it: half a surrogate pair becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _connect(folder: SweepFolder) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(folder.db, isolation_level=None, timeout=20)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise explain(error, f"{folder.db} could not be opened") from error
    return db


def explain(error: Exception, what: str) -> StoreError:
    """A disk's or database's error in words, with the way out."""
    code = getattr(error, "sqlite_errorcode", None)
    number = getattr(error, "errno", None)
    if code == sqlite3.SQLITE_FULL or number in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{what}: the disk is full", hint="free some space; nothing recorded is lost")
    if code == sqlite3.SQLITE_READONLY or number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreError(
            f"{what}: it is not writable",
            hint="choose another workspace with --workspace FOLDER or BARRIDO_WORKSPACE",
        )
    return StoreError(f"{what}: {error}")
