"""Time as a dependency."""

from __future__ import annotations

import time


class WallClock:
    """The machine's clock, made to run forward only: a clock that is set back stands still meanwhile."""

    def __init__(self) -> None:
        self._latest = time.time()

    def now(self) -> float:
        self._latest = max(self._latest, time.time())
        return self._latest

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
