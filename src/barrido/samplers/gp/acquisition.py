"""Expected improvement on a logarithmic scale, which has slopes where improvement itself is rounded to 0.

Ament, Daulton, Eriksson, Balandat, Bakshy, "Unexpected improvements to expected improvement for Bayesian
optimization" (NeurIPS 2023, arXiv 2310.20708): equation 8 for one point; several trials at a time are
proposed one after the other, each given the imagined results of those before it (section 3.3).
"""

from __future__ import annotations

from math import log, pi, sqrt

import numpy as np

from barrido.samplers.gp.encoding import Array, Encoding
from barrido.samplers.gp.regression import Posterior

_HALF_LOG_2PI = 0.5 * log(2.0 * pi)
_FAR = -1.0 / sqrt(np.finfo(np.float64).eps)


def log_improvement(
    z: Array,  # (best - mean) / deviation, any shape
) -> Array:
    """log(φ(z) + z Φ(z)), to full precision for any z."""
    from scipy.special import erfcx, ndtr

    z = np.asarray(z, dtype=np.float64)
    result = np.empty_like(z)
    near = z > -1.0
    x = z[near]
    result[near] = np.log(np.exp(-0.5 * x * x - _HALF_LOG_2PI) + x * ndtr(x))
    far = z <= _FAR
    x = z[far]
    result[far] = -0.5 * x * x - _HALF_LOG_2PI - 2.0 * np.log(-x)
    middle = ~(near | far)
    x = z[middle]
    # φ(z) (1 - |z| √(π/2) erfcx(|z|/√2)): the bracket loses digits slowly, and no further than 1/ε
    ratio = np.log(erfcx(-x * sqrt(0.5)) * -x) + 0.5 * log(0.5 * pi)
    result[middle] = -0.5 * x * x - _HALF_LOG_2PI + _log1mexp(ratio)
    return result


def improvement_slope(
    z: Array,
    value: Array,  # log_improvement(z)
) -> Array:
    """The derivative of `log_improvement`: Φ(z) / (φ(z) + z Φ(z))."""
    from scipy.special import log_ndtr

    return np.asarray(np.exp(log_ndtr(z) - value))


def _log1mexp(x: Array) -> Array:
    """log(1 - exp(x)) for x < 0 (Mächler 2012)."""
    x = np.minimum(x, -1e-300)
    near = x > -log(2.0)
    result = np.log1p(-np.exp(np.where(near, -1.0, x)))
    result[near] = np.log(-np.expm1(x[near]))
    return np.asarray(result)


class Acquisition:
    """What a point is worth trying: log expected improvement.

    ``posterior`` may hold several imagined outcomes of the trials that still run; improvement is
    averaged over them.
    """

    def __init__(
        self,
        encoding: Encoding,
        posterior: Posterior,
        best: Array,  # (m,), what is to be improved upon in each imagined outcome
    ) -> None:
        self._encoding = encoding
        self._posterior = posterior
        self._best = best

    def value(
        self,
        u: Array,  # (k, d)
    ) -> Array:
        """Log expected improvement (k,)."""
        features = self._encoding.encode(u)
        mean, variance = self._posterior.predict(features)
        each = log_improvement((self._best - mean) / np.sqrt(variance)[:, None])
        return _log_mean(each) + 0.5 * np.log(variance)

    def value_and_gradient(
        self,
        u: Array,  # (k, d)
    ) -> tuple[Array, Array]:
        """Log expected improvement (k,) and its derivative by the coordinates (k, d)."""
        features = self._encoding.encode(u)
        mean, variance, mean_slope, variance_slope = self._posterior.predict_with_slope(features)
        deviation = np.sqrt(variance)[:, None]
        z = (self._best - mean) / deviation
        each = log_improvement(z)
        value = _log_mean(each)
        share = np.exp(each - value[:, None]) / each.shape[1] * improvement_slope(z, each)
        slope = -np.einsum("km,kmf->kf", share / deviation, mean_slope)
        by_variance = 0.5 / variance * (1.0 - (share * z).sum(1))
        slope += by_variance[:, None] * variance_slope
        return value + 0.5 * np.log(variance), self._encoding.pull_back(u, slope)


def _log_mean(values: Array) -> Array:
    """log of the mean of exp(values) over the last axis."""
    most = values.max(1)
    result: Array = most + np.log(np.exp(values - most[:, None]).mean(1))
    return result
