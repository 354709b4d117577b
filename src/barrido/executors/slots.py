"""Which trial holds which of this machine's GPUs, and how many trials the machine has room for.

What a trial holds is written down beside its attempt's files before it starts, so that the next controller
knows it, whenever this one is killed: ``<stem>.gpus``, the text of CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Resources
from barrido.executors.attempt import Key

VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""The variables by which CUDA and ROCm are told which GPUs a process may see."""

_DEVICE = re.compile(r"\d+|(GPU|MIG)-.+")  # the first word that names none ends the list, as in CUDA
_LIST_GPUS = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_PATIENCE_S = 60.0  # the driver is loaded first where nothing used a GPU yet
_MANY = 10**6  # where a need is next to nothing
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""As a container sees them, of control groups version 2 and 1."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is for trials; ``memory`` in bytes, ``gpus`` as CUDA_VISIBLE_DEVICES names them."""

    cpus: int
    memory: int
    gpus: tuple[str, ...]

    def room(self, needs: Resources) -> dict[str, int]:
        """How many trials fit at a time, by the name of what they need.

        >>> Machine(8, 16 << 30, ("0", "1")).room(Resources(cpu=3, gpu=0.5))
        {'cpu': 2, 'gpu': 4}
        """
        found = {}
        if needs.cpu is not None:
            found["cpu"] = _times(self.cpus, needs.cpu)
        if needs.gpu:
            found["gpu"] = _gpu_places(len(self.gpus), needs.gpu)
        if needs.memory is not None:
            found["memory"] = self.memory // needs.memory
        return found


def machine_for(needs: Resources, outer: Mapping[str, str] = os.environ) -> Machine:
    """This machine, as far as ``needs`` asks for it: GPUs and memory are 0 where they do not matter."""
    memory = 0
    if needs.memory is not None:
        import psutil

        memory = min([psutil.virtual_memory().total, *memory_limits()])
    return Machine(cores(), memory, visible_gpus(outer) if needs.gpu else ())


def cores() -> int:
    """How many processors this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def memory_limits() -> list[int]:
    """Bytes that the container of this process may use, by each kind of limit that it has."""
    found = []
    for path in _MEMORY_LIMITS:
        with suppress(OSError, ValueError):  # not there, or it says that there is no limit
            found.append(int(Path(path).read_text()))
    return found


def visible_gpus(outer: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that trials may use: what the environment ``outer`` says, or else NVIDIA's tool."""
    for name in VISIBLE:
        if name in outer:
            words = (word.strip() for word in outer[name].split(","))
            return tuple(dict.fromkeys(takewhile(_DEVICE.fullmatch, words)))
    program = shutil.which(_LIST_GPUS[0], path=outer.get("PATH"))
    if program is None:
        return ()
    try:
        listed = subprocess.run(
            [program, *_LIST_GPUS[1:]], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):  # there is no driver, or it does not answer
        return ()
    return tuple(listed.stdout.split())


class Slots:
    """The GPUs of one sweep's trials. Trials that need none hold none, and always find room."""

    def __init__(self, folder: SweepFolder, home: Path, needs: Resources, outer: Mapping[str, str]) -> None:
        """``home`` is a folder of its own, in the same file system; ``outer`` names the GPUs there are."""
        self._folder = folder
        self._need = needs.gpu or 0.0
        self._gpus = visible_gpus(outer) if needs.gpu else ()
        self._held: dict[Key, tuple[str, ...]] = {}
        self._draft = home / ".gpus"

    @property
    def places(self) -> int | None:
        """How many trials may hold GPUs at a time; None: they need none."""
        return _gpu_places(len(self._gpus), self._need) if self._need else None

    def holds(self, key: Key) -> bool:
        return key in self._held

    def recall(self, key: Key) -> None:
        """An earlier controller may have given it what it holds."""
        if self._need:
            with suppress(OSError):
                if text := self._file(key).read_text():  # else a power cut took it
                    self._held[key] = tuple(text.split(","))

    def take(self, key: Key) -> tuple[str, ...] | None:
        """What it holds, from now on or already; None while there is no room. Raises OSError."""
        if not self._need or key in self._held:
            return self._held.get(key, ())
        if (found := self._free()) is None:
            return None
        self._draft.write_text(",".join(found))
        self._draft.rename(self._file(key))
        self._held[key] = found
        return found

    def has_room(self) -> bool:
        return not self._need or self._free() is not None

    def release(self, key: Key) -> None:
        """Nothing of it is left."""
        self._held.pop(key, None)

    def _free(self) -> tuple[str, ...] | None:
        """The GPUs with the fewest trials, if they have room."""
        trials = Counter(gpu for held in self._held.values() for gpu in held)
        most = _times(1, self._need) if self._need < 1 else 1
        free = [gpu for gpu in self._gpus if trials[gpu] < most]
        count = max(1, int(self._need))
        return tuple(sorted(free, key=trials.__getitem__)[:count]) if len(free) >= count else None

    def _file(self, key: Key) -> Path:
        return Path(f"{self._folder.feed_stem(*key)}.gpus")


def _gpu_places(gpus: int, need: float) -> int:
    return gpus * _times(1, need) if need < 1 else gpus // int(need)


def _times(there: float, need: float) -> int:
    """How often ``need`` goes into what is there; 0.1 goes into 1 ten times, whatever its binary digits.

    >>> _times(1, 0.1), _times(1, 0.3333), _times(2, 0.7)
    (10, 3, 2)
    """
    return int(min(there / need * (1 + 1e-12), _MANY))
