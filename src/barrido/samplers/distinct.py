"""Points by trial number, drawn through the unit cube; in a finite space each point once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import gcd

import numpy as np
from numpy.typing import NDArray

from barrido.core.trial import Params
from barrido.space import Space
from barrido.space.options import copied

PATIENCE = 32
"""So many draws in a row that bring nothing new, and the rest is enumerated instead."""

Coordinates = Callable[[Sequence[int], int], NDArray[np.float64]]
"""Unit coordinates (n, d) for n draw numbers and a seed."""


class NumberedPoints:
    """A space's points by number: number k is draw k, and in a finite space the k-th different one.

    A function of ``coordinates`` and the seed. What it found for the last seed is kept, as a cache only.
    """

    def __init__(self, space: Space, coordinates: Coordinates) -> None:
        self._space = space
        self._coordinates = coordinates
        self._distinct: tuple[int, _Distinct] | None = None

    def get(self, numbers: Sequence[int], seed: int) -> list[Params | None]:
        """The points of these numbers; None where the space has none left."""
        if self._space.size is None:
            return [*self._space.from_unit(self._coordinates(numbers, seed))]
        if self._distinct is None or self._distinct[0] != seed:
            self._distinct = (seed, _Distinct(self._space, self._coordinates, seed))
        return [copied(self._distinct[1].get(k)) for k in numbers]


class _Distinct:
    """The points of a finite space, each once, in the order in which draws 0, 1, 2, … first bring them.

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
        number = misses = 0
        while misses < PATIENCE and len(self._keys) < (self._space.size or 0):
            (point,) = self._space.from_unit(coordinates([number], seed))
            number += 1
            if self._is_new(point):
                misses = 0
                yield point
            else:
                misses += 1
        for index in scattered(self._space.size or 0, seed):
            if len(self._keys) == self._space.size:
                return
            point = self._space.point(index)
            if self._is_new(point):
                yield point

    def _is_new(self, point: Params) -> bool:
        key = self._space.key(point)
        if key in self._keys:
            return False
        self._keys.add(key)
        return True


def scattered(size: int, seed: int) -> Iterator[int]:
    """0 to ``size - 1``, each once, in an order that depends on ``seed``; needs no memory.

    Steps around a circle of ``size`` places by a stride that has no divisor in common with it.
    """
    start, stride = (int(v * size) for v in np.random.default_rng(seed).random(2))
    while gcd(stride, size) != 1:
        stride += 1
    return ((start + i * stride) % size for i in range(size))
