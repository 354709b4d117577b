"""The processes of a sweep by what they are, found in /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import kill_one, nurseries

from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.executors import leader
from barrido.executors.leftovers import strays
from barrido.tracking.backend import backend

Key = tuple[int, int]
"""A trial's number, and that of its attempt."""


@dataclass(frozen=True, slots=True)
class Victim:
    pid: int
    key: Key | None = None  # of the attempt that it belongs to


def controllers(folder: SweepFolder) -> list[Victim]:
    pid = lock.holder(folder)
    return [Victim(pid)] if pid else []


def gateways(folder: SweepFolder) -> list[Victim]:
    return [
        Victim(pid) for pid, words in _running() if _is(words, "barrido.tracking.process", folder.tracking)
    ]


def keepers(folder: SweepFolder) -> list[Victim]:
    """Those that hold the port of the gateway."""
    return [Victim(pid) for pid, words in _running() if _is(words, "tracking/supervisor.py", folder.tracking)]


def servers(where: Workspace) -> list[Victim]:
    """The workspace's own MLflow server."""
    served = backend(where, None)
    assert served is not None
    found = []
    for pid, words in _running():
        if "barrido.tracking.server" in words:
            with suppress(OSError):
                if Path(f"/proc/{pid}/fd/2").readlink() == served.log:
                    found.append(Victim(pid))
    return found


def nursery(folder: SweepFolder) -> list[Victim]:
    return [Victim(pid) for pid in nurseries(folder)]


def trials(folder: SweepFolder, *, leaders: bool) -> list[Victim]:
    """The processes of trials: their session leaders, or what these started."""
    found = []
    for stem, left in strays(os.fspath(folder.feed)):
        left.close()
        words = _words(left.pid)
        is_leader = leader.NAME in words[:4] and f"{stem}.life" in words
        if is_leader is leaders:
            trial, attempt = Path(stem).name.split(".")
            found.append(Victim(left.pid, (int(trial), int(attempt))))
    return found


def all_of(folder: SweepFolder) -> list[Victim]:
    """Whatever runs for the sweep, but the MLflow server that it shares."""
    there = [*controllers(folder), *gateways(folder), *keepers(folder), *nursery(folder)]
    return there + trials(folder, leaders=True) + trials(folder, leaders=False)


def end_server(where: Workspace) -> None:
    for one in servers(where):
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGTERM)


def kill_all(folder: SweepFolder, where: Workspace) -> None:
    """Until there is nothing left; those that start others first."""
    while there := [*all_of(folder), *servers(where)]:
        for one in there:
            kill_one(one.pid)


def state_of(folder: SweepFolder) -> str:
    """What lives, for whoever reads of a sweep that is stuck."""
    lines = []
    for one in all_of(folder):
        with suppress(OSError):
            state = Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[0]
            lines.append(f"{one.pid} {state} {' '.join(_words(one.pid))[-200:]!r}")
    return "\n".join(lines)


def _is(words: list[str], program: str, tracking: Path) -> bool:
    return any(word.endswith(program) for word in words) and os.fspath(tracking) in words


def _running() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (words := _words(int(entry.name))):
            yield int(entry.name), words


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
