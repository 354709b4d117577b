"""A Ray cluster of this machine alone, for one sweep. It outlives the sweep's controllers, and leaves with
the sweep.

``python -m barrido.executors.ray.head FOLDER``: Ray ends the cluster when the process that began it ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from barrido.core.layout import SweepFolder
from barrido.errors import ControllerError
from barrido.executors.ray.agent import ABANDONED_S

START_S = 120.0
LOOK_S = 5.0
OBJECTS = 100 << 20
"""Bytes of shared memory: what is passed on are commands and words."""

MODULE = "barrido.executors.ray.head"


def start(folder: SweepFolder) -> str:
    """The address of the sweep's own cluster, which is started if it is not there.

    This process's environment gets the cluster's token, without which nobody is let in. Raises
    ControllerError with what Ray said if it does not start.
    """
    where = _state(folder)
    where.parent.mkdir(exist_ok=True)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token(where.with_name("auth"))}
    if (pid := _alive(folder)) is not None and (address := _address(folder, pid)) is not None:
        return address
    where.unlink(missing_ok=True)
    said = where.with_name("head.log")
    with said.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, os.fspath(folder.root)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if (address := _address(folder, process.pid)) is not None:
            return address
        time.sleep(0.02)
    process.kill()
    tail = said.read_text(errors="replace").strip()[-1000:]
    raise ControllerError(f"a Ray cluster of this machine could not be started:\n{tail}", hint=f"see {said}")


def stop(folder: SweepFolder) -> None:
    """End it, if it is there. Returns at once."""
    if (pid := _alive(folder)) is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _token(file: Path) -> str:
    if not file.exists():
        draft = file.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(os.urandom(32).hex())
        draft.replace(file)
    return file.read_text()


def _state(folder: SweepFolder) -> Path:
    return folder.root / "ray/head.json"


def _address(folder: SweepFolder, pid: int) -> str | None:
    try:
        body = json.loads(_state(folder).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return str(body["address"]) if body["pid"] == pid else None


def _alive(folder: SweepFolder) -> int | None:
    import psutil

    try:
        pid = int(json.loads(_state(folder).read_text())["pid"])
        process = psutil.Process(pid)
        is_it = os.fspath(folder.root) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
    return pid if is_it else None


def main(argv: list[str]) -> None:
    folder = SweepFolder(Path(argv[0]))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=OBJECTS,
        _node_ip_address="127.0.0.1",
    )
    draft = _state(folder).with_suffix(".draft")
    draft.write_text(json.dumps({"address": ray.get_runtime_context().gcs_address, "pid": os.getpid()}))
    draft.replace(_state(folder))
    touched = time.time()
    while not ended.wait(LOOK_S) and folder.root.exists() and time.time() - touched < ABANDONED_S:
        with suppress(FileNotFoundError):
            touched = max(touched, folder.lock.stat().st_mtime)
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
