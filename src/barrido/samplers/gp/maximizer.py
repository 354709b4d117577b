"""Finds the point of a mixed space where an acquisition function is highest.

Starts are drawn from all over the space and around the best points known; the best of them climb by
turns: along gradients in the smooth columns (L-BFGS-B, all starts at once), and from neighbour to
neighbour in the discrete ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from barrido.samplers.gp.encoding import Array
from barrido.space import Discrete, Space

STARTS = 6
_SPREAD = 512
_AROUND = 48  # points around each of the best known
_ROUNDS = 24
_LISTED = 24  # levels; with more, a neighbour is a power of two away
_NEAR = (0.2, 0.05, 0.0125)


class Worth(Protocol):
    """An acquisition function over unit coordinates."""

    def value(self, u: Array) -> Array: ...

    def value_and_gradient(self, u: Array) -> tuple[Array, Array]: ...


class Maximizer:
    """Knows a space's neighbourhoods. ``smooth`` (d,) are the columns with gradients."""

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
            [column for column in range(len(space)) if column not in self._ladders], dtype=np.int64
        )

    def maximize(
        self,
        worth: Worth,
        known: Array,  # (n, d), the best points first; inactive coordinates may be anything
        is_new: Callable[[Array], NDArray[np.bool_]],  # (k, d) snapped -> (k,)
        rng: np.random.Generator,
    ) -> Array | None:
        """The best new point that was found, (d,), snapped; None if none was new."""
        pool = self._pool(known, rng)
        values = worth.value(pool)
        order = np.argsort(-values, kind="stable")
        starts = pool[_apart(pool, order, STARTS)]
        visited = [pool]
        scores = [values]
        for _ in range(2 if len(self._smooth) and self._ladders else 1):
            starts = self._step(worth, starts, visited, scores)
            starts = self._climb(worth, starts, visited, scores)
        found, value = np.concatenate(visited), np.concatenate(scores)
        for block in np.array_split(np.argsort(-value, kind="stable"), 8 if len(value) > 64 else 1):
            snapped = self._snap(found[block])
            if (new := np.flatnonzero(is_new(snapped))).size:
                return np.asarray(snapped[new[0]])
        return None

    def _pool(self, known: Array, rng: np.random.Generator) -> Array:
        spread = rng.random((_SPREAD, len(self._space)))
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
        return self._snap_discrete(np.concatenate([around, spread]))

    def _snap_discrete(self, u: Array) -> Array:
        """Discrete coordinates moved to the middles of their levels; inactive ones stay what they were."""
        u = np.array(u)
        for column, ladder in self._ladders.items():
            u[:, column] = ladder.middle(ladder.index(u[:, column]))
        return u

    def _snap(self, u: Array) -> Array:
        return self._space.snap(u)

    def _climb(self, worth: Worth, starts: Array, visited: list[Array], scores: list[Array]) -> Array:
        """Along gradients in the smooth columns, all starts at once: their worth adds up."""
        from scipy.optimize import minimize

        smooth = self._smooth
        if not len(smooth):
            return starts

        def negative(flat: Array) -> tuple[float, Array]:
            u = starts.copy()
            u[:, smooth] = flat.reshape(len(starts), len(smooth))
            value, gradient = worth.value_and_gradient(u)
            return -float(value.sum()), -gradient[:, smooth].ravel()

        flat = starts[:, smooth].ravel()
        found = minimize(
            negative, flat, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(flat),
            options={"maxiter": 30, "ftol": 1e-6, "gtol": 1e-4},
        )  # fmt: skip
        ends = starts.copy()
        ends[:, smooth] = np.clip(found.x.reshape(len(starts), len(smooth)), 0.0, 1.0)
        visited.append(ends)
        scores.append(worth.value(ends))
        return ends

    def _step(self, worth: Worth, starts: Array, visited: list[Array], scores: list[Array]) -> Array:
        """From neighbour to neighbour in the discrete columns, each start for itself."""
        if not self._ladders:
            return starts
        here, values = starts, worth.value(starts)
        for _ in range(_ROUNDS):
            around, whose = self._neighbours(here)
            if not len(around):
                break
            each = worth.value(around)
            visited.append(around)
            scores.append(each)
            moved = False
            here = here.copy()
            for row in range(len(here)):
                mine = np.flatnonzero(whose == row)
                if len(mine) and each[top := mine[np.argmax(each[mine])]] > values[row] + 1e-9:
                    here[row], values[row], moved = around[top], each[top], True
            if not moved:
                break
        return here

    def _neighbours(self, rows: Array) -> tuple[Array, NDArray[np.int64]]:
        """Points that differ from one of ``rows`` in one active discrete column, and from which."""
        active = self._space.active(rows)
        found: list[Array] = []
        whose: list[NDArray[np.int64]] = []
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
        if not found:
            return np.empty((0, rows.shape[1])), np.empty(0, dtype=np.int64)
        return np.concatenate(found), np.concatenate(whose)


def _apart(pool: Array, order: NDArray[np.int64], count: int) -> Sequence[int]:
    """The first ``count`` of ``order`` of which no two are close."""
    chosen: list[int] = []
    for candidate in order[:200]:
        if all(np.abs(pool[candidate] - pool[c]).max() > 0.05 for c in chosen):
            chosen.append(int(candidate))
            if len(chosen) == count:
                break
    return chosen


def _reflect(u: Array) -> Array:
    """Coordinates that left [0, 1] put back as if its ends were mirrors."""
    u = np.abs(u)
    return np.clip(np.where(u > 1.0, 2.0 - u, u), 0.0, 1.0)
