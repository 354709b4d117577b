"""First in, first out: every trial runs to its end, a new one starts where a worker is free."""

from __future__ import annotations

from typing import Any

from barrido.core.protocols import GO_ON, Idle, Sample, Verdict


class Fifo:
    """The scheduler of a plain sweep. It remembers nothing; its state is ``{}``."""

    def init(self) -> dict[str, Any]:
        return {}

    def next(self, state: Any, number: int | None) -> tuple[Any, Sample | Idle]:
        return state, Idle.FINISHED if number is None else Sample()

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        return state, GO_ON

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        return state

    def missing(self, state: Any, trial: int) -> Any:
        return state
