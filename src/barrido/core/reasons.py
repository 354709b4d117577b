"""Why a trial ended as it did, in words that a user will read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from barrido.core.events import Cause, Exited
from barrido.core.trial import Failure

_SIGNALS: Mapping[int, str] = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
}  # fmt: skip


def describe_exit(event: Exited) -> str:
    """In one line.

    >>> describe_exit(Exited(0, 1, Cause.EXIT, -9, at=0.0))
    'killed by signal 9 (SIGKILL)'
    """
    if event.cause is Cause.NO_LAUNCH:
        return f"could not be started: {event.detail}"
    if event.cause is Cause.LOST or event.code is None:
        return event.detail or "lost"
    last_line = event.detail.strip().rpartition("\n")[2]
    if event.cause is Cause.OUT_OF_MEMORY:
        how = "out of memory, killed by the kernel"
    elif event.code < 0:
        how = f"killed by signal {-event.code} ({_SIGNALS.get(-event.code, 'unknown')})"
    else:
        how = f"exit code {event.code}"
    return f"{how}: {last_line}" if last_line else how


def failure_of(event: Exited) -> Failure:
    """Of an attempt that failed.

    >>> failure_of(Exited(0, 1, Cause.EXIT, 3, at=0.0)), failure_of(Exited(0, 1, Cause.EXIT, -9, at=0.0))
    (<Failure.EXIT_CODE: 'exit_code'>, <Failure.SIGNAL: 'signal'>)
    """
    match event.cause:
        case Cause.NO_LAUNCH:
            return Failure.NO_LAUNCH
        case Cause.OUT_OF_MEMORY:
            return Failure.OUT_OF_MEMORY
        case Cause.LOST:
            return Failure.LOST
        case Cause.EXIT if event.code is None:
            return Failure.LOST
        case Cause.EXIT:
            return Failure.SIGNAL if event.code < 0 else Failure.EXIT_CODE
        case _:
            assert_never(event.cause)


def describe_silence(metric: str | None, event: Exited) -> str:
    """Of a trial that ended well and never logged the primary metric."""
    if not event.logged:
        return f"it never logged the primary metric {metric!r}, nor any other"
    names = ", ".join(map(repr, event.logged))
    return f"it never logged the primary metric {metric!r}; it logged {names}"
