"""Where a sweep and its trials are to be seen in MLflow, if a server shows them now."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing

from barrido.core.layout import SweepFolder
from barrido.sdk.addresses import without_secrets
from barrido.tracking.backend import Backend
from barrido.tracking.config import Config
from barrido.tracking.status import Status


def sweep_link(folder: SweepFolder) -> str | None:
    """The page of the sweep's own run."""
    status = Status.read(folder.tracking / "status.json")
    return _link(folder, status, status.run_id)


def trial_link(folder: SweepFolder, number: int) -> str | None:
    """The page of the run of a trial's latest attempt."""
    status = Status.read(folder.tracking / "status.json")
    return _link(folder, status, _run_id(folder, number)) if status.url else None


def _link(folder: SweepFolder, status: Status, run_id: str | None) -> str | None:
    url = status.url
    if run_id is None or status.experiment_id is None or url is None:
        return None
    if not url.startswith(("http://", "https://")) or "***" in without_secrets(url):
        return None  # nothing that a browser can open, or an address that is not to be shown
    try:
        backend = Config.read(folder.tracking).backend
    except (FileNotFoundError, ValueError):
        return None
    is_up = status.reachable if backend is None else _is_up(backend)
    return f"{url.rstrip('/')}/#/experiments/{status.experiment_id}/runs/{run_id}" if is_up else None


def _is_up(backend: Backend) -> bool:
    """Whether somebody holds the lock of the workspace's own server, and has told where it listens."""
    try:
        with backend.lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return backend.state.exists()
    except OSError:
        pass
    return False


def _run_id(folder: SweepFolder, number: int) -> str | None:
    path = folder.tracking / "mirror.db"
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as db:
            row = db.execute(
                "SELECT run_id FROM runs WHERE kind = 'trial' AND trial = ? AND run_id IS NOT NULL"
                " ORDER BY attempt DESC LIMIT 1",
                (number,),
            ).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])
