"""One process that runs a sweep, or a pipeline: a lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from types import TracebackType

from barrido.core.layout import PipelineFolder, SweepFolder
from barrido.errors import SweepBusy

TRIES, BETWEEN_S = 10, 0.02


class SweepLock:
    """An flock on the ``lock`` file of a sweep, or of a pipeline, which holds the pid of who runs it.

    Trials never inherit it: the descriptor closes on exec. The file's time of change is the holder's
    heartbeat; ``silent_s`` is how long there was none before this holder came. Its first `beat` says
    that this is written down: who dies before leaves the silence as it found it.
    """

    def __init__(self, folder: SweepFolder | PipelineFolder) -> None:
        self._fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _take(self._fd):
            pid = int(os.pread(self._fd, 32, 0) or b"0")
            os.close(self._fd)
            raise SweepBusy(
                f"{folder.name!r} is already running (process {pid})",
                hint=f"watch it with `barrido job stream {folder.name}`",
            )
        found = os.fstat(self._fd)
        self.silent_s = max(0.0, time.time() - found.st_mtime)
        os.ftruncate(self._fd, 0)
        with suppress(OSError):  # the disk is full: who holds it is not to be read, but it is held
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        os.utime(self._fd, ns=(found.st_atime_ns, found.st_mtime_ns))

    def beat(self) -> None:
        """Say that the controller lives."""
        with suppress(OSError):  # the disk became read-only
            os.utime(self._fd)

    def __enter__(self) -> SweepLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def _take(fd: int) -> bool:
    """Whether the lock is ours now. `holder` takes it for an instant to look: hence more than one try."""
    for _ in range(TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(BETWEEN_S)
        else:
            return True
    return False


def holder(folder: SweepFolder | PipelineFolder) -> int | None:
    """The pid of the process that runs the sweep, or the pipeline, now; None if there is none."""
    try:
        fd = os.open(folder.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(fd, 32, 0) or b"0")
    else:
        return None
    finally:
        os.close(fd)
