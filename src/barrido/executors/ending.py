"""How an attempt ended, from what it left behind: its ``.life`` file, its exit status, its log."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from barrido.core.events import Cause
from barrido.executors.leader import CLAIM_FAILED, Life, machine_id

LINES = 20
BYTES = 4096
_NAMES = {number.value: number.name for number in signal.Signals}
_EXPLAINED = {
    126: "the command could not be executed (exit code 126)",
    127: "command not found (exit code 127)",
}


@dataclass(frozen=True, slots=True)
class Ending:
    cause: Cause
    code: int | None
    detail: str = ""
    at: float | None = None  # when it happened, if that is known; seconds since the epoch


def ending_of(life: Life | None, status: int | None, *, asked: bool, log: str) -> Ending:
    """``status`` is what the leader itself ended with, if it was our child; ``asked``: it was to stop."""
    if life is not None and life.code is not None:
        return Ending(Cause.EXIT, life.code, _detail(life.code, log, asked=asked), life.at)
    if life is not None and life.is_void:
        return Ending(Cause.EXIT, None, "stopped before it started", life.at)
    if life is None or life.pid is None:
        return _before_the_start(status, asked=asked, log=log)
    if life.machine != machine_id():
        return Ending(Cause.LOST, None, "the machine was restarted while it ran")
    if status is not None and status >= 0:  # the record could not be written: a full disk, no process left
        return Ending(Cause.EXIT, status, _detail(status, log, asked=asked))
    return Ending(
        Cause.EXIT,
        -signal.SIGKILL if status is None else status,
        _joined("killed together with its process group", log),
    )


def _before_the_start(status: int | None, *, asked: bool, log: str) -> Ending:
    match status:
        case None | 0:
            return Ending(Cause.LOST, None, "nothing is left of it: the machine was restarted")
        case code if code < 0 and asked:
            return Ending(Cause.EXIT, code, "stopped before it started")
        case code if code == CLAIM_FAILED:
            return Ending(Cause.NO_LAUNCH, None, "its claim could not be written: is the disk full?")
        case code:
            return Ending(Cause.NO_LAUNCH, None, _joined(f"its shell ended too early ({code})", log))


def _detail(code: int, log: str, *, asked: bool) -> str:
    if code == 0:
        return ""
    if code in _EXPLAINED:
        return _joined(_EXPLAINED[code], log)
    if code < 0:
        name = _NAMES.get(-code, f"signal {-code}")
        perhaps = ", perhaps for want of memory" if code == -signal.SIGKILL and not asked else ""
        return _joined(f"killed by {name}{perhaps}", log)
    return last_lines(log)


def _joined(head: str, log: str) -> str:
    return f"{head}\n{last_lines(log)}".strip()


def last_lines(log: str) -> str:
    """The end of a log, at most 20 lines and 4 KiB; of a progress bar, what it showed last."""
    try:
        fd = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        size = os.fstat(fd).st_size
        raw = os.pread(fd, 16 * BYTES, max(0, size - 16 * BYTES))
    finally:
        os.close(fd)
    lines = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in raw.rstrip().split(b"\n")]
    return b"\n".join(lines[-LINES:])[-BYTES:].decode("utf-8", "replace").strip()
