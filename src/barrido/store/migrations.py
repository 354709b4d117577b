"""How an older sweep's database becomes one of today: small steps, named, forward only."""

from __future__ import annotations

import sqlite3

from barrido.core import events
from barrido.errors import StoreError

FAILURE = (
    "CASE WHEN reason LIKE 'ran longer than%' THEN 'timeout'"
    " WHEN phase <> 'failed' THEN NULL WHEN exit_code > 0 THEN 'exit_code' WHEN exit_code < 0 THEN 'signal'"
    " WHEN reason LIKE 'could not be started%' THEN 'no_launch' ELSE 'lost' END"
)
"""How a trial failed, by what was written down of it before version 7."""

STEPS: tuple[tuple[str, str], ...] = (
    (
        "warm trials",
        "ALTER TABLE trials ADD COLUMN warm INTEGER NOT NULL DEFAULT 0; UPDATE sweep SET format = 2",
    ),
    ("expectations", "ALTER TABLE trials ADD COLUMN expected TEXT; UPDATE sweep SET format = 3"),
    (
        "warm starts",
        "CREATE TABLE prior (number INTEGER PRIMARY KEY, params TEXT NOT NULL, value REAL,"
        " resource INTEGER NOT NULL, outcome TEXT NOT NULL) STRICT",
    ),
    (
        "rungs",
        "ALTER TABLE trials ADD COLUMN until INTEGER;"
        " ALTER TABLE trials ADD COLUMN rungs TEXT; UPDATE sweep SET format = 4",
    ),
    (
        "by hand",
        "ALTER TABLE trials ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
        " ALTER TABLE trials ADD COLUMN note TEXT NOT NULL DEFAULT '';"
        " ALTER TABLE trials ADD COLUMN tags TEXT;"
        " ALTER TABLE sweep ADD COLUMN note TEXT NOT NULL DEFAULT '';"
        " ALTER TABLE sweep ADD COLUMN tags TEXT;"
        " ALTER TABLE sweep ADD COLUMN queued INTEGER NOT NULL DEFAULT 0; UPDATE sweep SET format = 5",
    ),
    (
        "failures",
        f"ALTER TABLE trials ADD COLUMN failure TEXT; UPDATE trials SET failure = {FAILURE};"
        " UPDATE sweep SET format = 6",
    ),
)
"""(name, SQL) of each step after the first schema; step k leads from version k to k + 1."""

LATEST = 1 + len(STEPS)


def migrate(db: sqlite3.Connection) -> None:
    """Bring ``db`` up to `LATEST`. Each step is one transaction with its version number."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    check_schema(version)
    for step in range(version, LATEST):
        _, sql = STEPS[step - 1]
        db.executescript(f"BEGIN; {sql}; PRAGMA user_version = {step + 1}; COMMIT;")


def check_schema(version: int) -> None:
    """Whether the tables have a form that is known here."""
    if version > LATEST:
        raise _too_new("schema", version, LATEST)


def check_format(version: int) -> None:
    """Whether the log's events and actions have a form that is known here."""
    if version > events.VERSION:
        raise _too_new("event format", version, events.VERSION)


def _too_new(what: str, version: int, known: int) -> StoreError:
    return StoreError(
        f"this sweep was written by a newer barrido ({what} {version}, known here: {known})",
        hint="pip install --upgrade barrido",
    )
