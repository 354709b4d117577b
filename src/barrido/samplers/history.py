"""What trials showed, as arrays for the samplers that learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Fate, Observation
from barrido.core.trial import Params
from barrido.space import Space
from barrido.space.options import copied

Array = NDArray[np.float64]

_DIGITS = 9  # of a coordinate in which two points must differ to count as different
_HUGE = 1e100  # losses beyond count as this, so that their squares are numbers


@dataclass(frozen=True, slots=True)
class History:
    """The trials that came to an end, in the order they were given.

    A trial that failed, or never had a finite value, has loss infinity. ``stopped`` are those whose value
    is only what they had reached when they were stopped.
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
    """Makes arrays of what a sampler is asked with. What an ended trial gave is kept, as a cache only."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._rows: dict[int, _Row] = {}

    def read(
        self, observations: Sequence[Observation], pending: Sequence[Params]
    ) -> tuple[History, Array, Seen]:
        """The trials that ended and taught something, where others still run, (m, d), and all their points.

        A trial that was stopped before it had a value says neither good nor bad of its point.
        """
        rows = [self._row(o) for o in sorted(observations, key=attrgetter("number"))]
        ended = [row for row in rows if row.is_telling]
        open_points = [o.params for o in observations if o.outcome is Fate.RUNNING]
        running = self._space.to_unit([*pending, *open_points])
        apart = dict(zip(reversed(_keys(running)), reversed(range(len(running))), strict=True))
        history = History(
            u=self._stack(ended),
            losses=np.array([row.loss for row in ended], dtype=np.float64),
            stopped=np.array([row.outcome is Fate.STOPPED for row in ended], dtype=np.bool_),
        )
        silent = [row for row in rows if not row.is_telling]
        seen = Seen(self._space, history.u, running, self._stack(silent))
        return history, running[sorted(apart.values())], seen

    def _stack(self, rows: Sequence[_Row]) -> Array:
        return np.array([row.u for row in rows], dtype=np.float64).reshape(len(rows), len(self._space))

    def _row(self, one: Observation) -> _Row:
        known = self._rows.get(one.number)
        if known is None or not known.is_of(one):
            u = self._space.to_unit([one.params])[0]
            known = self._rows[one.number] = _Row(copied(one.params), one.curve[:], one.outcome, u)
        return known


class _Row:
    """What is worked out of an observation once: a long search asks for it a thousand times."""

    def __init__(self, params: Params, curve: Sequence[float], outcome: Fate, u: Array) -> None:
        self._params = params
        self._curve = curve
        self.outcome = outcome
        self.u = u
        finite = () if outcome is Fate.FAILED else filter(isfinite, curve)
        best = min(finite, default=inf)
        self.loss = best if best == inf else min(max(best, -_HUGE), _HUGE)
        self.is_telling = outcome in (Fate.COMPLETED, Fate.FAILED) or (
            outcome is Fate.STOPPED and self.loss < inf
        )

    def is_of(self, one: Observation) -> bool:
        return self.outcome is one.outcome and self._curve == one.curve and self._params == one.params


class Seen:
    """Points that need not be tried again, found by their coordinates; or may not be tried at all."""

    def __init__(self, space: Space, *parts: Array) -> None:
        self._space = space
        self._keys = {key for part in parts for key in _keys(part)}

    def add(self, u: Array) -> None:
        self._keys.update(_keys(u))

    def are_new(
        self,
        u: Array,  # (k, d) as `Space.snap` gives them
    ) -> NDArray[np.bool_]:
        """Which points are none of these, (k,)."""
        new = np.array([key not in self._keys for key in _keys(u)], dtype=np.bool_)
        return new & self._space.allowed(u)

    def first_new(self, u: Array) -> Array | None:
        """The first point that is none of these, (1, d)."""
        new = np.flatnonzero(self.are_new(u))
        return u[new[:1]] if new.size else None


def _keys(u: Array) -> list[bytes]:
    rounded = np.round(np.nan_to_num(u, nan=-1.0), _DIGITS) + 0.0
    return [row.tobytes() for row in rounded]
