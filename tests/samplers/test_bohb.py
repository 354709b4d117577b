"""BOHB's sampler: which rung it learns from, and how often it does not."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan

import pytest

from barrido.core.protocols import Fate, Observation, Sampler
from barrido.samplers.bohb import BOHBSampler
from barrido.samplers.tpe import Settings, TPESampler
from barrido.space import Space, Uniform
from barrido.testing.samplers import SamplerSuite

LINE = Space({"x": Uniform(0, 1)})
LEVELS = (1, 3, 9)
LEAST = 4  # N_min + 2 in one dimension


class TestBOHB(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return BOHBSampler(space, LEVELS)


def seen(number: int, rungs: Mapping[int, float], outcome: Fate = Fate.RUNNING) -> Observation:
    return Observation(number, {"x": number / 100}, (0.0,) * max(rungs, default=0), 0, outcome, rungs)


def at(level: int, trials: list[Observation]) -> list[Observation]:
    """Of those that came to ``level``, what they had there; worked out here, by hand."""
    return [
        Observation(o.number, o.params, (o.rungs[level],), level, Fate.COMPLETED)
        for o in trials
        if level in o.rungs
    ]


def asked_one_by_one(trials: list[Observation], count: int) -> list[float]:
    """Points for as many trials, none of which is under way when the next is asked for."""
    sampler = BOHBSampler(LINE, LEVELS)
    points = [sampler.ask(trials, [], [number], 5)[0] for number in range(100, 100 + count)]
    return [point["x"] for point in points if point is not None]


@pytest.mark.parametrize(
    ("counts", "level"),
    [((4, 0, 0), 1), ((9, 3, 0), 1), ((9, 4, 0), 3), ((30, 10, 3), 3), ((30, 10, 4), 9)],
)
def test_the_model_is_of_the_largest_rung_with_enough_trials(counts: tuple[int, ...], level: int) -> None:
    trials = []
    for number in range(counts[0]):
        rungs = {r: (number - 7) ** 2 / r for r, n in zip(LEVELS, counts, strict=True) if number < n}
        trials.append(seen(number, rungs))
    numbers = list(range(100, 130))
    expected = TPESampler(LINE, Settings(rho=1 / 3)).ask(at(level, trials), [], numbers, 5)
    assert BOHBSampler(LINE, LEVELS).ask(trials, [], numbers, 5) == expected


def test_before_any_rung_has_enough_the_points_are_a_sobol_sequence() -> None:
    trials = [seen(number, {1: 0.5}) for number in range(LEAST - 1)]
    first = TPESampler(LINE).ask([], [], [7, 8], 5)
    assert BOHBSampler(LINE, LEVELS).ask(trials, [], [7, 8], 5) == first


def test_a_third_of_the_points_are_drawn_without_the_model() -> None:
    trials = [seen(number, {9: abs(number / 100 - 0.1)}) for number in range(100)]
    away = sum(x > 0.4 for x in asked_one_by_one(trials, 600))
    assert pytest.approx(away, abs=4 * (600 * 0.2 * 0.8) ** 0.5) == 600 / 3 * 0.6


def test_a_trial_that_failed_is_bad_at_every_rung_and_one_without_a_number_where_it_was_compared() -> None:
    trials = [seen(number, {3: 1.0 + number / 100}) for number in range(0, 40, 4)]
    trials += [seen(number, {3: inf}) for number in range(41, 60, 4)]
    trials += [seen(number, {}, Fate.FAILED) for number in range(61, 100, 4)]
    assert sum(x < 0.4 for x in asked_one_by_one(trials, 150)) > 150 * 0.7


@pytest.mark.parametrize("value", [inf, nan])
def test_rungs_without_a_number_leave_nothing_to_learn_from(value: float) -> None:
    trials = [seen(number, {1: value}) for number in range(10)]
    assert BOHBSampler(LINE, LEVELS).ask(trials, [], [50], 5)[0] is not None


def test_what_was_tried_at_any_rung_is_not_tried_again() -> None:
    from barrido.space import Choice

    space = Space({"x": Choice(list(range(8)))})
    trials = [Observation(n, {"x": n}, (0.5,), 1, Fate.RUNNING, {1: float(n)}) for n in range(6)]
    trials.append(Observation(6, {"x": 6}, (), 0, Fate.RUNNING))
    assert BOHBSampler(space, LEVELS).ask(trials, [], [7, 8], 5) == [{"x": 7}, None]
