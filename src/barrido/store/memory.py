"""Keeps everything in lists; for simulations and tests."""

from __future__ import annotations

from collections.abc import Iterator

from barrido.core.recipe import Recipe
from barrido.core.state import SweepState
from barrido.store.batch import Attempt, Batch, Decision, Feed, Measurement, Remark


class MemoryStore:
    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.log: list[Decision] = []
        self.measurements: list[Measurement] = []
        self.feeds: dict[tuple[int, int, str], Feed] = {}
        self.remarks: list[Remark] = []
        self.state: SweepState | None = None

    def recipe(self) -> Recipe:
        return self._recipe

    def decisions(self) -> Iterator[Decision]:
        return iter(tuple(self.log))

    def attempt(self, trial: int, attempt: int) -> Attempt:
        feeds = tuple(f for f in self.feeds.values() if (f.trial, f.attempt) == (trial, attempt))
        mine = [m for m in self.measurements if (m.trial, m.attempt) == (trial, attempt)]
        return Attempt(feeds, len(mine), frozenset(m.point.name for m in mine))

    def commit(self, batch: Batch, state: SweepState) -> None:
        self.log.extend(batch.decisions)
        self.measurements.extend(batch.measurements)
        self.feeds.update(batch.feeds)
        self.remarks.extend(batch.remarks)
        self.state = state

    def close(self) -> None:
        pass
