"""Starts processes that outlive their parent, at the cost of one `posix_spawn`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def spawn(arguments: list[str], environ: Mapping[str, str], log: Path, descriptors: Mapping[int, int]) -> int:
    """A process in a session of its own, writing to ``log``; its pid.

    ``descriptors`` are the files it gets besides standard output and error, by the numbers it knows
    them under; without a 0 among them, it has nothing to read.
    """
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    # Copied to high numbers first, so that no target overwrites another one's source.
    sources = {0: nothing, 1: output, 2: output, **descriptors}
    copies = {to: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for to, fd in sources.items()}
    try:
        return os.posix_spawn(
            arguments[0],
            arguments,
            environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in copies.items()],
            setsid=True,
            setsigmask=(),
        )
    finally:
        for fd in (output, nothing, *copies.values()):
            os.close(fd)


def is_gone(pid: int) -> bool:
    """Whether a process that this one started has ended. Its exit code is taken, so ask no more then."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return True
