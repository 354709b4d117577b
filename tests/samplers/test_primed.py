"""A sampler that knows from the start what others found out."""

from __future__ import annotations

from collections.abc import Sequence

from barrido.core.protocols import Explainer, Fate, Observation, Sampler
from barrido.core.trial import Expectation, Params
from barrido.samplers.primed import Primed, misfits, numbered
from barrido.samplers.random import RandomSampler
from barrido.space import Choice, Int, Space, Uniform
from barrido.testing.samplers import SamplerSuite

SPACE = Space({"x": Uniform(0, 1), "layers": Int(1, 4)})


def ended(number: int, x: float, layers: int = 1) -> Observation:
    return Observation(number, {"x": x, "layers": layers}, (x,), 1, Fate.COMPLETED)


class Counter:
    """Answers with how much it was told."""

    learns = True

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return [{"told": [one.number for one in observations]}] * len(numbers)


class Candid(Counter):
    """Expects as much as it was told."""

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        return [Expectation(float(len(observations)), 0.0, 0.0)] * len(points)


class TestPrimed(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        points = [point for point in RandomSampler(space).ask([], [], range(3), 99) if point is not None]
        known = [Observation(k, point, (1.0,), 1, Fate.COMPLETED) for k, point in enumerate(points)]
        return Primed(RandomSampler(space), numbered(known))


def test_what_came_before_comes_first_under_numbers_of_its_own() -> None:
    primed = Primed(Counter(), numbered([ended(0, 0.1), ended(0, 0.2), ended(7, 0.3)]))
    assert primed.learns
    assert primed.ask([ended(0, 0.4)], [], [1], 5) == [{"told": [-3, -2, -1, 0]}]


def test_what_is_expected_takes_it_into_account() -> None:
    point = {"x": 0.5, "layers": 2}
    primed = Primed(Candid(), numbered([ended(0, 0.1)]))
    assert isinstance(primed, Explainer)
    assert primed.explain([ended(0, 0.4)], [], [point, point], 5) == [Expectation(2.0, 0.0, 0.0)] * 2
    assert Primed(Counter(), []).explain([], [], [point], 5) == [None]


def test_points_of_another_space_are_found_once_for_each_parameter() -> None:
    prior = [ended(0, 0.5), ended(1, 1.5), ended(3, 2.5, layers=9), ended(4, 0.5, layers=7)]
    assert [(problem.what, problem.hint) for problem in misfits(SPACE, prior, of="of 'iris'")] == [
        ("x cannot be 1.5 here (trial 1 of 'iris', and 1 more)", "it is uniform(min_value: 0, max_value: 1)"),
        ("layers cannot be 9 here (trial 3 of 'iris', and 1 more)", "it is int(low: 1, high: 4)"),
    ]
    assert misfits(SPACE, prior[:1], of="of 'iris'") == []


def test_points_with_other_parameters_are_said_to_have_them() -> None:
    space = Space({"x": Uniform(0, 1), "kind": Choice(["a"])})
    (problem,) = misfits(space, [ended(2, 0.5)], of="of 'iris'")
    assert problem.what == "the parameters differ: there layers, x, here kind, x (trial 2 of 'iris')"
