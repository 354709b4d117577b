"""From traces to numbers that can be compared across problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import inf

import numpy as np
from benchmarks.budgets.play import Setting, Trace, horizon_s
from benchmarks.budgets.problems import BY_NAME, Array
from benchmarks.budgets.reference import TRAININGS, references
from benchmarks.search.play import Setting as Pair
from benchmarks.search.scores import Comparison

Traces = Mapping[str, Mapping[Setting, Trace]]
"""By optimiser. Those of barrido have its name in front."""
FINENESS = 20
"""Points a full training at which curves are looked at."""


class Axis(StrEnum):
    RESOURCE = "full trainings spent"
    WALL = "full trainings that fit into the time passed"


@dataclass(frozen=True)
class Contest:
    """Optimisers on the settings that all of them have; these have the workers and the budget in common."""

    names: tuple[str, ...]
    settings: tuple[Setting, ...]
    traces: Traces
    optima: Mapping[str, float]

    @cached_property
    def by_resource(self) -> Comparison:
        return self._comparison(Axis.RESOURCE)

    @cached_property
    def by_wall(self) -> Comparison:
        return self._comparison(Axis.WALL)

    def areas(self, axis: Axis) -> Comparison:
        """Its only "trial" is the area under the curve of regret: its mean along the axis."""
        whole = self.by_resource if axis is Axis.RESOURCE else self.by_wall
        return Comparison(whole.optimisers, whole.settings, whole.regrets.mean(axis=2, keepdims=True))

    def reached(self) -> Array:
        """(optimisers, problems): full trainings until the mean regret over seeds is what random search is
        expected to have after `TRAININGS`; infinite where the budget did not suffice."""
        return self._reached(lambda regrets, aim: _first(regrets.mean(axis=1), aim))

    def reached_by_half(self) -> Array:
        """(optimisers, problems): the same, until half of the seeds have come to it."""
        return self._reached(lambda regrets, aim: np.median(_first(regrets, aim), axis=1))

    def _reached(self, first: Callable[[Array, float], Array]) -> Array:
        """``first`` makes one number an optimiser of its regrets (optimisers, seeds, points) and the aim."""
        whole = self.by_resource
        columns = []
        for problem in whole.problems:
            aim = self._regret(references()[problem].random[TRAININGS - 1], problem)
            rows = [setting.problem == problem for setting in whole.settings]
            columns.append(first(whole.regrets[:, rows], aim))
        return np.stack(columns, axis=1)

    def _comparison(self, axis: Axis) -> Comparison:
        curves = [[self._curve(self.traces[name][s], s, axis) for s in self.settings] for name in self.names]
        pairs = tuple(Pair(s.problem, s.seed, s.workers, s.trainings) for s in self.settings)
        return Comparison(self.names, pairs, np.array(curves))

    def _curve(self, trace: Trace, setting: Setting, axis: Axis) -> Array:
        """(points,): regret on an even grid that ends with the budget; 1 before the first report."""
        reference = references()[setting.problem]
        grid = np.arange(1, setting.trainings * FINENESS + 1) / FINENESS
        steps, seconds, losses = zip(*trace.improvements, strict=True)
        if axis is Axis.RESOURCE:
            at = np.array(steps) / BY_NAME[setting.problem].most
        else:
            at = np.array(seconds) / horizon_s(setting, reference.full_s) * setting.trainings
        regrets = np.array([1.0, *(self._regret(loss, setting.problem) for loss in losses)])
        curve: Array = regrets[np.searchsorted(at, grid + 1e-9, side="right")]
        return curve

    def _regret(self, loss: float, problem: str) -> float:
        reference, optimum = references()[problem], self.optima[problem]
        return min(1.0, (loss - optimum) / (reference.median - optimum))


def _first(regrets: Array, aim: float) -> Array:
    """Full trainings until ``regrets`` (..., points) come to ``aim``; infinite where they never do."""
    there = regrets <= aim
    return np.where(there.any(axis=-1), (there.argmax(axis=-1) + 1) / FINENESS, inf)


def contest(traces: Traces, names: Sequence[str], settings: Sequence[Setting]) -> Contest | None:
    """None if there is no setting that all have."""
    common = tuple(setting for setting in settings if all(setting in traces[name] for name in names))
    return Contest(tuple(names), common, traces, optima_of(traces)) if common else None


def optima_of(traces: Traces) -> dict[str, float]:
    """By problem; where it is only the best known, it is lowered by what anyone found."""
    optima = {name: reference.optimum for name, reference in references().items()}
    for done in traces.values():
        for setting, trace in done.items():
            optima[setting.problem] = min(optima[setting.problem], trace.improvements[-1][2])
    return optima
