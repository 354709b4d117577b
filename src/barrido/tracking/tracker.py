"""The controller's end of the tracking: keeps the supervisor alive, and tells trials their address.

Starting it costs the controller one `posix_spawn`. Nothing of MLflow, and no HTTP, happens here.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from barrido.core.events import Note
from barrido.core.layout import SweepFolder, Workspace
from barrido.tracking import supervisor
from barrido.tracking.backend import backend
from barrido.tracking.config import Config
from barrido.tracking.identity import Identity
from barrido.tracking.notices import NoticeReader
from barrido.tracking.spawn import is_gone, spawn
from barrido.tracking.status import Status

PORT_PATIENCE_S = 2.0
"""How long the sweep's old port is waited for when a sweep is taken up; its trials know no other."""

CHECK_S = 1.0
LOOK_S = 0.05
BACKLOG = 512


class MlflowTracker:
    """A `barrido.core.protocols.Tracker`. Made by the controller while it holds the sweep's lock."""

    def __init__(self, folder: SweepFolder, workspace: Workspace, upstream: str | None) -> None:
        """``upstream`` is the user's tracking URI, None if there is none.

        A sweep that is taken up again stays with the one that it began with.
        """
        self._folder = folder
        self._tracking = folder.tracking
        self._tracking.mkdir(parents=True, exist_ok=True)
        self._notes: list[Note] = []
        self._notices = NoticeReader(self._tracking / "notices.jsonl")
        self._checked_at = time.monotonic()
        self._pid: int | None = None
        self._off = importlib.util.find_spec("aiohttp") is None
        if self._off:
            text = "MLflow tracking is off: packages for it are not installed"
            self._notes.append(Note(f"{text}; pip install 'barrido[mlflow]'"))
            return
        try:
            self._config = Config.read(self._tracking)
        except FileNotFoundError:
            self._config = self._configure(workspace, upstream or None)
        self._identity = Identity(self._config.secret)
        self._shared = self._environment_of_all()
        self._start(PORT_PATIENCE_S)

    def environment(self, trial: int, attempt: int) -> Mapping[str, str]:
        """What MLflow's client needs to find the trial's run. Empty if tracking is off."""
        if self._off:
            return {}
        path = self._identity.path(trial, attempt)
        return {
            **self._shared,
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self._config.port}{path}",
            "MLFLOW_RUN_ID": self._identity.alias(trial, attempt),
        }

    def _environment_of_all(self) -> dict[str, str]:
        # The client would print the address of a run, with the secret, into the trial's log.
        variables = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
        if "MLFLOW_EXPERIMENT_NAME" not in os.environ:  # the client wants both to agree; any name will do
            variables["MLFLOW_EXPERIMENT_ID"] = self._identity.experiment
        if any(os.environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
            for name in ("NO_PROXY", "no_proxy"):
                variables[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))
        return variables

    def check(self) -> None:
        """Start the supervisor again if it died. Cheap; to be called now and then."""
        if self._off or time.monotonic() - self._checked_at < CHECK_S:
            return
        self._checked_at = time.monotonic()
        if self._pid is not None:
            if not is_gone(self._pid):
                return
            self._pid = None
        status = self._status()
        if not ((status.complete or status.gave_up) and supervisor.is_over(self._folder.db.absolute())):
            self._start(0.0)

    def warnings(self) -> tuple[Note, ...]:
        """What a person should know, since the last call."""
        notes, self._notes = (*self._notes, *self._notices.news()), []
        return notes

    def close(self, timeout_s: float) -> bool:
        """Wait until MLflow knows all of a sweep that is over, at most ``timeout_s``; whether it does.

        A sweep that is not over, or never was to be seen in MLflow, is not waited for. The supervisor
        stays as long as there is something to do.
        """
        if self._off:
            return True
        if not supervisor.is_over(self._folder.db.absolute()):
            return True
        deadline = time.monotonic() + timeout_s
        while self._is_used():
            status = self._status()
            if status.complete or status.gave_up or time.monotonic() > deadline:
                return status.complete
            self.check()
            time.sleep(LOOK_S)
        return True

    def _is_used(self) -> bool:
        return self._config.eager or (self._tracking / "mirror.db").exists()

    def _status(self) -> Status:
        return Status.read(self._tracking / "status.json")

    def _configure(self, workspace: Workspace, upstream: str | None) -> Config:
        if upstream is not None and upstream.startswith(("http://", "https://")):
            return Config.new(url=upstream, backend=None, eager=True)
        served = backend(workspace, upstream)
        if served is None:
            scheme = (upstream or "").partition(":")[0]
            text = f"MLFLOW_TRACKING_URI: {scheme!r} is not supported; the sweep is shown in a local MLflow"
            self._notes.append(Note(f"{text} ({workspace.mlflow})"))
            return Config.new(url=None, backend=backend(workspace, None), eager=True)
        return Config.new(url=None, backend=served, eager=upstream is not None)

    def _start(self, patience_s: float) -> None:
        """Start the supervisor, unless one lives. It is handed the listening socket and the lock."""
        lock = os.open(self._tracking / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # the one that an earlier controller started
            listener = self._bind(patience_s)
            if listener is None:
                return
            with listener:
                port = listener.getsockname()[1]
                if port != self._config.port:
                    self._config = self._config.at(port)
                    self._config.write(self._tracking)
                self._spawn(listener.fileno(), lock)
        finally:
            os.close(lock)

    def _bind(self, patience_s: float) -> socket.socket | None:
        """The sweep's port. A tracking process that just lost its supervisor holds it a moment longer."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return socket.create_server(("127.0.0.1", self._config.port), backlog=BACKLOG)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            if time.monotonic() < deadline:
                time.sleep(LOOK_S)
                continue
            if not patience_s:
                return None  # `check` comes again
            text = f"port {self._config.port} is taken by another program: trials that run lose their MLflow"
            self._notes.append(Note(text))
            self._config = self._config.at(0)

    def _spawn(self, listener: int, lock: int) -> None:
        script = str(Path(supervisor.__file__))
        command = [sys.executable, "-I", "-S", script, str(self._tracking.absolute()), "3", "4"]
        self._pid = spawn(command, os.environ, self._tracking / "process.log", {3: listener, 4: lock})
