"""Kernel densities over the unit cube, against sums written out and against numerical integrals."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import numpy as np
import pytest
from scipy import stats

from barrido.samplers.kde import Array, Density
from barrido.space import (
    Choice,
    Discrete,
    Domain,
    Int,
    LogUniform,
    Normal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Space,
    Uniform,
)

BRANCHES = Choice([{"lr": LogUniform(-5, 0), "wd": Uniform(0, 1)}, {"depth": Randint(4)}, "none"])
SPACES: Mapping[str, Mapping[str, Domain]] = {
    "one": {"x": Uniform(0, 1)},
    "two": {"x": Normal(0, 1), "y": LogUniform(-3, 0)},
    "even levels": {"x": Randint(7)},
    "one level": {"x": Choice([3]), "y": Choice(["a"])},
    "uneven levels": {"x": QLogUniform(0, 3, 2), "y": Choice(["a", "b", "c"])},
    "levels without end": {"x": QNormal(0, 1, 0.5)},
    "levels finer than any bandwidth": {"x": QUniform(0, 1, 1e-5)},
    "mixed": {"x": Uniform(0, 1), "k": Int(1, 5), "z": Choice(["a", "b"])},
    "conditional": {"b": BRANCHES, "x": Uniform(0, 1)},
}


def drawn(space: Space, n: int, seed: int = 0) -> Array:
    return space.snap(np.random.default_rng(seed).random((n, len(space))) ** 2)


@pytest.mark.parametrize("n", [1, 2, 30])
@pytest.mark.parametrize("name", SPACES)
def test_a_density_integrates_to_one(name: str, n: int) -> None:
    """Its mean over draws from the space, here evenly spread ones, is its integral over the cube."""
    space = Space(SPACES[name])
    density = Density.of(space, drawn(space, n))
    even = stats.qmc.Sobol(len(space), seed=np.random.default_rng(1)).random(2**15)
    assert np.exp(density.log(space.snap(even))).mean() == pytest.approx(1, abs=0.02)


def test_levels_have_the_mass_of_the_gaussian_in_their_cells() -> None:
    space = Space({"k": Randint(5)})
    points = space.to_unit([{"k": 1}, {"k": 3}, {"k": 3}])
    density = Density.of(space, points)
    (h,) = density.bandwidths
    cut = [stats.truncnorm(-x / h, (1 - x) / h, x, h) for x in points[:, 0]]
    expected = [np.mean([t.cdf((k + 1) / 5) - t.cdf(k / 5) for t in cut]) for k in range(5)]
    levels = space.to_unit([{"k": k} for k in range(5)])
    np.testing.assert_allclose(np.exp(density.log(levels)) / 5, expected, rtol=1e-9)
    assert sum(expected) == pytest.approx(1)


def test_many_fine_levels_are_as_good_as_none() -> None:
    u = np.random.default_rng(2).random((40, 1))
    fine, smooth = Space({"x": QUniform(0, 1, 1e-6)}), Space({"x": Uniform(0, 1)})
    one, other = (Density.of(space, space.snap(u[:10])).log(space.snap(u)) for space in (fine, smooth))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_kernel_is_the_product_of_the_columns() -> None:
    space = Space({"x": Uniform(0, 1), "z": Choice(["a", "b", "c"])})
    points, u = drawn(space, 12), drawn(space, 9, seed=1)
    density = Density.of(space, points)
    h, other = density.bandwidths
    for row, found in zip(u, density.log(u), strict=True):
        kernels = [
            stats.truncnorm.pdf(row[0], -x / h, (1 - x) / h, x, h)
            * 3
            * ((1 - other) if z == row[1] else other / 2)
            for x, z in points
        ]
        assert found == pytest.approx(log(np.mean(kernels)))


def test_bandwidths_follow_the_normal_reference_rule_with_a_draw_as_one_more_point() -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    points = drawn(space, 400)
    rule = 1.06 * points.std(axis=0) * 400 ** (-1 / 6)
    np.testing.assert_allclose(Density.of(space, points).bandwidths, rule, rtol=0.01)
    alone = Density.of(space, points[:1]).bandwidths
    np.testing.assert_allclose(alone, 1.06 * np.sqrt(1 / 24) * 2 ** (-1 / 6))


def test_a_choice_has_the_probabilities_of_laplaces_rule_whatever_the_order_of_its_values() -> None:
    for values in ("abc", "bca"):
        space = Space({"z": Choice(list(values))})
        density = Density.of(space, space.to_unit([{"z": z} for z in "aaab"]))
        probability = np.exp(density.log(space.to_unit([{"z": z} for z in "abc"]))) / 3
        np.testing.assert_allclose(probability, [4 / 7, 2 / 7, 1 / 7])


def test_points_of_another_branch_neither_speak_for_nor_against_a_coordinate() -> None:
    space = Space({"b": BRANCHES})
    lr = [column for column, dimension in enumerate(space.dimensions) if dimension.name.endswith("lr")]
    deep, none = {"b": {"depth": 2}}, {"b": "none"}
    density = Density.of(space, space.to_unit([deep, none, none]))
    u = space.to_unit([{"b": {"lr": v, "wd": w}} for v in (0.01, 0.9) for w in (0.1, 0.6)])
    assert len(set(u[:, lr[0]])) == 2
    assert np.ptp(density.log(u)) == pytest.approx(0)
    at = density.log(space.to_unit([deep, {"b": {"depth": 0}}, none]))
    assert at[0] > at[1], "points of the same branch are compared"
    # the inactive coordinates of "none" are no kernels' business: the branch alone counts
    assert np.exp(at[2]) / 3 == pytest.approx((2 + 1) / (3 + 3))


@pytest.mark.parametrize("name", SPACES)
def test_draws_have_the_density(name: str) -> None:
    """Importance sampling from its own draws: the mean of 1 / density is the part of the space it covers."""
    space = Space(SPACES[name])
    density = Density.of(space, drawn(space, 5))
    u = space.snap(density.draw(20_000, np.random.default_rng(3)))
    assert np.exp(-density.log(u)).mean() == pytest.approx(1, abs=0.1)
    assert space.from_unit(u[:10])


def test_widened_draws_are_further_from_their_points() -> None:
    space = Space({"x": Uniform(0, 1)})
    density = Density(space, np.array([[0.5]]), np.array([0.05]))
    near, far = (density.draw(4000, np.random.default_rng(0), widening=w).std() for w in (1.0, 3.0))
    assert (near, far) == (pytest.approx(0.05, rel=0.1), pytest.approx(0.15, rel=0.1))


def test_far_from_all_points_a_density_is_small_and_still_a_number() -> None:
    space = Space({"x": Uniform(0, 1), "k": QUniform(0, 1, 0.01), "z": Choice(["a", "b"])})
    points = np.array([[0.0, *space.snap(np.array([[0.0, 0.0, 0.0]]))[0, 1:]]])
    density = Density(space, points, np.array([1e-3, 1e-3, 1e-3]))
    far = density.log(space.snap(np.array([[0.99, 0.99, 0.99]])))
    assert np.isfinite(far).all()
    assert far < -1000
    assert isinstance(space.dimensions[1].domain, Discrete)
