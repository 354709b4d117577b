"""Points of a Halton sequence: evenly spread, without the powers of two that Sobol's want.

J. H. Halton, "On the efficiency of certain quasi-random sequences of points in evaluating multi-dimensional
integrals", Numerische Mathematik 2 (1960). Difference from the paper: the whole sequence is shifted by a
vector that the seed draws, around the corner where it leaves the cube (Cranley and Patterson, 1976).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Observation
from barrido.core.trial import Params
from barrido.samplers.distinct import NumberedPoints
from barrido.space import Space

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)


class HaltonSampler:
    """Trial k gets point number ``skip`` + k + 1 of the sequence. For up to ten parameters."""

    learns: bool = False

    def __init__(self, space: Space, *, skip: int = 0) -> None:
        if len(space) > len(PRIMES):
            raise ValueError(f"takes up to {len(PRIMES)} parameters (got {len(space)})")
        if not isinstance(skip, int) or skip < 0:
            raise ValueError(f"skip must be a whole number, at least 0 (got {skip!r})")
        self._bases = PRIMES[: len(space)]
        self._skip = skip
        self._points = NumberedPoints(space, self._coordinates)

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return self._points.get(numbers, seed)

    def _coordinates(self, numbers: Sequence[int], seed: int) -> NDArray[np.float64]:
        shift = np.random.default_rng(seed).random(len(self._bases))
        rows = [[_mirrored(self._skip + k + 1, base) for base in self._bases] for k in numbers]
        return (np.array(rows).reshape(len(numbers), len(self._bases)) + shift) % 1.0


def _mirrored(number: int, base: int) -> float:
    """The digits of ``number`` behind the point, the last one first: 6 is 110 in base 2, so 0.011, 3/8.

    >>> _mirrored(6, 2)
    0.375
    """
    result, weight = 0.0, 1.0
    while number:
        number, digit = divmod(number, base)
        weight /= base
        result += digit * weight
    return result
