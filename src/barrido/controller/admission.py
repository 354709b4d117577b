"""What may be asked of a sweep: checked before a request is written down, and again when it is taken in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import inf
from typing import Any

from barrido.core.annotation import annotation_problems
from barrido.core.events import Verb
from barrido.core.recipe import Limits, Recipe
from barrido.errors import Problem, RequestError

_MAY_BE_ZERO = frozenset({"max_retries", "retry_backoff"})
_MAY_BE_NONE = frozenset({"timeout", "trial_timeout", "stop_after"})
_IN_SECONDS = frozenset({"timeout", "trial_timeout", "retry_backoff"})
LIMIT_NAMES = frozenset(f.name for f in fields(Limits))
_OF_TRIALS = frozenset({Verb.CANCEL, Verb.RERUN, Verb.ANNOTATE})


def admit(recipe: Recipe, verb: Verb, trial: int | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` as they are to be decided on, a point's values as a sampler would have given them.

    Raises RequestError with everything that is wrong. Whether there is such a trial is not looked at.
    """
    if trial is not None and verb not in _OF_TRIALS:
        raise RequestError(f"a sweep can be asked to {verb}, a trial cannot")
    if recipe.kind == "command" and verb in (Verb.ENQUEUE, Verb.RERUN):
        raise RequestError(
            f"{recipe.name!r} is a command, which runs once: no trial can be added",
            hint="submit it again, or create a new sweep over what is to vary",
        )
    match verb:
        case Verb.UPDATE:
            return _limits(changes)
        case Verb.ENQUEUE:
            return _point(recipe, changes)
        case Verb.ANNOTATE:
            return _annotation(changes)
        case _ if changes:
            raise RequestError(f"to {verb} takes no changes (got {', '.join(map(repr, changes))})")
        case _:
            return {}


def _point(recipe: Recipe, changes: Mapping[str, Any]) -> dict[str, Any]:
    params = changes.get("params")
    if changes.keys() != {"params"} or not isinstance(params, Mapping):
        raise RequestError("a point is given as {params: {name: value}}")
    from barrido.space import Space
    from barrido.space.fitting import fitted

    space = Space.from_json(recipe.space, constraints=recipe.constraints)
    values, problems = fitted(space, params)
    if problems:
        raise RequestError(_told("the point cannot be run", problems), hint=_hint(problems))
    if (broken := space.broken(values)) is not None:
        raise RequestError(f"the point cannot be run: the sweep is to have {broken.text}")
    return {"params": values}


def _annotation(changes: Mapping[str, Any]) -> dict[str, Any]:
    problems = [Problem(what) for what in annotation_problems(changes)]
    if problems:
        raise RequestError(_told("it cannot be annotated so", problems))
    return dict(changes)


def _told(head: str, problems: list[Problem]) -> str:
    if len(problems) == 1:
        return problems[0].what
    lines = (f"  {one.what}; {one.hint}" if one.hint else f"  {one.what}" for one in problems)
    return "\n".join([f"{head}, {len(problems)} things are wrong:", *lines])


def _hint(problems: list[Problem]) -> str:
    return problems[0].hint if len(problems) == 1 else ""


def _limits(changes: Mapping[str, Any]) -> dict[str, Any]:
    """New limits by name, as JSON; `Limits.updated` takes them."""
    checked = dict(changes)
    for name, value in checked.items():
        if name not in LIMIT_NAMES:
            raise RequestError(f"no limit is called {name!r}; there are {', '.join(sorted(LIMIT_NAMES))}")
        if value is None and name in _MAY_BE_NONE:
            continue
        if name == "stop_after":
            _check_stop_after(value)
        elif not _is_number(value) or not 0 <= value < inf or (value == 0 and name not in _MAY_BE_ZERO):
            least = "of 0 or more" if name in _MAY_BE_ZERO else "above 0"
            raise RequestError(f"{name} must be a number {least} (got {value!r})")
        elif name not in _IN_SECONDS and not isinstance(value, int):
            raise RequestError(f"{name} must be a whole number (got {value!r})")
    return checked


def _check_stop_after(value: Any) -> None:
    if not isinstance(value, Mapping) or not {"trials"} <= value.keys() <= {"trials", "min_improvement"}:
        raise RequestError(f"stop_after must be {{trials: …, min_improvement: …}} (got {value!r})")
    if isinstance(value["trials"], bool) or not isinstance(value["trials"], int) or value["trials"] < 1:
        raise RequestError(f"stop_after.trials must be a whole number above 0 (got {value['trials']!r})")
    least = value.get("min_improvement", 0.0)
    if not _is_number(least) or not 0 <= least < inf:
        raise RequestError(f"stop_after.min_improvement must be a number of 0 or more (got {least!r})")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
