"""What a description need not say."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from random import SystemRandom

from barrido.spec import names

_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""As a container sees them, of control groups version 2 and 1."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """Filled in where a description is silent.

    ``slots`` is how many trials run at the same time; ``name`` and ``seed`` make a new one at each call;
    ``memory`` says how many bytes are free, None where nobody knows.
    """

    experiment: str
    slots: int
    name: Callable[[], str]
    seed: Callable[[], int]
    memory: Callable[[], int | None] = lambda: None

    @classmethod
    def here(cls, folder: FilePath | None = None) -> Defaults:
        """For this machine: a slot per processor, an experiment called after ``folder`` (the current one)."""
        random = SystemRandom()
        return cls(
            experiment=(folder or FilePath.cwd()).resolve().name.replace(" ", "") or "Default",
            slots=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            name=lambda: names.generate(random),
            seed=lambda: random.getrandbits(31),
            memory=_free_memory,
        )


def _free_memory() -> int:
    """Bytes that could be used without swapping, by this machine and by the container that this runs in."""
    import psutil

    limits = [_number(path) for path in _MEMORY_LIMITS]
    return min([psutil.virtual_memory().available, *(limit for limit in limits if limit is not None)])


def _number(path: str) -> int | None:
    """What a file of control groups says, None where it is not there, or says that there is no limit."""
    try:
        return int(FilePath(path).read_text())
    except (OSError, ValueError):
        return None
