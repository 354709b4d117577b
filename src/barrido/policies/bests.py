"""The best loss of each trial so far, at each of its reports."""

from __future__ import annotations

from array import array
from collections.abc import Iterator


class Bests:
    """Cumulative minima of the trials' reports: 8 bytes a report."""

    def __init__(self) -> None:
        self._curves: dict[int, array[float]] = {}

    def __contains__(self, trial: int) -> bool:
        return trial in self._curves

    def __iter__(self) -> Iterator[int]:
        return iter(self._curves)

    def add(self, trial: int, loss: float) -> float:
        """Append a report; the trial's best including it."""
        curve = self._curves.get(trial)
        if curve is None:
            curve = self._curves[trial] = array("d")
        best = min(loss, curve[-1]) if curve else loss
        curve.append(best)
        return best

    def at(self, trial: int, n: int) -> float:
        """The best of the trial's first ``n`` reports, of which there are at least that many."""
        return self._curves[trial][n - 1]

    def reports(self, trial: int) -> int:
        return len(self._curves[trial])

    def forget(self, trial: int) -> None:
        del self._curves[trial]
