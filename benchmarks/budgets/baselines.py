"""Random search, and Hyperband to the letter: what everything else is measured by.

Both draw configurations with barrido's random sampler. A suggestion costs them nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.budgets.play import Job
from benchmarks.budgets.problems import Problem

from barrido.samplers.random import RandomSampler


class _Draws:
    def __init__(self, problem: Problem, seed: int) -> None:
        self._sampler = RandomSampler(problem.space)
        self._seed = seed
        self.points: list[dict[str, Any]] = []

    def draw(self) -> int:
        """The number of a new configuration."""
        (point,) = self._sampler.ask([], [], [len(self.points)], self._seed)
        assert point is not None, "the space is exhausted"
        self.points.append(dict(point))
        return len(self.points) - 1


class RandomSearch:
    """Every configuration is trained to its end."""

    def __init__(self, problem: Problem, seed: int, workers: int) -> None:
        self._draws, self._until = _Draws(problem, seed), problem.most
        self.seconds = 0.0

    def next(self) -> Job:
        trial = self._draws.draw()
        return Job(trial, self._draws.points[trial], self._until)

    def report(self, trial: int, step: int, loss: float) -> bool:
        return True

    def ended(self, trial: int, step: int, loss: float) -> None:
        pass


@dataclass
class _Bracket:
    rungs: list[tuple[int, int]]  # how many configurations, trained for how many steps
    waiting: list[int]
    results: list[tuple[float, int]] = field(default_factory=list)

    def take(self, loss: float, trial: int) -> None:
        """A result of the lowest rung; the last one of a rung promotes the best."""
        self.results.append((loss, trial))
        if len(self.results) == self.rungs[0][0]:
            del self.rungs[0]
            best = sorted(self.results)[: self.rungs[0][0]] if self.rungs else []
            self.waiting, self.results = [trial for _, trial in best], []


class PlainHyperband:
    """Algorithm 1 of Li et al. (JMLR 2018), eta = 3, again and again; configurations go on where they stood.

    A worker that would wait for a rung begins the next bracket.
    """

    def __init__(self, problem: Problem, seed: int, workers: int) -> None:
        self._draws, self._most = _Draws(problem, seed), problem.most
        self.seconds = 0.0
        self._deepest = 0
        while problem.least * 3 ** (self._deepest + 1) <= problem.most:
            self._deepest += 1
        self._begun = 0
        self._brackets: list[_Bracket] = []
        self._of: dict[int, _Bracket] = {}

    def next(self) -> Job:
        self._brackets = [bracket for bracket in self._brackets if bracket.rungs]
        bracket = next((bracket for bracket in self._brackets if bracket.waiting), None) or self._begin()
        trial = bracket.waiting.pop(0)
        self._of[trial] = bracket
        return Job(trial, self._draws.points[trial], bracket.rungs[0][1])

    def report(self, trial: int, step: int, loss: float) -> bool:
        return True

    def ended(self, trial: int, step: int, loss: float) -> None:
        self._of[trial].take(loss, trial)

    def _begin(self) -> _Bracket:
        s = self._deepest - self._begun % (self._deepest + 1)
        self._begun += 1
        n = -(-(self._deepest + 1) * 3**s // (s + 1))
        rungs = [(n // 3**i, round(self._most / 3 ** (s - i))) for i in range(s + 1)]
        bracket = _Bracket([rung for rung in rungs if rung[0]], [self._draws.draw() for _ in range(n)])
        self._brackets.append(bracket)
        return bracket
