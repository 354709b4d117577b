"""What mattered in a sweep, and how: what a model of its trials says of one or two of its parameters.

Learning the model takes a second or so. It is learned anew when more trials have completed, and not before.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from barrido.blas import one_thread
from barrido.core.recipe import Recipe
from barrido.core.trial import Phase
from barrido.errors import RequestError
from barrido.figures.caching import Kept
from barrido.figures.dimensions import Names, names_of
from barrido.samplers.importance import Array, Believed
from barrido.space import Choice
from barrido.store.prior import findings
from barrido.store.queries import Reader


def shares(reader: Reader) -> dict[str, Any]:
    """The share of the values' variance that each parameter explains alone, the largest first."""
    try:
        with one_thread():
            return {"shares": _model(reader).shares, "why_not": ""}
    except RequestError as error:
        return {"shares": None, "why_not": error.message}


def slice_of(reader: Reader, param: str) -> dict[str, Any]:
    """What values to expect along a parameter, averaged over the others, and how sure the model is of them.

    ``x`` is in the user's scale, of a choice its levels. Raises RequestError for a name that no parameter
    has.
    """
    names = names_of(reader.sweep().recipe.space)
    column = names.column_of(param)
    try:
        with one_thread():
            model = _model(reader)
            coordinates, mean, spread = model.believed.along(column)
    except RequestError as error:
        return {"why_not": error.message}
    return {
        "param": param,
        "x": model.values(column, coordinates),
        "mean": (model.sign * mean).tolist(),
        "spread": spread.tolist(),
    }


def contour(reader: Reader, x: str, y: str) -> dict[str, Any]:
    """What values to expect at two parameters, averaged over the others: ``z`` has a row for each value of y.

    Raises RequestError for a name that no parameter has.
    """
    names = names_of(reader.sweep().recipe.space)
    columns = names.column_of(x), names.column_of(y)
    if columns[0] == columns[1]:
        raise RequestError(f"{x} and {y} are one and the same", hint="a contour takes two parameters")
    try:
        with one_thread():
            model = _model(reader)
            across, up, mean = model.believed.across(*columns)
    except RequestError as error:
        return {"why_not": error.message}
    return {
        "x": {"param": x, "values": model.values(columns[0], across)},
        "y": {"param": y, "values": model.values(columns[1], up)},
        "z": (model.sign * mean).tolist(),
    }


class _Model:
    """What is believed of a sweep's space. Values are losses times ``sign``."""

    def __init__(self, names: Names, believed: Believed, sign: float) -> None:
        self._names = names
        self.believed = believed
        self.sign = sign

    @cached_property
    def shares(self) -> dict[str, float]:
        found = self.believed.shares().tolist()
        ordered = sorted(range(len(found)), key=lambda column: -found[column])
        return {self._names.name_of(column): found[column] for column in ordered}

    def values(self, column: int, coordinates: Array) -> list[Any]:
        """Unit coordinates in the user's scale."""
        domain = self._names.space.dimensions[column].domain
        if isinstance(domain, Choice):
            levels = self._names.levels(column)
            return [levels[level] for level in domain.ladder.index(coordinates).tolist()]
        return domain.from_unit(coordinates)


_models: Kept[_Model | tuple[str, str]] = Kept(4)  # or why there is none, and what to do about it


def _model(reader: Reader) -> _Model:
    """Of the trials that have completed. Raises RequestError if they say nothing."""
    recipe = reader.sweep().recipe
    completed = reader.counts().get(Phase.COMPLETED, 0)

    def learn() -> _Model | tuple[str, str]:
        try:
            return _learned(reader, recipe)
        except RequestError as error:
            # Not the error itself: its traceback would keep whatever was at hand each time it was raised
            return error.message, error.hint

    model = _models.get(reader, completed, learn)
    if isinstance(model, _Model):
        return model
    message, hint = model
    raise RequestError(message, hint=hint)


def _learned(reader: Reader, recipe: Recipe) -> _Model:
    if recipe.objective is None or not recipe.space:
        raise RequestError(f"in {recipe.name!r} nothing is compared: nothing matters more than the rest")
    names, goal = names_of(recipe.space), recipe.objective.goal
    found, _ = findings(reader, names.space, goal)
    return _Model(names, Believed(names.space, found), goal.sign)
