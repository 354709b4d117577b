"""What a description need not say."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from random import SystemRandom

from barrido.spec import names


@dataclass(frozen=True, slots=True)
class Defaults:
    """Filled in where a description is silent.

    ``slots`` is how many trials run at the same time; ``name`` and ``seed`` make a new one at each call.
    """

    experiment: str
    slots: int
    name: Callable[[], str]
    seed: Callable[[], int]

    @classmethod
    def here(cls, folder: FilePath | None = None) -> Defaults:
        """For this machine: a slot per processor, an experiment called after ``folder`` (the current one)."""
        random = SystemRandom()
        return cls(
            experiment=(folder or FilePath.cwd()).resolve().name.replace(" ", "") or "Default",
            slots=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            name=lambda: names.generate(random),
            seed=lambda: random.getrandbits(31),
        )
