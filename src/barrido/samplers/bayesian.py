"""Bayesian optimisation: a Gaussian process learns the losses, and says where to look next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from barrido.core.protocols import Observation
from barrido.core.trial import Expectation, Params
from barrido.errors import Problem
from barrido.samplers.distinct import draws
from barrido.samplers.gp.encoding import Array, Encoding
from barrido.samplers.gp.maximizer import Maximizer
from barrido.samplers.gp.model import Model, Shape, shape_due
from barrido.samplers.history import History, HistoryReader, Seen
from barrido.samplers.sobol import SobolSampler
from barrido.space import Space

KNOWN = 5
"""Around so many of the best points the search looks closer."""
MARGIN = 0.01
"""What every second trial must be able to gain, in standard deviations of the losses.

Without it a search that has come to the bottom of a basin goes on there for ever smaller gains.
"""


class BayesianSampler:
    """Trial k maximises log expected improvement under a Gaussian process of the trials before it.

    The first trials, about one per dimension, are a scrambled Sobol' sequence.
    """

    learns: bool = True

    def __init__(self, space: Space) -> None:
        self._space = space
        self._sobol = SobolSampler(space)
        self._reader = HistoryReader(space)
        self._encoding = Encoding(space)
        self._maximizer = Maximizer(space)
        self._initial = min(max(4, len(space) + 1), 16)
        self._shape: tuple[bytes, Shape] | None = None
        self._model: tuple[bytes, Model] | None = None

    @staticmethod
    def problems(space: Space, path: str = "") -> list[Problem]:
        """Nothing: any space can be learned."""
        return SobolSampler.problems(space, path)

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        history, running, seen = self._reader.read(observations, pending)
        points: list[Params | None] = []
        for number in numbers:
            u = self._next(history, running, seen, number, seed)
            if u is None:
                points.append(None)
                continue
            seen.add(u)
            running = np.concatenate([running, u])
            points += self._space.from_unit(u)
        return points

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        history, running, _ = self._reader.read(observations, pending)
        designed = sum(self._is_early(history, len(running) + i) for i in range(len(points)))
        chosen = points[designed:]
        known = self._fitted(history).expect(self._space.to_unit(chosen)) if chosen else []
        return [*[None] * designed, *known]

    def _is_early(self, history: History, running: int) -> bool:
        """Whether the next point belongs to the initial design."""
        return len(history) + running < self._initial or history.worked.sum() < 2

    def _next(self, history: History, running: Array, seen: Seen, number: int, seed: int) -> Array | None:
        rng = np.random.default_rng((seed, number))
        if self._is_early(history, len(running)):
            first = [p for p in self._sobol.ask((), (), [number], seed) if p is not None]
            u = seen.first_new(self._space.to_unit(first))
            return self._any(seen, rng) if u is None else u
        best = np.argsort(history.losses, kind="stable")[:KNOWN]
        known = np.concatenate([history.u[best], running])
        margin = MARGIN if number % 2 else 0.0
        acquisition = self._fitted(history).acquisition(running, margin, rng)
        found = self._maximizer.maximize(acquisition, known, seen.are_new, rng)
        return self._any(seen, rng) if found is None else found[None]

    def _any(self, seen: Seen, rng: np.random.Generator) -> Array | None:
        """A new point drawn by chance, (1, d); if chance finds none, the first one there is.

        None only if the space has none left: one without an end may repeat what its rounding hides.
        """
        drawn = draws(self._space, 64, rng)
        found = seen.first_new(drawn)
        if found is not None:
            return found
        if self._space.size is None:
            return drawn[:1] if len(drawn) else None
        points = (self._space.to_unit([point]) for point in self._space.grid())
        return next((point for point in points if seen.are_new(point).all()), None)

    def _fitted(self, history: History) -> Model:
        """The model of a history. Both what is kept of it are caches: without them the same comes out."""
        due = history.take(slice(shape_due(len(history))))
        if due.worked.sum() < 2:
            due = history
        if self._shape is None or self._shape[0] != due.key:
            self._shape = (due.key, Shape.fit(self._encoding, due))
        if self._model is None or self._model[0] != history.key:
            self._model = (history.key, Model(self._encoding, history, self._shape[1]))
        return self._model[1]
