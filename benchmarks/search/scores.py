"""From losses to numbers that can be compared across problems, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from benchmarks.search.cache import Record, kept
from benchmarks.search.contest import Runs
from benchmarks.search.play import Setting
from benchmarks.search.problems import references
from numpy.typing import NDArray
from scipy.stats import rankdata, wilcoxon

Array = NDArray[np.float64]
_RESAMPLES = 4_000


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Test:
    """Ours against a peer, run by run: how often each won, and Wilcoxon's signed-rank test (two-sided)."""

    won: int
    tied: int
    lost: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """Optimisers on the settings that all of them have."""

    optimisers: tuple[str, ...]
    settings: tuple[Setting, ...]
    regrets: Array  # (optimisers, settings, trials): (best so far - optimum) / scale

    @cached_property
    def problems(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(setting.problem for setting in self.settings))

    @cached_property
    def ranks(self) -> Array:
        """(optimisers, settings) at the end, 1 is best; who ties shares the mean of their ranks."""
        return cast(Array, rankdata(self.regrets[:, :, -1], axis=0))

    def per_problem(self, at: int) -> Array:
        """(optimisers, problems): mean regret over seeds after ``at`` trials."""
        columns = [
            self.regrets[:, [setting.problem == problem for setting in self.settings], at - 1].mean(axis=1)
            for problem in self.problems
        ]
        return np.stack(columns, axis=1)

    def mean_regrets(self, at: int) -> list[Interval]:
        """By optimiser, over problems of the mean over seeds."""
        return self._intervals(self.regrets[:, :, at - 1])

    def mean_ranks(self) -> list[Interval]:
        return self._intervals(self.ranks)

    def ratio(self, one: int, other: int) -> Interval:
        """The mean final regret of one optimiser over that of another."""
        pair = self.regrets[[one, other], :, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            a, b = self._weights @ pair.T @ np.eye(2)
            ratios = self._resampled(pair)
            return _interval(float(a / b), ratios[:, 0] / ratios[:, 1])

    def test(self, one: int, other: int) -> Test:
        a, b = self.regrets[one, :, -1], self.regrets[other, :, -1]
        p = float(wilcoxon(a, b).pvalue) if (a != b).any() else 1.0
        return Test(int((a < b).sum()), int((a == b).sum()), int((a > b).sum()), p)

    @cached_property
    def _weights(self) -> Array:
        """(settings,): every problem counts the same, whatever the number of its seeds."""
        names = [setting.problem for setting in self.settings]
        return np.array([1 / names.count(name) for name in names]) / len(self.problems)

    @cached_property
    def _samples(self) -> Array:
        """(resamples, settings) weights: problems are drawn with replacement, and in each of them seeds."""
        rng = np.random.default_rng(0)
        rows = [
            np.flatnonzero([setting.problem == problem for setting in self.settings])
            for problem in self.problems
        ]
        weights = np.zeros((_RESAMPLES, len(self.settings)))
        for weight in weights:
            for problem in rng.integers(len(rows), size=len(rows)):
                seeds = rng.choice(rows[problem], size=len(rows[problem]))
                np.add.at(weight, seeds, 1 / (len(seeds) * len(rows)))
        return weights

    def _resampled(self, values: Array) -> Array:
        """(resamples, optimisers) means of ``values``, (optimisers, settings)."""
        return self._samples @ values.T

    def _intervals(self, values: Array) -> list[Interval]:
        means = values @ self._weights
        return [
            _interval(float(mean), sample)
            for mean, sample in zip(means, self._resampled(values).T, strict=True)
        ]


def _interval(value: float, sample: Array) -> Interval:
    low, high = np.nanpercentile(sample, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def compare(runs: Runs, optimisers: Sequence[str], settings: Sequence[Setting]) -> Comparison | None:
    """None if there is no setting that all have."""
    common = [setting for setting in settings if all(setting in runs[name] for name in optimisers)]
    if not common:
        return None
    optima = optima_of(runs)
    curves = [[regret(runs[name][s], optima[s.problem], s) for s in common] for name in optimisers]
    return Comparison(tuple(optimisers), tuple(common), np.array(curves))


def regret(record: Record, optimum: float, setting: Setting) -> Array:
    """(trials,): (best so far - optimum) / scale."""
    best = np.minimum.accumulate(record.losses)
    regrets: Array = (best - optimum) / references()[setting.problem].scale
    return regrets


def optima_of(runs: Runs) -> dict[str, float]:
    """By problem; where it is only the best known, it is lowered by what anyone found."""
    optima = {name: kept(reference.optimum) for name, reference in references().items()}
    for done in runs.values():
        for setting, record in done.items():
            if not references()[setting.problem].exact:
                optima[setting.problem] = min(optima[setting.problem], *record.losses)
    return optima
