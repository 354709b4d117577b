"""What all that a benchmark started has used: processor time and memory, whoever started whom."""

from __future__ import annotations

import resource
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

LOOK_S = 0.2
SHARE = 0.05
"""Of its time it looks at memory so much at most: that takes longer."""


class Footprint:
    """Looks at the descendants of this process, which is to be the one that adopts orphans.

    A process that ended counts through the one that waited for it. Nobody gets the time of those whose parent
    ignores its children's ends, as Ray's raylet does: they count as they were when they were last seen,
    `LOOK_S` before their end at most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[psutil.Process, tuple[float, bool]] = {}  # CPU seconds, and whether they get lost
        self._lost_s = 0.0
        self._peak = 0
        self._before_s = 0.0
        self._before_s = self.cpu_s()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Footprint:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def cpu_s(self) -> float:
        """Seconds of processor time since this was made."""
        with self._lock:
            waited_for = resource.getrusage(resource.RUSAGE_CHILDREN)
            now: dict[psutil.Process, tuple[float, bool]] = {}
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error, OSError):  # it has just ended
                    now[process] = sum(process.cpu_times()[:4]), _ignores_ends(process.ppid())
            self._lost_s += sum(
                used for process, (used, gets_lost) in self._seen.items() if gets_lost and process not in now
            )
            self._seen = now
            alive_s = sum(used for used, _ in now.values())
            return waited_for.ru_utime + waited_for.ru_stime + alive_s + self._lost_s - self._before_s

    @property
    def peak_mib(self) -> float:
        """The highest sum of memory (PSS: a page that several processes share is split among them)."""
        return self._peak / 2**20

    def _watch(self) -> None:
        next_at = 0.0
        while not self._is_over.wait(LOOK_S):
            self.cpu_s()
            if (began := time.monotonic()) >= next_at:
                self._peak = max(self._peak, _held())
                next_at = began + (time.monotonic() - began) / SHARE


def _held() -> int:
    held = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            held += process.memory_full_info().pss
    return held


def _ignores_ends(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    ignored = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))
    return bool(ignored >> (signal.SIGCHLD - 1) & 1)
