"""What trials showed, as arrays for the samplers that learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Fate, Observation
from barrido.space import Space

Array = NDArray[np.float64]

_DIGITS = 9  # of a coordinate in which two points must differ to count as different


@dataclass(frozen=True, slots=True)
class History:
    """The trials that came to an end, in the order they were given.

    A trial that failed, or never had a value that can be compared, has loss infinity. ``stopped`` are
    those whose value is only what they had reached when they were stopped.
    """

    u: Array  # (n, d) unit cube, NaN where inactive
    losses: Array  # (n,)
    stopped: NDArray[np.bool_]  # (n,)

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def worked(self) -> NDArray[np.bool_]:
        """Which trials have a loss, (n,)."""
        return np.isfinite(self.losses)

    def take(self, rows: NDArray[np.int64] | slice) -> History:
        return History(self.u[rows], self.losses[rows], self.stopped[rows])

    @property
    def key(self) -> bytes:
        """The same for equal histories, and for no others."""
        return b"".join(part.tobytes() for part in (self.u, self.losses, self.stopped))


class HistoryReader:
    """Makes histories of observations. What an ended trial gave is kept, as a cache only."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._rows: dict[int, tuple[Observation, Array, float]] = {}

    def read(self, observations: Sequence[Observation]) -> History:
        ended = [self._row(o) for o in observations if o.outcome is not Fate.RUNNING]
        width = len(self._space)
        return History(
            u=np.array([u for _, u, _ in ended], dtype=np.float64).reshape(len(ended), width),
            losses=np.array([loss for _, _, loss in ended], dtype=np.float64),
            stopped=np.array([o.outcome is Fate.STOPPED for o, _, _ in ended], dtype=np.bool_),
        )

    def _row(self, one: Observation) -> tuple[Observation, Array, float]:
        known = self._rows.get(one.number)
        if known is not None:
            before = known[0]
            if before.params is one.params and before.outcome is one.outcome and before.curve == one.curve:
                return known
        loss = float("inf") if one.outcome is Fate.FAILED else one.loss
        row = (one, self._space.to_unit([one.params])[0], loss)
        self._rows[one.number] = row
        return row


class Seen:
    """Points that need not be tried again, found by their coordinates."""

    def __init__(self, u: Array) -> None:
        self._keys = set(_keys(u))

    def add(self, u: Array) -> None:
        self._keys.update(_keys(u))

    def are_new(
        self,
        u: Array,  # (k, d) as `Space.snap` gives them
    ) -> NDArray[np.bool_]:
        """Which points are none of these, (k,)."""
        return np.array([key not in self._keys for key in _keys(u)], dtype=np.bool_)


def _keys(u: Array) -> list[bytes]:
    rounded = np.round(np.nan_to_num(u, nan=-1.0), _DIGITS) + 0.0
    return [row.tobytes() for row in rounded]
