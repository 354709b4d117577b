"""The MLflow server that barrido runs itself, over a local database: finding it, starting it.

All sweeps of a workspace share one. Who holds the flock on its ``.lock`` file is the server, starting
or serving; it takes the lock over from the process that starts it, so there is never a second one.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import json
import logging
import os
import sys
import time
from collections.abc import Mapping

from yarl import URL

from barrido.tracking.backend import Backend
from barrido.tracking.notices import Notices
from barrido.tracking.spawn import is_gone, spawn
from barrido.tracking.upstream import LOCAL_PATIENCE_S, REMOTE_PATIENCE_S, Unreachable

log = logging.getLogger(__name__)

START_TRIES = 3
RETRY_S = 30.0
LOOK_S = 0.1


class LocalAddress:
    """An `Address` that starts the server when there is none."""

    def __init__(self, backend: Backend, notices: Notices) -> None:
        self.patience_s = LOCAL_PATIENCE_S
        self.never = False
        self._backend = backend
        self._notices = notices
        self._failures = 0
        self._retry_at = 0.0
        self._pid: int | None = None

    async def locate(self) -> URL:
        lacking = [name for name in ("mlflow", "flask", "uvicorn") if importlib.util.find_spec(name) is None]
        if lacking:
            self.never = True
            self._notices.say(
                "MLflow is not installed next to barrido: metrics count for the sweep, but there are no runs"
                " to look at and no artifacts; pip install 'barrido[mlflow]'"
            )
            raise Unreachable(f"{', '.join(lacking)} cannot be imported")
        while True:
            if (lock := self._take_lock()) is not None:
                try:
                    self._spawn(lock)
                finally:
                    os.close(lock)
            elif (url := self._serving()) is not None:
                self._failures = 0
                self.patience_s = LOCAL_PATIENCE_S
                return url
            await asyncio.sleep(LOOK_S)

    def _take_lock(self) -> int | None:
        """The lock, if there is no server."""
        self._backend.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._backend.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    def _serving(self) -> URL | None:
        try:
            body = json.loads(self._backend.state.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return URL(f"http://127.0.0.1:{body['port']}")

    def _spawn(self, lock: int) -> None:
        if time.monotonic() < self._retry_at:
            raise Unreachable("the local MLflow server does not start")
        self._failures += 1
        if self._failures > START_TRIES:
            self._failures = 0
            self._retry_at = time.monotonic() + RETRY_S
            self.patience_s = REMOTE_PATIENCE_S
            self._notices.say(
                f"the local MLflow server does not start; see {self._backend.log}", once="server start"
            )
            raise Unreachable("the local MLflow server does not start")
        self._backend.state.unlink(missing_ok=True)
        self._backend.log.unlink(missing_ok=True)
        if self._pid is not None:
            is_gone(self._pid)
        # Not as an argument: a database's address may hold a password, and all users see arguments.
        source, sink = os.pipe()
        try:
            os.write(sink, json.dumps(self._backend.to_json()).encode())
            os.close(sink)
            command = [sys.executable, "-P", "-m", "barrido.tracking.server", "3"]
            environ = server_environment(os.environ)
            self._pid = spawn(command, environ, self._backend.log, {0: source, 3: lock})
        finally:
            os.close(source)
        log.info("starting the local MLflow server")


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the user's MLflow settings: they were meant for clients."""
    return {name: value for name, value in environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
