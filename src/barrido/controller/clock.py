"""Time as a dependency."""

from __future__ import annotations

import time


class WallClock:
    """The machine's clock, made to run forward only: where it is set back, this one runs on regardless."""

    def __init__(self) -> None:
        self._latest, self._read_at = time.time(), time.monotonic()

    def now(self) -> float:
        read_at = time.monotonic()
        self._latest = max(self._latest + read_at - self._read_at, time.time())
        self._read_at = read_at
        return self._latest

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
