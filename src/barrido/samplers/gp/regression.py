"""Gaussian-process regression: maximum a posteriori hyperparameters and the posterior.

Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006): algorithm 2.1 for the
posterior, equation 5.9 for the gradient of the evidence. Length scales have a log-normal prior whose
mode and width are those of Hvarfner, Hellsten, Nardi, "Vanilla Bayesian optimization performs great in
high dimensions" (ICML 2024, arXiv 2402.02229): it grows with the square root of the dimension. The
constant mean is integrated out: it is a constant added to the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from barrido.samplers.gp.encoding import Array
from barrido.samplers.gp.kernels import matern52, squared_distances

MEAN_VARIANCE = 1.0
"""Prior variance of the constant mean, of targets of variance 1."""
_NOISE = (log(1e-6), log(1.0))
_SIGNAL = (log(0.05), log(20.0))
_LENGTH = (log(0.02), log(100.0))
_OTHERS = np.array([0.0, -7.0, -2.0])  # modes of log signal, noise and doubt, and the prior's widths
_OTHER_WIDTHS = np.array([1.0, 2.0, 1.5])
_STEPS = 40


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """All variances are those of targets with variance 1."""

    lengths: Array  # (d,) one per column of the space
    signal: float  # variance of the function
    noise: float  # variance of an observation
    doubt: float  # variance added to observations of trials that were stopped early

    def to_vector(self) -> Array:
        return np.log([*self.lengths, self.signal, self.noise, self.doubt])

    @classmethod
    def from_vector(cls, theta: Array) -> Hyperparameters:
        values = np.exp(theta)
        return cls(values[:-3], float(values[-3]), float(values[-2]), float(values[-1]))


def typical(columns: int) -> Hyperparameters:
    """Where a search for hyperparameters starts: about the mode of the prior."""
    lengths, (signal, noise, doubt) = np.exp(_center(columns)[:columns]), np.exp(_OTHERS)
    return Hyperparameters(lengths, float(signal), float(noise), float(doubt))


def fit(
    distances: Array,  # (d, n (n - 1) / 2), see `column_distances`
    targets: Array,  # (n,), mean about 0 and variance about 1
    stopped: NDArray[np.bool_],  # (n,)
    start: Hyperparameters,
) -> Hyperparameters:
    """The hyperparameters of highest posterior density that are found from ``start``."""
    from scipy.optimize import minimize

    columns = len(distances)
    bounds = [_LENGTH] * columns + [_SIGNAL, _NOISE, (log(1e-4), log(10.0))]
    found = minimize(
        loss_and_gradient,
        start.to_vector(),
        args=(distances, targets, stopped),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _STEPS, "ftol": 1e-5, "gtol": 1e-3},
    )
    return Hyperparameters.from_vector(found.x)


def loss_and_gradient(
    theta: Array,  # `Hyperparameters.to_vector`
    distances: Array,  # (d, n (n - 1) / 2)
    targets: Array,  # (n,)
    stopped: NDArray[np.bool_],  # (n,)
) -> tuple[float, Array]:
    """Minus the log posterior density up to a constant, and its derivative by ``theta``."""
    n, columns = len(targets), len(distances)
    pairs = np.tril_indices(n, -1)
    *_, signal, noise, doubt = np.exp(theta)
    weights = np.exp(-2.0 * theta[:columns])
    shape, slope = matern52(weights @ distances)
    covariance = np.diag(signal + MEAN_VARIANCE + noise + doubt * stopped)
    covariance[pairs] = signal * shape + MEAN_VARIANCE
    factor = _factor(covariance)
    inverse = _inverse(factor)
    alpha = inverse @ targets
    loss = 0.5 * float(targets @ alpha) + float(np.log(np.diagonal(factor)).sum())
    # d loss / d K, as R&W 5.9 without the trace; a pair stands for both of its places in K
    below = inverse[pairs] - alpha[pairs[0]] * alpha[pairs[1]]
    diagonal = 0.5 * (np.diagonal(inverse) - alpha * alpha)
    trace = float(diagonal.sum())
    gradient = np.empty_like(theta)
    gradient[:columns] = -2.0 * signal * weights * (distances @ (below * slope))
    gradient[columns] = signal * (float(below @ shape) + trace)
    gradient[columns + 1] = noise * trace
    gradient[columns + 2] = doubt * float(diagonal @ stopped)
    prior, pull = _minus_log_prior(theta, columns)
    return loss + prior, gradient + pull


def _center(columns: int) -> Array:
    """Where the prior of ``theta`` has its mode."""
    length = sqrt(2.0) + 0.5 * log(max(columns, 1)) - 3.0
    return np.concatenate([np.full(columns, length), _OTHERS])


def _minus_log_prior(theta: Array, columns: int) -> tuple[float, Array]:
    """Log-normal priors on all hyperparameters, up to a constant, and the derivative."""
    width = np.concatenate([np.full(columns, sqrt(3.0)), _OTHER_WIDTHS])
    away = (theta - _center(columns)) / width
    return 0.5 * float(away @ away), away / width


def _factor(covariance: Array) -> Array:
    """The lower Cholesky factor of a matrix of which only the lower triangle is read.

    A covariance that rounding made singular is mended on its diagonal.
    """
    from scipy.linalg.lapack import dpotrf

    jitter = 0.0
    scale = float(np.mean(np.diag(covariance)))
    while True:
        factor, info = dpotrf(covariance, lower=1, clean=1)
        if info == 0:
            return np.asarray(factor)
        jitter = max(10.0 * jitter, 1e-10 * scale)
        covariance = covariance + jitter * np.eye(len(covariance))


def _inverse(factor: Array) -> Array:
    """The inverse of the matrix with this lower Cholesky factor, (n, n), both triangles."""
    from scipy.linalg.lapack import dpotri

    lower, _ = dpotri(factor, lower=1)
    inverse: Array = lower + lower.T
    inverse[np.diag_indices(len(inverse))] *= 0.5
    return inverse


class Posterior:
    """What is believed of the function after the observations.

    Several target vectors may share the points: the columns of ``targets``, as with imagined results
    of trials that still run. Variances are the same for all of them.
    """

    def __init__(
        self,
        features: Array,  # (n, f)
        owner: NDArray[np.int64],  # (f,)
        targets: Array,  # (n, m)
        doubts: Array,  # (n,), variance of each observation on top of the noise
        hyper: Hyperparameters,
    ) -> None:
        self._scale = 1.0 / hyper.lengths[owner]
        self._points = features * self._scale
        self.hyper = hyper
        covariance = self._covariance(self._points, self._points)[0]
        covariance[np.diag_indices(len(covariance))] += hyper.noise + doubts
        self._factor = _factor(covariance)
        self._inverse = _inverse(self._factor)
        self.targets = targets
        self._alpha = self._inverse @ targets

    @property
    def prior_variance(self) -> float:
        return self.hyper.signal + MEAN_VARIANCE

    def evidence(self, targets: Array) -> float:
        """The log density of targets (n,) at these points."""
        quadratic = float(targets @ (self._inverse @ targets))
        return (
            -0.5 * quadratic - float(np.log(np.diag(self._factor)).sum()) - 0.5 * len(targets) * log(2 * pi)
        )

    def predict(
        self,
        features: Array,  # (k, f)
    ) -> tuple[Array, Array]:
        """Mean (k, m) and variance (k,) of the function, without an observation's noise."""
        cross, _ = self._covariance(features * self._scale, self._points)
        return cross @ self._alpha, self._variance(cross)

    def predict_with_slope(
        self,
        features: Array,  # (k, f)
    ) -> tuple[Array, Array, Array, Array]:
        """Mean (k, m), variance (k,) and their derivatives by the features, (k, m, f) and (k, f)."""
        scaled = features * self._scale
        cross, slope = self._covariance(scaled, self._points)
        solved = cross @ self._inverse
        # d r² / d x = 2 (x - x_i) / ℓ²
        by_alpha = 2.0 * slope[:, :, None] * self._alpha  # (k, n, m)
        mean_slope = by_alpha.sum(1)[:, :, None] * scaled[:, None, :]
        mean_slope -= np.einsum("knm,nf->kmf", by_alpha, self._points)
        by_solved = -4.0 * slope * solved
        variance_slope = by_solved.sum(1)[:, None] * scaled - by_solved @ self._points
        variance = np.maximum(self.prior_variance - np.einsum("kn,kn->k", cross, solved), 1e-12)
        return cross @ self._alpha, variance, mean_slope * self._scale, variance_slope * self._scale

    def covariance(
        self,
        features: Array,  # (k, f)
    ) -> Array:
        """Posterior covariance (k, k) of the function between points."""
        scaled = features * self._scale
        cross, _ = self._covariance(scaled, self._points)
        return np.asarray(self._covariance(scaled, scaled)[0] - cross @ self._inverse @ cross.T)

    def sample(
        self,
        features: Array,  # (k, f)
        count: int,  # even
        rng: np.random.Generator,
    ) -> Array:
        """Draws of the function at points, (k, count): pairs that are mirrored at the mean."""
        mean, _ = self.predict(features)
        values, vectors = np.linalg.eigh(self.covariance(features))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        draws = rng.standard_normal((len(features), count // 2))
        return np.asarray(mean + root @ np.concatenate([draws, -draws], 1))

    def _variance(self, cross: Array) -> Array:
        explained = np.einsum("kn,kn->k", cross @ self._inverse, cross)
        return np.asarray(np.maximum(self.prior_variance - explained, 1e-12))

    def _covariance(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Prior covariance between scaled points and its derivative by the squared distance."""
        value, slope = matern52(squared_distances(a, b))
        return self.hyper.signal * value + MEAN_VARIANCE, self.hyper.signal * slope
