"""How far a trial is told to go, when one of its attempts begins."""

from __future__ import annotations

from barrido.core.events import PauseMode
from barrido.core.protocols import Order
from barrido.core.recipe import Recipe


def told_resource(recipe: Recipe, order: Order) -> int | None:
    """The resource at which the attempt of ``order`` is to end, or is asked about next, if there is one.

    One that is suspended, or decided on as it goes, cannot be told again: it is told the last stop there is.
    """
    last: int | None = recipe.scheduler.get("max_resource")
    runs_through = recipe.pausing.mode is PauseMode.SUSPEND or recipe.scheduler.get("variant") == "stopping"
    if last is None or order.until is None or runs_through:
        return last
    return min(order.until, last)
