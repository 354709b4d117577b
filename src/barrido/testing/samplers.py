"""What every sampler must do, as tests: subclass `SamplerSuite` in a test module, and pytest runs them.

class TestMySampler(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return MySampler(space)
"""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite, nan
from typing import Any, ClassVar, cast

import numpy as np

from barrido.core.protocols import Explainer, Fate, Observation, Sampler
from barrido.core.trial import Expectation, Params
from barrido.space import (
    Choice,
    Domain,
    Float,
    Int,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Space,
    Uniform,
)

_NETWORK: Mapping[str, Domain] = {
    "optimizer": Choice(["sgd", "adam", "adagrad"]),
    "batch_size": Choice([64, 16, 32]),
    "nesterov": Choice([True, False]),
    "dropout": QUniform(0, 0.5, 0.1),
    "depth": Randint(4),
    "width": Int(8, 64, log=True),
    "epochs": QLogUniform(0, 3, 5),
}
_BRANCHES: Mapping[str, Domain] = {
    "conv_size": Choice(
        [
            {"const_val": 999},
            {"val1": Choice([16, 32]), "deeper": {"val2": Randint(3)}},
            {"inner": Choice([{"a": Int(1, 2)}, "none"])},
            7,
        ]
    ),
    "rate": Choice([0.01, 0.1]),
}

FINITE_SPACES: Mapping[str, Space] = {
    "one point": Space({"only": Choice(["this"])}),
    "one choice": Space({"reg_rate": Choice([0.01, 0.1, 1])}),
    "two": Space({"batch_size": Choice([16, 32]), "hidden_layers": Choice([1, 2, 3])}),
    "nested": Space(_BRANCHES),
    "large": Space(_NETWORK),
    "constrained": Space(
        {"width": Choice([16, 32, 64]), "depth": Randint(5), "norm": Choice(["batch", "none"])},
        ["width * depth <= 128", "norm != 'none' or depth < 2"],
    ),
}
CONTINUOUS_SPACES: Mapping[str, Space] = {
    "every distribution": Space(
        {
            **_NETWORK,
            "uniform": Uniform(0.05, 0.1),
            "loguniform": LogUniform(-6, -1),
            "normal": Normal(10, 3),
            "lognormal": LogNormal(0, 1),
            "qnormal": QNormal(10, 3, 0.5),
            "qlognormal": QLogNormal(0, 1, 0.25),
            "float": Float(1e-4, 1e-1, log=True),
        }
    ),
    "nested": Space({**_BRANCHES, "lr": Choice([{"log": LogUniform(-3, 0)}, {"flat": Uniform(0, 1)}, 0.5])}),
    "constrained": Space(
        {"x": Uniform(0, 1), "y": Uniform(0, 1), "depth": Randint(4)}, ["x + y < 0.5 + depth / 8", "x < y"]
    ),
}


def play(
    sampler: Sampler, space: Space, *, trials: int, concurrency: int, seed: int
) -> dict[int, Params | None]:
    """Run a sweep of ``trials`` trials on a made-up objective; the points by trial number.

    ``concurrency`` trials run at a time; each time the one with the lowest hash of its number ends first.
    """
    points: dict[int, Params | None] = {}
    running: dict[int, Params] = {}
    observations: list[Observation] = []
    next_number = 0
    while running or next_number < trials:
        free = range(next_number, min(next_number + concurrency - len(running), trials))
        answers = sampler.ask(observations, list(running.values()), list(free), seed)
        next_number = free.stop
        for number, point in zip(free, answers, strict=True):
            points[number] = point
            if point is not None:
                running[number] = point
        if running:
            ended = min(running, key=lambda number: (number * 7919) % 31)
            observations.append(_observed(ended, running.pop(ended), space))
    return points


def _observed(number: int, point: Params, space: Space) -> Observation:
    loss = float(np.nansum((space.to_unit([point])[0] - 0.3) ** 2))
    return Observation(number, point, [loss + 0.5, loss], 2, Fate.COMPLETED)


class SamplerSuite:
    """The tests. Give `sampler`; set the flags that apply."""

    finite_only: ClassVar[bool] = False  # it refuses spaces that have no end of points
    uses_seed: ClassVar[bool] = True
    exhausts: ClassVar[bool] = True  # in a finite space it tries every point, and none twice

    def sampler(self, space: Space) -> Sampler:
        raise NotImplementedError("a subclass gives the sampler to be tested")

    def spaces(self) -> Iterator[tuple[str, Space]]:
        """The spaces to try, by name."""
        yield from FINITE_SPACES.items()
        if not self.finite_only:
            yield from ((f"continuous, {name}", space) for name, space in CONTINUOUS_SPACES.items())

    def test_each_number_gets_a_point_of_the_space(self) -> None:
        for name, space in self.spaces():
            size = space.count or inf
            answers = self.sampler(space).ask([], [], range(8), 1)
            assert len(answers) == 8, f"{name}: {len(answers)} answers to 8 numbers"
            for k, point in enumerate(answers):
                if self.exhausts:
                    assert (point is None) == (k >= size), f"{name}: {point} for number {k} of {size}"
                assert point is None or space.contains(point), f"{name}: {point} is not in the space"

    def test_points_keep_to_constraints(self) -> None:
        for name, space in self.spaces():
            points = play(self.sampler(space), space, trials=24, concurrency=2, seed=9)
            for point in points.values():
                assert point is None or space.allows(point), f"{name}: {point} breaks {space.broken(point)}"

    def test_nothing_asked_nothing_answered(self) -> None:
        for name, space in self.spaces():
            assert self.sampler(space).ask([], [], [], 1) == [], name

    def test_points_are_plain_json(self) -> None:
        for name, space in self.spaces():
            for point in self.sampler(space).ask([], [], range(4), 1):
                assert point is None or list(point) == list(space.parameters), f"{name}: {point}"
                assert _is_plain(point), f"{name}: {point!r} holds something that is not JSON's"
                assert json.loads(json.dumps(point, allow_nan=False)) == point, f"{name}: {point}"

    def test_the_same_question_gets_the_same_answer(self) -> None:
        for name, space in self.spaces():
            sampler, observations = self.sampler(space), self._history(space)
            first = sampler.ask(observations, [], [9, 10], 5)
            sampler.ask([], [], [0, 3], 6)
            assert sampler.ask(observations, [], [9, 10], 5) == first, f"{name}: asked again"
            assert self.sampler(space).ask(observations, [], [9, 10], 5) == first, f"{name}: a new sampler"

    def test_another_seed_gives_other_points(self) -> None:
        if not self.uses_seed:
            return
        space = FINITE_SPACES["large"]
        one, other = (self.sampler(space).ask([], [], range(4), seed) for seed in (1, 2))
        assert one != other

    def test_concurrency_does_not_matter_to_a_sampler_that_does_not_learn(self) -> None:
        for name, space in self.spaces():
            if self.sampler(space).learns:
                return
            alone = play(self.sampler(space), space, trials=20, concurrency=1, seed=3)
            for concurrency in (2, 8):
                together = play(self.sampler(space), space, trials=20, concurrency=concurrency, seed=3)
                assert together == alone, f"{name}: other points at concurrency {concurrency}"
            backwards = self.sampler(space).ask([], [], range(19, -1, -1), 3)
            assert backwards == [alone[k] for k in range(19, -1, -1)], f"{name}: asked backwards"

    def test_a_resumed_sweep_goes_on_with_the_same_points(self) -> None:
        for name, space in self.spaces():
            history = self._history(space)
            numbers = range(len(history), len(history) + 4)
            used = self.sampler(space)
            for k in range(len(history)):
                used.ask(history[:k], [], [k], 4)
            asked = used.ask(history, [], numbers, 4)
            assert self.sampler(space).ask(history, [], numbers, 4) == asked, name

    def test_what_is_expected_is_a_number_for_each_point_and_the_same_each_time(self) -> None:
        for name, space in self.spaces():
            sampler, history = self.sampler(space), self._history(space)
            if not isinstance(sampler, Explainer):
                return
            for observations, pending in ((history, []), (history, [history[-1].params]), ([], [])):
                answers = sampler.ask(observations, pending, [8, 9], 1)
                points = [point for point in answers if point is not None]
                expected = sampler.explain(observations, pending, points, 1)
                assert len(expected) == len(points), name
                for one in expected:
                    assert one is None or _is_sensible(one), f"{name}: {one}"
                again = cast(Explainer, self.sampler(space)).explain(observations, pending, points, 1)
                assert again == expected, f"{name}: a new sampler expects otherwise"

    def test_every_point_of_a_finite_space_comes_once_and_then_none(self) -> None:
        if not self.exhausts:
            return
        for name, space in FINITE_SPACES.items():
            if (size := space.count) is None or size > 100:
                continue
            points = play(self.sampler(space), space, trials=size + 3, concurrency=2, seed=2)
            keys = [space.key(point) for point in points.values() if point is not None]
            assert len(set(keys)) == len(keys), f"{name}: a point came twice"
            assert len(keys) == size, f"{name}: {len(keys)} of {size} points came"
            assert points[size] is None, f"{name}: a point after the last"

    def test_trials_that_failed_were_stopped_or_still_run_are_understood(self) -> None:
        curves: Sequence[tuple[list[float], Fate]] = [
            ([], Fate.FAILED),
            ([nan, inf], Fate.FAILED),
            ([1.0, nan, 0.5], Fate.COMPLETED),
            ([-inf], Fate.COMPLETED),
            ([2.0], Fate.STOPPED),
            ([3.0], Fate.RUNNING),
            ([nan], Fate.COMPLETED),
        ]
        for name, space in self.spaces():
            history = self._history(space)
            strange = [
                Observation(o.number, o.params, curve, len(curve), fate)
                for o, (curve, fate) in zip(history * len(curves), curves, strict=False)
            ]
            for observations in (strange, strange[:1]):
                (point,) = self.sampler(space).ask(observations, [history[-1].params], [8], 1)
                assert point is None or space.contains(point), f"{name}: {point} is not in the space"

    def test_arguments_stay_as_they_were(self) -> None:
        for name, space in self.spaces():
            observations = self._history(space)
            pending, numbers = [dict(observations[0].params)], [7, 8]
            before = copy.deepcopy((observations, pending, numbers))
            self.sampler(space).ask(observations, pending, numbers, 1)
            assert (observations, pending, numbers) == before, name

    def test_an_answer_that_is_changed_does_not_change_the_next(self) -> None:
        for name, space in self.spaces():
            sampler = self.sampler(space)
            (point,) = sampler.ask([], [], [0], 1)
            before = copy.deepcopy(point)
            _spoil(point)
            assert sampler.ask([], [], [0], 1) == [before], name

    def test_global_random_generators_are_left_alone(self) -> None:
        for name, space in self.spaces():
            before = (random.getstate(), _numpy_state())
            self.sampler(space).ask(self._history(space), [], [9], 1)
            assert (random.getstate(), _numpy_state()) == before, f"{name}: used a global generator"

    def test_there_are_no_warnings(self) -> None:
        for _, space in self.spaces():
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.sampler(space).ask(self._history(space), [], [6, 7, 8], 1)

    def _history(self, space: Space) -> list[Observation]:
        """Up to six finished trials of the sampler's own first points."""
        answers = self.sampler(space).ask([], [], range(6), 11)
        return [_observed(k, point, space) for k, point in enumerate(answers) if point is not None]


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return type(value) is dict and all(type(k) is str and _is_plain(v) for k, v in value.items())
    return value is None or type(value) in (str, int, float, bool)


def _is_sensible(expected: Expectation) -> bool:
    numbers = (expected.mean, expected.spread, expected.improvement)
    return all(type(v) is float and isfinite(v) for v in numbers) and min(numbers[1:]) >= 0


def _spoil(value: Any) -> None:
    """Overwrite everything inside a dict, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _spoil(inner)
            value[key] = "spoiled"


def _numpy_state() -> str:
    return repr(np.random.get_state())
