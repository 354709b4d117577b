"""How a sweep is getting on, as the live views see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from barrido.core.events import Requested, Verb
from barrido.core.recipe import Limits
from barrido.core.trial import Phase
from barrido.sdk.progress import Watch
from barrido.store.queries import Reader

Tell = Callable[..., Any]


def test_each_ended_trial_is_told_exactly_once_over_all_looks(story: Tell) -> None:
    sweep = story().start()
    with Reader(sweep.folder) as reader:
        watch = Watch(reader)
        assert watch.look(at=sweep.at).ended == ()
        sweep.launched(0).reported(0, 0.5).exited(0, after=10)
        assert [t.number for t in watch.look(at=sweep.at).ended] == [0]
        # Trial 2 starts and ends between two looks.
        sweep.launched(2).reported(2, 0.9).exited(2, after=5)
        sweep.launched(1).exited(1, 3, after=5, detail="boom")
        last = watch.look(at=sweep.at)
    assert [(t.number, t.phase) for t in last.ended] == [(2, Phase.COMPLETED), (1, Phase.FAILED)]
    assert [t.number for t in last.stopped] == [1]
    assert last.is_over
    assert last.status == "Completed"
    assert (last.done, last.total) == (3, 3)


def test_trials_hidden_by_a_gap_in_the_numbers_are_told_at_the_end(story: Tell) -> None:
    sweep = story(limits=Limits(max_total_trials=5, max_concurrent_trials=1)).start()
    with Reader(sweep.folder) as reader:
        watch = Watch(reader)
        watch.look(at=sweep.at)
        del sweep.state.trials[0], sweep.state.live[0]
        sweep.reported(1, 0.1)
        sweep.finish()
        told = watch.look(at=sweep.at).ended
    assert {1, 2, 3, 4} <= {trial.number for trial in told}


def test_the_best_trial_and_the_last_values_of_running_ones_are_shown(story: Tell) -> None:
    sweep = story().start().launched(0).launched(1).reported(0, 0.7).reported(0, 0.6).reported(1, 0.65)
    with Reader(sweep.folder) as reader:
        now = Watch(reader).look(at=sweep.at)
    assert [(t.number, t.last_value, t.best_value) for t in now.running] == [(0, 0.6, 0.7), (1, 0.65, 0.65)]
    assert now.best is not None
    assert (now.best.number, now.best.best_value, now.best.params) == (0, 0.7, {"x": 0})
    assert (now.metric, now.status) == ("acc", "Running")


def test_what_is_left_is_guessed_from_how_long_trials_took(story: Tell) -> None:
    sweep = story(limits=Limits(max_total_trials=5, max_concurrent_trials=2)).start()
    with Reader(sweep.folder) as reader:
        watch = Watch(reader)
        assert watch.look(at=sweep.at).eta_s is None
        sweep.launched(0).launched(1).reported(0, 1).exited(0, after=10).launched(2)
        # 10 s a trial: trial 1 is due, trial 2 needs 10 s, two wait: 30 s of work for two workers.
        assert watch.look(at=sweep.at).eta_s == pytest.approx(15)
        sweep.tell(Requested("r", Verb.UPDATE, sweep.at, changes={"timeout": 12.0}))
        assert watch.look(at=sweep.at).eta_s == pytest.approx(2)


def test_a_finite_search_space_bounds_the_number_of_trials(story: Tell) -> None:
    space = {"x": {"type": "choice", "values": [1, 2]}, "y": {"type": "choice", "values": [1, 2]}}
    sweep = story(space=space, limits=Limits(max_total_trials=100, max_concurrent_trials=1)).start()
    with Reader(sweep.folder) as reader:
        assert Watch(reader).look(at=sweep.at).total == 4
        for number in range(2):
            point = {"params": {"x": 1, "y": 2}}
            sweep.tell(Requested(f"{number}", Verb.ENQUEUE, sweep.at, changes=point))
        assert (reader.sweep().queued, Watch(reader).look(at=sweep.at).total) == (2, 6)
        sweep.exited(0)
        assert (reader.sweep().queued, reader.by_hand()) == (1, 1)
        assert Watch(reader).look(at=sweep.at).total == 6


def test_notes_are_told_once_and_a_cancel_shows_while_trials_still_end(story: Tell) -> None:
    sweep = story().start().launched(0)
    with Reader(sweep.folder) as reader:
        watch = Watch(reader)
        sweep.tell(Requested("a", Verb.PAUSE, sweep.at, origin="sdk"))
        now = watch.look(at=sweep.at)
        assert now.status == "Paused"
        assert [note.text for note in now.notes] == ["paused by sdk: no new trials start, running ones go on"]
        sweep.tell(Requested("b", Verb.CANCEL, sweep.at, origin="sdk"))
        now = watch.look(at=sweep.at)
        assert now.status == "CancelRequested"
        assert now.notes == ()
        sweep.exited(0, -15).exited(1, -15)
        now = watch.look(at=sweep.at)
    assert (now.status, now.counts) == ("Canceled", {Phase.CANCELED: 2})


def test_trials_that_started_warm_are_counted_among_those_that_started(story: Tell) -> None:
    sweep = story().start()
    with Reader(sweep.folder) as reader:
        watch = Watch(reader)
        assert watch.look(at=sweep.at).starts == (0, 0)
        sweep.launched(0).launched(1, warm=True)
        assert watch.look(at=sweep.at).starts == (2, 1)
        sweep.exited(0, after=1).launched(2, warm=True)
        assert watch.look(at=sweep.at).starts == (3, 2)
