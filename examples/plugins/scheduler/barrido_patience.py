"""Stops a trial that stays in the worse half: not at once, as median stopping does, but when it was there too
often in a row."""

from __future__ import annotations

from bisect import bisect_left, insort
from math import isfinite
from typing import Any, TypedDict

from barrido.core.protocols import Idle, Sample, Step, Verdict


class _State(TypedDict):
    """Resources and trials are keys, which JSON has as text."""

    losses: dict[str, list[float]]  # at each resource, the lowest first
    behind: dict[str, int]  # how often in a row a trial was in the worse half


class Patience:
    """Each trial is asked about every ``every`` units of resource, up to ``max_resource``. It is stopped when
    it was in the worse half of all that came as far, ``patience`` times in a row."""

    def __init__(self, *, trials: int, max_resource: int, every: int = 1, patience: int = 2) -> None:
        for name, value in (("every", every), ("patience", patience)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number, at least 1 (got {value!r})")
        self._last = max_resource
        self._every = min(every, max_resource)
        self._patience = patience

    def init(self) -> Any:
        return _State(losses={}, behind={})

    def next(self, state: _State, number: int | None) -> tuple[Any, Sample | Idle]:
        return state, Idle.FINISHED if number is None else Sample(self._every)

    def report(self, state: _State, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        if not isfinite(loss):
            return state, Verdict(Step.STOP, f"it has no value at {resource}")
        if resource >= self._last:
            return state, Verdict(Step.FINISH, f"it came to {self._last}")
        losses = state["losses"].setdefault(str(resource), [])
        place = bisect_left(losses, loss) + 1
        insort(losses, loss)
        is_behind = place > (len(losses) + 1) // 2
        times = state["behind"].get(str(trial), 0) + 1 if is_behind else 0
        state["behind"][str(trial)] = times
        if times >= self._patience:
            why = f"number {place} of {len(losses)} at {resource}: in the worse half {times} times in a row"
            return state, Verdict(Step.STOP, why)
        return state, Verdict(Step.GO_ON, until=min(resource + self._every, self._last))

    def ended(self, state: _State, trial: int, loss: float | None) -> Any:
        state["behind"].pop(str(trial), None)
        return state

    def missing(self, state: _State, trial: int) -> Any:
        return state
