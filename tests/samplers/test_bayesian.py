"""Bayesian optimisation as its users meet it: what it proposes, and what it never does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from math import inf, log10, nan
from typing import Any

import numpy as np
import pytest

from barrido.core.protocols import Fate, Observation, Sampler
from barrido.core.trial import Params
from barrido.samplers.bayesian import BayesianSampler
from barrido.samplers.gp import model
from barrido.samplers.gp.encoding import Encoding
from barrido.samplers.gp.kernels import matern52, squared_distances
from barrido.samplers.random import RandomSampler
from barrido.space import (
    Choice,
    Domain,
    Float,
    Int,
    LogNormal,
    LogUniform,
    Normal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Space,
    Uniform,
)
from barrido.testing.samplers import SamplerSuite

Loss = Callable[[Mapping[str, Any]], float]


class TestBayesian(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return BayesianSampler(space)


def seen(number: int, params: Params, loss: float, outcome: Fate = Fate.COMPLETED) -> Observation:
    return Observation(number, params, (loss,), 1, outcome)


def search(sampler: Sampler, loss: Loss, trials: int, seed: int = 0, at_once: int = 1) -> list[Observation]:
    """Ask and tell, ``at_once`` points at a time."""
    observations: list[Observation] = []
    while len(observations) < trials:
        numbers = range(len(observations), min(trials, len(observations) + at_once))
        points = sampler.ask(observations, [], numbers, seed)
        told = [(k, p) for k, p in zip(numbers, points, strict=True) if p is not None]
        if not told:
            break
        observations += [seen(k, p, loss(p)) for k, p in told]
    return observations


def branin(p: Mapping[str, Any]) -> float:
    x, y = p["x"], p["y"]
    bowl = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
    return float(bowl + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


BRANIN = Space({"x": Uniform(-5, 10), "y": Uniform(0, 15)})
CONDITIONAL = Space(
    {
        "model": Choice(
            [
                {"name": "svm", "c": Float(1e-3, 1e3, log=True), "gamma": Float(1e-5, 10, log=True)},
                {"name": "mlp", "rate": Float(1e-5, 1, log=True), "layers": Int(1, 5)},
            ]
        )
    }
)


def conditional(p: Mapping[str, Any]) -> float:
    m = p["model"]
    if m["name"] == "svm":
        return float(0.12 + 0.01 * (log10(m["c"]) - 1) ** 2 + 0.02 * (log10(m["gamma"]) + 2) ** 2)
    return float(0.05 + 0.06 * (log10(m["rate"]) + 2.5) ** 2 + 0.02 * abs(m["layers"] - 3))


@pytest.mark.parametrize("at_once", [1, 4])
def test_it_finds_the_minimum_of_branin(at_once: int) -> None:
    for seed in range(2):
        found = search(BayesianSampler(BRANIN), branin, 32, seed, at_once)
        by_chance = search(RandomSampler(BRANIN), branin, 32, seed)
        best = min(o.loss for o in found) - 0.397887
        assert best < 0.05
        assert best < min(o.loss for o in by_chance) - 0.397887


def test_it_finds_the_right_branch_and_its_parameters() -> None:
    found = search(BayesianSampler(CONDITIONAL), conditional, 40)
    best = min(found, key=lambda o: o.loss)
    assert best.params["model"]["name"] == "mlp"
    assert best.loss < 0.052


def test_a_maximum_beyond_most_of_a_normal_s_mass_is_still_found() -> None:
    space = Space({"x": Normal(0, 1), "y": LogNormal(0, 1)})
    found = search(BayesianSampler(space), lambda p: (p["x"] - 1.5) ** 2 + (np.log(p["y"]) + 1) ** 2, 30)
    assert min(o.loss for o in found) < 0.01


def test_the_same_answers_give_the_same_points_without_any_cache() -> None:
    observations: list[Observation] = []
    steady = BayesianSampler(CONDITIONAL)
    for number in range(40):
        (point,) = steady.ask(observations, [], [number], 7)
        (again,) = BayesianSampler(CONDITIONAL).ask(observations, [], [number], 7)
        assert point == again
        assert point is not None
        observations.append(seen(number, point, conditional(point)))


def test_results_that_come_late_and_out_of_order_leave_no_trace_in_the_cache() -> None:
    steady = BayesianSampler(BRANIN)
    rng = np.random.default_rng(3)
    running: dict[int, Params] = {}
    told: dict[int, Observation] = {}
    for number in range(48):
        observations = [told[k] for k in sorted(told)]
        pending = [running[k] for k in sorted(running)]
        (point,) = steady.ask(observations, pending, [number], 1)
        assert [point] == BayesianSampler(BRANIN).ask(observations, pending, [number], 1)
        assert point is not None
        running[number] = point
        if len(running) == 4:
            ended = int(rng.choice(sorted(running)))
            told[ended] = seen(ended, running[ended], branin(running.pop(ended)))


def test_points_asked_for_together_are_apart() -> None:
    sampler = BayesianSampler(BRANIN)
    observations = search(sampler, branin, 10)
    points = sampler.ask(observations, [], range(10, 18), 0)
    u = BRANIN.to_unit([p for p in points if p is not None])
    distances = np.linalg.norm(u[:, None] - u, axis=2)[np.triu_indices(8, 1)]
    assert distances.min() > 0.01
    assert np.median(distances) > 0.1


def test_what_runs_already_is_not_proposed_again() -> None:
    sampler = BayesianSampler(BRANIN)
    observations = search(sampler, branin, 10)
    (first,) = sampler.ask(observations, [], [10], 0)
    assert first is not None
    (second,) = sampler.ask(observations, [first], [10], 0)
    assert second is not None
    assert np.linalg.norm(np.diff(BRANIN.to_unit([first, second]), axis=0)) > 0.01


def test_a_region_that_fails_is_avoided() -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})

    def loss(p: Mapping[str, Any]) -> float:
        return nan if p["x"] > 0.5 else (p["x"] - 0.6) ** 2 + (p["y"] - 0.3) ** 2

    found = search(BayesianSampler(space), loss, 40)
    late = [o for o in found[15:] if o.params["x"] > 0.5]
    assert len(late) <= 12, "the best lies at the edge of what works: some steps over it must be expected"
    assert min(o.loss for o in found) < 0.03


def test_a_space_in_which_everything_fails_is_still_searched() -> None:
    sampler = BayesianSampler(CONDITIONAL)
    observations: list[Observation] = []
    for number in range(30):
        (point,) = sampler.ask(observations, [], [number], 0)
        assert point is not None
        observations.append(seen(number, point, 1.0, Fate.FAILED))
    assert len({CONDITIONAL.key(o.params) for o in observations}) == 30


def test_a_stopped_trial_is_not_read_as_a_finished_one() -> None:
    space = Space({"x": Uniform(0, 1)})
    finished = [seen(k, {"x": x}, (x - 0.3) ** 2) for k, x in enumerate(np.linspace(0, 1, 9).tolist())]
    misleading = [{"x": x} for x in (0.27, 0.29, 0.31, 0.33)]
    stopped = [seen(9 + k, p, 2.0, Fate.STOPPED) for k, p in enumerate(misleading)]
    as_finished = [seen(9 + k, p, 2.0) for k, p in enumerate(misleading)]
    (wary,) = BayesianSampler(space).explain([*finished, *stopped], [], [{"x": 0.3}], 0)
    (misled,) = BayesianSampler(space).explain([*finished, *as_finished], [], [{"x": 0.3}], 0)
    assert wary is not None
    assert misled is not None
    assert wary.mean < 0.7 * misled.mean


def test_what_is_expected_is_what_comes_when_the_function_is_known() -> None:
    sampler = BayesianSampler(BRANIN)
    observations = search(sampler, branin, 40)
    points = RandomSampler(BRANIN).ask((), (), range(20), 5)
    expected = sampler.explain(observations, [], [p for p in points if p is not None], 0)
    assert sampler.explain(observations[:2], [], [o.params for o in observations[2:4]], 0) == [None, None]
    misses = [
        abs(e.mean - branin(p)) / max(e.spread, 1.0) for e, p in zip(expected, points, strict=True) if e and p
    ]
    assert len(misses) == 20
    assert np.median(misses) < 2
    assert all(e is not None and e.improvement >= 0 and e.spread >= 0 for e in expected)


@pytest.mark.parametrize("loss", [1e300, -1e300, 1e12, nan, -inf])
def test_one_loss_beyond_all_measure_does_not_spoil_what_is_known(loss: float) -> None:
    points = RandomSampler(BRANIN).ask((), (), range(60), 0)
    told = [seen(k, p, branin(p)) for k, p in enumerate(points) if p is not None]
    odd = Observation(60, {"x": 9.0, "y": 14.0}, (loss, 300.0), 2, Fate.COMPLETED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler = BayesianSampler(BRANIN)
        observations = [*told, odd]
        for number in range(61, 67):
            (point,) = sampler.ask(observations, [], [number], 0)
            assert point is not None
            (expected,) = sampler.explain(observations, [], [point], 0)
            assert expected is not None
            assert np.isfinite([expected.mean, expected.spread, expected.improvement]).all()
            observations.append(seen(number, point, branin(point)))
    if loss > -1e100:
        assert min(o.loss for o in observations[61:]) < 0.5


def test_a_trial_stopped_before_it_had_a_value_says_nothing_of_its_point() -> None:
    observations = search(BayesianSampler(BRANIN), branin, 14)
    silent = [Observation(14 + k, {"x": 3.1 + k / 50, "y": 2.3}, (), 0, Fate.STOPPED) for k in range(5)]
    with_silent = BayesianSampler(BRANIN).explain([*observations, *silent], [], [{"x": 3.14, "y": 2.27}], 0)
    assert with_silent == BayesianSampler(BRANIN).explain(observations, [], [{"x": 3.14, "y": 2.27}], 0)


@pytest.mark.parametrize("trials", [model.FIT_POINTS + 40, model.MODEL_POINTS + 100])
def test_many_observations_are_learned_from(trials: int) -> None:
    points = RandomSampler(BRANIN).ask((), (), range(trials), 0)
    observations = [seen(k, p, branin(p)) for k, p in enumerate(points) if p is not None]
    sampler = BayesianSampler(BRANIN)
    for number in range(trials, trials + 6):
        (point,) = sampler.ask(observations, [], [number], 0)
        assert point is not None
        observations.append(seen(number, point, branin(point)))
    assert min(o.loss for o in observations[-6:]) < 0.41


def test_an_endless_space_that_rounds_never_ends() -> None:
    space = Space({"x": QNormal(0, 1, 2)})
    assert len(search(BayesianSampler(space), lambda p: abs(p["x"] - 2), 30)) == 30


def test_an_integer_with_very_many_levels_is_found() -> None:
    space = Space({"x": Int(0, 10**12), "y": Int(1, 10**4, log=True)})
    target = {"x": 314159265358, "y": 271}
    found = search(
        BayesianSampler(space),
        lambda p: (p["x"] / target["x"] - 1) ** 2 + log10(p["y"] / target["y"]) ** 2,
        30,
    )
    assert min(o.loss for o in found) < 1e-4


def test_a_finite_space_is_searched_to_its_end() -> None:
    space = Space({"a": Choice([1, 2, 4]), "b": Choice(["x", "y"]), "c": Choice([{"d": Int(1, 3)}, "none"])})
    found = search(BayesianSampler(space), lambda p: p["a"] + (p["b"] == "x"), 100)
    assert len(found) == space.size == 24
    assert len({space.key(o.params) for o in found}) == 24


@pytest.mark.parametrize("seed", range(60))
def test_the_kernel_of_a_random_conditional_space_has_no_negative_eigenvalue(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = random_space(rng)
    encoding = Encoding(space)
    lengths = np.exp(rng.normal(-0.5, 1, len(space)))
    features = encoding.encode(space.snap(rng.random((60, len(space))))) / lengths[encoding.owner]
    kernel, _ = matern52(squared_distances(features, features))
    assert np.linalg.eigvalsh(kernel).min() > -1e-9


def random_domain(rng: np.random.Generator, depth: int) -> Domain:
    kinds: list[Callable[[], Domain]] = [
        lambda: Uniform(-2, 3),
        lambda: Float(1e-4, 1.0, log=True),
        lambda: LogUniform(-6, 0),
        lambda: Normal(1, 2),
        lambda: LogNormal(0, 1),
        lambda: QUniform(0, 2, 0.25),
        lambda: QNormal(10, 3, 0.1),
        lambda: QLogUniform(0, 4, 2),
        lambda: Int(1, int(rng.choice([2, 9, 300]))),
        lambda: Randint(5),
        lambda: Choice(["a", "b", "c"]),
        lambda: Choice([16, 64, 32]),
        lambda: Choice([True, False]),
        lambda: Choice(["low", "high", "top"], ordered=True),
    ]
    if depth and rng.random() < 0.3:
        branches: list[Any] = [
            {f"v{i}": random_domain(rng, depth - 1) for i in range(int(rng.integers(1, 3)))} | {"branch": b}
            for b in range(2)
        ]
        return Choice([*branches, "none"])
    return kinds[rng.integers(len(kinds))]()


def random_space(rng: np.random.Generator) -> Space:
    return Space({f"p{i}": random_domain(rng, 2) for i in range(int(rng.integers(1, 6)))})


def check_a_random_space(seed: int, suggestions: int) -> None:
    """Failures, NaN, constants, stopped trials and points that run: never a repeat, never a warning."""
    rng = np.random.default_rng((seed, 1))
    space = random_space(rng)
    sampler = BayesianSampler(space)
    constant = rng.random() < 0.2
    running: dict[int, Params] = {}
    told: dict[int, Observation] = {}
    keys: set[str] = set()
    for number in range(suggestions):
        observations = [told[k] for k in sorted(told)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (point,) = sampler.ask(observations, list(running.values()), [number], seed)
        if point is None:
            assert space.size == len(keys)
            return
        assert space.contains(point)
        assert space.key(point) not in keys
        keys.add(space.key(point))
        running[number] = point
        while len(running) > rng.integers(4):
            ended = int(rng.choice(sorted(running)))
            told[ended] = _some_end(ended, running.pop(ended), constant, rng)


def _some_end(number: int, params: Params, constant: bool, rng: np.random.Generator) -> Observation:
    curve: Sequence[float] = (1.0,) if constant else tuple(rng.lognormal(0, 3, 3).tolist())
    match rng.choice(["fine", "fine", "fine", "nan", "inf", "failed", "silent", "stopped"]):
        case "nan":
            curve = (nan, nan)
        case "inf":
            curve = (inf,)
        case "failed":
            return Observation(number, params, curve, 1, Fate.FAILED)
        case "silent":
            curve = ()
        case "stopped":
            return Observation(number, params, curve, 1, Fate.STOPPED)
    return Observation(number, params, curve, max(1, len(curve)), Fate.COMPLETED)


@pytest.mark.parametrize("seed", range(10))
def test_a_random_space_is_searched_without_repeats_or_warnings(seed: int) -> None:
    check_a_random_space(seed, 25)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_many_random_spaces_are_searched_without_repeats_or_warnings(seed: int) -> None:
    check_a_random_space(seed, 60)
