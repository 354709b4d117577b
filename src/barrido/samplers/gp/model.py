"""From a history of trials to what is believed of every point: the fitted model of a search space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barrido.core.protocols import Expectation
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
_FEW = 5  # with fewer losses their shape says nothing
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Shape:
    """What is learned of a space as a whole, and changes little from trial to trial."""

    hyper: Hyperparameters
    warp: Warp

    @classmethod
    def fit(cls, encoding: Encoding, history: History) -> Shape:
        """The hyperparameters and the transformation of highest posterior density, one after the other."""
        history = history.take(_telling(history, FIT_POINTS))
        losses, stopped = history.losses, history.stopped
        features = encoding.encode(history.u)
        columns = history.u.shape[1]
        distances = column_distances(features, encoding.owner, columns)
        if len(losses) < _FEW:
            warp = Warp.of(losses, 1.0, 1.0)
            return cls(fit(distances, warp.forward(losses), stopped, typical(columns)), warp)
        first = Warp.of(losses, 0.0, 1.0)
        hyper = fit(distances, first.forward(losses), stopped, typical(columns))
        posterior = Posterior(features, encoding.owner, first.forward(losses)[:, None], stopped, hyper)
        warps = [Warp.of(losses, up, down) for up, down in POWERS]
        best = max(warps, key=lambda w: posterior.evidence(w.forward(losses)) + w.log_jacobian(losses))
        if best != first:
            hyper = fit(distances, best.forward(losses), stopped, hyper)
        return cls(hyper, best)


def shape_due(trials: int) -> int:
    """After how many of ``trials`` the shape was last to be learned: the more there are, the more seldom."""
    step = 1 << max(0, trials.bit_length() - 5)
    return trials - trials % step


class Model:
    """A Gaussian process of the losses of a history, and one of its failures."""

    def __init__(self, encoding: Encoding, history: History, shape: Shape) -> None:
        chosen = history.take(_telling(history, MODEL_POINTS))
        self._encoding = encoding
        self._warp = shape.warp
        self._hyper = shape.hyper
        self._features = encoding.encode(chosen.u)
        self._targets = shape.warp.forward(chosen.losses)
        self._stopped = chosen.stopped
        self._posterior = Posterior(
            self._features, encoding.owner, self._targets[:, None], self._stopped, shape.hyper
        )
        self._range = float(chosen.losses.min()), float(chosen.losses.max())
        failed = np.flatnonzero(~history.worked)
        self._success = _success(self, history.u[failed[-MODEL_POINTS:]]) if len(failed) else None

    def acquisition(
        self,
        running: Array,  # (m, d) points whose outcome is not known yet
        rng: np.random.Generator,
    ) -> Acquisition:
        """What points are worth, given what the trials that still run may bring."""
        posterior, features = self._posterior, self._features
        if len(running):
            ahead = self._encoding.encode(running)
            imagined = posterior.sample(ahead, IMAGINED, rng)
            features = np.concatenate([features, ahead])
            known = np.repeat(self._targets[:, None], IMAGINED, 1)
            stopped = np.concatenate([self._stopped, np.zeros(len(running), np.bool_)])
            targets = np.concatenate([known, imagined])
            posterior = Posterior(features, self._encoding.owner, targets, stopped, self._hyper)
        best = posterior.predict(features)[0].min(0)
        return Acquisition(self._encoding, posterior, best, self._success)

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


def _success(model: Model, failed: Array) -> Posterior:
    """A process of labels: 0 where a trial worked, 1 where it failed."""
    encoding, hyper = model._encoding, model._hyper
    features = np.concatenate([model._features, encoding.encode(failed)])
    labels = np.concatenate([np.zeros(len(model._features)), np.ones(len(failed))])
    own = Hyperparameters(np.minimum(hyper.lengths, 1.0), 0.25, 0.02, 0.0)
    return Posterior(features, encoding.owner, labels[:, None], np.zeros(len(labels), np.bool_), own)


def _telling(history: History, most: int) -> NDArray[np.int64]:
    """The rows with a loss; of more than ``most`` the better half, and the others evenly by rank."""
    worked = np.flatnonzero(history.worked)
    if len(worked) <= most:
        return worked
    ranked = worked[np.argsort(history.losses[worked], kind="stable")]
    half = most // 2
    others = np.linspace(half, len(ranked) - 1, most - half).round().astype(np.int64)
    return np.sort(np.concatenate([ranked[:half], ranked[others]]))
