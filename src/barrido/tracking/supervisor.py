"""Keeps a sweep's MLflow address alive: a small process that holds the port, and starts what answers there.

It runs as a file, in an interpreter without site-packages, so it may use the standard library only.
It holds the listening socket: connections that come while nobody answers wait. The tracking process
(`barrido.tracking.process`) is started with the first connection, or at once if ``eager``, and again
whenever it dies; when it leaves with exit code 0 everything is done, and the supervisor leaves too.

Called with descriptors as ``supervisor.py TRACKING_FOLDER SOCKET_FD LOCK_FD``. The lock says that it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

LOOK_S = 1.0
ABANDONED_S = 60.0
"""How long a sweep is without a controller and without trials before its address is given up."""

MAX_PAUSE_S = 5.0
_OVER = ("completed", "failed", "canceled")


def is_locked(path: Path) -> bool:
    """Whether somebody holds the flock on ``path``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def anyone_told(secret: str) -> bool:
    """Whether a process lives that was given the address with ``secret``: a trial, or what it started.

    True where that cannot be found out.
    """
    if not os.path.isdir("/proc/self"):  # noqa: PTH112
        return True
    needle = f"/t/{secret}/".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry.name}/environ", "rb") as file:  # noqa: PTH123
                if needle in file.read():
                    return True
    return False


def is_over(db: Path) -> bool:
    """Whether the sweep has ended, or is no more."""
    import sqlite3

    try:
        connection = sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=5)
    except sqlite3.OperationalError:
        return not db.exists()
    try:
        row = connection.execute("SELECT phase FROM sweep").fetchone()
    except sqlite3.OperationalError:
        return not db.exists()
    finally:
        connection.close()
    return row is not None and row[0] in _OVER


class Supervisor:
    """``tracking`` is the folder of that name in the sweep's; see `barrido.core.layout`."""

    def __init__(self, tracking: Path, listener: socket.socket) -> None:
        config = json.loads((tracking / "gateway.json").read_text())
        self._secret: str = config["secret"]
        self._tracking = tracking
        self._sweep = tracking.parent
        self._listener = listener
        self._wanted = config["eager"] or (tracking / "mirror.db").exists()
        self._child: Any = None
        self._pause = 0.1
        self._seen_at = time.monotonic()  # a controller or a trial
        self._wake, self._waker = os.pipe()
        for fd in (self._wake, self._waker):
            os.set_blocking(fd, False)

    def run(self) -> int:
        signal.set_wakeup_fd(self._waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)
        while True:
            if self._wanted and self._child is None:
                if not (self._tracking / "gateway.json").exists():
                    return 0  # somebody removed the sweep
                self._start()
            watched = select.poll()  # not `select`: whoever started this may have had a thousand files open
            watched.register(self._wake, select.POLLIN)
            if not self._wanted:
                watched.register(self._listener, select.POLLIN)
            ready = {fd for fd, _ in watched.poll(1000 * LOOK_S)}
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 512)
            if self._listener.fileno() in ready:
                self._wanted = True
            if self._child is not None and (code := self._child.poll()) is not None:
                self._child.stdin.close()
                self._child = None
                if code == 0:
                    return 0
                time.sleep(self._pause)
                self._pause = min(2 * self._pause, MAX_PAUSE_S)
            elif not self._wanted and self._is_abandoned():
                return 0

    def _start(self) -> None:
        import subprocess

        fd = self._listener.fileno()
        command = [sys.executable, "-P", "-m", "barrido.tracking.process", str(self._tracking), str(fd)]
        with (self._tracking / "process.log").open("ab") as output:
            # The tracking process leaves when its standard input ends: with the supervisor, however it dies.
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, pass_fds=[fd]
            )

    def _is_abandoned(self) -> bool:
        """Nobody came so far. Is anybody left who could?"""
        if is_locked(self._sweep / "lock"):
            self._seen_at = time.monotonic()
            return False
        if is_over(self._sweep / "sweep.db"):
            return True
        if time.monotonic() - self._seen_at < ABANDONED_S:
            return False
        if anyone_told(self._secret):
            self._seen_at = time.monotonic()
            return False
        return True

    def _leave(self, *_: object) -> None:
        if self._child is not None:
            self._child.terminate()
            self._child.wait()
        sys.exit(0)


def main(argv: list[str]) -> int:
    listener = socket.socket(fileno=int(argv[1]))
    os.set_inheritable(int(argv[2]), False)
    return Supervisor(Path(argv[0]), listener).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
