"""Points by trial number, drawn through the unit cube; in a finite space each point once.

Where a space has constraints, draws that they do not allow are passed over: what is left is distributed as
the space is, given that it is allowed.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from math import gcd

import numpy as np
from numpy.typing import NDArray

from barrido.core.trial import Params
from barrido.space import Space
from barrido.space.options import copied

PATIENCE = 32
"""So many draws in a row that bring nothing new, and the rest is enumerated instead."""

FUTILE = 200_000
"""After so many draws in a row that constraints do not allow, there is nothing left that they do."""

_BLOCK = 64  # draws that constraints are asked about at once

Coordinates = Callable[[Sequence[int], int], NDArray[np.float64]]
"""Unit coordinates (n, d) for n draw numbers and a seed."""


class NumberedPoints:
    """A space's points by number: number k is draw k, with constraints the k-th that they allow, and in a
    finite space the k-th different one.

    A function of ``coordinates`` and the seed. What it found for the last seed is kept, as a cache only.
    """

    def __init__(self, space: Space, coordinates: Coordinates) -> None:
        self._space = space
        self._coordinates = coordinates
        self._found: tuple[int, _Distinct | _Allowed] | None = None

    def get(self, numbers: Sequence[int], seed: int) -> list[Params | None]:
        """The points of these numbers; None where the space has none left."""
        is_endless = self._space.size is None
        if is_endless and not self._space.constraints:
            return [*self._space.from_unit(self._coordinates(numbers, seed))]
        if self._found is None or self._found[0] != seed:
            kind = _Allowed if is_endless else _Distinct
            self._found = (seed, kind(self._space, self._coordinates, seed))
        return [copied(self._found[1].get(k)) for k in numbers]


class _Allowed:
    """The draws of a space without end that its constraints allow, by their order among draws 0, 1, 2, …"""

    def __init__(self, space: Space, coordinates: Coordinates, seed: int) -> None:
        self._space = space
        self._coordinates = coordinates
        self._seed = seed
        self._draws = array("q")
        self._looked = 0  # at so many draws
        self._futile = 0  # so many of them, the last ones, are not allowed

    def get(self, k: int) -> Params | None:
        while len(self._draws) <= k:
            if self._futile >= FUTILE:
                return None
            block = range(self._looked, self._looked + _BLOCK)
            new = np.flatnonzero(self._space.allowed(self._coordinates(block, self._seed)))
            self._draws.extend((new + self._looked).tolist())
            self._looked += _BLOCK
            self._futile = 0 if new.size else self._futile + _BLOCK
        (point,) = self._space.from_unit(self._coordinates([self._draws[k]], self._seed))
        return point


class _Distinct:
    """The points of a finite space that may be tried, each once, as draws 0, 1, 2, … first bring them.

    When `PATIENCE` draws in a row bring nothing new, those that are left follow in an order that
    depends on the seed: the work for a point stays bounded however few are left.
    """

    def __init__(self, space: Space, coordinates: Coordinates, seed: int) -> None:
        self._space = space
        self._found: list[Params] = []
        self._keys: set[str] = set()
        self._source = self._points(coordinates, seed)

    def get(self, k: int) -> Params | None:
        """The k-th point, k from 0; None if the space has fewer."""
        while len(self._found) <= k:
            if (point := next(self._source, None)) is None:
                return None
            self._found.append(point)
        return self._found[k]

    def _points(self, coordinates: Coordinates, seed: int) -> Iterator[Params]:
        number = misses = futile = 0
        while misses < PATIENCE and futile < FUTILE and len(self._keys) < (self._space.size or 0):
            (point,) = self._space.from_unit(coordinates([number], seed))
            number += 1
            if not self._is_new(point):
                misses += 1
                continue
            misses = 0
            if self._space.allows(point):
                futile = 0
                yield point
            else:
                futile += 1
        for index in scattered(self._space.size or 0, seed):
            if len(self._keys) == self._space.size or futile >= FUTILE:
                return
            point = self._space.point(index)
            if not self._is_new(point):
                continue
            if self._space.allows(point):
                futile = 0
                yield point
            else:
                futile += 1

    def _is_new(self, point: Params) -> bool:
        key = self._space.key(point)
        if key in self._keys:
            return False
        self._keys.add(key)
        return True


def draws(space: Space, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws of a space that its constraints allow, (n, d), in the form of `Space.snap`: ``count`` of them,
    and fewer, or none, where they allow next to nothing."""
    if not space.constraints:
        return space.snap(rng.random((count, len(space))))
    found, had = [np.empty((0, len(space)))], 0
    for _ in range(FUTILE // _BLOCK):
        if had >= count:
            break
        u = space.snap(rng.random((_BLOCK, len(space))))
        found.append(u[space.allowed(u)])
        had += len(found[-1])
    return np.concatenate(found)[:count]


def scattered(size: int, seed: int) -> Iterator[int]:
    """0 to ``size - 1``, each once, in an order that depends on ``seed``; needs no memory.

    Steps around a circle of ``size`` places by a stride that has no divisor in common with it.
    """
    start, stride = (int(v * size) for v in np.random.default_rng(seed).random(2))
    while gcd(stride, size) != 1:
        stride += 1
    return ((start + i * stride) % size for i in range(size))
