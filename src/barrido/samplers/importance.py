"""How much each dimension of a search space matters to the losses, by what its trials showed.

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
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Fate, Observation
from barrido.errors import RequestError
from barrido.space import Space

Array = NDArray[np.float64]
Predictor = Callable[[Array], Array]
"""Losses (n,) for unit coordinates (n, d), NaN where inactive."""
Surrogate = Callable[[Array, Array], Predictor]
"""Fits a model to unit coordinates (n, d), NaN where inactive, and losses (n,)."""

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
    finished = [o for o in observations if o.outcome is Fate.COMPLETED and isfinite(o.loss)]
    if len(finished) < LEAST:
        raise RequestError(
            f"what matters cannot be told from {len(finished)} finished trials: it takes at least {LEAST}",
            hint="only trials that completed with a value count",
        )
    fit = surrogate or gaussian_process(space)
    predict = fit(space.to_unit([o.params for o in finished]), np.array([o.loss for o in finished]))
    shares = first_order(space, predict, seed)
    return {space.dimensions[k].name: float(shares[k]) for k in np.argsort(-shares, kind="stable")}


def gaussian_process(space: Space) -> Surrogate:
    """The model of the Bayesian sampler.

    It predicts losses as that bends them to learn from them, so that a few trials that went astray do not
    outweigh all that is between the others.
    """
    from barrido.samplers.gp.encoding import Encoding
    from barrido.samplers.gp.model import Model, Shape
    from barrido.samplers.history import History

    encoding = Encoding(space)

    def fit(u: Array, y: Array) -> Predictor:
        history = History(u, y, np.zeros(len(y), np.bool_))
        return Model(encoding, history, Shape.fit(encoding, history)).predict

    return fit


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
