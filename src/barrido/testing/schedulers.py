"""What every scheduler must do, as tests: subclass `SchedulerSuite` in a test module, and pytest runs them.

class TestMyScheduler(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return MyScheduler(max_resource=9, trials=trials)

`Rehearsal` is a sweep without processes, for tests of one's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, nan
from typing import Any

import numpy as np

from barrido.core.protocols import Drop, Idle, Promote, Sample, Scheduler, Step, Verdict


@dataclass(frozen=True, slots=True)
class Script:
    """What a trial does: its loss when it had a resource, where it ends by itself, and where it fails."""

    loss: Callable[[int], float]
    end: int | None = None
    fails: int | None = None


@dataclass(slots=True)
class Track:
    """What became of a trial."""

    script: Script
    until: int | None
    resource: int = 0
    rungs: dict[int, float] = field(default_factory=dict)  # the losses it was compared with
    fate: str = "running"  # "paused", "stopped", "dropped", "completed", "failed"
    reasons: list[str] = field(default_factory=list)


class Rehearsal:
    """A sweep of at most ``trials`` on ``workers``, each leg of a trial taking a time drawn from ``seed``.

    ``points`` is the size of the search space, None if it has no end. Raises AssertionError if the scheduler
    breaks its contract: another one that ``make`` made must give the same answers, from a copy of the state
    that went through JSON; and none may wait for what cannot come. ``trials`` may be changed while it runs.
    """

    def __init__(
        self,
        make: Callable[[], Scheduler],
        script: Callable[[int], Script],
        *,
        trials: int,
        workers: int,
        seed: int = 0,
        points: int | None = None,
    ) -> None:
        self.trials = trials
        self.tracks: dict[int, Track] = {}
        self.state = make().init()
        self._scheduler, self._twin = make(), make()
        self._script = script
        self._workers = workers
        self._points = inf if points is None else points
        self._number = 0
        self._is_exhausted = False
        self._rng = np.random.default_rng(seed)
        self._now = 0.0
        self._arrivals: list[tuple[float, int]] = []  # when, and who

    @property
    def resource(self) -> int:
        """What all trials used."""
        return sum(track.resource for track in self.tracks.values())

    def run(self) -> Rehearsal:
        while self.step():
            pass
        return self

    def step(self) -> bool:
        """Give free workers work, then let one trial come to where it goes; False when all is done."""
        idle = self._fill()
        if not self._arrivals:
            assert idle is Idle.FINISHED, f"it waits for nothing: {self.state}"
            return False
        self._now, trial = heappop(self._arrivals)
        self._arrive(trial, self.tracks[trial])
        return True

    def _fill(self) -> Idle | None:
        while len(self._arrivals) < self._workers:
            has_more = not self._is_exhausted and self._number < self.trials
            match work := self._ask("next", self._number if has_more else None):
                case Idle():
                    return work
                case Drop(trial, reason):
                    assert self.tracks[trial].fate == "paused", f"drops {trial}, which is not paused"
                    self._end(self.tracks[trial], "dropped", reason)
                case Promote(trial, until, reason):
                    assert self.tracks[trial].fate == "paused", f"promotes {trial}, which is not paused"
                    self._go_on(trial, until, reason)
                case Sample(until):
                    assert has_more, "a new trial, where there are no more"
                    self._begin(until)
        return None

    def _begin(self, until: int | None) -> None:
        trial, self._number = self._number, self._number + 1
        if trial >= self._points:
            self._is_exhausted = True
            self._ask("missing", trial)
            return
        self.tracks[trial] = Track(self._script(trial), until)
        self._schedule(trial)

    def _go_on(self, trial: int, until: int | None, reason: str) -> None:
        track = self.tracks[trial]
        assert until is None or until > track.resource, f"{trial} is to go on to where it is: {until}"
        track.until, track.fate = until, "running"
        if reason:
            track.reasons.append(reason)
        self._schedule(trial)

    def _schedule(self, trial: int) -> None:
        heappush(self._arrivals, (self._now + float(self._rng.exponential()), trial))

    def _arrive(self, trial: int, track: Track) -> None:
        stops = (track.until, track.script.end, track.script.fails)
        assert any(stop is not None for stop in stops), f"{trial} runs for ever"
        came = min(stop for stop in stops if stop is not None)
        track.resource = came
        if came == track.script.fails:
            self._end(track, "failed")
            self._ask("ended", trial, None)
        elif came == track.until and came not in track.rungs:
            self._compare(trial, track, came)
        else:
            self._end(track, "completed")
            self._ask("ended", trial, track.script.loss(came))

    def _compare(self, trial: int, track: Track, resource: int) -> None:
        loss = track.rungs[resource] = track.script.loss(resource)
        match self._ask("report", trial, resource, loss):
            case Verdict(Step.GO_ON, reason, until):
                self._go_on(trial, until, reason)
            case Verdict(Step.PAUSE, reason):
                track.fate = "paused"
                track.reasons.append(reason)
                assert reason, f"{trial} is not told why it is paused"
            case Verdict(step, reason):
                self._end(track, "stopped" if step is Step.STOP else "completed", reason)
                self._ask("ended", trial, None if step is Step.STOP else loss)

    def _end(self, track: Track, fate: str, reason: str | None = None) -> None:
        assert reason != "", "a trial is ended without a reason"
        track.fate = fate
        if reason:
            track.reasons.append(reason)

    def _ask(self, method: str, *args: Any) -> Any:
        copy = _through_json(self.state)
        assert copy == self.state, f"the state is not JSON's: {self.state}"
        answer = getattr(self._scheduler, method)(self.state, *args)
        again = getattr(self._twin, method)(copy, *args)
        assert answer == again, f"{method}{args}: {answer}, and from a copy of the state {again}"
        if method in ("ended", "missing"):
            self.state = answer
            return None
        self.state, decision = answer
        return decision


def _through_json(state: Any) -> Any:
    return json.loads(json.dumps(state, allow_nan=False))


def draw_losses(seed: int) -> Callable[[int], Script]:
    """Scripts without an end, whose losses fall with the resource and now and then cross."""

    def script(trial: int) -> Script:
        good, noise = np.random.default_rng((seed, trial)).random(2)
        return Script(lambda resource: float(good + noise / resource))

    return script


def draw_troubles(seed: int) -> Callable[[int], Script]:
    """The same, of which two in five fail somewhere or lose their value, and some end early."""
    plain = draw_losses(seed)

    def script(trial: int) -> Script:
        rng = np.random.default_rng((seed, trial, 1))
        where, kind = int(rng.integers(1, 30)), int(rng.integers(10))
        loss = plain(trial).loss
        if kind < 2:
            return Script(loss, fails=where)
        if kind < 4:
            lost = (nan, inf, -inf)[int(rng.integers(3))]
            return Script(lambda resource: lost if resource >= where else loss(resource))
        return Script(loss, end=where if kind < 6 else None)

    return script


class SchedulerSuite:
    """The tests. Give `scheduler`: it must ask about every trial at some resource."""

    def scheduler(self, trials: int) -> Scheduler:
        """The scheduler to be tested, for a sweep of at most so many trials."""
        raise NotImplementedError("a subclass gives the scheduler to be tested")

    def test_a_sweep_comes_to_its_end_on_any_number_of_workers(self) -> None:
        for trials, workers in ((0, 1), (1, 1), (1, 4), (7, 2), (40, 1), (40, 3), (60, 100)):
            played = self._play(draw_losses(1), trials, workers).run()
            assert len(played.tracks) == trials, f"{len(played.tracks)} of {trials} on {workers} workers"

    def test_it_comes_to_its_end_when_trials_fail_lose_their_value_or_end_early(self) -> None:
        for seed in range(6):
            for workers in (1, 2, 9):
                self._play(draw_troubles(seed), 50, workers, seed=seed).run()

    def test_it_comes_to_its_end_when_all_trials_fail(self) -> None:
        for trials in (1, 10):
            self._play(lambda _: Script(lambda _: 0.0, fails=1), trials, 3).run()
            self._play(lambda _: Script(lambda _: nan), trials, 3).run()

    def test_a_trial_without_a_usable_value_never_goes_on(self) -> None:
        for track in self._tracks(draw_troubles(3)):
            unusable = [resource for resource, loss in track.rungs.items() if not abs(loss) < inf]
            assert all(resource == max(track.rungs) for resource in unusable), track

    def test_it_comes_to_its_end_when_the_search_space_is_exhausted(self) -> None:
        for points in (0, 1, 5, 23):
            for workers in (1, 8):
                played = self._play(draw_losses(4), 40, workers, points=points).run()
                assert len(played.tracks) == points

    def test_more_trials_follow_when_the_limit_is_raised(self) -> None:
        for later in (1, 10, 30):
            played = self._play(draw_losses(5), 12, 2)
            for _ in range(later):
                played.step()
            played.trials = 30
            assert len(played.run().tracks) == 30

    def test_trials_that_are_over_are_not_asked_about_again(self) -> None:
        scheduler = self.scheduler(3)
        state, _ = scheduler.next(scheduler.init(), 0)
        state = scheduler.ended(state, 0, None)
        before = _through_json(state)
        assert scheduler.ended(state, 0, None) == before, "its end was told twice"

    def test_nothing_new_begins_where_there_are_no_more_trials(self) -> None:
        scheduler = self.scheduler(3)
        _, work = scheduler.next(scheduler.init(), None)
        assert work is Idle.FINISHED

    def test_what_one_sweep_does_is_nothing_to_another(self) -> None:
        scheduler = self.scheduler(9)
        alone = Rehearsal(lambda: self.scheduler(9), draw_losses(6), trials=9, workers=2).run()
        Rehearsal(lambda: scheduler, draw_losses(7), trials=9, workers=2).run()
        after = Rehearsal(lambda: scheduler, draw_losses(6), trials=9, workers=2).run()
        assert [track.reasons for track in after.tracks.values()] == [
            track.reasons for track in alone.tracks.values()
        ]

    def _play(
        self,
        script: Callable[[int], Script],
        trials: int,
        workers: int,
        *,
        seed: int = 0,
        points: int | None = None,
    ) -> Rehearsal:
        return Rehearsal(
            lambda: self.scheduler(trials), script, trials=trials, workers=workers, seed=seed, points=points
        )

    def _tracks(self, script: Callable[[int], Script]) -> Iterator[Track]:
        for workers in (1, 5):
            yield from self._play(script, 40, workers).run().tracks.values()
