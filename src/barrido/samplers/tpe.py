"""Tree-structured Parzen estimator: points that are like the good ones and unlike the bad ones.

Bergstra, Bardenet, Bengio, Kégl, "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011, section 4, as
BOHB has it: Falkner, Klein, Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML
2018 (arXiv 1807.01774), Algorithm 2, with its multivariate densities (`barrido.samplers.kde`).

Differences from Algorithm 2: what `Settings` says; trials that failed or were stopped (see `split`); points
that are being evaluated count as bad, so that those asked for side by side spread; the first points are a
Sobol' sequence, not random; nothing is tried twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from math import inf

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Observation
from barrido.core.trial import Params
from barrido.errors import Problem
from barrido.samplers.distinct import draws, scattered
from barrido.samplers.history import History, HistoryReader, Seen
from barrido.samplers.kde import Array, Density
from barrido.samplers.sobol import SobolSampler
from barrido.space import Space

MOST_KERNELS = 500
"""A density of more points than this is made of so many of them, evenly chosen from best to worst."""

MOST_DRAWS = 16
"""So often candidates are drawn of which a space's constraints allow none."""


@dataclass(frozen=True)
class Settings:
    """The algorithm's constants, by the paper's symbols and with its values, all but ρ.

    That is 1/3 in the paper, so that no model can mislead a search by more than a factor. On eight small
    problems the results of 80 trials were the worse the more of them were drawn like that.
    """

    q: float = 0.15  # what part of the trials counts as good
    rho: float = 0.0  # how often a point is drawn from the space instead
    n_s: int = 64  # candidates for a point
    b_w: float = 3.0  # how much wider than the good density candidates are drawn


STAGED = Settings(rho=0.2)
"""Where a scheduler stops most trials early, what they showed misleads now and then.

On ten development problems of budgets (successive halving, eight seeds) 20 % of points drawn from the space
came to the aim after 8.4 full trainings in the median, 10 % after 9.5, none after 10.8; 20 % left the least
regret.
"""


class TPESampler:
    """Trial k gets that one of 64 candidates near good points that is most like them and unlike bad ones.

    In a finite space nothing is tried twice, and trial k gets None once everything was tried. Raises
    SpecError for a space with too many dimensions for a Sobol' sequence.
    """

    learns: bool = True

    def __init__(self, space: Space, settings: Settings | None = None) -> None:
        self._space = space
        self._settings = settings or Settings()
        self._first = SobolSampler(space)
        self._reader = HistoryReader(space)

    @staticmethod
    def problems(space: Space, path: str = "") -> list[Problem]:
        """Whether the space has more dimensions than a Sobol' sequence can have."""
        return SobolSampler.problems(space, path)

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        history, running, seen = self._reader.read(observations, pending)
        model = self._fit(history)
        points: list[Params | None] = []
        for number in numbers:
            u = self._next(model and model.with_bad(running), seen, number, seed)
            if u is None:
                points.append(None)
                continue
            seen.add(u)
            running = np.concatenate([running, u])
            points += self._space.from_unit(u)
        return points

    def _fit(self, history: History) -> _Contrast | None:
        """Good against bad; None while there are too few trials to tell, or none is good."""
        least = len(self._space) + 1  # N_min
        if len(history) < least + 2:
            return None
        good, bad = split(history.losses, history.stopped, self._settings.q, least)
        if not len(good):
            return None
        return _Contrast(Density.of(self._space, history.u[_thinned(good)]), history.u[_thinned(bad)])

    def _next(self, contrast: _Contrast | None, seen: Seen, number: int, seed: int) -> Array | None:
        space, settings = self._space, self._settings
        rng = np.random.default_rng((seed, number))
        if contrast is None:
            first = self._first.ask((), (), [number], seed)
            u = space.to_unit([point for point in first if point is not None])
        elif rng.random() < settings.rho:
            u = draws(space, settings.n_s, rng)
        else:
            u = self._near(contrast.good, rng)
            u = u[np.argsort(-contrast.log_ratio(u), kind="stable")]
        found = seen.first_new(u)
        return self._rest(contrast, seen, rng) if found is None else found

    def _near(self, good: Density, rng: np.random.Generator) -> Array:
        """Candidates near good points, drawn again while constraints allow none of them."""
        settings = self._settings
        for _ in range(MOST_DRAWS if self._space.constraints else 1):
            u = self._space.snap(good.draw(settings.n_s, rng, widening=settings.b_w))
            if self._space.allowed(u).any():
                break
        return u

    def _rest(self, contrast: _Contrast | None, seen: Seen, rng: np.random.Generator) -> Array | None:
        """Where the search keeps coming back to what was tried: something else, if there is anything else."""
        space, count = self._space, self._settings.n_s
        if space.size is None:
            u = draws(space, count, rng)
            found = seen.first_new(u)
            return u[:1] if found is None and len(u) else found
        walk = (space.to_unit([space.point(k)]) for k in scattered(space.size, int(rng.integers(2**63))))
        left = [*islice((u for u in walk if seen.are_new(u).all()), count)]
        if contrast is None or not left:
            return next(iter(left), None)
        return left[int(np.argmax(contrast.log_ratio(np.concatenate(left))))]


@dataclass(frozen=True)
class _Contrast:
    """l(x) / g(x), the density of good points to that of bad ones."""

    good: Density
    bad_rows: Array  # (n, d)

    @cached_property
    def bad(self) -> Density:
        return Density.of(self.good.space, self.bad_rows)

    def with_bad(self, rows: Array) -> _Contrast:
        """The same with more bad points, (m, d)."""
        return replace(self, bad_rows=np.concatenate([self.bad_rows, rows]))

    def log_ratio(self, u: Array) -> Array:
        """Logarithms (m,) of the ratio at snapped unit coordinates ``u``, (m, d)."""
        return self.good.log(u) - self.bad.log(u)


def split(
    losses: Array, stopped: NDArray[np.bool_], q: float, least: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the trials with these ``losses``, (n,), are good and which are bad, each from best to worst.

    N_good = max(N_min, ⌊q n⌋) and N_bad = max(N_min, n - N_good) as in equations 3 and 4, N_min being
    ``least``; when there are few trials some are both. An infinite loss is never good. The loss of a
    ``stopped`` trial is the best it had reached: it is good only if that beats a good one that went on to its
    end, and does not fill a place that is merely free. Equal losses are in the order of their trials.
    """
    n_good = max(least, int(q * len(losses)))
    n_bad = max(least, len(losses) - n_good)
    ranked = np.argsort(losses, kind="stable")
    usable = ranked[losses[ranked] < inf]
    bar = losses[usable[~stopped[usable]][:n_good]].max(initial=-inf)
    good = usable[~stopped[usable] | (losses[usable] < bar)][:n_good]
    rest = ranked[~np.isin(ranked, good)]
    return good, np.concatenate([good, rest])[-n_bad:]


def _thinned(ranks: NDArray[np.intp]) -> NDArray[np.intp]:
    if len(ranks) <= MOST_KERNELS:
        return ranks
    return ranks[np.linspace(0, len(ranks) - 1, MOST_KERNELS).astype(np.intp)]
