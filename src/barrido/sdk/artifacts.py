"""Where the things lie that a trial logged to MLflow, if that is on this machine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from barrido.core.layout import SweepFolder
from barrido.tracking.config import Config


def logged_folders(folder: SweepFolder, trial: int) -> Iterator[tuple[str, Path]]:
    """Folders, each with the name that its content goes by: "" for artifacts, a logged model's own.

    Nothing where MLflow keeps them elsewhere, or was not used.
    """
    for run_id, uri in _runs(folder, trial):
        if (artifacts := _local(uri)) is not None:
            yield "", artifacts
        for name, place in _models(folder, run_id):
            if (model := _local(place)) is not None:
                yield name, model


def _runs(folder: SweepFolder, trial: int) -> Iterator[tuple[str, str]]:
    """The id and the artifacts' URI of the run of the trial's latest attempt."""
    rows = _rows(
        folder.tracking / "mirror.db",
        "SELECT run_id, info FROM runs WHERE kind = 'trial' AND trial = ? AND run_id IS NOT NULL"
        " AND info IS NOT NULL ORDER BY attempt DESC LIMIT 1",
        trial,
    )
    for run_id, info in rows:
        yield run_id, str(json.loads(info).get("artifact_uri", ""))


def _models(folder: SweepFolder, run_id: str) -> Iterator[tuple[str, str]]:
    """The models that a run logged: since version 3, MLflow keeps them beside the run's artifacts."""
    try:
        backend = Config.read(folder.tracking).backend
    except FileNotFoundError:
        return
    scheme, _, path = backend.store_uri.partition(":///") if backend is not None else ("", "", "")
    if not scheme.startswith("sqlite"):
        return
    taken: set[str] = set()
    for name, model_id, location in _rows(
        Path(path),
        "SELECT name, model_id, artifact_location FROM logged_models WHERE source_run_id = ?"
        " ORDER BY creation_timestamp_ms DESC",
        run_id,
    ):
        yield (model_id if name in taken else name), location  # the latest of a name has it
        taken.add(name)


def _rows(path: Path, sql: str, *args: Any) -> Sequence[Any]:
    """What a query finds; nothing where there is no such file or table."""
    if not path.is_file():
        return ()
    with closing(sqlite3.connect(path, timeout=20)) as db:
        try:
            db.execute("PRAGMA query_only = ON")
            return db.execute(sql, args).fetchall()
        except sqlite3.OperationalError:
            return ()


def _local(uri: str) -> Path | None:
    """The folder of a path or a ``file:`` URI; None for other places, and if it is not there."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or not parts.path:
        return None
    path = Path(unquote(parts.path) if parts.scheme else uri)
    return path if path.is_dir() else None
