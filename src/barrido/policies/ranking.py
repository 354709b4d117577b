"""Trials in the order of their losses, kept while they come and go."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple


class Ranked(NamedTuple):
    loss: float
    trial: int


class Ranking:
    """Trials from worst to best, ties by number. Two arrays: 16 bytes a trial."""

    def __init__(self) -> None:
        self._gains: array[float] = array("d")  # negated losses: worst first is ascending
        self._trials: array[int] = array("q")

    def __len__(self) -> int:
        return len(self._gains)

    def __getitem__(self, place: int) -> Ranked:
        """The trial that ``place`` others are worse than."""
        return Ranked(-self._gains[place], self._trials[place])

    def place(self, trial: int, loss: float) -> int:
        """How many are worse."""
        start = bisect_left(self._gains, -loss)
        if start == len(self._gains) or self._gains[start] != -loss:
            return start
        end = bisect_right(self._gains, -loss, start)
        return bisect_left(self._trials, trial, start, end)

    def add(self, trial: int, loss: float) -> None:
        place = self.place(trial, loss)
        self._gains.insert(place, -loss)
        self._trials.insert(place, trial)

    def remove(self, trial: int, loss: float) -> None:
        place = self.place(trial, loss)
        del self._gains[place], self._trials[place]
