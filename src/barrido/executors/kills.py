"""What the kernel kills for want of memory: it counts that for each control group, and tells nobody else.

Read is the group that this process is in, as its trials are: ``oom_kill`` in ``memory.events`` (cgroup v2) or
in ``memory.oom_control`` (v1). A system that keeps no such count gives no evidence, and nothing is claimed.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from barrido.core.events import Cause
from barrido.executors.ending import Ending

GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


class Kills:
    """Each kill explains the end of one attempt, of those that ran when it happened."""

    def __init__(self, groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> None:
        self._counter = next((path for path in _counters(groups, membership) if path.is_file()), None)
        self._told = 0

    def untold(self) -> int:
        """How many explain no end yet."""
        with suppress(OSError, ValueError):
            for line in self._counter.read_text().splitlines() if self._counter else ():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count) - self._told
        return 0

    def explained(self, ending: Ending, before: int) -> Ending:
        """``ending`` of an attempt that nobody asked to stop, or with its cause, if that was want of memory.

        ``before`` is what `untold` said when the attempt began, or when it was found.
        """
        if (ending.cause, ending.code) != (Cause.EXIT, -signal.SIGKILL) or self.untold() <= before:
            return ending
        self._told += 1
        return replace(ending, cause=Cause.OUT_OF_MEMORY)


def _counters(groups: Path, membership: Path) -> Iterator[Path]:
    """Where the count may be, the likeliest first. A container may see its own group as the root of all."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for inside in (path.lstrip("/"), ""):
            if not controllers:
                yield groups / inside / "memory.events"
                yield groups / "unified" / inside / "memory.events"
            elif "memory" in controllers.split(","):
                yield groups / "memory" / inside / "memory.oom_control"
