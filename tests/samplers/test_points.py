"""Which points grid, random and Sobol' search try, and in which order."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from barrido.core.protocols import Sampler
from barrido.core.trial import Params
from barrido.errors import SpecError
from barrido.samplers.distinct import scattered
from barrido.samplers.grid import GridSampler
from barrido.samplers.random import RandomSampler
from barrido.samplers.sobol import SobolSampler
from barrido.space import Choice, LogUniform, Normal, QLogNormal, QUniform, Randint, Space, Uniform
from barrido.testing.samplers import FINITE_SPACES, play

CONTINUOUS = Space({"x": Uniform(0, 1), "y": Normal(0, 1), "z": Choice(["a", "b"])})


def ask(sampler: Sampler, n: int, *, seed: int = 0) -> list[Params | None]:
    return sampler.ask([], [], range(n), seed)


def found(sampler: Sampler, n: int, *, seed: int = 0) -> list[Params]:
    return [point for point in ask(sampler, n, seed=seed) if point is not None]


def test_the_tutorials_grid_of_three_under_four_trials_is_three_trials() -> None:
    sampler = GridSampler(Space({"reg_rate": Choice([0.01, 0.1, 1])}))
    assert ask(sampler, 4) == [{"reg_rate": 0.01}, {"reg_rate": 0.1}, {"reg_rate": 1}, None]


def test_grid_reaches_a_far_point_directly() -> None:
    sampler = GridSampler(Space({f"p{i}": Randint(10) for i in range(12)}))
    (point,) = sampler.ask([], [], [987654321012], 0)
    assert point is not None
    assert "".join(map(str, point.values())) == "987654321012"


def test_grid_takes_anything_that_can_be_counted() -> None:
    space = Space({"a": Randint(2), "b": QUniform(0, 0.2, 0.1), "c": Choice([{"d": Randint(2)}, "e"])})
    assert GridSampler.problems(space) == []
    assert len({space.key(point) for point in found(GridSampler(space), 99)}) == 2 * 3 * 3


def test_grid_names_each_parameter_that_it_cannot_enumerate_and_the_way_out() -> None:
    space = Space(
        {
            "dropout": Uniform(0.05, 0.1),
            "ok": Choice([1, 2]),
            "opt": Choice([{"lr": LogUniform(-3, 0)}, "none"]),
        }
    )
    with pytest.raises(SpecError) as error:
        GridSampler(space)
    assert [problem.path for problem in error.value.problems] == ["dropout", "opt.values[0].lr"]
    first, _ = GridSampler.problems(space, "search_space")
    assert first.path == "search_space.dropout"
    assert "a grid cannot enumerate uniform(min_value: 0.05, max_value: 0.1)" in first.what
    assert "choice" in first.hint


def test_random_draws_trial_k_from_its_own_generator() -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    for k, point in enumerate(found(RandomSampler(space), 5, seed=123)):
        assert list(point.values()) == np.random.default_rng((123, k)).random(2).tolist()


def test_random_points_follow_the_distributions() -> None:
    points = found(RandomSampler(CONTINUOUS), 2000, seed=1)
    assert stats.kstest([point["x"] for point in points], "uniform").pvalue > 0.01
    assert stats.kstest([point["y"] for point in points], "norm").pvalue > 0.01
    assert stats.binomtest(sum(point["z"] == "a" for point in points), 2000).pvalue > 0.01
    assert abs(stats.spearmanr([p["x"] for p in points], [p["y"] for p in points]).pvalue) > 0.01


def test_the_first_points_of_a_finite_space_are_drawn_without_favour() -> None:
    space = FINITE_SPACES["two"]
    firsts = [space.key(found(RandomSampler(space), 1, seed=seed)[0]) for seed in range(1200)]
    assert stats.chisquare([firsts.count(key) for key in set(firsts)]).pvalue > 0.01
    assert len(set(firsts)) == space.size


@pytest.mark.parametrize("sampler", [RandomSampler, SobolSampler])
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_a_finite_space_is_tried_out_without_repeats(sampler: type, sizes: list[int], seed: int) -> None:
    space = Space({f"p{i}": Randint(size) for i, size in enumerate(sizes)})
    size = int(np.prod(sizes))
    points = ask(sampler(space), size + 2, seed=seed)
    assert points[size:] == [None, None]
    assert len({space.key(point) for point in points[:size] if point is not None}) == size


@pytest.mark.parametrize("sampler", [RandomSampler, SobolSampler])
def test_points_that_are_hardly_ever_drawn_are_found_with_bounded_work(sampler: type) -> None:
    rare = Space({"a": QUniform(0, 1e-3 + 2, 2), "b": Randint(10**15), "c": Choice([1])})
    points = found(sampler(rare), 50)
    assert len({rare.key(point) for point in points}) == 50
    # a level with a probability of one in a million: never by drawing
    lonely = Space({"q": QUniform(0, 5 + 1e-5, 10)})
    assert sorted(point["q"] for point in found(sampler(lonely), 3)) == [0, 10]


@pytest.mark.parametrize("sampler", [RandomSampler, SobolSampler])
def test_an_endless_space_with_rounding_may_repeat_and_never_ends(sampler: type) -> None:
    space = Space({"q": QLogNormal(0, 1, 1)})
    assert len(found(sampler(space), 200)) == 200


@pytest.mark.parametrize("sampler", [GridSampler, RandomSampler, SobolSampler])
@pytest.mark.parametrize("concurrency", [2, 8])
def test_concurrency_leaves_a_longer_sweep_as_it_is(sampler: type, concurrency: int) -> None:
    space = FINITE_SPACES["large"]
    alone = play(sampler(space), space, trials=150, concurrency=1, seed=9)
    assert play(sampler(space), space, trials=150, concurrency=concurrency, seed=9) == alone


@pytest.mark.parametrize("space", [CONTINUOUS, FINITE_SPACES["large"]])
@pytest.mark.parametrize("sampler", [RandomSampler, SobolSampler])
def test_any_order_and_batching_of_numbers_gives_the_same_points(sampler: type, space: Space) -> None:
    straight = ask(sampler(space), 700, seed=5)
    used = sampler(space)
    order = np.random.default_rng(0).permutation(700).tolist()
    for batch in (order[:1], order[1:300], order[300:303], order[303:]):
        assert used.ask([], [], batch, 5) == [straight[k] for k in batch]
    assert sampler(space).ask([], [], [699], 5) == [straight[699]]


def test_sobol_points_are_scipys_scrambled_sequence() -> None:
    from scipy.stats.qmc import Sobol

    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    points = np.array([list(point.values()) for point in found(SobolSampler(space), 256, seed=7)])
    engine = Sobol(2, scramble=True, bits=53, seed=np.random.default_rng(7))
    np.testing.assert_array_equal(points, engine.random(256))


def test_sobol_fills_every_cell_of_a_regular_grid_once() -> None:
    """The first 256 points in two dimensions are a (0, 8, 2)-net: one in each of 16 by 16 cells."""
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    points = np.array([list(point.values()) for point in found(SobolSampler(space), 256, seed=3)])
    cells = {tuple(cell) for cell in np.floor(points * 16).astype(int).tolist()}
    assert len(cells) == 256
    assert len(set(np.floor(points[:, 0] * 256))) == 256


def test_sobol_balances_a_choice_exactly() -> None:
    space = Space({"x": Uniform(0, 1), "opt": Choice(["a", "b", "c", "d"])})
    points = found(SobolSampler(space), 64, seed=2)
    assert [sum(point["opt"] == name for point in points) for name in "abcd"] == [16] * 4


def test_sobol_is_silent_for_any_number_of_points() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (1, 3, 100):
            assert len(found(SobolSampler(CONTINUOUS), n)) == n


def test_sobol_says_how_many_dimensions_it_takes() -> None:
    domain = Uniform(0, 1)
    assert SobolSampler.problems(Space({f"p{i}": domain for i in range(21201)})) == []
    space = Space({f"p{i}": domain for i in range(21202)})
    with pytest.raises(SpecError, match="at most 21201 dimensions, the search space has 21202"):
        SobolSampler(space)


@pytest.mark.parametrize("sampler", [GridSampler, RandomSampler, SobolSampler])
def test_a_space_without_parameters_has_one_trial(sampler: type) -> None:
    assert ask(sampler(Space({})), 3) == [{}, None, None]


@given(st.integers(0, 300), st.integers(0, 2**63))
def test_scattered_numbers_are_a_permutation(size: int, seed: int) -> None:
    assert sorted(scattered(size, seed)) == list(range(size))


def test_only_sobol_needs_scipy_and_only_when_asked() -> None:
    code = """
import sys
from barrido.samplers.grid import GridSampler
from barrido.samplers.random import RandomSampler
from barrido.samplers.sobol import SobolSampler
from barrido.space import Choice, Normal, Space
RandomSampler(Space({"x": Normal(0, 1)})).ask([], [], [0], 1)
sampler = SobolSampler(Space({"x": Choice([1, 2])}))
before = "scipy" in sys.modules
sampler.ask([], [], [0], 1)
sys.exit(before or "scipy" not in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
