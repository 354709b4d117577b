"""Points that people write: as a sampler would have given them, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from barrido.errors import Problem
from barrido.space.checks import did_you_mean, join, shown
from barrido.space.choice import Choice
from barrido.space.domain import Continuous, Discrete, Value
from barrido.space.options import copied, matches
from barrido.space.space import Space


def fitted(space: Space, params: Mapping[str, Any]) -> tuple[dict[str, Value], list[Problem]]:
    """``params`` as `Space.from_unit` would give them, and everything that keeps them from being a point.

    >>> from barrido.space import Int, Uniform
    >>> space = Space({"lr": Uniform(0, 1), "depth": Int(1, 9)})
    >>> fitted(space, {"depth": 3.0, "lr": 1})
    ({'lr': 1.0, 'depth': 3}, [])
    >>> [problem.what for problem in fitted(space, {"lr": 7, "dept": 3})[1]]
    ["there is no parameter 'dept'", 'lr cannot be 7', 'depth is missing']
    """
    problems: list[Problem] = []
    point = _entries(space.parameters, params, "", problems)
    return point, problems


def _entries(
    wanted: Mapping[str, Any], given: Mapping[str, Any], path: str, problems: list[Problem]
) -> dict[str, Value]:
    for name in given:
        if name not in wanted:
            what = f"there is no parameter {shown(join(path, str(name)))}"
            problems.append(Problem(what, join(path, str(name)), hint=did_you_mean(name, wanted)))
    point = {}
    for name, option in wanted.items():
        where = join(path, name)
        if name in given:
            point[name] = _value(option, given[name], where, problems)
        else:
            problems.append(Problem(f"{where} is missing", where, hint=f"it is {option}"))
    return point


def _value(option: Any, given: Any, path: str, problems: list[Problem]) -> Value:
    match option:
        case Choice(is_nested=True):
            return _branch(option, given, path, problems)
        case Discrete() if (index := _index(option, given)) is not None:
            return option.value_of(index)
        case Continuous() if option.contains(given):
            return float(given)
        case Mapping() if isinstance(given, Mapping):
            return _entries(option, given, path, problems)
        case Mapping() | Discrete() | Continuous():
            pass
        case _ if matches(option, given):
            return copied(option)
    problems.append(Problem(f"{path} cannot be {shown(given)}", path, hint=f"it is {option}"))
    return None


def _index(option: Discrete, given: Any) -> int | None:
    try:
        return option.index_of(given)
    except (OverflowError, TypeError):  # a number beyond the largest float, a value that is no JSON
        return None


def _branch(option: Choice, given: Any, path: str, problems: list[Problem]) -> Value:
    """By the first branch that fits; where none does, what is wrong with the one that fits best."""
    closest: list[Problem] | None = None
    for branch in option.options:
        wrong: list[Problem] = []
        value = _value(branch, given, path, wrong)
        if not wrong:
            return value
        is_close = isinstance(given, Mapping) and isinstance(branch, Mapping) and len(wrong) < len(branch)
        if is_close and (closest is None or len(wrong) < len(closest)):
            closest = wrong
    problems += closest or [Problem(f"{path} cannot be {shown(given)}", path, hint=f"it is {option}")]
    return None
