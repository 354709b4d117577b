"""Reads the sweep's store while the controller writes it. Read-only, never blocking the writer."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, cast

from barrido.core.events import Exited
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Recipe
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.core.wire import decode, dumps
from barrido.tracking.portrait import SweepRow, TrialRow, milliseconds
from barrido.tracking.protocol import METRICS_PER_BATCH, Metric

_TRIAL = "SELECT number, attempt, phase, params, reason, started_at, ended_at, exit_code, failure FROM trials"


class StoreReader:
    """One sweep's ``sweep.db``. Raises sqlite3.OperationalError while it cannot be read."""

    def __init__(self, folder: SweepFolder) -> None:
        uri = f"{folder.db.absolute().as_uri()}?mode=ro"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=20)
        self._version = -1
        self._recipe = Recipe.from_json(
            json.loads(self._db.execute("SELECT recipe FROM sweep").fetchone()[0])
        )

    @property
    def recipe(self) -> Recipe:
        return self._recipe

    def changed(self) -> bool:
        """Whether anything was committed since the last call; True the first time."""
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        changed = version != self._version
        self._version = version
        return bool(changed)

    def sweep(self) -> SweepRow:
        phase, *rest = self._db.execute(
            "SELECT phase, reason, best_trial, best_value, started_at, ended_at FROM sweep"
        ).fetchone()
        return SweepRow(self._recipe, SweepPhase(phase), *rest)

    def trials(self, first: int = 0) -> list[TrialRow]:
        """Trials from number ``first`` on."""
        return [
            _row(row) for row in self._db.execute(f"{_TRIAL} WHERE number >= ? ORDER BY number", (first,))
        ]

    def trial(self, number: int) -> TrialRow | None:
        row = self._db.execute(f"{_TRIAL} WHERE number = ?", (number,)).fetchone()
        return None if row is None else _row(row)

    def exit_of(self, trial: int, attempt: int) -> Exited | None:
        """How an attempt ended, None if it has not. All of the log is looked through."""
        begins = dumps({"kind": "exited", "trial": trial, "attempt": attempt})[:-1]
        row = self._db.execute(
            "SELECT body FROM events WHERE substr(body, 1, ?) = ? LIMIT 1", (len(begins) + 1, f"{begins},")
        ).fetchone()
        return None if row is None else cast("Exited", decode(json.loads(row[0])))

    def heard(self, trial: int, attempt: int) -> int:
        """How far the sweep has taken in the journal of MLflow's door, in bytes."""
        row = self._db.execute(
            "SELECT offset FROM feeds WHERE trial = ? AND attempt = ? AND door = 'mlflow'", (trial, attempt)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def metrics(
        self, trial: int, attempt: int, after: int, *, every_door: bool = False
    ) -> tuple[list[Metric], int]:
        """What came behind place ``after``, at most a batch, and the place of the last of it.

        Only what other doors brought, unless told otherwise: what came through MLflow's is forwarded from
        its own journal.
        """
        rows = self._db.execute(
            "SELECT seq, door, name, value, step, at FROM metrics"
            " WHERE trial = ? AND attempt = ? AND seq > ? ORDER BY seq LIMIT ?",
            (trial, attempt, after, METRICS_PER_BATCH),
        ).fetchall()
        metrics = [
            Metric(name, float("nan") if value is None else value, milliseconds(at), step or 0)
            for _, door, name, value, step, at in rows
            if every_door or door != "mlflow"
        ]
        return metrics, rows[-1][0] if rows else after

    def close(self) -> None:
        self._db.close()


def _row(row: tuple[Any, ...]) -> TrialRow:
    number, attempt, phase, *rest = row
    return TrialRow(number, attempt, Phase(phase), *rest)
