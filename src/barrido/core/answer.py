"""A question to the sampler, and its answer: the one place where samplers are asked."""

from __future__ import annotations

from barrido.core.events import Ask, Suggested
from barrido.core.protocols import Explainer, Sampler
from barrido.core.state import SweepState, observations, pending


def answer(sampler: Sampler, state: SweepState, question: Ask, seed: int, *, at: float) -> Suggested:
    """What ``sampler`` suggests where ``state`` stands, with what it expected of each point if it can say.

    ``at`` is in seconds since the epoch.
    """
    learned = observations(state) if sampler.learns else []
    running = pending(state) if sampler.learns else []
    points = sampler.ask(learned, running, question.draws or question.numbers, seed)
    if not isinstance(sampler, Explainer):
        return Suggested(question.ask, tuple(points), at)
    given = [point for point in points if point is not None]
    said = iter(sampler.explain(learned, running, given, seed))
    expected = [None if point is None else next(said) for point in points]
    return Suggested(question.ask, tuple(points), at, tuple(expected))
