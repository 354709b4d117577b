"""Who came to which rung, against schedules that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from barrido.core.events import PauseMode
from barrido.core.recipe import Goal, Limits, Objective, Pausing
from barrido.core.trial import Phase
from barrido.executors.sim import NO_FAULT, Fault
from barrido.figures.rungs import rungs
from barrido.figures.trial import detail
from barrido.store.queries import Reader

Play = Callable[..., Reader]
HALVING = {
    "type": "successive_halving",
    "size": 9,
    "max_resource": 9,
    "min_resource": 1,
    "reduction_factor": 3,
}
HYPERBAND = {"type": "hyperband", "max_resource": 9, "min_resource": 1, "reduction_factor": 3}
ASHA = {"type": "asha", "max_resource": 9, "min_resource": 1, "reduction_factor": 3}


def states(rung: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["trial"], one["state"]) for one in rung["trials"]]


def counts(bracket: dict[str, Any]) -> list[tuple[int, int | None, int, int, int]]:
    """Of each rung: its resource, how many were planned, came, were promoted, and are out."""
    return [
        (
            rung["resource"],
            rung["planned"],
            len(rung["trials"]),
            sum(one["state"] == "promoted" for one in rung["trials"]),
            sum(one["state"] == "out" for one in rung["trials"]),
        )
        for rung in bracket["rungs"]
    ]


def limits(trials: int, workers: int = 1) -> Limits:
    return Limits(max_total_trials=trials, max_concurrent_trials=workers, max_failed_trials=trials)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("mode", [PauseMode.SUSPEND, PauseMode.RESTART])
def test_a_bracket_of_nine_is_halved_to_its_best(played: Play, mode: PauseMode, workers: int) -> None:
    reader = played(scheduler=HALVING, limits=limits(9, workers), pausing=Pausing(mode=mode))
    answer = rungs(reader)
    assert answer["unit"] == "reports"
    (bracket,) = answer["brackets"]
    assert bracket["name"] == "bracket 2"
    assert counts(bracket) == [(1, 9, 9, 3, 6), (3, 3, 3, 1, 2), (9, 1, 1, 0, 0)]
    order = sorted(range(9), key=lambda number: reader.trials([number])[0].params["x"])
    assert states(bracket["rungs"][0]) == [(n, "promoted" if k < 3 else "out") for k, n in enumerate(order)]
    assert states(bracket["rungs"][1]) == [
        (n, "promoted" if k < 1 else "out") for k, n in enumerate(order[:3])
    ]
    assert states(bracket["rungs"][2]) == [(order[0], "here")]
    x = reader.trials([order[1]])[0].params["x"]
    assert bracket["rungs"][1]["trials"][1]["value"] == pytest.approx(x + 1 / 3)


def test_values_are_in_the_users_scale_and_the_best_comes_first(played: Play) -> None:
    reader = played(
        scheduler=HALVING,
        limits=limits(9),
        objective=Objective("loss", Goal.MAXIMIZE),
        world={"curve": lambda params, step: float(params["x"])},
    )
    values = [one["value"] for one in rungs(reader)["brackets"][0]["rungs"][0]["trials"]]
    assert values == sorted((row.params["x"] for row in reader.trials()), reverse=True)


def test_each_trial_of_a_hyperband_is_in_the_bracket_that_it_was_begun_for(played: Play) -> None:
    reader = played(scheduler=HYPERBAND, limits=limits(17, 4))
    brackets = rungs(reader)["brackets"]
    assert [one["name"] for one in brackets] == ["bracket 2", "bracket 1", "bracket 0"]
    assert [counts(one) for one in brackets] == [
        [(1, 9, 9, 3, 6), (3, 3, 3, 1, 2), (9, 1, 1, 0, 0)],
        [(3, 5, 5, 1, 4), (9, 1, 1, 0, 0)],
        [(9, 3, 3, 0, 0)],
    ]
    first = [sorted(one["trial"] for one in bracket["rungs"][0]["trials"]) for bracket in brackets]
    assert first == [list(range(9)), list(range(9, 14)), list(range(14, 17))]


def test_a_second_round_of_the_same_brackets_is_called_so(played: Play) -> None:
    reader = played(scheduler=HALVING, limits=limits(18, 3))
    assert [one["name"] for one in rungs(reader)["brackets"]] == ["bracket 2, round 1", "bracket 2, round 2"]


def test_brackets_that_are_still_to_come_are_there_while_the_sweep_goes_on(played: Play) -> None:
    reader = played(scheduler=HYPERBAND, limits=limits(17, 2), turns=6)
    brackets = rungs(reader)["brackets"]
    assert [[rung["planned"] for rung in one["rungs"]] for one in brackets] == [[9, 3, 1], [5, 1], [3]]
    assert not brackets[2]["rungs"][0]["trials"]
    by_state = dict(state[::-1] for state in states(brackets[0]["rungs"][0]))
    assert {"going", "here"} <= by_state.keys()
    going = [one for one in brackets[0]["rungs"][0]["trials"] if one["state"] == "going"]
    assert all(one["value"] is None for one in going)


def test_what_is_new_in_the_log_is_added_to_what_was_read(played: Play) -> None:
    from barrido.figures.rungs import Course

    reader = played(scheduler=HYPERBAND, limits=limits(17, 4))
    whole = rungs(reader)["brackets"]
    course = Course(reader.sweep().recipe)
    log = list(reader.happened())

    class Growing:
        def happened(self, after: int) -> Any:
            return [one for one in log if after < one[0] <= after + 7]

    for _ in range(len(log)):
        course.catch_up(Growing())  # type: ignore[arg-type]
    assert course.brackets(is_over=True) == whole


@pytest.mark.parametrize("workers", [1, 3])
def test_asha_that_stops_shows_who_was_ahead_when_it_came(played: Play, workers: int) -> None:
    reader = played(scheduler={**ASHA, "variant": "stopping"}, limits=limits(9, workers))
    (bracket,) = rungs(reader)["brackets"]
    assert bracket["name"] == "asha"
    rows = {row.number: row for row in reader.trials()}
    for rung, following in zip(bracket["rungs"], bracket["rungs"][1:], strict=False):
        promoted = {one["trial"] for one in rung["trials"] if one["state"] == "promoted"}
        assert promoted == {one["trial"] for one in following["trials"]}
        assert {n for n, state in states(rung) if state == "out"} == {
            number
            for number, row in rows.items()
            if row.phase is Phase.PRUNED and max(row.rungs) == rung["resource"]
        }
    assert all(state == "here" for _, state in states(bracket["rungs"][-1]))
    assert sum(len(rung["trials"]) for rung in bracket["rungs"]) == sum(
        len(row.rungs) for row in rows.values()
    )


def test_asha_that_promotes_ends_those_that_wait_when_nobody_can_go_on(played: Play) -> None:
    reader = played(scheduler={**ASHA, "variant": "promotion"}, limits=limits(9, 2))
    (bracket,) = rungs(reader)["brackets"]
    assert counts(bracket) == [(1, None, 9, 3, 6), (3, None, 3, 1, 2), (9, None, 1, 0, 0)]
    out = bracket["rungs"][0]["trials"][-1]["trial"]
    last = [one["trial"] for one in bracket["rungs"][0]["trials"] if one["state"] == "promoted"][-1]
    why = detail(reader, out)["why"]
    assert (why["by"], why["against"]) == ("asha", last)


@pytest.mark.parametrize(
    "scheduler", [HALVING, HYPERBAND, {**ASHA, "variant": "stopping"}, {**ASHA, "variant": "promotion"}]
)
@pytest.mark.parametrize("workers", [1, 4])
def test_when_trials_die_everybody_is_where_the_table_says(
    played: Play, scheduler: dict[str, Any], workers: int
) -> None:
    def faults(order: Any) -> Fault:
        match order.trial % 5:
            case 1:
                return Fault(exit_code=1, ends_after=order.trial % 3)
            case 3:
                return Fault(nan_from=1)
            case 4:
                return Fault(ends_after=2)  # it ends by itself, before its turn
        return NO_FAULT

    reader = played(scheduler=scheduler, limits=limits(34, workers), world={"faults": faults})
    rows = {row.number: row for row in reader.trials()}
    seen: dict[int, list[tuple[int, Any, str]]] = {}
    for bracket in rungs(reader)["brackets"]:
        for rung in bracket["rungs"]:
            assert rung["planned"] is None or len(rung["trials"]) <= rung["planned"]
            for one in rung["trials"]:
                seen.setdefault(one["trial"], []).append((rung["resource"], one["value"], one["state"]))
    assert seen.keys() == rows.keys()
    for number, places in seen.items():
        row = rows[number]
        compared = {resource: value for resource, value, _ in places if value is not None}
        assert {r: v for r, v in row.rungs.items() if v is not None}.items() <= compared.items()
        assert all(state == "promoted" for *_, state in places[:-1])
        assert places[-1][2] == ("here" if row.phase is Phase.COMPLETED else "out")


def test_who_was_out_lost_to_the_last_that_went_on(played: Play) -> None:
    reader = played(scheduler=HALVING, limits=limits(9, 2))
    order = sorted(range(9), key=lambda number: reader.trials([number])[0].params["x"])
    why = detail(reader, order[5])["why"]
    assert (why["by"], why["against"]) == ("successive_halving", order[2])
    assert why["text"].startswith("place 6 of 9 at 1: 3 go on; it had ")
    assert f"the last that went on was trial {order[2]} with " in why["text"]
    assert detail(reader, order[0])["why"]["against"] is None


def test_without_a_scheduler_there_are_no_rungs(played: Play) -> None:
    assert rungs(played()) == {"unit": "", "brackets": []}
