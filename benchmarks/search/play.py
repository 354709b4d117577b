"""One optimiser on one problem, in virtual time.

Trial k lasts a log-normal time drawn with ``default_rng((seed, k))``, for every optimiser the same. With one
trial in flight that is a sequence; with more, a new point is asked for as soon as a trial ends, while
the others are pending. Losses come in the order in which trials end.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from benchmarks.search.problems import Problem

from barrido.core.protocols import Fate, Observation, Sampler
from barrido.registry import SAMPLERS
from barrido.space import Space


class Optimiser(Protocol):
    def ask(self, number: int) -> dict[str, Any]: ...

    def tell(self, number: int, loss: float) -> None: ...

    @property
    def seconds(self) -> list[float]:
        """What each suggestion took so far."""


@dataclass(frozen=True)
class Setting:
    """What identifies a run beside its optimiser."""

    problem: str
    seed: int
    in_flight: int
    trials: int


@dataclass(frozen=True)
class Run:
    losses: list[float]  # by order of ending
    seconds: list[float]  # by order of asking


def play(optimiser: Optimiser, problem: Problem, setting: Setting) -> Run:
    losses: list[float] = []
    running: list[tuple[float, int, float]] = []  # ends at, number, loss
    now = 0.0

    def end_first() -> float:
        ended_at, number, loss = heapq.heappop(running)
        optimiser.tell(number, loss)
        losses.append(loss)
        return ended_at

    for number in range(setting.trials):
        if len(running) == setting.in_flight:
            now = end_first()
        lasts = float(np.random.default_rng((setting.seed, number)).lognormal(0, 0.5))
        heapq.heappush(running, (now + lasts, number, problem.loss(optimiser.ask(number))))
    while running:
        end_first()
    return Run(losses, optimiser.seconds)


class Ours:
    """A sampler of barrido."""

    def __init__(self, name: str, space: Space, seed: int) -> None:
        self._sampler = load_sampler(name, space)
        self._seed = seed
        self._asked: dict[int, dict[str, Any]] = {}
        self._observations: list[Observation] = []
        self.seconds: list[float] = []

    def ask(self, number: int) -> dict[str, Any]:
        began = time.perf_counter()
        (point,) = self._sampler.ask(self._observations, list(self._asked.values()), [number], self._seed)
        self.seconds.append(time.perf_counter() - began)
        assert point is not None, "the space is exhausted"
        self._asked[number] = dict(point)
        return self._asked[number]

    def tell(self, number: int, loss: float) -> None:
        self.take(number, self._asked.pop(number), loss)

    def take(self, number: int, point: dict[str, Any], loss: float) -> None:
        """An observation, whoever proposed its point."""
        self._observations.append(Observation(number, point, [loss], 1, Fate.COMPLETED))


def load_sampler(name: str, space: Space) -> Sampler:
    """By its name in the registry, or as ``module:Class``."""
    module, _, attribute = SAMPLERS.get(name, name).partition(":")
    sampler: Sampler = getattr(import_module(module), attribute)(space)
    return sampler
