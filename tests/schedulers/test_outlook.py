import json
from typing import Any

import pytest

from barrido.schedulers.outlook import outlook


@pytest.mark.parametrize(("R", "trials", "units"), [(9, 17, 69), (27, 49, 357), (81, 143, 1581)])
def test_a_full_hyperband_costs_what_it_takes_with_resume(R: int, trials: int, units: int) -> None:
    for kind in ("hyperband", "bohb"):
        seen = outlook({"type": kind, "max_resource": R}, trials)
        assert (seen.trials, seen.resource, seen.note) == (trials, units, "")
        assert sum(bracket.configurations for bracket in seen.brackets) == trials
    assert outlook({"type": "hyperband", "max_resource": R}, 2 * trials).resource == 2 * units


def test_it_is_said_how_a_small_sweep_is_shrunk() -> None:
    seen = outlook({"type": "hyperband", "max_resource": 81}, 8)
    assert seen.note == (
        "max_total_trials 8 is smaller than a full Hyperband (143): trials begin at 27, not at 1"
    )
    assert [bracket.rungs for bracket in seen.brackets] == [
        ((3, 27), (1, 81)),
        ((2, 81),),
        ((3, 27), (1, 81)),
    ]
    assert seen.resource == 432


@pytest.mark.parametrize(
    ("config", "trials", "note"),
    [
        (
            {"type": "hyperband", "max_resource": 81},
            200,
            "the last bracket has 57 of 81 trials: trials begin at 3, not at 1",
        ),
        ({"type": "successive_halving", "size": 27, "max_resource": 27}, 54, ""),
        (
            {"type": "successive_halving", "size": 27, "max_resource": 27},
            5,
            "the only bracket has 5 of 27 trials: trials begin at 9, not at 1",
        ),
        (
            {"type": "successive_halving", "size": 8, "max_resource": 81},
            12,
            "8 trials in a bracket are too few to be halved 4 times: trials begin at 27, not at 1; "
            "the last bracket has 4 of 8 trials",
        ),
    ],
)
def test_it_is_said_which_bracket_is_not_a_whole_one(config: dict[str, Any], trials: int, note: str) -> None:
    assert outlook(config, trials).note == note


def test_asha_says_what_can_be_expected() -> None:
    for variant in ("stopping", "promotion"):
        seen = outlook({"type": "asha", "max_resource": 81, "variant": variant}, 2000)
        (bracket,) = seen.brackets
        assert [resource for _, resource in bracket.rungs] == [1, 3, 9, 27, 81]
        for (trials, _), ideal in zip(bracket.rungs, (2000, 666, 222, 74, 24), strict=True):
            assert ideal * 0.7 <= trials <= ideal * 2
        assert seen.resource == bracket.resource
        assert seen.note.startswith("so many trials can be expected at each rung")
    few = outlook({"type": "asha", "max_resource": 81, "variant": "promotion"}, 8)
    assert few.note.startswith("max_total_trials 8 is too small for every rung: trials begin at 27, not at 1")


def test_a_plain_sweep_has_nothing_to_say() -> None:
    seen = outlook({"type": "fifo"}, 12)
    assert (seen.brackets, seen.trials, seen.resource, seen.note) == ((), 12, None, "")


def test_an_outlook_is_json() -> None:
    body = outlook({"type": "hyperband", "max_resource": 3}, 5).to_json()
    assert json.loads(json.dumps(body)) == body
    assert body == {
        "brackets": [
            {
                "s": 1,
                "rungs": [{"trials": 3, "resource": 1}, {"trials": 1, "resource": 3}],
                "configurations": 3,
                "resource": 5,
            },
            {"s": 0, "rungs": [{"trials": 2, "resource": 3}], "configurations": 2, "resource": 6},
        ],
        "trials": 5,
        "resource": 11,
        "note": "",
    }
