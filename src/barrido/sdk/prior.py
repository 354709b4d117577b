"""What a search of one's own is to know from the start, as it is said in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf, isfinite
from typing import Any

from barrido import app
from barrido.core.protocols import Fate, Observation
from barrido.core.recipe import Goal
from barrido.errors import Problem, RequestError
from barrido.samplers.primed import misfits
from barrido.space import Space
from barrido.space.checks import shown
from barrido.space.options import copied
from barrido.store.prior import findings
from barrido.store.queries import Reader

Pairs = Iterable[tuple[Mapping[str, Any], float | None]]


def prior_of(given: str | Pairs, space: Space, goal: Goal) -> tuple[list[Observation], list[Problem]]:
    """The observations that ``given`` stands for, and why a search of ``space`` cannot learn from them.

    A name is that of a sweep in the workspace of this folder, whatever its metric is called; of a pair the
    value is None, or not finite, if the trial failed. Raises SweepNotFound, and RequestError for what is no
    pair.
    """
    if isinstance(given, str):
        with Reader(app.find(app.workspace(), given)) as reader:
            return findings(reader, space, goal)
    if not isinstance(given, Iterable):
        raise RequestError(f"resume_from is a search, the name of a sweep or pairs (got {shown(given)})")
    found = [_observed(number, pair, goal) for number, pair in enumerate(given)]
    return found, misfits(space, found, of="of resume_from")


def _observed(number: int, pair: tuple[Mapping[str, Any], float | None], goal: Goal) -> Observation:
    try:
        params, value = pair
        loss = inf if value is None else goal.sign * float(value)
        values = dict(params)
        if isinstance(value, str | bool) or not all(isinstance(name, str) for name in values):
            raise TypeError
    except (TypeError, ValueError, OverflowError):
        raise RequestError(
            f"resume_from: item {number} is no pair of parameters and a value (got {shown(pair)})",
            hint="like [({'lr': 0.1}, 0.93), ({'lr': 5.0}, None)], None if it failed; or a sweep's name",
        ) from None
    if not isfinite(loss):
        return Observation(number, copied(values), (), 0, Fate.FAILED)
    return Observation(number, copied(values), (loss,), 1, Fate.COMPLETED)
