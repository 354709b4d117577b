from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.schedulers.conftest import play_in_step

from barrido.core.protocols import Drop, Idle, Promote, Sample, Step, Verdict
from barrido.errors import RequestError
from barrido.schedulers.hyperband import Hyperband, make_brackets, run
from barrido.schedulers.rungs import levels
from barrido.testing.schedulers import Rehearsal, Script, draw_losses, draw_troubles

SIZES = {  # R, eta: how many trials begin in the brackets, by Algorithm 1 and by Table 1
    (9, 3): ([9, 5, 3], [9, 3, 3]),
    (16, 4): ([16, 6, 3], [16, 4, 3]),
    (27, 3): ([27, 12, 6, 4], [27, 9, 6, 4]),
    (81, 3): ([81, 34, 15, 8, 5], [81, 27, 9, 6, 5]),
    (243, 3): ([243, 98, 41, 18, 9, 6], [243, 81, 27, 18, 9, 6]),
    (1000, 10): ([1000, 134, 20, 4], [1000, 100, 20, 4]),
}
TABLE_81 = {
    "algorithm": [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ],
    "table": [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(27, 3), (9, 9), (3, 27), (1, 81)],
        [(9, 9), (3, 27), (1, 81)],
        [(6, 27), (2, 81)],
        [(5, 81)],
    ],
}


def hyperband(max_resource: int, trials: int, workers: int, script: Callable[[int], Script]) -> Rehearsal:
    def make() -> Hyperband:
        return Hyperband(max_resource=max_resource, stop_last_trials=True, trials=trials)

    return Rehearsal(make, script, trials=trials, workers=workers, seed=workers).run()


def came_to(played: Rehearsal) -> dict[int, int]:
    return dict(sorted(Counter(r for track in played.tracks.values() for r in track.rungs).items()))


@pytest.mark.parametrize(("R", "eta"), SIZES)
def test_as_many_begin_as_in_algorithm_1_and_in_table_1(R: int, eta: int) -> None:
    for variant, sizes in zip(("algorithm", "table"), SIZES[R, eta], strict=True):
        brackets = Hyperband(max_resource=R, reduction_factor=eta, variant=variant).full
        assert [bracket.size for bracket in brackets] == sizes
        assert [bracket.s for bracket in brackets] == list(reversed(range(len(sizes))))


@pytest.mark.parametrize("variant", TABLE_81)
def test_the_brackets_are_those_of_the_paper(variant: str) -> None:
    brackets = make_brackets(levels(81, 1, 3), 3, variant)
    assert [list(zip(b.sizes, b.rungs, strict=True)) for b in brackets] == TABLE_81[variant]


def test_no_bracket_is_lost_or_empty_where_logarithms_err() -> None:
    assert len(Hyperband(max_resource=729).full) == 7
    assert [b.rungs[0] for b in Hyperband(max_resource=200).full] == [2, 7, 22, 66, 200]


@pytest.mark.parametrize(("R", "eta"), SIZES)
def test_algorithm_1_asks_for_its_table(R: int, eta: int) -> None:
    asked: list[int] = []
    trained: list[list[int]] = []

    def get_hyperparameter_configuration(n: int) -> Sequence[int]:
        asked.append(n)
        trained.append([])
        return range(n)

    def run_then_return_val_loss(t: int, r: int) -> float:
        trained[-1].append(r)
        return float(t)

    best = run(
        get_hyperparameter_configuration, run_then_return_val_loss, max_resource=R, reduction_factor=eta
    )
    assert best == 0
    assert asked == SIZES[R, eta][0]
    expected = make_brackets(levels(R, 1, eta), eta, "algorithm")
    assert [list(Counter(r).items()) for r in trained] == [
        list(zip(bracket.rungs, bracket.sizes, strict=True)) for bracket in expected
    ]


def test_algorithm_1_gives_back_the_best_intermediate_loss_and_not_the_last_survivor() -> None:
    losses = {(4, 1): 0.1}
    numbers = iter(range(100))
    best = run(
        lambda n: [next(numbers) for _ in range(n)],
        lambda t, r: losses.get((t, r), nan if t % 3 == 0 else 1.0 + t),
        max_resource=9,
    )
    assert best == 4
    assert run(range, lambda t, r: nan, max_resource=9) is None


@pytest.mark.parametrize(("R", "trials", "units"), [(9, 17, 69), (27, 49, 357), (81, 143, 1581)])
@pytest.mark.parametrize("workers", [1, 4, 50])
def test_many_workers_do_exactly_what_algorithm_1_does(R: int, trials: int, units: int, workers: int) -> None:
    script = draw_losses(R)
    seen: dict[int, dict[int, float]] = {}

    def get_hyperparameter_configuration(n: int) -> Sequence[int]:
        return range(len(seen), len(seen) + n)

    def run_then_return_val_loss(t: int, r: int) -> float:
        return seen.setdefault(t, {}).setdefault(r, script(t).loss(r))

    best = run(get_hyperparameter_configuration, run_then_return_val_loss, max_resource=R)
    played = hyperband(R, trials, workers, script)
    assert {trial: track.rungs for trial, track in played.tracks.items()} == seen
    assert played.resource == units
    assert min(played.tracks, key=lambda trial: min(played.tracks[trial].rungs.values())) == best


@pytest.mark.parametrize("workers", [1, 4, 50])
def test_trials_that_die_or_lose_their_value_leave_the_right_survivors(workers: int) -> None:
    for seed in range(4):
        script = draw_troubles(seed)
        played = hyperband(81, 143, workers, script)
        expected = play_in_step(Hyperband(max_resource=81).full, script, 3)
        assert {trial: track.rungs for trial, track in played.tracks.items()} == expected
        assert "paused" not in {track.fate for track in played.tracks.values()}


@settings(max_examples=60, deadline=None)
@given(
    R=st.integers(1, 60),
    eta=st.integers(2, 5),
    trials=st.integers(0, 60),
    workers=st.integers(1, 12),
    variant=st.sampled_from(["algorithm", "table"]),
    is_troubled=st.booleans(),
)
def test_any_sweep_goes_as_planned(
    R: int, eta: int, trials: int, workers: int, variant: str, is_troubled: bool
) -> None:
    def make() -> Hyperband:
        return Hyperband(
            max_resource=R, reduction_factor=eta, variant=variant, stop_last_trials=True, trials=trials
        )

    script = (draw_troubles if is_troubled else draw_losses)(R)
    planned = make().planned
    assert sum(bracket.size for bracket in planned) == trials
    assert all(bracket.rungs[-1] == R and bracket.size >= eta**bracket.s for bracket in planned)
    played = Rehearsal(make, script, trials=trials, workers=workers, seed=eta).run()
    assert {n: track.rungs for n, track in played.tracks.items()} == play_in_step(planned, script, eta)


def test_eight_trials_still_halve() -> None:
    brackets = Hyperband(max_resource=81, trials=8).planned
    assert [(b.sizes, b.rungs) for b in brackets] == [
        ((3, 1), (27, 81)),
        ((2,), (81,)),
        ((3, 1), (27, 81)),
    ]
    assert came_to(hyperband(81, 8, 2, draw_losses(1))) == {27: 6, 81: 4}


def test_two_workers_still_halve() -> None:
    assert came_to(hyperband(9, 17, 2, draw_losses(1))) == {1: 9, 3: 8, 9: 5}


def test_the_last_bracket_begins_where_it_can_be_finished() -> None:
    last = Hyperband(max_resource=81, trials=143 + 57).planned[-1]
    assert (last.sizes, last.rungs) == ((57, 19, 6, 2), (3, 9, 27, 81))
    last = Hyperband(max_resource=81, trials=143 + 2).planned[-1]
    assert (last.sizes, last.rungs) == ((2,), (81,))


def test_trials_beyond_the_plan_fill_the_brackets_of_a_full_hyperband() -> None:
    def make() -> Hyperband:
        return Hyperband(max_resource=9, stop_last_trials=True, trials=3)

    played = Rehearsal(make, draw_losses(2), trials=3, workers=2)
    played.step()
    played.trials = 3 + 17
    played.run()
    expected = play_in_step((*make().planned, *make().full), draw_losses(2), 3)
    assert {trial: track.rungs for trial, track in played.tracks.items()} == expected


def test_a_bracket_that_cannot_be_filled_halves_those_that_it_has() -> None:
    def make() -> Hyperband:
        return Hyperband(max_resource=81, stop_last_trials=True)

    for workers in (1, 3, 20):
        played = Rehearsal(make, draw_losses(3), trials=10, workers=workers).run()
        assert came_to(played) == {1: 10, 3: 3, 9: 1, 27: 1, 81: 1}
        exhausted = Rehearsal(make, draw_losses(3), trials=99, workers=workers, points=10).run()
        assert came_to(exhausted) == {1: 10, 3: 3, 9: 1, 27: 1, 81: 1}


def test_a_trial_that_fails_last_in_a_rung_does_not_hang_it() -> None:
    scheduler = Hyperband(max_resource=9, trials=17)
    state = scheduler.init()
    for trial in range(9):
        state, work = scheduler.next(state, trial)
        assert work == Sample(until=1)
    for trial in range(9):
        state, verdict = scheduler.report(state, trial, 1, float(trial))
    promoted = []
    for trial in range(9, 9 + 6 + 3):
        state, work = scheduler.next(state, trial)
        if isinstance(work, Promote):
            promoted.append(work.trial)
    assert promoted == [0, 1, 2]
    state, verdict = scheduler.report(state, 0, 3, 0.0)
    assert verdict.step is Step.PAUSE
    state = scheduler.ended(state, 1, None)
    state = scheduler.ended(state, 2, None)
    assert scheduler.next(state, 18)[1] == Promote(0, 9, "place 1 of 3 at 3: 1 goes on to 9")


def test_a_free_worker_goes_to_a_later_bracket_and_back_to_what_an_earlier_one_promotes() -> None:
    scheduler = Hyperband(max_resource=3, trials=10)  # brackets: 3 at 1, 1 at 3; then 2 at 3; and again
    state = scheduler.init()
    works = []
    for trial in range(4):
        state, work = scheduler.next(state, trial)
        works.append(work)
    assert works == [Sample(1), Sample(1), Sample(1), Sample(3)]
    for trial in (2, 0):
        state, verdict = scheduler.report(state, trial, 1, float(trial))
        assert verdict.step is Step.PAUSE
        assert verdict.reason == "rung 0 of bracket 1: waits at 1"
    state, verdict = scheduler.report(state, 1, 1, 0.5)
    assert (verdict.step, verdict.reason) == (Step.STOP, "place 2 of 3 at 1: 1 goes on")
    state, work = scheduler.next(state, 4)
    assert work == Drop(2, "place 3 of 3 at 1: 1 goes on")
    state, work = scheduler.next(state, 4)
    assert work == Promote(0, 3, "place 1 of 3 at 1: 1 goes on to 3")
    assert scheduler.next(state, 4)[1] == Sample(3)


def test_whoever_comes_last_to_a_rung_is_told_its_place() -> None:
    scheduler = Hyperband(max_resource=3, trials=5)
    state = scheduler.init()
    for trial in range(3):
        state, _ = scheduler.next(state, trial)
    for trial, loss in ((0, 2.0), (1, 3.0)):
        state, _ = scheduler.report(state, trial, 1, loss)
    state, verdict = scheduler.report(state, 2, 1, 1.0)
    assert verdict == Verdict(Step.PAUSE, "place 1 of 3 at 1: 1 goes on to 3")
    assert [scheduler.next(state, None)[1] for _ in range(3)] == [
        Drop(0, "place 2 of 3 at 1: 1 goes on"),
        Drop(1, "place 3 of 3 at 1: 1 goes on"),
        Promote(2, 3, "place 1 of 3 at 1: 1 goes on to 3"),
    ]


@pytest.mark.parametrize("stops", [False, True])
def test_the_last_trials_may_come_to_their_own_end(stops: bool) -> None:
    scheduler = Hyperband(max_resource=1, trials=2, stop_last_trials=stops)
    state, _ = scheduler.next(scheduler.init(), 0)
    state, verdict = scheduler.report(state, 0, 1, 0.5)
    assert verdict.step is (Step.FINISH if stops else Step.GO_ON)
    assert verdict.until == (None if stops else 2)
    assert verdict.reason == "it had its max_resource of 1"
    state, verdict = scheduler.report(state, 0, 2, 0.4)
    assert verdict.step is Step.FINISH
    assert scheduler.next(state, None)[1] is Idle.FINISHED


def test_a_trial_that_ended_by_itself_takes_its_places_without_running() -> None:
    def script(trial: int) -> Script:
        return Script(lambda _: float(trial), end=2 if trial == 0 else None)

    played = hyperband(9, 5, 2, script)
    assert [bracket.rungs for bracket in Hyperband(max_resource=9, trials=5).planned] == [(3, 9), (9,)]
    assert {trial: (track.resource, track.fate) for trial, track in played.tracks.items()} == {
        0: (2, "completed"),
        1: (3, "dropped"),
        2: (3, "stopped"),
        3: (9, "completed"),
        4: (9, "completed"),
    }


def test_a_trial_that_is_paused_when_it_dies_gives_its_place_to_the_next() -> None:
    scheduler = Hyperband(max_resource=3, trials=5)
    state = scheduler.init()
    for trial in range(3):
        state, _ = scheduler.next(state, trial)
    state, _ = scheduler.report(state, 0, 1, 1.0)
    state, _ = scheduler.report(state, 1, 1, 2.0)
    state = scheduler.ended(state, 0, None)
    state, verdict = scheduler.report(state, 2, 1, 3.0)
    assert (verdict.step, verdict.reason) == (Step.STOP, "place 2 of 3 at 1: 1 goes on")
    assert scheduler.next(state, None)[1] == Promote(1, 3, "place 1 of 3 at 1: 1 goes on to 3")


def test_a_trial_that_is_over_is_neither_dropped_nor_promoted() -> None:
    scheduler = Hyperband(max_resource=3, trials=5)
    state = scheduler.init()
    for trial in range(3):
        state, _ = scheduler.next(state, trial)
    for trial in range(3):
        state, _ = scheduler.report(state, trial, 1, float(trial))
    state = scheduler.ended(state, 0, None)
    state = scheduler.ended(state, 1, None)
    assert scheduler.next(state, None)[1] is Idle.FINISHED


def test_a_report_that_comes_twice_since_a_machine_was_lost_gets_the_same_answer() -> None:
    scheduler = Hyperband(max_resource=3, trials=5)
    state = scheduler.init()
    for trial in range(3):
        state, _ = scheduler.next(state, trial)
    for _ in range(2):
        state, verdict = scheduler.report(state, 0, 1, 1.0)
        assert verdict.step is Step.PAUSE
    state, _ = scheduler.report(state, 1, 1, 2.0)
    state, _ = scheduler.report(state, 2, 1, 3.0)
    state, verdict = scheduler.report(state, 0, 1, 1.0)
    assert verdict == Verdict(Step.PAUSE, "place 1 of 3 at 1: 1 goes on to 3")
    state, verdict = scheduler.report(state, 1, 1, 2.0)
    assert verdict.step is Step.STOP
    assert scheduler.next(state, None)[1] == Promote(0, 3, "place 1 of 3 at 1: 1 goes on to 3")


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(RequestError, match="no variant 'paper'"):
        Hyperband(max_resource=9, variant="paper")
