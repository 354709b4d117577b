from __future__ import annotations

from typing import Any

import pytest
from barrido_halton import HaltonSampler

from barrido.space import Choice, Space, Uniform
from barrido.testing.samplers import CONTINUOUS_SPACES, FINITE_SPACES, SamplerSuite

HIGHEST = 10


class TestHalton(SamplerSuite):
    def sampler(self, space: Space) -> HaltonSampler:
        return HaltonSampler(space)

    def spaces(self) -> Any:
        both = {**FINITE_SPACES, **{f"continuous, {name}": one for name, one in CONTINUOUS_SPACES.items()}}
        yield from ((name, space) for name, space in both.items() if len(space) <= HIGHEST)


def test_skipping_is_beginning_later() -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    assert HaltonSampler(space, skip=3).ask([], [], [0], 1) == HaltonSampler(space).ask([], [], [3], 1)


def test_every_fourth_of_a_line_is_met_before_one_is_met_twice() -> None:
    points = HaltonSampler(Space({"x": Uniform(0, 1)})).ask([], [], range(-1, 3), 5)
    assert sorted(int(4 * point["x"]) for point in points if point is not None) == [0, 1, 2, 3]


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="up to 10 parameters"):
        HaltonSampler(Space({f"p{n}": Choice([1, 2]) for n in range(11)}))
