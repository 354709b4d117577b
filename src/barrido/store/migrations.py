"""How an older sweep's database becomes one of today: small steps, named, forward only."""

from __future__ import annotations

import sqlite3

from barrido.errors import StoreError

STEPS: tuple[tuple[str, str], ...] = ()
"""(name, SQL) of each step after the first schema; step k leads from version k to k + 1."""

LATEST = 1 + len(STEPS)


def migrate(db: sqlite3.Connection) -> None:
    """Bring ``db`` up to `LATEST`. Each step is one transaction with its version number."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > LATEST:
        raise StoreError(
            f"this sweep was written by a newer barrido (schema {version}, known here: {LATEST})",
            hint="pip install --upgrade barrido",
        )
    for step in range(version, LATEST):
        _, sql = STEPS[step - 1]
        db.executescript(f"BEGIN; {sql}; PRAGMA user_version = {step + 1}; COMMIT;")
