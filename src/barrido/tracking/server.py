"""The local MLflow server: MLflow's own application in one process, which leaves when nobody asks.

Run as ``python -m barrido.tracking.server LOCK_FD`` by `barrido.tracking.local`, with the backend as JSON
on its standard input. The command ``mlflow server`` would start up to ten processes for the same: its
settings reach the application through environment variables, which are set here.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

from barrido.tracking.backend import Backend

IDLE_S = 120.0
"""How long the server stays when nobody asks; a tracking process asks every minute of its life."""

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]]


class Attended:
    """An ASGI application that knows when it was last asked."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._active = 0
        self._asked_at = time.monotonic()

    async def __call__(
        self, scope: Scope, receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._active += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._active -= 1
            self._asked_at = time.monotonic()

    def idle_s(self) -> float:
        return 0.0 if self._active else time.monotonic() - self._asked_at


def settings(backend: Backend) -> dict[str, str]:
    """The environment of MLflow's application.

    With ``SERVE_ARTIFACTS`` and a root that is a plain path, clients on this machine write artifacts
    straight to the disk, and those who upload them through the server write to the same place.
    """
    return {
        "_MLFLOW_SERVER_FILE_STORE": backend.store_uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": backend.store_uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(backend.artifacts),
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(backend.artifacts),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def prepare(backend: Backend) -> None:
    """Make the folders, and barrido's own database, whole or not at all: MLflow goes on with no part of it.

    Its readers do not block its writer.
    """
    backend.folder.mkdir(parents=True, exist_ok=True)
    backend.artifacts.mkdir(parents=True, exist_ok=True)
    if not backend.own:
        return
    database = backend.folder / "mlflow.db"
    if not database.exists():
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        draft = backend.folder / "draft.db"
        for left in backend.folder.glob("draft.db*"):  # of a server that died while it did this
            left.unlink()
        make: Any = SqlAlchemyStore  # which says nothing of its types
        make(f"sqlite:///{draft}", str(backend.artifacts)).engine.dispose()
        draft.replace(database)
    with closing(sqlite3.connect(database, timeout=20)) as db:
        db.execute("PRAGMA journal_mode = WAL")


async def serve(backend: Backend, idle_s: float = IDLE_S) -> None:
    prepare(backend)
    os.environ.update(settings(backend))
    import uvicorn
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import _get_tracking_store

    _get_tracking_store()  # makes or updates the database before anybody waits for an answer
    attended = Attended(app)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(
        attended, log_level="warning", access_log=False, timeout_keep_alive=75, lifespan="on"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    announce(backend.state, {"port": listener.getsockname()[1], "pid": os.getpid()})
    try:
        while not serving.done() and attended.idle_s() < idle_s:
            await asyncio.wait([serving], timeout=1.0)
    finally:
        backend.state.unlink(missing_ok=True)
        server.should_exit = True
        await serving


def announce(path: Path, body: dict[str, int]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(body))
    draft.replace(path)


def main(argv: list[str]) -> None:
    """``argv``: the descriptor of the lock that is held as long as this lives."""
    os.set_inheritable(int(argv[0]), False)
    backend = Backend.from_json(json.load(sys.stdin))
    os.chdir(backend.folder)
    asyncio.run(serve(backend))


if __name__ == "__main__":
    main(sys.argv[1:])
