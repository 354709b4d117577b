"""Which parameters mattered in a sweep."""

from __future__ import annotations

from barrido.errors import RequestError
from barrido.store.queries import Reader


def importance_of(reader: Reader) -> dict[str, float]:
    """The share of the results' variance that each parameter explains alone, the largest first.

    Raises RequestError if there are too few finished trials, or nothing that could be compared.
    """
    from barrido.samplers.importance import importance
    from barrido.space import Space
    from barrido.store.prior import findings

    recipe = reader.sweep().recipe
    if recipe.objective is None or not recipe.space:
        raise RequestError(f"in {recipe.name!r} nothing is compared: nothing matters more than the rest")
    space = Space.from_json(recipe.space)
    found, _ = findings(reader, space, recipe.objective.goal)
    return importance(space, found)
