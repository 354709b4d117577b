"""The tree-structured Parzen estimator: that it learns, and from what."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from math import exp, inf, nan
from typing import Any

import numpy as np
import pytest

from barrido.core.protocols import Fate, Observation, Sampler
from barrido.core.trial import Params
from barrido.errors import SpecError
from barrido.samplers.random import RandomSampler
from barrido.samplers.sobol import SobolSampler
from barrido.samplers.tpe import MOST_KERNELS, Settings, TPESampler, split
from barrido.space import (
    Choice,
    Domain,
    Int,
    LogUniform,
    Normal,
    QLogNormal,
    QNormal,
    QUniform,
    Randint,
    Space,
    Uniform,
)
from barrido.testing.samplers import CONTINUOUS_SPACES, FINITE_SPACES, SamplerSuite

SQUARE = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})


class TestTPE(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return TPESampler(space)


class TestAsInBOHB(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return TPESampler(space, Settings(rho=1 / 3))


def ended(number: int, params: Params, loss: float, outcome: Fate = Fate.COMPLETED) -> Observation:
    return Observation(number, params, (loss,), 1, outcome)


def search(
    sampler: Sampler, loss: Callable[[Any], float], *, trials: int, seed: int, space: Space
) -> list[Observation]:
    """One trial after the other; one that has the loss NaN fails."""
    history: list[Observation] = []
    for k in range(trials):
        (point,) = sampler.ask(history, [], [k], seed)
        assert point is not None
        assert space.contains(point)
        value = loss(point)
        history.append(ended(k, point, value, Fate.COMPLETED if value == value else Fate.FAILED))
    return history


def best(history: list[Observation]) -> float:
    return min(one.loss for one in history)


def tried(n: int, seed: int = 0) -> list[Observation]:
    """Trials of random points of the unit square, better the nearer to (0.3, 0.3)."""
    points = SQUARE.from_unit(np.random.default_rng(seed).random((n, 2)))
    return [ended(k, point, bowl(point)) for k, point in enumerate(points)]


def bowl(point: Any) -> float:
    return float((point["x"] - 0.3) ** 2 + (point["y"] - 0.3) ** 2)


def mixed(point: Any) -> float:
    penalty = {"adam": 0.0, "sgd": 0.4, "none": 1.0}[point["optimizer"]]
    return float(penalty + (np.log(point["lr"]) + 4) ** 2 / 9 + abs(point["depth"] - 6) / 6)


MIXED = Space({"optimizer": Choice(["none", "sgd", "adam"]), "lr": LogUniform(-10, 0), "depth": Int(1, 12)})


@pytest.mark.parametrize(("space", "loss"), [(SQUARE, bowl), (MIXED, mixed)])
def test_it_does_better_than_chance(space: Space, loss: Callable[[Any], float]) -> None:
    def result(sampler: Sampler, seed: int) -> float:
        return best(search(sampler, loss, trials=40, seed=seed, space=space))

    learned = [result(TPESampler(space), seed) for seed in range(5)]
    by_chance = [result(RandomSampler(space), seed) for seed in range(5)]
    assert np.mean(learned) < np.mean(by_chance) / 2


def test_the_first_points_are_sobols() -> None:
    points = TPESampler(SQUARE).ask([], [], range(6), 3)
    assert points == SobolSampler(SQUARE).ask([], [], range(6), 3)
    few = tried(4)
    assert TPESampler(SQUARE).ask(few, [], [4], 3) == SobolSampler(SQUARE).ask([], [], [4], 3)
    enough = tried(5)
    assert TPESampler(SQUARE).ask(enough, [], [5], 3) != SobolSampler(SQUARE).ask([], [], [5], 3)


def test_a_branch_that_does_better_gets_more_trials_with_the_coordinates_that_do_better_there() -> None:
    space = Space(
        {"model": Choice([{"c": Uniform(0, 1)}, {"depth": Randint(8), "rate": Uniform(0, 1)}, "constant"])}
    )

    def loss(point: Any) -> float:
        match point["model"]:
            case "constant":
                return 3.0
            case {"c": c}:
                return 2.0 + float(c)
            case {"depth": depth, "rate": rate}:
                return float(abs(depth - 5) / 5 + abs(rate - 0.8))
        raise AssertionError(point)

    late = [
        one.params["model"] for one in search(TPESampler(space), loss, trials=60, seed=2, space=space)[30:]
    ]
    deep = [model for model in late if isinstance(model, dict) and "depth" in model]
    assert len(deep) > 20
    assert abs(np.median([model["rate"] for model in deep]) - 0.8) < 0.1
    assert abs(np.median([model["depth"] for model in deep]) - 5) <= 1


def test_what_fails_is_avoided() -> None:
    def loss(point: Any) -> float:
        return bowl(point) if point["x"] < 0.6 else nan

    history = search(TPESampler(SQUARE), loss, trials=50, seed=4, space=SQUARE)
    failed = [one.number for one in history if one.outcome is Fate.FAILED]
    assert failed
    assert sum(number >= 25 for number in failed) <= 2, "chance would fail in ten of 25"


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_loss_that_is_no_number_is_a_failure(value: float) -> None:
    history = tried(30)
    failed = [replace(one, outcome=Fate.FAILED) if one.number % 3 else one for one in history]
    silent = [replace(one, curve=[value]) if one.number % 3 else one for one in history]
    ask = TPESampler(SQUARE).ask
    assert ask(failed, [], [30], 1) == ask(silent, [], [30], 1)


def test_without_any_success_the_first_points_go_on() -> None:
    history = [replace(one, outcome=Fate.FAILED) for one in tried(20)]
    assert TPESampler(SQUARE).ask(history, [], [20], 1) == SobolSampler(SQUARE).ask([], [], [20], 1)


def test_good_and_bad_are_as_many_as_in_the_paper() -> None:
    losses, ended_itself = np.arange(100.0), np.zeros(100, dtype=bool)
    for n, n_good, n_bad in ((5, 3, 3), (20, 3, 17), (21, 3, 18), (100, 15, 85)):
        good, bad = split(losses[:n], ended_itself[:n], 0.15, least=3)
        assert good.tolist() == list(range(n_good))
        assert bad.tolist() == list(range(n - n_bad, n))


def test_a_stopped_trial_is_good_only_if_it_beats_a_good_one_that_was_not() -> None:
    losses = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 7.0])
    stopped = np.array([False, True, True, False, False, False, True])
    good, bad = split(losses, stopped, 0.15, least=3)
    assert losses[good].tolist() == [1.0, 2.0, 3.0]
    assert sorted(losses[bad]) == [4.0, 5.0, 6.0, 7.0]
    # two that ended by themselves leave a place free: it is not for one that was stopped and is worse
    good, bad = split(np.array([1.0, 2.0, 3.0, inf]), np.array([False, False, True, False]), 0.15, least=3)
    assert (good.tolist(), bad.tolist()) == ([0, 1], [1, 2, 3])
    good, _ = split(losses, np.ones(7, dtype=bool), 0.15, least=3)
    assert not len(good)


def test_equal_losses_are_in_the_order_of_their_trials() -> None:
    good, bad = split(np.zeros(8), np.zeros(8, dtype=bool), 0.15, least=2)
    assert (good.tolist(), bad.tolist()) == ([0, 1], [2, 3, 4, 5, 6, 7])
    history = [replace(one, curve=[1.0]) for one in tried(30)]
    ask = TPESampler(SQUARE).ask
    assert ask(history, [], [30], 1) == ask(history[::-1], [], [30], 1)


def test_points_asked_for_side_by_side_spread() -> None:
    history = tried(40)
    points = SQUARE.to_unit(
        [p for p in TPESampler(SQUARE).ask(history, [], range(40, 48), 1) if p is not None]
    )
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(8, 1)]
    assert distances.min() > 0.005
    assert np.median(distances) > 0.05


def test_several_numbers_are_as_one_after_the_other_with_those_before_pending() -> None:
    history, sampler = tried(40), TPESampler(SQUARE)
    together = sampler.ask(history, [], [40, 41, 42], 1)
    in_turn: list[Any] = []
    for number in (40, 41, 42):
        in_turn += sampler.ask(history, in_turn, [number], 1)
    assert together == in_turn
    running = [Observation(40, together[0] or {}, (0.0,), 1, Fate.RUNNING)]
    assert sampler.ask([*history, *running], [], [41, 42], 1) == together[1:]
    assert sampler.ask([*history, *running], together[:1], [41, 42], 1) == together[1:], "counted once"  # type: ignore[arg-type]


def test_an_observation_that_changed_is_read_again() -> None:
    changing = {"x": 0.2, "y": 0.2}
    history, sampler = [*tried(29), ended(29, changing, 0.0)], TPESampler(SQUARE)
    before = sampler.ask(history, [], [30], 1)
    mirrored = [replace(one, params={"x": 1 - one.params["x"], "y": one.params["y"]}) for one in history]
    assert sampler.ask(mirrored, [], [30], 1) == TPESampler(SQUARE).ask(mirrored, [], [30], 1) != before
    changing["x"] = 0.9
    assert sampler.ask(history, [], [30], 1) == TPESampler(SQUARE).ask(history, [], [30], 1)


@pytest.mark.parametrize("rho", [0.0, 1.0])
def test_a_large_finite_space_is_tried_out_without_repeats(rho: float) -> None:
    space = Space({"a": Randint(6), "b": Choice(["x", "y", "z"]), "c": QUniform(0, 1, 0.25)})
    sampler, history = TPESampler(space, Settings(rho=rho)), list[Observation]()
    for k in range(90):
        (point,) = sampler.ask(history, [], [k], 7)
        assert point is not None
        history.append(ended(k, point, float(point["a"])))
    assert len({space.key(one.params) for one in history}) == 90
    assert sampler.ask(history, [], [90, 91], 7) == [None, None]


def test_the_last_points_of_a_huge_space_are_found_with_bounded_work() -> None:
    space = Space({"a": Randint(10**6), "b": QNormal(0, 1e-9, 1), "c": Choice(["only"])})
    history = [ended(k, {"a": k, "b": 0, "c": "only"}, float(k)) for k in range(200)]
    (point,) = TPESampler(space).ask(history, [], [200], 1)
    assert point is not None
    assert point["a"] >= 200


def test_an_endless_space_with_rounding_may_repeat_and_never_ends() -> None:
    space = Space({"q": QLogNormal(0, 1, 10), "r": QNormal(0, 1, 10)})
    assert len(search(TPESampler(space), lambda p: float(p["q"]), trials=40, seed=1, space=space)) == 40


def test_a_space_without_parameters_has_one_trial() -> None:
    sampler = TPESampler(Space({}))
    assert sampler.ask([], [], range(3), 1) == [{}, None, None]
    assert sampler.ask([ended(k, {}, 1.0) for k in range(9)], [], [9], 1) == [None]


def test_it_says_how_many_dimensions_it_takes() -> None:
    space = Space({f"p{i}": Uniform(0, 1) for i in range(21202)})
    assert TPESampler.problems(SQUARE) == []
    assert len(TPESampler.problems(space, "search_space")) == 1
    with pytest.raises(SpecError, match="at most 21201 dimensions"):
        TPESampler(space)


def test_a_density_of_very_many_points_is_made_of_a_part_of_them() -> None:
    history = tried(4 * MOST_KERNELS)
    (point,) = TPESampler(SQUARE).ask(history, [], [len(history)], 1)
    assert point is not None
    assert bowl(point) < 0.05


def any_space(rng: np.random.Generator) -> Space:
    domains: list[Callable[[], Domain]] = [
        lambda: Uniform(-1, 1),
        lambda: Normal(0, exp(rng.normal())),
        lambda: LogUniform(-5, 0),
        lambda: Choice([{"a": Uniform(0, 1)}, {"b": Randint(3), "c": Choice(["p", {"q": Int(1, 9)}])}, "n"]),
        lambda: Choice(["a", "b", "c"][: rng.integers(1, 4)]),
        lambda: Choice([0.1, 1, 10, 100]),
        lambda: Randint(int(rng.integers(1, 9))),
        lambda: QUniform(0, 1, 0.1),
        lambda: QNormal(0, 3, 1),
        lambda: Int(1, 10**9, log=True),
    ]
    return Space({f"p{i}": domains[rng.integers(len(domains))]() for i in range(rng.integers(1, 7))})


@pytest.mark.parametrize("seed", range(30))
def test_any_space_is_searched_without_a_warning_through_failures_and_repeats(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = any_space(rng)
    sampler, history, pending = TPESampler(space), list[Observation](), list[Params]()
    curves: list[list[float]] = [[1.0], [0.5, nan], [nan], [inf], [-inf], [], [0.3, 0.7], [1e300], [-1e300]]
    fates = (Fate.COMPLETED, Fate.COMPLETED, Fate.STOPPED, Fate.FAILED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(30):
            (point,) = sampler.ask(history, pending, [k], seed)
            if point is None:
                assert space.size is not None
                continue
            assert space.contains(point)
            pending.append(point)
            if len(pending) > 2:
                ends = pending.pop(0)
                curve = curves[rng.integers(len(curves))]
                copies = 2 if rng.random() < 0.2 else 1
                fate = fates[rng.integers(4)]
                history += [Observation(100 * copy + k, ends, curve, 1, fate) for copy in range(copies)]


@pytest.mark.parametrize("space", [FINITE_SPACES["nested"], CONTINUOUS_SPACES["every distribution"]])
@pytest.mark.parametrize("count", [1, 30])
def test_one_observation_or_the_same_over_and_over_is_understood(space: Space, count: int) -> None:
    (first,) = TPESampler(space).ask([], [], [0], 1)
    assert first is not None
    (point,) = TPESampler(space).ask([ended(k, first, 1.0) for k in range(count)], [], [count], 1)
    assert point is not None
    assert space.key(point) != space.key(first)


def test_scipy_is_loaded_when_it_is_used() -> None:
    code = "import sys, barrido.registry, barrido.spec.load; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
