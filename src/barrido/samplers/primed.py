"""A warm start: a sampler that knows from the start what earlier searches found out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from barrido.core.protocols import Explainer, Observation, Sampler
from barrido.core.trial import Expectation, Params
from barrido.errors import Problem
from barrido.space import Space
from barrido.space.checks import shown


class Primed:
    """``sampler``, asked as if the trials of ``prior`` (see `numbered`) had been the first of this search."""

    def __init__(self, sampler: Sampler, prior: Sequence[Observation]) -> None:
        self.learns = sampler.learns
        self._sampler = sampler
        self._prior = list(prior)

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return self._sampler.ask([*self._prior, *observations], pending, numbers, seed)

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        if not isinstance(self._sampler, Explainer):
            return [None] * len(points)
        return self._sampler.explain([*self._prior, *observations], pending, points, seed)


def numbered(prior: Sequence[Observation]) -> list[Observation]:
    """The same under negative numbers, the last one's -1: they are none of the trials of the new search."""
    return [replace(one, number=k - len(prior)) for k, one in enumerate(prior)]


def misfits(space: Space, prior: Sequence[Observation], *, of: str) -> list[Problem]:
    """What keeps ``prior`` from being searches of ``space``: each parameter once, with the first such trial.

    ``of`` says in a message whose trials they are, like ``of 'iris'``.
    """
    found: dict[str, tuple[Problem, list[int]]] = {}
    for one in prior:
        for name, problem in _misfits(space, one.params):
            found.setdefault(name, (problem, []))[1].append(one.number)
    return [
        replace(problem, what=f"{problem.what} (trial {numbers[0]} {of}{_more(len(numbers) - 1)})")
        for problem, numbers in found.values()
    ]


def _misfits(space: Space, point: Params) -> list[tuple[str, Problem]]:
    if point.keys() != space.parameters.keys():
        names, known = (", ".join(sorted(some)) or "nothing" for some in (point, space.parameters))
        return [("", Problem(f"the parameters differ: there {names}, here {known}"))]
    return [
        (name, Problem(f"{name} cannot be {shown(point[name])} here", hint=f"it is {domain}"))
        for name, domain in space.parameters.items()
        if not domain.contains(point[name])
    ]


def _more(count: int) -> str:
    return f", and {count} more" if count else ""
