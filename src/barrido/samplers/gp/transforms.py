"""Losses made fit for a Gaussian process: centred, scaled and bent until they look like one.

Yeo and Johnson, "A new family of power transformations to improve normality or symmetry", Biometrika 87
(2000), equation 2.1. The power is chosen by evidence: the density of the losses under the process, with
the transformation's Jacobian (Snelson, Rasmussen, Ghahramani, "Warped Gaussian processes", NIPS 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from barrido.samplers.gp.encoding import Array

POWERS = tuple((power, 2.0 - power) for power in (1.0, 0.5, 0.0, -0.5, -1.0))
"""From leaving losses as they are to compressing the large ones to a bounded range."""

_FAR = 1e15  # widths from the middle; further out losses are all the same


@dataclass(frozen=True, slots=True)
class Warp:
    """z = (bend((loss - middle) / width) - mean) / deviation: increasing, and invertible."""

    up: float
    down: float
    middle: float
    width: float
    mean: float
    deviation: float

    @classmethod
    def of(
        cls,
        losses: Array,  # (n,), finite
        up: float,
        down: float,
    ) -> Warp:
        """The one that gives ``losses`` mean 0 and variance 1."""
        low, middle, high = np.quantile(losses, [0.16, 0.5, 0.84])
        width = 0.5 * (high - low)
        if not width > 1e-12 * max(abs(low), abs(high), 1e-290):
            width = float(np.std(losses))
        if not width > 1e-12 * max(abs(low), abs(high), 1e-290):
            width = max(abs(middle), 1e-290)
        bent = _bend(_scaled(losses, middle, width), up, down)
        deviation = float(np.std(bent))
        return cls(
            up, down, float(middle), float(width), float(bent.mean()), deviation if deviation > 1e-9 else 1.0
        )

    def forward(self, losses: Array) -> Array:
        s = _scaled(losses, self.middle, self.width)
        return (_bend(s, self.up, self.down) - self.mean) / self.deviation

    def backward(self, z: Array) -> Array:
        return self.middle + self.width * _unbend(z * self.deviation + self.mean, self.up, self.down)

    def log_jacobian(self, losses: Array) -> float:
        """Sum of log dz/dloss, without what is the same for all powers."""
        s = _scaled(losses, self.middle, self.width)
        slopes = np.where(s > 0, self.up - 1.0, self.down - 1.0) * np.log1p(np.abs(s))
        return float(slopes.sum()) - len(losses) * float(np.log(self.deviation))


def _scaled(losses: Array, middle: float, width: float) -> Array:
    return np.clip((losses - middle) / width, -_FAR, _FAR)


def _bend(s: Array, up: float, down: float) -> Array:
    """Yeo and Johnson's transformation, with a power of its own on either side."""
    return _power(np.maximum(s, 0.0), up) - _power(np.maximum(-s, 0.0), down)


def _unbend(t: Array, up: float, down: float) -> Array:
    return _unpower(np.maximum(t, 0.0), up) - _unpower(np.maximum(-t, 0.0), down)


def _power(x: Array, p: float) -> Array:
    """((1 + x)^p - 1) / p for x >= 0, its limit log(1 + x) at p = 0."""
    grown: Array = np.log1p(x)
    return grown if p == 0.0 else np.expm1(p * grown) / p


def _unpower(y: Array, p: float) -> Array:
    if p == 0.0:
        return np.expm1(y)
    # A power below 0 has an upper end, which is reached at infinity
    inner = np.maximum(p * y, -1.0 + 1e-12)
    return np.expm1(np.log1p(inner) / p)
