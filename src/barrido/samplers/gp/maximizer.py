"""Finds the point of a mixed space where an acquisition function is highest.

Starts are a scrambled Sobol' sequence over the whole space, and draws around the best points known; the
best of them climb by turns: along gradients in the columns without an end or with many levels (L-BFGS-B,
all starts at once), and from neighbour to neighbour in the discrete ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from barrido.samplers.distinct import draws
from barrido.samplers.gp.encoding import Array
from barrido.space import Discrete, Kind, Space

STARTS = 6
_SPREAD = 512
_AROUND = 48  # points around each of the best known
_ROUNDS = 24
_GAIN = 1e-9  # of worth that a step must bring
_CLOSE = 0.05  # starts are further apart than this in some coordinate
_BLOCK = 64
_LISTED = 24  # levels; with more, a neighbour is a power of two away
_NEAR = (0.2, 0.05, 0.0125)
_HALVES = 6  # of a way that leads out of what constraints allow


class Worth(Protocol):
    """An acquisition function over unit coordinates."""

    def value(self, u: Array) -> Array: ...

    def value_and_gradient(self, u: Array) -> tuple[Array, Array]: ...


class Maximizer:
    """Knows a space's neighbourhoods."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._ladders = {
            column: dimension.domain.ladder
            for column, dimension in enumerate(space.dimensions)
            if isinstance(dimension.domain, Discrete)
        }
        self._listed = {
            column: ladder.middle(np.arange(ladder.first or 0, (ladder.first or 0) + ladder.size))
            for column, ladder in self._ladders.items()
            if ladder.size is not None and ladder.size <= _LISTED
        }
        self._smooth = np.array(
            [
                column
                for column, dimension in enumerate(space.dimensions)
                if dimension.kind is not Kind.UNORDERED and column not in self._listed
            ],
            dtype=np.int64,
        )

    def maximize(
        self,
        worth: Worth,
        known: Array,  # (n, d), the best points first; inactive coordinates may be anything
        is_new: Callable[[Array], NDArray[np.bool_]],  # (k, d) snapped -> (k,)
        rng: np.random.Generator,
    ) -> Array | None:
        """The best new point that was found, (d,), snapped; None if none was new."""
        trail = _Trail(worth)
        pool = self._pool(known, rng)
        if not len(pool):  # constraints allow next to nothing
            return None
        here = pool[_apart(pool, trail.value(pool))]
        for _ in range(2 if len(self._smooth) and self._ladders else 1):
            here = self._step(trail, here)
            here = self._climb(trail, here)
        for block in trail.best_first():
            snapped = self._space.snap(block)
            if (new := np.flatnonzero(is_new(snapped))).size:
                return np.asarray(snapped[new[0]])
        return None

    def _pool(self, known: Array, rng: np.random.Generator) -> Array:
        from scipy.stats.qmc import Sobol

        spread = Sobol(len(self._space), scramble=True, seed=rng).random(_SPREAD)
        if self._space.constraints:
            spread = np.concatenate([spread[self._space.allowed(spread)], draws(self._space, _AROUND, rng)])
        if not len(known):
            return self._snap_discrete(spread)
        filled = np.where(np.isnan(known), rng.random(known.shape), known)
        around = np.repeat(filled, _AROUND, 0)
        width = len(self._space)
        near = np.array(_NEAR)[rng.integers(len(_NEAR), size=len(around))]
        moved = _reflect(around + near[:, None] * rng.standard_normal(around.shape))
        anew = rng.random(around.shape)
        discrete = np.array([c in self._ladders for c in range(width)])
        changed = rng.random(around.shape) < np.maximum(1.5 / width, 0.15)
        changed[np.arange(len(around)), rng.integers(width, size=len(around))] = True
        around = np.where(changed, np.where(discrete, anew, moved), around)
        return self._snap_discrete(np.concatenate([around[self._space.allowed(around)], spread]))

    def _snap_discrete(self, u: Array) -> Array:
        """Discrete coordinates moved to the middles of their levels; inactive ones stay what they were."""
        u = np.array(u)
        for column, ladder in self._ladders.items():
            u[:, column] = ladder.middle(ladder.index(u[:, column]))
        return u

    def _climb(self, trail: _Trail, here: Array) -> Array:
        """Along gradients in the smooth columns, all at once: their worth adds up."""
        from scipy.optimize import minimize

        if not len(self._smooth):
            return here

        def moved(flat: Array) -> Array:
            u = here.copy()
            u[:, self._smooth] = np.clip(flat.reshape(len(here), -1), 0.0, 1.0)
            return u

        def loss(flat: Array) -> tuple[float, Array]:
            value, gradient = trail.worth.value_and_gradient(moved(flat))
            return -float(value.sum()), -gradient[:, self._smooth].ravel()

        flat = here[:, self._smooth].ravel()
        options = {"maxiter": 30, "ftol": 1e-6, "gtol": 1e-4}
        bounds = [(0.0, 1.0)] * len(flat)
        found = minimize(loss, flat, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        ends = self._within(here, self._snap_discrete(moved(found.x)))
        trail.value(ends)
        return ends

    def _within(self, here: Array, ends: Array) -> Array:
        """Each way from ``here`` to ``ends`` only as far as constraints allow, by halves."""
        for _ in range(_HALVES):
            outside = ~self._space.allowed(ends)
            if not outside.any():
                return ends
            ends[outside] = self._snap_discrete((here[outside] + ends[outside]) / 2)
        return np.where(self._space.allowed(ends)[:, None], ends, here)

    def _step(self, trail: _Trail, here: Array) -> Array:
        """From neighbour to neighbour in the discrete columns, each for itself."""
        if not self._ladders:
            return here
        here, values = here.copy(), trail.value(here)
        for _ in range(_ROUNDS):
            around, whose = self._neighbours(here)
            allowed = self._space.allowed(around)
            around, whose = around[allowed], whose[allowed]
            each = trail.value(around)
            moved = False
            for row in range(len(here)):
                mine = np.flatnonzero(whose == row)
                if len(mine) and each[top := mine[np.argmax(each[mine])]] > values[row] + _GAIN:
                    here[row], values[row], moved = around[top], each[top], True
            if not moved:
                break
        return here

    def _neighbours(self, rows: Array) -> tuple[Array, NDArray[np.int64]]:
        """Points that differ from one of ``rows`` in one active discrete column, and from which."""
        active = self._space.active(rows)
        found = [rows[:0]]
        whose = [np.empty(0, dtype=np.int64)]
        for column, ladder in self._ladders.items():
            mine = np.flatnonzero(active[:, column])
            if not len(mine):
                continue
            index = ladder.index(rows[mine, column])
            if (listed := self._listed.get(column)) is not None:
                targets = np.broadcast_to(listed, (len(mine), len(listed)))
            else:
                reach = 2 ** np.arange(max(1, int(np.log2(min(ladder.size or 4096, 1 << 20)))))
                steps = np.concatenate([-reach[::-1], reach])
                wanted = index[:, None] + steps
                if ladder.first is not None:
                    wanted = np.maximum(wanted, ladder.first)
                if ladder.size is not None:
                    wanted = np.minimum(wanted, (ladder.first or 0) + ladder.size - 1)
                targets = ladder.middle(wanted)
            origin = np.repeat(mine, targets.shape[1])
            moved = rows[origin].copy()
            moved[:, column] = targets.ravel()
            differs = moved[:, column] != ladder.middle(ladder.index(rows[origin, column]))
            found.append(moved[differs])
            whose.append(origin[differs])
        return np.concatenate(found), np.concatenate(whose)


class _Trail:
    """Every point whose worth was asked for."""

    def __init__(self, worth: Worth) -> None:
        self.worth = worth
        self._points: list[Array] = []
        self._values: list[Array] = []

    def value(self, u: Array) -> Array:
        values = self.worth.value(u)
        self._points.append(u)
        self._values.append(values)
        return values

    def best_first(self) -> Iterator[Array]:
        """All points, the best first, some at a time."""
        points, values = np.concatenate(self._points), np.concatenate(self._values)
        order = np.argsort(-values, kind="stable")
        yield from (points[order[i : i + _BLOCK]] for i in range(0, len(order), _BLOCK))


def _apart(pool: Array, values: Array) -> Sequence[int]:
    """Where the highest values are of which no two are close."""
    chosen: list[int] = []
    for candidate in np.argsort(-values, kind="stable")[:200]:
        if all(np.abs(pool[candidate] - pool[c]).max() > _CLOSE for c in chosen):
            chosen.append(int(candidate))
            if len(chosen) == STARTS:
                break
    return chosen


def _reflect(u: Array) -> Array:
    """Coordinates that left [0, 1] put back as if its ends were mirrors."""
    u = np.abs(u)
    return np.clip(np.where(u > 1.0, 2.0 - u, u), 0.0, 1.0)
