"""Controllers that nobody runs to the end of their sweep, as if they had died."""

from __future__ import annotations

from collections.abc import Sequence

from barrido.core.protocols import Signal
from barrido.executors.sim import SimExecutor, SimWorld


class Enough(Exception):
    pass


class Impatient(SimExecutor):
    """Ends its controller with `Enough` after it has looked so often."""

    def __init__(self, world: SimWorld, looks: int) -> None:
        super().__init__(world)
        self._looks = looks

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        if self._looks == 0:
            raise Enough
        self._looks -= 1
        return super().events(timeout_s)
