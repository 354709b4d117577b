"""Trials with a low priority: whoever sits at the machine comes first. `compute: nice`, or `nice:15`."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.core.recipe import Recipe
from barrido.executors.local import LocalExecutor

USUAL, LEAST = 10, 19


class NiceExecutor(LocalExecutor):
    """Runs each trial's command under `nice`. ``argument`` is how nice, from 1 to 19; 10 if it is empty."""

    def __init__(
        self,
        folder: SweepFolder,
        recipe: Recipe,
        argument: str = "",
        *,
        render: Callable[[Order], str],
        **settings: Any,
    ) -> None:
        niceness = _niceness(argument)

        def nicely(order: Order) -> str:
            return f"nice -n {niceness} /bin/sh -c {quote(render(order))}"

        super().__init__(folder, recipe, render=nicely, **settings)

    @staticmethod
    def check(argument: str) -> None:
        """Raises ValueError for what cannot stand behind `nice:`."""
        _niceness(argument)


def _niceness(argument: str) -> int:
    if argument == "":
        return USUAL
    if not argument.isdecimal() or not 1 <= int(argument) <= LEAST:
        raise ValueError(f"how nice is a whole number from 1 to {LEAST}, as in nice:15 (got {argument!r})")
    return int(argument)
