"""Samplers of spaces with constraints, against enumeration and against rejection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from barrido.core.protocols import Fate, Observation, Sampler
from barrido.samplers.bayesian import BayesianSampler
from barrido.samplers.bohb import BOHBSampler
from barrido.samplers.grid import GridSampler
from barrido.samplers.random import RandomSampler
from barrido.samplers.sobol import SobolSampler
from barrido.samplers.tpe import TPESampler
from barrido.space import Choice, Float, Int, Space, Uniform

SIMPLEX = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)}, ["x + y <= 0.3"])
FINITE = Space(
    {"a": Int(1, 9), "b": Int(1, 9), "c": Choice(["u", "v"])}, ["a * b == 12 or (a == b and c == 'u')"]
)
ALLOWED = [p for p in FINITE.grid() if p["a"] * p["b"] == 12 or (p["a"] == p["b"] and p["c"] == "u")]
LEARNING: list[Callable[[Space], Sampler]] = [
    BayesianSampler,
    TPESampler,
    lambda space: BOHBSampler(space, (1, 3, 9)),
]


def keys(points: object) -> list[str]:
    return [Space.key(point) for point in points if point is not None]  # type: ignore[attr-defined]


def test_a_grid_leaves_out_what_is_not_allowed() -> None:
    grid = GridSampler(FINITE)
    assert grid.ask([], [], range(len(ALLOWED) + 2), 0) == [*ALLOWED, None, None]
    assert GridSampler(FINITE).ask([], [], [5, 2], 0) == [ALLOWED[5], ALLOWED[2]]


def test_a_grid_finds_what_is_allowed_behind_billions_that_are_not() -> None:
    digits = {f"p{n}": Int(0, 9) for n in range(12)}
    (point,) = GridSampler(Space(digits, ["p3 == 9 or p0 > 8", "p1 + p0 == 18"])).ask([], [], [0], 0)
    assert point == {**dict.fromkeys(digits, 0), "p0": 9, "p1": 9}


def test_a_grid_with_branches_leaves_out_what_is_not_allowed() -> None:
    inner = Choice([{"k": Int(1, 3), "j": Int(0, 1)}, "none"])
    space = Space({"a": Int(0, 3), "b": inner, "c": Int(0, 4)}, ["b.k > a", "c * a < 7", "a != 2"])
    allowed = [point for point in space.grid() if space.allows(point)]
    assert GridSampler(space).ask([], [], range(len(allowed) + 1), 0) == [*allowed, None]


def test_a_grid_gives_up_where_constraints_allow_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barrido.samplers.grid.FUTILE", 1000)
    digits = {f"p{n}": Int(0, 9) for n in range(12)}
    assert GridSampler(Space(digits, ["p0 * p11 == 81"])).ask([], [], [0], 0) == [None]


@pytest.mark.parametrize("kind", [RandomSampler, SobolSampler])
def test_a_finite_space_is_tried_whole(kind: type[RandomSampler | SobolSampler]) -> None:
    points = kind(FINITE).ask([], [], range(len(ALLOWED) + 1), 3)
    assert points[-1] is None
    assert sorted(keys(points)) == sorted(keys(ALLOWED))


def test_random_search_is_rejection_sampling() -> None:
    """What the constraints leave is as likely as it was: the draws of the free space, less some."""
    free = RandomSampler(Space(SIMPLEX.parameters))
    drawn = free.ask([], [], range(2_000), 7)
    expected = [point for point in drawn if point is not None and point["x"] + point["y"] <= 0.3]
    assert RandomSampler(SIMPLEX).ask([], [], range(len(expected)), 7) == expected


def test_sobol_points_are_those_of_the_sequence() -> None:
    free = SobolSampler(Space(SIMPLEX.parameters)).ask([], [], range(500), 7)
    expected = [point for point in free if point is not None and SIMPLEX.allows(point)]
    assert SobolSampler(SIMPLEX).ask([], [], range(len(expected)), 7) == expected
    assert SobolSampler(SIMPLEX).ask([], [], [len(expected) - 1, 0], 7) == [expected[-1], expected[0]]


def test_where_nothing_is_allowed_there_is_no_point() -> None:
    nothing = Space({"x": Uniform(0, 1)}, ["x > 2"])
    assert RandomSampler(nothing).ask([], [], [0, 1], 0) == [None, None]
    assert TPESampler(nothing).ask([], [], [0], 0) == [None]
    assert BayesianSampler(nothing).ask([], [], [0], 0) == [None]


@pytest.mark.parametrize("kind", [RandomSampler, SobolSampler, BayesianSampler, TPESampler])
def test_where_hardly_anything_is_allowed_points_are_found(kind: type[RandomSampler]) -> None:
    narrow = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)}, ["abs(x - y) < 0.0005"])
    points = kind(narrow).ask([], [], range(3), 1)
    assert all(point is not None and narrow.allows(point) for point in points)


@pytest.mark.parametrize("make", LEARNING)
def test_samplers_that_learn_find_the_best_that_is_allowed(make: Callable[[Space], Sampler]) -> None:
    """The best of the whole space, (0.9, 0.9), is not allowed; the best allowed is (0.5, 0.5)."""
    space = Space({"x": Float(0, 1), "y": Float(0, 1)}, ["x + y <= 1"])
    sampler, seen = make(space), list[Observation]()
    for number in range(45):
        (point,) = sampler.ask(seen, [], [number], 5)
        assert point is not None
        assert space.allows(point)
        loss = (point["x"] - 0.9) ** 2 + (point["y"] - 0.9) ** 2
        seen.append(Observation(number, point, [loss], 9, Fate.COMPLETED, {1: loss, 3: loss, 9: loss}))
    best = min(one.loss for one in seen)
    free = [RandomSampler(space).ask([], [], [k], s)[0] for s in range(5) for k in range(45)]
    chance = np.sort([(p["x"] - 0.9) ** 2 + (p["y"] - 0.9) ** 2 for p in free if p is not None])
    assert best - 0.32 < 0.5 * (np.median(chance[:5]) - 0.32) + 0.01


@pytest.mark.parametrize("kind", [RandomSampler, SobolSampler, GridSampler])
def test_a_constraint_that_all_points_keep_changes_nothing(
    kind: type[RandomSampler | SobolSampler | GridSampler],
) -> None:
    free = Space(FINITE.parameters) if kind is GridSampler else Space({**SIMPLEX.parameters, "n": Int(1, 9)})
    name = next(iter(free.parameters))
    bound = Space(free.parameters, [f"{name} < 100"])
    numbers = range(150, -1, -1)
    assert kind(bound).ask([], [], numbers, 11) == kind(free).ask([], [], numbers, 11)
