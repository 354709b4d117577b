"""Points that people write become points of the space, or are refused with everything that is wrong."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from barrido.space import Choice, Float, Int, LogUniform, QUniform, Space, Uniform
from barrido.space.fitting import fitted

SPACE = Space(
    {
        "lr": Float(1e-4, 1e-1, log=True),
        "depth": Int(1, 9),
        "step": QUniform(0, 1, 0.1),
        "mode": Choice([1, "1", True, "adam"]),
        "opt": Choice(
            [
                {"kind": "sgd", "momentum": Uniform(0, 1), "decay": {"rate": LogUniform(-3, 0)}},
                {"kind": "adam", "beta": Choice([0.9, 0.99])},
                "none",
            ]
        ),
    }
)
WELL = {"lr": 1e-4, "depth": 3, "step": 0.3, "mode": "adam", "opt": "none"}


def test_what_a_sampler_gives_is_left_as_it_is() -> None:
    for point in SPACE.from_unit(np.random.default_rng(1).random((200, len(SPACE)))):
        again, problems = fitted(SPACE, json.loads(json.dumps(point)))
        assert (repr(again), problems) == (repr(point), [])


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("lr", 1e-4, 1e-4),
        ("depth", 3.0, 3),
        ("step", 1, 1.0),
        ("step", 0.1 + 0.2, 0.3),
        ("mode", 1.0, 1),
        ("mode", "1", "1"),
        ("mode", True, True),
        ("opt", {"beta": 0.99, "kind": "adam"}, {"kind": "adam", "beta": 0.99}),
        (
            "opt",
            {"kind": "sgd", "momentum": 1, "decay": {"rate": 1}},
            {"kind": "sgd", "momentum": 1.0, "decay": {"rate": 1.0}},
        ),
    ],
)
def test_values_become_those_that_a_sampler_would_have_given(name: str, given: Any, taken: Any) -> None:
    point, problems = fitted(SPACE, {**WELL, name: given})
    assert (repr(point[name]), problems) == (repr(taken), [])
    assert list(point) == list(SPACE.parameters)
    assert SPACE.contains(point)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("lr", 1.0, "lr cannot be 1.0"),
        ("lr", "0.01", "lr cannot be '0.01'"),
        ("lr", nan, "lr cannot be nan"),
        ("lr", None, "lr cannot be None"),
        ("lr", True, "lr cannot be True"),
        ("depth", 3.5, "depth cannot be 3.5"),
        ("depth", inf, "depth cannot be inf"),
        ("depth", 10**400, "depth cannot be a number of more than 30 digits"),
        ("step", 0.25, "step cannot be 0.25"),
        ("mode", [1], "mode cannot be [1]"),
        ("mode", {"a": object}, "mode cannot be"),
        ("opt", "nothing", "opt cannot be 'nothing'"),
        ("opt", {"kind": "adam", "beta": 0.5}, "opt.beta cannot be 0.5"),
        ("opt", {"kind": "adam", "bet": 0.9}, "opt cannot be"),
        ("opt", {"kind": "sgd", "momentum": 0.5, "decay": {}}, "opt.decay.rate is missing"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(name: str, given: Any, said: str) -> None:
    _, (problem,) = fitted(SPACE, {**WELL, name: given})
    assert problem.what.startswith(said)
    assert problem.hint.startswith("it is ")


def test_everything_that_is_wrong_is_said_at_once() -> None:
    _, problems = fitted(SPACE, {"lrr": 1, "depth": 77})
    assert [problem.what for problem in problems] == [
        "there is no parameter 'lrr'",
        "lr is missing",
        "depth cannot be 77",
        "step is missing",
        "mode is missing",
        "opt is missing",
    ]
    assert problems[0].hint == "did you mean lr?"
