"""From a history of trials to what is believed of every point: the fitted model of a search space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barrido.core.trial import Expectation
from barrido.samplers.gp.acquisition import Acquisition
from barrido.samplers.gp.encoding import Array, Encoding
from barrido.samplers.gp.kernels import column_distances
from barrido.samplers.gp.regression import Hyperparameters, Posterior, fit, typical
from barrido.samplers.gp.transforms import POWERS, Warp
from barrido.samplers.history import History

IMAGINED = 16
"""Outcomes that are imagined together for the trials that still run."""
FIT_POINTS = 160
"""Hyperparameters are fitted to so many trials at most."""
MODEL_POINTS = 400
"""The process is conditioned on so many trials at most."""
FAILURE = 0.003
"""Variance of the loss that a failed trial counts with: less, and what works beside it is torn; more, and
the search comes back."""
_FEW = 5  # with fewer losses their shape says nothing
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Shape:
    """What is learned of a space as a whole, and changes little from trial to trial."""

    hyper: Hyperparameters
    warp: Warp
    ceiling: float  # the highest loss it was learned from, as the warp bends it

    @classmethod
    def fit(cls, encoding: Encoding, history: History) -> Shape:
        """The hyperparameters and the transformation of highest posterior density, one after the other."""
        told = history.take(_telling(history, FIT_POINTS))
        losses, stopped = told.losses, told.stopped
        first = Warp.of(losses, *POWERS[0] if len(losses) < _FEW else POWERS[2])
        hyper = _fit(encoding, told.u, first.forward(losses), stopped)
        if len(losses) < _FEW:
            return cls(hyper, first, float(first.forward(losses).max()))
        posterior = Posterior(
            encoding.encode(told.u),
            encoding.owner,
            first.forward(losses)[:, None],
            stopped.astype(np.float64) * hyper.doubt,
            hyper,
        )
        warps = [Warp.of(losses, up, down) for up, down in POWERS]
        best = max(warps, key=lambda w: posterior.evidence(w.forward(losses)) + w.log_jacobian(losses))
        if best != first:
            hyper = _fit(encoding, told.u, best.forward(losses), stopped, hyper)
        return cls(hyper, best, float(best.forward(losses).max()))


def _fit(
    encoding: Encoding,
    u: Array,
    targets: Array,
    stopped: NDArray[np.bool_],
    start: Hyperparameters | None = None,
) -> Hyperparameters:
    columns = u.shape[1]
    distances = column_distances(encoding.encode(u), encoding.owner, columns)
    return fit(distances, targets, stopped, start or typical(columns))


def shape_due(trials: int) -> int:
    """After how many of ``trials`` the shape was last to be learned: the more there are, the more seldom."""
    step = 1 << max(0, trials.bit_length() - 5)
    return trials - trials % step


class Model:
    """A Gaussian process of the losses of a history.

    A trial that failed counts as one with the worst loss there is: the search keeps away from it.
    """

    def __init__(self, encoding: Encoding, history: History, shape: Shape) -> None:
        failed = np.flatnonzero(~history.worked)[-MODEL_POINTS // 2 :]
        chosen = history.take(_telling(history, MODEL_POINTS - len(failed)))
        self._encoding = encoding
        self._warp = shape.warp
        self._hyper = shape.hyper
        self._features = encoding.encode(np.concatenate([chosen.u, history.u[failed]]))
        # What the shape was not learned from must not tear it: nothing is worse than the worst it knows
        told = np.minimum(shape.warp.forward(chosen.losses), shape.ceiling)
        self._targets = np.concatenate([told, np.full(len(failed), shape.ceiling)])
        self._doubts = np.concatenate(
            [np.where(chosen.stopped, shape.hyper.doubt, 0.0), np.full(len(failed), FAILURE)]
        )
        self._posterior = Posterior(
            self._features, encoding.owner, self._targets[:, None], self._doubts, shape.hyper
        )
        self._range = float(chosen.losses.min()), float(chosen.losses.max())

    def acquisition(
        self,
        running: Array,  # (m, d) points whose outcome is not known yet
        margin: float,  # by how much the best is to be improved upon at least, in standard deviations
        rng: np.random.Generator,
    ) -> Acquisition:
        """What points are worth, given what the trials that still run may bring."""
        posterior, features = self._posterior, self._features
        if len(running):
            ahead = self._encoding.encode(running)
            imagined = posterior.sample(ahead, IMAGINED, rng)
            features = np.concatenate([features, ahead])
            known = np.repeat(self._targets[:, None], IMAGINED, 1)
            doubts = np.concatenate([self._doubts, np.zeros(len(running))])
            targets = np.concatenate([known, imagined])
            posterior = Posterior(features, self._encoding.owner, targets, doubts, self._hyper)
        best = posterior.predict(features)[0].min(0) - margin
        return Acquisition(self._encoding, posterior, best)

    def expect(
        self,
        u: Array,  # (k, d)
    ) -> list[Expectation]:
        """What losses these points will have, in the losses' own unit.

        Numerically, through the transformation; losses above twice the range seen count as that.
        """
        low, high = self._range
        mean, variance = self._posterior.predict(self._encoding.encode(u))
        z = mean + np.sqrt(variance)[:, None] * _NODES
        losses = np.clip(self._warp.backward(z), low - (high - low), high + (high - low))
        expected = losses @ _WEIGHTS
        spread = np.sqrt(np.square(losses - expected[:, None]) @ _WEIGHTS)
        gain = np.maximum(low - losses, 0.0) @ _WEIGHTS
        rows = zip(expected.tolist(), spread.tolist(), gain.tolist(), strict=True)
        return [Expectation(*row) for row in rows]

    def predict(
        self,
        u: Array,  # (k, d)
    ) -> Array:
        """Mean losses (k,) on the scale on which they were learned: bent, mean 0 and variance 1."""
        mean: Array = self._posterior.predict(self._encoding.encode(u))[0][:, 0]
        return mean


def _telling(history: History, most: int) -> NDArray[np.int64]:
    """The rows with a loss; of more than ``most`` the better half, and the others evenly by rank."""
    worked = np.flatnonzero(history.worked)
    if len(worked) <= most:
        return worked
    ranked = worked[np.argsort(history.losses[worked], kind="stable")]
    half = most // 2
    others = np.linspace(half, len(ranked) - 1, most - half).round().astype(np.int64)
    return np.sort(np.concatenate([ranked[:half], ranked[others]]))
