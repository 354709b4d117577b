"""What a description need not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from random import SystemRandom

from barrido.core.layout import Workspace
from barrido.core.recipe import Resources
from barrido.executors.slots import Machine, cores, machine_for, memory_limits
from barrido.spec import names
from barrido.spec.assets import known_names
from barrido.spec.mapping import Table


@dataclass(frozen=True, slots=True)
class Defaults:
    """Filled in where a description is silent.

    ``slots`` is how many trials run at the same time; ``name`` and ``seed`` make a new one at each call;
    ``memory`` says how many bytes are free, None where nobody knows; ``machine`` what there is of what trials
    need, None where that does not matter; ``table`` what names of Azure's stand for, None where that does not
    matter yet.
    """

    experiment: str
    slots: int
    name: Callable[[], str]
    seed: Callable[[], int]
    memory: Callable[[], int | None] = lambda: None
    machine: Callable[[Resources], Machine | None] = lambda _: None
    table: Callable[[], Table | None] = Table

    @classmethod
    def here(cls, folder: FilePath | None = None, *, workspace: Workspace | None = None) -> Defaults:
        """For this machine: a slot per processor, an experiment called after ``folder`` (the current one),
        the table of ``workspace``."""
        random = SystemRandom()
        return cls(
            experiment=(folder or FilePath.cwd()).resolve().name.replace(" ", "") or "Default",
            slots=cores(),
            name=lambda: names.generate(random),
            seed=lambda: random.getrandbits(31),
            memory=_free_memory,
            machine=machine_for,
            table=Table if workspace is None else partial(known_names, workspace),
        )


def _free_memory() -> int:
    """Bytes that could be used without swapping, by this machine and by the container that this runs in."""
    import psutil

    return min([psutil.virtual_memory().available, *memory_limits()])
