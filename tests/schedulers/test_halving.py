from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.schedulers.conftest import play_in_step

from barrido.core.protocols import Drop, Idle, Promote, Sample, Step, Verdict
from barrido.errors import RequestError
from barrido.schedulers.halving import SuccessiveHalving
from barrido.testing.schedulers import Rehearsal, draw_losses, draw_troubles


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 60),
    R=st.integers(1, 90),
    eta=st.integers(2, 4),
    trials=st.integers(0, 90),
    workers=st.integers(1, 10),
    is_troubled=st.booleans(),
)
def test_a_bracket_is_halved_as_by_hand(
    n: int, R: int, eta: int, trials: int, workers: int, is_troubled: bool
) -> None:
    def make() -> SuccessiveHalving:
        return SuccessiveHalving(
            n=n, max_resource=R, reduction_factor=eta, stop_last_trials=True, trials=trials
        )

    script = (draw_troubles if is_troubled else draw_losses)(n)
    played = Rehearsal(make, script, trials=trials, workers=workers, seed=R).run()
    expected = play_in_step(make().planned, script, eta)
    assert {trial: track.rungs for trial, track in played.tracks.items()} == expected


def test_brackets_of_n_trials_follow_each_other_until_the_limit() -> None:
    def make() -> SuccessiveHalving:
        return SuccessiveHalving(n=27, max_resource=27, stop_last_trials=True, trials=64)

    played = Rehearsal(make, draw_losses(1), trials=64, workers=5).run()
    came = Counter(resource for track in played.tracks.values() for resource in track.rungs)
    assert came == {1: 27 + 27, 3: 9 + 9 + 10, 9: 3 + 3 + 3, 27: 1 + 1 + 1}


def test_a_bracket_too_small_for_the_lowest_rung_begins_above_it() -> None:
    bracket = SuccessiveHalving(n=8, max_resource=81).full[0]
    assert (bracket.sizes, bracket.rungs) == ((8, 2), (27, 81))


def test_ties_go_to_the_lower_number_whoever_came_first() -> None:
    scheduler = SuccessiveHalving(n=3, max_resource=3)
    state = scheduler.init()
    for trial in range(3):
        state, work = scheduler.next(state, trial)
        assert work == Sample(1)
    for trial in (2, 1):
        state, _ = scheduler.report(state, trial, 1, 0.5)
    state, verdict = scheduler.report(state, 0, 1, 0.5)
    assert verdict == Verdict(Step.PAUSE, "place 1 of 3 at 1: 1 goes on to 3")
    assert [scheduler.next(state, None)[1] for _ in range(4)] == [
        Drop(1, "place 2 of 3 at 1: 1 goes on"),
        Drop(2, "place 3 of 3 at 1: 1 goes on"),
        Promote(0, 3, "place 1 of 3 at 1: 1 goes on to 3"),
        Idle.WAIT,
    ]


def test_the_numbers_of_a_user_are_read_back() -> None:
    scheduler = SuccessiveHalving(n=27, max_resource=27)
    state = scheduler.init()
    for trial in range(27):
        state, _ = scheduler.next(state, trial)
    for trial in range(26):
        state, _ = scheduler.report(state, trial, 1, float(trial))
    state, verdict = scheduler.report(state, 26, 1, 4.5)
    assert verdict.reason == "place 6 of 27 at 1: 9 go on to 3"
    state, drop = scheduler.next(state, 27)
    assert drop == Drop(8, "place 10 of 27 at 1: 9 go on")


def test_a_bracket_of_nobody_is_refused() -> None:
    with pytest.raises(RequestError, match="1 trial or more"):
        SuccessiveHalving(n=0, max_resource=9)
