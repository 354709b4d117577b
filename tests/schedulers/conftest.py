from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from barrido.schedulers.halving import Bracket
from barrido.testing.schedulers import Script

Rungs = dict[int, float]


def play_in_step(brackets: Sequence[Bracket], script: Callable[[int], Script], eta: int) -> dict[int, Rungs]:
    """The losses that each trial is compared with when whole rungs run one after the other: an oracle."""
    seen: dict[int, Rungs] = {}
    first = 0
    for bracket in brackets:
        alive = list(range(first, first + bracket.size))
        first += bracket.size
        seen.update((trial, {}) for trial in alive)
        for i, resource in enumerate(bracket.rungs):
            valued = {}
            for trial in alive:
                what = script(trial)
                end = what.end if what.end is not None else resource
                came = min(resource, end)
                if what.fails is not None and what.fails <= came:
                    continue
                loss = what.loss(came)
                if resource <= end:
                    seen[trial][resource] = loss
                if isfinite(loss):
                    valued[trial] = loss
            most = max(1, bracket.size // eta ** (i + 1))
            alive = sorted(valued, key=lambda trial: (valued[trial], trial))[:most]
    return seen
