"""The processes of a sweep: which live, how to kill them, and how to wait for what becomes of them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.executors.leftovers import strays
from barrido.store.queries import Reader
from barrido.tracking.backend import backend

PATIENCE_S = 240.0


def nurseries(folder: SweepFolder) -> list[int]:
    """The nurseries of a sweep that live.

    What they fork closes their pipes before it leaves their session: this is looked at the other way round.
    """
    log = folder.root / "nursery/log.txt"
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            is_ours = entry.name.isdecimal() and (entry / "fd/1").readlink() == log
            is_ours = is_ours and os.getsid(int(entry.name)) == int(entry.name)
            if is_ours and os.fspath((entry / "fd/3").readlink()).startswith("pipe:"):
                found.append(int(entry.name))
    return found


def kill_one(pid: int) -> bool:
    """Whether there was something to kill."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill(folder: SweepFolder) -> bool:
    """Kill the controller, and wait until it is gone."""
    pid = lock.holder(folder)
    if not pid or not kill_one(pid):
        return False
    wait_for(folder, lambda: lock.holder(folder) != pid)
    return True


def trial_pids(folder: SweepFolder) -> list[int]:
    """The living processes that were born into the sweep's trials."""
    found = [left for _, left in strays(os.fspath(folder.feed))]
    for left in found:
        left.close()
    return [left.pid for left in found]


def kill_trials(folder: SweepFolder) -> None:
    """Kill all of `trial_pids`."""
    for _, left in strays(os.fspath(folder.feed)):
        left.send(signal.SIGKILL)
        left.close()


def kill_all(folder: SweepFolder) -> None:
    """Nothing of a sweep outlives its test."""
    kill(folder)
    for pid in nurseries(folder):
        kill_one(pid)
    kill_trials(folder)


def end_server(where: Workspace) -> None:
    """Ask the workspace's own MLflow server to end, if there is one."""
    server = backend(where, None)
    assert server is not None
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(json.loads(server.state.read_text())["pid"], signal.SIGTERM)


def wait_for(folder: SweepFolder, condition: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Fails with the controller's log."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, folder.log.read_text()
        time.sleep(0.005)


def finish(folder: SweepFolder) -> None:
    """Wait until the sweep is over."""
    with Reader(folder) as reader:
        wait_for(folder, lambda: reader.sweep().phase.is_terminal)
