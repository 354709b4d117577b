"""How much each dimension of a search space matters to the losses, by what its trials showed, and how.

Functional analysis of variance of a model that was fitted to the losses, as in Hutter, Hoos,
Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014: the share of a
dimension is how much of the model's variance over the search space goes when that dimension is known
(its first-order index). What the shares lack to 1 is due to dimensions acting together.

The shares are estimated by sampling: Saltelli, Annoni, Azzini, Campolongo, Ratto, Tarantola, "Variance
based sensitivity analysis of model output. Design and estimator for the total sensitivity index",
Computer Physics Communications 181 (2010), table 2, estimator (b).

Differences: any model instead of a random forest, whose sums over leaves are exact; single dimensions
only. The unit cube is sampled, so that values weigh as their distributions say, and a dimension that is
inactive in some points explains nothing there. Sampling errors are cut off: no share is below 0, and
their sum is at most 1.

`Believed.along` and `Believed.across` are the partial dependence of Friedman, "Greedy function approximation:
a gradient boosting machine", Annals of Statistics 29 (2001), section 8.2, over a sample of the space instead
of the data, and where a dimension is conditional, over that part of the space in which it is active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Fate, Observation
from barrido.errors import RequestError
from barrido.space import Continuous, Domain, Kind, Space
from barrido.space.curves import TOP

if TYPE_CHECKING:
    from barrido.samplers.gp.model import Model

Array = NDArray[np.float64]
Predictor = Callable[[Array], Array]
"""Losses (n,) for unit coordinates (n, d), NaN where inactive."""
Surrogate = Callable[[Array, Array], Predictor]
"""Fits a model to unit coordinates (n, d), NaN where inactive, and losses (n,)."""

LEVELS = 41
"""Of a dimension with more values, so many are looked at, and `LEVELS_EACH` of two at a time."""
LEVELS_EACH = 24
_AVERAGED, _AVERAGED_EACH = 128, 32  # points of the other dimensions, powers of two
_PIECE = 512  # points that are predicted together: a matrix of so many by the model's trials
_FINE = 10_001  # coordinates among which the levels of a dimension are looked for
_TAIL = 0.005  # of a dimension without ends, what lies beyond is not looked at

LEAST = 10
"""Of fewer trials nothing is said."""
SAMPLES = 2048
"""Points in each of Saltelli's matrices; a power of two, as Sobol' sequences like it."""


def importance(
    space: Space, observations: Sequence[Observation], seed: int = 0, *, surrogate: Surrogate | None = None
) -> dict[str, float]:
    """The share of the variance that each dimension explains alone, by name, the largest first.

    Only trials that completed with a value count: what failed or was stopped has none that compares.
    Raises RequestError if there are fewer than `LEAST`. The model is a Gaussian process (see
    `gaussian_process`) unless another ``surrogate`` is given.
    """
    u, losses = _comparable(space, observations)
    shares = first_order(space, (surrogate or gaussian_process(space))(u, losses), seed)
    return {space.dimensions[k].name: float(shares[k]) for k in np.argsort(-shares, kind="stable")}


def _comparable(space: Space, observations: Sequence[Observation]) -> tuple[Array, Array]:
    """Where the trials lie whose losses compare, (n, d), and those, (n,). RequestError for too few."""
    finished = [o for o in observations if o.outcome is Fate.COMPLETED and isfinite(o.loss)]
    if len(finished) < LEAST:
        raise RequestError(
            f"what matters cannot be told from {len(finished)} finished trials: it takes at least {LEAST}",
            hint="only trials that completed with a value count",
        )
    return space.to_unit([o.params for o in finished]), np.array([o.loss for o in finished])


def gaussian_process(space: Space) -> Surrogate:
    """The model of the Bayesian sampler.

    It predicts losses as that bends them to learn from them, so that a few trials that went astray do not
    outweigh all that is between the others.
    """

    def fit(u: Array, y: Array) -> Predictor:
        return _model(space, u, y).predict

    return fit


def _model(space: Space, u: Array, losses: Array) -> Model:
    from barrido.samplers.gp.encoding import Encoding
    from barrido.samplers.gp.model import Model, Shape
    from barrido.samplers.history import History

    encoding = Encoding(space)
    history = History(u, losses, np.zeros(len(losses), np.bool_))
    return Model(encoding, history, Shape.fit(encoding, history))


class Believed:
    """What the Bayesian sampler's model believes of a space, learned once from the trials that completed.

    Raises RequestError if there are fewer than `LEAST` of them with a value. Of many, the model looks at some
    hundreds: see `barrido.samplers.gp.model`.
    """

    def __init__(self, space: Space, observations: Sequence[Observation]) -> None:
        self._space = space
        self._model = _model(space, *_comparable(space, observations))

    def shares(self, seed: int = 0) -> Array:
        """Of each column, (d,): see `first_order`."""
        return first_order(self._space, self._predict, seed)

    def _predict(self, u: Array) -> Array:
        return np.concatenate([self._model.predict(piece) for piece in _pieces(u)])

    def along(self, column: int, seed: int = 0) -> tuple[Array, Array, Array]:
        """Coordinates (k,) of a column, the mean loss at each over the other columns, and how sure that is.

        The last is the model's standard deviation at a point, in the losses' unit (its root mean square).
        """
        coordinates = self.coordinates(column, LEVELS)
        mean, spread = self._averaged({column: coordinates}, _AVERAGED, seed)
        return coordinates, mean, spread

    def across(self, x: int, y: int, seed: int = 0) -> tuple[Array, Array, Array]:
        """Coordinates (k,) and (m,) of two columns, and the mean losses (m, k) over the others.

        Raises RequestError for columns of which one is there only where the other is not.
        """
        here, there = dict(self._branches(x)), dict(self._branches(y))
        if any(there.get(column, level) != level for column, level in here.items()):
            names = [self._space.dimensions[column].name for column in (x, y)]
            raise RequestError(f"{names[0]} and {names[1]} are in different branches: no trial has both")
        across, up = self.coordinates(x, LEVELS_EACH), self.coordinates(y, LEVELS_EACH)
        grid = {x: np.tile(across, len(up)), y: np.repeat(up, len(across))}
        mean, _ = self._averaged(grid, _AVERAGED_EACH, seed)
        return across, up, mean.reshape(len(up), len(across))

    def coordinates(self, column: int, most: int) -> Array:
        """Where to look at a column: at each of its levels, or evenly, ends included."""
        domain = self._space.dimensions[column].domain
        # Levels are met between the ends, those of next to no likelihood left out
        low, high = (0.0, 1.0) if _has_ends(domain) else (_TAIL, 1.0 - _TAIL)
        fine = np.linspace(low, high, most if domain.kind is Kind.CONTINUOUS else _FINE)
        snapped: Array = np.unique(domain.snap(np.minimum(fine, TOP)))
        if len(snapped) <= most:
            return snapped
        return snapped[np.linspace(0, len(snapped) - 1, most).round().astype(np.int64)]

    def _averaged(self, fixed: Mapping[int, Array], count: int, seed: int) -> tuple[Array, Array]:
        """Mean losses (k,) and spreads (k,) where some columns are ``fixed``, each (k,), over the others."""
        from scipy.stats.qmc import Sobol

        space = self._space
        others = Sobol(len(space), scramble=True, seed=np.random.default_rng(seed)).random(count)
        rows = len(next(iter(fixed.values())))
        u = np.tile(others, (rows, 1))
        for column, values in fixed.items():
            u[:, column] = np.repeat(values, count)
            for parent, level in self._branches(column):
                if parent not in fixed:
                    u[:, parent] = (level + 0.5) / self._levels(parent)
        u = space.snap(u)
        told = np.array([(e.mean, e.spread) for piece in _pieces(u) for e in self._model.expect(piece)])
        means, spreads = told.reshape(rows, count, 2).transpose(2, 0, 1)
        return means.mean(1), np.sqrt(np.square(spreads).mean(1))

    def _branches(self, column: int) -> Iterator[tuple[int, int]]:
        """The columns of the choices that ``column`` lies in, each with the level that must be taken."""
        while (condition := self._space.dimensions[column].condition) is not None:
            yield condition.parent, condition.level
            column = condition.parent

    def _levels(self, column: int) -> int:
        return self._space.dimensions[column].levels or 1


def _pieces(u: Array) -> Iterator[Array]:
    return (u[start : start + _PIECE] for start in range(0, len(u), _PIECE))


def _has_ends(domain: Domain) -> bool:
    """Whether there is a lowest and a highest value."""
    if isinstance(domain, Continuous):
        return all(map(isfinite, domain.curve.support))
    return domain.size is not None


def first_order(space: Space, predict: Predictor, seed: int) -> Array:
    """The first-order indices (d,) of a function on the unit cube of ``space``; 0 if it is constant."""
    from scipy.stats.qmc import Sobol

    width = len(space)
    cube = Sobol(2 * width, scramble=True, seed=np.random.default_rng(seed)).random(SAMPLES)
    a, b = cube[:, :width], cube[:, width:]
    f_a, f_b = predict(space.snap(a)), predict(space.snap(b))
    middle = np.concatenate([f_a, f_b]).mean()
    variance = np.concatenate([f_a, f_b]).var()
    shares = np.zeros(width)
    if not variance > 0:
        return shares
    for column in range(width):
        mixed = a.copy()
        mixed[:, column] = b[:, column]
        shares[column] = ((f_b - middle) * (predict(space.snap(mixed)) - f_a)).mean() / variance
    np.maximum(shares, 0.0, out=shares)
    shares /= max(1.0, shares.sum())
    return shares
