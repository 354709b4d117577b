"""Which dimensions matter: against functions whose shares are known."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, pi

import numpy as np
import pytest

from barrido.core.protocols import Fate, Observation
from barrido.errors import RequestError
from barrido.samplers.importance import LEAST, Array, Predictor, Surrogate, first_order, importance
from barrido.space import Choice, Int, LogUniform, Space, Uniform

CLOSE = 0.01


def knowing(function: Predictor) -> Surrogate:
    """A model that is right without having to learn."""
    return lambda u, y: function


def finished(space: Space, count: int = LEAST) -> list[Observation]:
    points = space.from_unit(np.random.default_rng(0).random((count, len(space))))
    return [Observation(k, point, (float(k),), 1, Fate.COMPLETED) for k, point in enumerate(points)]


def test_ishigamis_function_has_the_shares_of_the_textbook() -> None:
    # Ishigami and Homma (1990) with a = 7, b = 0.1; the indices in closed form, e.g. Saltelli et al.
    # "Global Sensitivity Analysis. The Primer" (2008), section 4.6
    def ishigami(u: Array) -> Array:
        x = (2 * u - 1) * pi
        values: Array = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
        return values

    space = Space({name: Uniform(-pi, pi) for name in ("x1", "x2", "x3")})
    first = 0.5 * (1 + 0.1 * pi**4 / 5) ** 2
    second, both = 49 / 8, 0.01 * pi**8 * (1 / 18 - 1 / 50)
    total = first + second + both
    shares = importance(space, finished(space), surrogate=knowing(ishigami))
    assert list(shares) == ["x2", "x1", "x3"]
    expected = {"x1": first / total, "x2": second / total, "x3": 0.0}
    assert shares == pytest.approx(expected, abs=CLOSE)


def test_a_sum_is_explained_by_its_parts() -> None:
    space = Space(
        {"lr": LogUniform(-6, 0), "depth": Int(1, 4), "kind": Choice(["a", "b"]), "idle": Uniform(0, 1)}
    )

    def loss(u: Array) -> Array:
        values: Array = 2 * u[:, 0] + u[:, 1] + (u[:, 2] > 0.5)
        return values

    # Variances: of a uniform number 1/12, of the middles of k levels (1 - 1/k²)/12, of a coin 1/4
    parts = {"lr": 4 / 12, "depth": (1 - 1 / 16) / 12, "kind": 1 / 4, "idle": 0.0}
    shares = importance(space, finished(space), surrogate=knowing(loss))
    assert shares == pytest.approx(
        {name: part / sum(parts.values()) for name, part in parts.items()}, abs=CLOSE
    )
    assert sum(shares.values()) <= 1


def test_what_only_acts_together_is_no_ones_alone() -> None:
    space = Space({"x": Uniform(-1, 1), "y": Uniform(-1, 1)})
    shares = importance(
        space, finished(space), surrogate=knowing(lambda u: (u[:, 0] - 0.5) * (u[:, 1] - 0.5))
    )
    assert shares == pytest.approx({"x": 0.0, "y": 0.0}, abs=CLOSE)


def test_a_dimension_explains_nothing_where_it_is_inactive() -> None:
    space = Space(
        {"net": Choice([{"kind": "mlp", "width": Uniform(0, 1)}, {"kind": "linear"}]), "c": Uniform(0, 1)}
    )

    def loss(u: Array) -> Array:
        assert (np.isnan(u[:, 1]) == (u[:, 0] > 0.5)).all()
        return np.where(np.isnan(u[:, 1]), 0.0, u[:, 1] - 0.5)

    # Half of the time uniform, half of the time 0: variance 1/24, of which E[f | width] = (width - 1/2)/2
    # has 1/48; knowing the branch alone changes no mean
    shares = importance(space, finished(space), surrogate=knowing(loss))
    assert shares == pytest.approx({"net": 0.0, "net.values[0].width": 0.5, "c": 0.0}, abs=CLOSE)


def test_the_model_learns_from_finished_trials_alone() -> None:
    space = Space({"x": Uniform(0, 1), "b": Choice([{"y": Uniform(0, 1)}, 3])})
    seen: list[tuple[Array, Array]] = []

    def surrogate(u: Array, y: Array) -> Callable[[Array], Array]:
        seen.append((u, y))
        return lambda v: v[:, 0]

    good = finished(space, 12)
    point = good[0].params
    bad = [
        Observation(20, point, (0.1,), 1, Fate.STOPPED),
        Observation(21, point, (0.1,), 1, Fate.RUNNING),
        Observation(22, point, (), 0, Fate.FAILED),
        Observation(23, point, (nan, inf), 2, Fate.COMPLETED),
    ]
    shares = importance(space, [*bad, *good], surrogate=surrogate)
    ((u, y),) = seen
    assert y.tolist() == [o.loss for o in good]
    np.testing.assert_array_equal(u, space.to_unit([o.params for o in good]))
    assert shares["x"] == pytest.approx(1.0, abs=CLOSE)


def test_a_few_trials_say_nothing() -> None:
    space = Space({"x": Uniform(0, 1)})
    with pytest.raises(RequestError, match="from 9 finished trials: it takes at least 10"):
        importance(space, finished(space, 9), surrogate=knowing(lambda u: u[:, 0]))


def test_nothing_explains_what_does_not_vary() -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    assert first_order(space, lambda u: np.full(len(u), 3.0), 0).tolist() == [0.0, 0.0]


def test_the_same_seed_gives_the_same_shares() -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})

    def product(u: Array) -> Array:
        return np.exp(u[:, 0] + 3 * u[:, 1])

    one, again, other = (first_order(space, product, seed).tolist() for seed in (1, 1, 2))
    assert one == again != other


def test_a_gaussian_process_finds_what_matters() -> None:
    space = Space(
        {
            "lr": LogUniform(-6, 0),
            "kind": Choice(["a", "b", "c"]),
            "net": Choice([{"width": Uniform(0, 1)}, "none"]),
            "idle": Uniform(0, 1),
        }
    )
    u = np.random.default_rng(4).random((40, len(space)))
    losses = np.sin(3 * u[:, 0]) * 5 + (u[:, 1] > 2 / 3)
    trials = [
        Observation(k, point, (loss,), 1, Fate.COMPLETED)
        for k, (point, loss) in enumerate(zip(space.from_unit(u), losses.tolist(), strict=True))
    ]
    shares = importance(space, trials)
    assert max(shares, key=lambda name: shares[name]) == "lr"
    assert shares["lr"] > 0.6
    assert max(shares["idle"], shares["net"], shares["net.values[0].width"]) < 0.1
