"""Processes of a trial that left its process group, found by the environment they were born with.

Every process of an attempt inherits ``BARRIDO_FEED=<stem>``, which no other attempt of any sweep has.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from barrido.executors.leader import is_alive, open_pidfd

MARKER = "BARRIDO_FEED"


class Leftover:
    """A handle on one such process; signals reach it or nobody."""

    def __init__(self, pid: int, fd: int | None) -> None:
        self.pid = pid
        self.fd = fd  # readable once the process has ended; None where there are no pidfds

    def send(self, number: int) -> bool:
        """Whether there was somebody to send it to."""
        try:
            if self.fd is not None:
                signal.pidfd_send_signal(self.fd, number)
            else:
                os.kill(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False  # gone already, or another user's: not ours to end
        return True

    @property
    def group(self) -> int | None:
        return _group_of(self.pid)

    def is_gone(self) -> bool:
        return not is_alive(self.pid)

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def leftovers(
    stem: str, group: int | None = None, *, dying: int | None = None, seen: set[int] | None = None
) -> list[Leftover]:
    """Living processes born into the attempt ``stem``, and those in process group ``group``.

    A process that is dying has no environment any more: those in the group numbered ``dying`` count
    too. Should that number be another's by now, a stranger's death is waited for, and nothing worse.

    Those whose pids are in ``seen`` are not looked at; it is given the pids of all that were.
    """

    def belongs(pid: int, feed: str | None) -> bool:
        if feed == stem or (group is None and dying is None):
            return feed == stem
        its_group = _group_of(pid)
        return (group is not None and its_group == group) or (
            feed is None and dying is not None and its_group == dying and _is_dying(pid)
        )

    found = []
    for pid, feed in _marked(set() if seen is None else seen):
        if belongs(pid, feed):
            fd = open_pidfd(pid)
            # The number may have been given away before the handle was there: look again.
            if is_alive(pid) and belongs(pid, feed_of(pid)):
                found.append(Leftover(pid, fd))
            elif fd is not None:
                os.close(fd)
    return found


def strays(folder: str) -> list[tuple[str, Leftover]]:
    """Living processes of any attempt whose files are in the folder ``folder``, each with its stem."""
    found = []
    for pid, feed in _marked(set()):
        if feed is not None and os.path.dirname(feed) == folder:  # noqa: PTH120  (text, not the disk)
            fd = open_pidfd(pid)
            if is_alive(pid) and feed_of(pid) == feed:
                found.append((feed, Leftover(pid, fd)))
            elif fd is not None:
                os.close(fd)
    return found


def feed_of(pid: int) -> str | None:
    """The attempt that a process was born into; None if it is of no trial, or another user's."""
    try:
        for _ in range(_EXEC_LOOKS):
            if (raw := _read(f"/proc/{pid}/environ")) or not _is_between_programs(pid):
                break
            time.sleep(_EXEC_S)
    except FileNotFoundError:
        return None if _HAS_PROC else _feed_of_elsewhere(pid)
    except OSError:
        return None
    _, found, rest = (b"\0" + raw).partition(_MARKER)
    return os.fsdecode(rest.partition(b"\0")[0]) if found else None


def _read(path: str) -> bytes:
    """A file of the system's: a short read is its end. Quick, because all processes are looked at."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        raw = part = os.read(fd, _PORTION)
        while len(part) == _PORTION:
            part = os.read(fd, _PORTION)
            raw += part
        return raw
    finally:
        os.close(fd)


def _is_between_programs(pid: int) -> bool:
    """Whether a process is amid ``exec``, where its environment cannot be seen for a moment."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    state, flags, environment_end = stat[0], int(stat[6]), int(stat[48])
    return state not in "ZX" and not flags & _KERNEL_THREAD and environment_end == 0


def _is_dying(pid: int) -> bool:
    """Whether a process is on its way out: killed or ended, but not yet gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return stat[0] not in "ZX" and bool(int(stat[6]) & _EXITING)


_PORTION = 1 << 16
_EXITING = 0x4  # PF_EXITING
_EXEC_LOOKS = 500
_EXEC_S = 0.0002
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD
_MARKER = b"\0" + MARKER.encode() + b"="
_HAS_PROC = Path("/proc/self/environ").exists()


def _feed_of_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        return psutil.Process(pid).environ().get(MARKER)
    except psutil.Error:
        return None


def _marked(seen: set[int]) -> Iterator[tuple[int, str | None]]:
    """All other processes, also those that appear meanwhile: who forks and ends must not slip through."""
    import psutil

    seen.add(os.getpid())
    while new := [pid for pid in psutil.pids() if pid not in seen]:
        seen.update(new)
        for pid in new:
            yield pid, feed_of(pid)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None
