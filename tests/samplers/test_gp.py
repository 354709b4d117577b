"""The numerics of the Gaussian process, each against something slower and plainer."""

from __future__ import annotations

from math import log, pi

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime

from barrido.samplers.gp.acquisition import Acquisition, improvement_slope, log_improvement
from barrido.samplers.gp.encoding import Array, Encoding
from barrido.samplers.gp.kernels import column_distances, matern52, squared_distances
from barrido.samplers.gp.regression import (
    MEAN_VARIANCE,
    Hyperparameters,
    Posterior,
    loss_and_gradient,
)
from barrido.samplers.gp.transforms import POWERS, Warp
from barrido.space import Choice, Float, Int, Normal, Space, Uniform

MIXED = Space(
    {
        "rate": Float(1e-4, 1.0, log=True),
        "layers": Int(1, 6),
        "kind": Choice(["a", "b", "c"]),
        "model": Choice(
            [{"c": Uniform(0, 1), "kernel": Choice(["rbf", "poly"])}, {"depth": Int(1, 9)}, "none"]
        ),
        "momentum": Normal(0, 1),
    }
)


def some_points(space: Space, count: int, seed: int = 0) -> Array:
    return space.snap(np.random.default_rng(seed).random((count, len(space))))


def some_hyperparameters(space: Space, seed: int = 0) -> Hyperparameters:
    rng = np.random.default_rng(seed)
    return Hyperparameters(np.exp(rng.normal(-0.5, 0.5, len(space))), 1.3, 0.02, 0.2)


def a_posterior(space: Space = MIXED, count: int = 25, outcomes: int = 3) -> tuple[Encoding, Posterior]:
    encoding = Encoding(space)
    rng = np.random.default_rng(1)
    u = some_points(space, count)
    stopped = rng.random(count) < 0.3
    targets = rng.standard_normal((count, outcomes))
    hyper = some_hyperparameters(space)
    return encoding, Posterior(
        encoding.encode(u), encoding.owner, targets, np.where(stopped, hyper.doubt, 0.0), hyper
    )


def test_the_kernel_is_matern_with_its_derivative() -> None:
    r2 = np.array([0.0, 1e-9, 0.3, 2.0, 40.0])
    value, slope = matern52(r2)
    r = np.sqrt(r2)
    assert value == pytest.approx((1 + np.sqrt(5) * r + 5 * r2 / 3) * np.exp(-np.sqrt(5) * r))
    for x, d in zip(r2[2:], slope[2:], strict=True):
        numeric = (matern52(np.array(x + 1e-6))[0] - matern52(np.array(x - 1e-6))[0]) / 2e-6
        assert d == pytest.approx(numeric, rel=1e-6)


def test_distances_by_column_add_up_to_the_kernel_s() -> None:
    encoding = Encoding(MIXED)
    features = encoding.encode(some_points(MIXED, 30))
    lengths = some_hyperparameters(MIXED).lengths
    by_column = lengths**-2 @ column_distances(features, encoding.owner, len(MIXED))
    scaled = features / lengths[encoding.owner]
    assert by_column == pytest.approx(squared_distances(scaled, scaled)[np.tril_indices(30, -1)], abs=1e-10)


def test_unordered_levels_are_at_distance_one_and_inactive_children_do_not_matter() -> None:
    encoding = Encoding(MIXED)
    points = [
        {"rate": 0.1, "layers": 3, "kind": kind, "model": model, "momentum": 0.0}
        for kind in ("a", "b")
        for model in ("none", {"c": 0.1, "kernel": "rbf"}, {"c": 0.9, "kernel": "rbf"})
    ]
    u = MIXED.to_unit(points)
    columns = column_distances(encoding.encode(u), encoding.owner, len(MIXED))
    pairs = [(int(i), int(j)) for i, j in zip(*np.tril_indices(6, -1), strict=True)]
    by_pair = dict(zip(pairs, columns.T, strict=True))
    names = [dimension.name for dimension in MIXED.dimensions]
    assert by_pair[3, 0][names.index("kind")] == pytest.approx(1.0)
    c = names.index("model.values[0].c")
    assert by_pair[1, 0][c] == pytest.approx(by_pair[2, 0][c]), "as far from inactive, whatever its value"
    assert by_pair[2, 1][c] > 0
    hidden = np.where(np.isnan(u), 0.3, u)
    assert encoding.encode(hidden) == pytest.approx(encoding.encode(u))


@pytest.mark.parametrize("seed", range(8))
def test_the_slope_of_the_evidence_is_that_of_finite_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    encoding = Encoding(MIXED)
    distances = column_distances(encoding.encode(some_points(MIXED, 20, seed)), encoding.owner, len(MIXED))
    targets, stopped = rng.standard_normal(20), rng.random(20) < 0.4
    theta = rng.normal(-0.5, 0.7, len(MIXED) + 3)

    def loss(x: Array) -> float:
        return loss_and_gradient(x, distances, targets, stopped)[0]

    _, gradient = loss_and_gradient(theta, distances, targets, stopped)
    assert gradient == pytest.approx(_central(loss, theta), rel=1e-5, abs=1e-6)


def test_the_posterior_is_that_of_a_dense_reference() -> None:
    encoding, posterior = a_posterior()
    rng = np.random.default_rng(1)
    u = some_points(MIXED, 25)
    stopped, targets = rng.random(25) < 0.3, rng.standard_normal((25, 3))
    hyper, ahead = some_hyperparameters(MIXED), some_points(MIXED, 40, seed=7)

    def prior(a: Array, b: Array) -> Array:
        x, y = (encoding.encode(p) / hyper.lengths[encoding.owner] for p in (a, b))
        r = np.linalg.norm(x[:, None] - y[None], axis=2)
        matern = (1 + np.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-np.sqrt(5) * r)
        return np.asarray(hyper.signal * matern + MEAN_VARIANCE)

    noisy = prior(u, u) + np.diag(hyper.noise + hyper.doubt * stopped)
    gain = np.linalg.solve(noisy, prior(u, ahead)).T
    mean, variance = posterior.predict(encoding.encode(ahead))
    covariance = prior(ahead, ahead) - gain @ prior(u, ahead)
    assert mean == pytest.approx(gain @ targets, abs=1e-8)
    assert variance == pytest.approx(np.diag(covariance), abs=1e-8)
    assert posterior.covariance(encoding.encode(ahead)) == pytest.approx(covariance, abs=1e-8)
    _, log_determinant = np.linalg.slogdet(noisy)
    evidence = -0.5 * (
        targets[:, 0] @ np.linalg.solve(noisy, targets[:, 0]) + log_determinant + 25 * log(2 * pi)
    )
    assert posterior.evidence(targets[:, 0]) == pytest.approx(evidence, abs=1e-8)


def test_the_slopes_of_a_prediction_are_those_of_finite_differences() -> None:
    encoding, posterior = a_posterior()
    at = encoding.encode(some_points(MIXED, 6, seed=3)) + 0.01
    mean, variance, mean_slope, variance_slope = posterior.predict_with_slope(at)
    assert posterior.predict(at)[0] == pytest.approx(mean)
    assert posterior.predict(at)[1] == pytest.approx(variance)
    for row, x in enumerate(at):
        for outcome in range(3):
            numeric = _central(lambda y, j=outcome: posterior.predict(y[None])[0][0, j], x)
            assert mean_slope[row, outcome] == pytest.approx(numeric, rel=1e-5, abs=1e-6)
        numeric = _central(lambda y: posterior.predict(y[None])[1][0], x)
        assert variance_slope[row] == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def test_the_slope_of_the_acquisition_is_that_of_finite_differences() -> None:
    encoding, posterior = a_posterior()
    at = np.where(np.isnan(p := some_points(MIXED, 8, seed=4)), 0.5, p)
    smooth = [
        column
        for column, dimension in enumerate(MIXED.dimensions)
        if dimension.name in ("rate", "momentum", "model.values[0].c")
    ]
    acquisition = Acquisition(encoding, posterior, np.array([-1.0, -0.5, -2.0]))
    value, gradient = acquisition.value_and_gradient(at)
    assert acquisition.value(at) == pytest.approx(value)
    for row, x in enumerate(at):
        numeric = _central(lambda y: acquisition.value(y[None])[0], x)
        assert gradient[row, smooth] == pytest.approx(numeric[smooth], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    "z", [5.0, 1.0, 0.0, -0.99, -1.01, -4.0, -37.0, -300.0, -1e4, -1e6, -6e7, -7e7, -1e9]
)
def test_log_improvement_is_right_far_into_the_tail(z: float) -> None:
    # φ(z) + zΦ(z) is φ(z) times the integral of t exp(zt - t²/2) over t > 0; t is scaled by the decay
    scale = 1.0 / max(1.0, -z)
    body, _ = quad(
        lambda s: s * np.exp(scale * z * s - 0.5 * (scale * s) ** 2),
        0,
        np.inf,
        epsabs=0,
        epsrel=1e-13,
        limit=500,
    )
    exact = -0.5 * z * z - 0.5 * log(2 * pi) + log(body) + 2 * log(scale)
    assert log_improvement(np.array([z]))[0] == pytest.approx(exact, rel=1e-13, abs=1e-10)


def test_the_slope_of_log_improvement_is_finite_everywhere() -> None:
    z = np.array([4.0, 0.5, -0.9, -1.1, -10.0, -1e3])
    slope = improvement_slope(z, log_improvement(z))
    for one, d in zip(z, slope, strict=True):
        h = 1e-5 * max(1.0, abs(one))
        numeric = np.diff(log_improvement(np.array([one - h, one + h])))[0] / (2 * h)
        assert d == pytest.approx(numeric, rel=1e-6)
    assert np.isfinite(improvement_slope(np.array([-1e8]), log_improvement(np.array([-1e8])))).all()


@pytest.mark.parametrize(("up", "down"), POWERS)
def test_a_warp_is_increasing_and_leads_back(up: float, down: float) -> None:
    losses = np.random.default_rng(2).lognormal(0, 2, 50) - 1
    warp = Warp.of(losses, up, down)
    z = warp.forward(losses)
    assert z.mean() == pytest.approx(0, abs=1e-9)
    assert z.std() == pytest.approx(1)
    assert (np.diff(z[np.argsort(losses)]) > 0).all()
    assert warp.backward(z) == pytest.approx(losses, rel=1e-5)


def test_the_jacobian_of_a_warp_is_that_of_finite_differences() -> None:
    losses = np.random.default_rng(2).lognormal(0, 1, 12)
    differences = []
    for up, down in POWERS:
        warp = Warp.of(losses, up, down)
        slopes = [approx_fprime(np.array([y]), lambda v, w=warp: w.forward(v)[0], 1e-7)[0] for y in losses]
        differences.append(np.log(slopes).sum() - warp.log_jacobian(losses))
    assert differences == pytest.approx([differences[0]] * len(POWERS), abs=1e-4)


def _central(function: object, x: Array, step: float = 1e-6) -> Array:
    assert callable(function)
    slopes = []
    for i in range(len(x)):
        away = np.zeros(len(x))
        away[i] = step
        slopes.append((function(x + away) - function(x - away)) / (2 * step))
    return np.array(slopes)
