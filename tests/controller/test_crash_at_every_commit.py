"""The controller dies before and after every commit; the end is the same as if it had not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from barrido.controller import requests
from barrido.controller.loop import Controller, replay
from barrido.core.annotation import Annotation
from barrido.core.decide import begin
from barrido.core.events import PauseMode, Requested, Resumed, Verb
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Fate, Observation, Order, Sampler
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, StopAfter, Work
from barrido.core.state import SweepState
from barrido.core.trial import Expectation, Params
from barrido.errors import HistoryMismatch
from barrido.executors.sim import Fault, SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.samplers.primed import Primed
from barrido.store.batch import Attempt, Batch, Decision, Store
from barrido.store.memory import MemoryStore
from barrido.store.sqlite import SqliteStore


class Crash(Exception):
    pass


class CrashingStore:
    """A store whose user dies at the ``at``-th commit, before it or right after it."""

    def __init__(self, inner: Store, at: int, *, after: bool) -> None:
        self.inner = inner
        self._left = at
        self._after = after

    def commit(self, batch: Batch, state: SweepState) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Crash
        self.inner.commit(batch, state)
        if self._left == 0:
            raise Crash

    def recipe(self) -> Recipe:
        return self.inner.recipe()

    def decisions(self) -> Iterator[Decision]:
        return self.inner.decisions()

    def attempt(self, trial: int, attempt: int) -> Attempt:
        return self.inner.attempt(trial, attempt)

    def close(self) -> None:
        self.inner.close()


class Follower:
    """Learns: after three trials at places of their own, each is tried close to the best so far."""

    learns = True

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        if len(observations) < 3:
            return [{"lr": (number * 0.37 + 0.2) % 1} for number in numbers]
        best = min(observations, key=lambda o: (o.loss, o.number))
        step = 0.1 / len(observations)
        return [{"lr": min(1.0, best.params["lr"] + step * (number + 1) / 10)} for number in numbers]

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        if len(observations) < 3:
            return [None] * len(points)
        best = min(o.loss for o in observations)
        return [Expectation(best + point["lr"] / 3, 1 / len(observations), 0.0) for point in points]


KNOWN = [
    Observation(k - 4, {"lr": lr}, (lr,), 1, Fate.COMPLETED) for k, lr in enumerate((0.9, 0.4, 0.6, 0.8))
]
LEARNERS: Mapping[str, Sampler] = {"follower": Follower(), "primed": Primed(Follower(), KNOWN)}


def recipe(**more: Any) -> Recipe:
    limits = {"max_total_trials": 10, "max_concurrent_trials": 1, **more.pop("limits", {})}
    return Recipe(
        name="crashing",
        seed=3,
        space={"lr": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(**limits),
        work=Work(command="true"),
        **more,
    )


def curve(params: Params, step: int) -> float:
    return float(params["lr"]) + 1.0 / step


def faults(order: Order) -> Fault:
    """A crash, a NaN, a lost machine and a stubborn trial among the ten."""
    match order.trial, order.attempt:
        case 2, _:
            return Fault(exit_code=3, ends_after=2)
        case 4, _:
            return Fault(nan_from=2)
        case 5, 1:
            return Fault(lost_after=2)
        case 7, _:
            return Fault(ignores_stop=True)
        case _:
            return Fault()


def passing(order: Order) -> Fault:
    """The same, and what goes well when it is run again."""
    match order.trial, order.attempt:
        case 1, 1 | 2:
            return Fault(exit_code=1, ends_after=order.attempt)
        case 3, 1:
            return Fault(no_launch="text file busy")
        case 6 | 8, 1:
            return Fault(exit_code=9, ends_after=3)
        case _:
            return faults(order)


HYPERBAND = {"type": "hyperband", "max_resource": 9}
RETRIES = {"max_retries": 2, "retry_backoff": 0.7}

SWEEPS = {
    "alone": recipe(),
    "bandit": recipe(policy={"type": "bandit", "slack_amount": 0.2, "delay_evaluation": 2}),
    "median, three at a time": recipe(
        policy={"type": "median_stopping", "delay_evaluation": 1}, limits={"max_concurrent_trials": 3}
    ),
    "truncation, two at a time": recipe(
        policy={"type": "truncation_selection", "truncation_percentage": 40, "delay_evaluation": 1},
        limits={"max_concurrent_trials": 2},
    ),
    "trial timeout": recipe(limits={"trial_timeout": 2.5, "max_concurrent_trials": 2}),
    "sweep timeout": recipe(limits={"timeout": 14.5, "max_concurrent_trials": 2}),
    "a sampler that learns and explains": recipe(sampler={"type": "follower"}),
    "bayesian": recipe(sampler={"type": "bayesian"}),
    "tpe": recipe(sampler={"type": "tpe"}),
    "a warm start": recipe(sampler={"type": "primed"}),
    "stop_after": recipe(limits={"stop_after": StopAfter(2, 0.05), "max_concurrent_trials": 2}),
    "hyperband": recipe(scheduler=HYPERBAND, limits={"max_total_trials": 17}),
    "hyperband, three at a time, little memory": recipe(
        scheduler=HYPERBAND,
        pausing=Pausing(memory=2 * 100),
        limits={"max_total_trials": 17, "max_concurrent_trials": 3},
    ),
    "hyperband by checkpoints, two at a time": recipe(
        scheduler=HYPERBAND,
        pausing=Pausing(mode=PauseMode.CHECKPOINT),
        limits={"max_total_trials": 17, "max_concurrent_trials": 2},
    ),
    "hyperband by restarts, under a policy": recipe(
        scheduler=HYPERBAND,
        pausing=Pausing(mode=PauseMode.RESTART),
        policy={"type": "truncation_selection", "truncation_percentage": 20, "delay_evaluation": 2},
        limits={"max_total_trials": 8},
    ),
    "asha": recipe(
        scheduler={"type": "asha", "max_resource": 9, "variant": "promotion"},
        limits={"max_concurrent_trials": 2},
    ),
    "asha that stops": recipe(scheduler={"type": "asha", "max_resource": 9, "variant": "stopping"}),
    "by hand": recipe(tags={"wishes": "made", "old": "yes"}),
    "by hand, a sampler that learns, two at a time": recipe(
        sampler={"type": "follower"}, tags={"wishes": "made"}, limits={"max_concurrent_trials": 2}
    ),
    "by hand, hyperband, three at a time": recipe(
        scheduler=HYPERBAND,
        tags={"wishes": "made"},
        limits={"max_total_trials": 17, "max_concurrent_trials": 3},
    ),
    "retries": recipe(limits=RETRIES),
    "retries, three at a time, by hand, under a policy": recipe(
        sampler={"type": "follower"},
        policy={"type": "truncation_selection", "truncation_percentage": 40, "delay_evaluation": 1},
        tags={"wishes": "made"},
        limits={**RETRIES, "max_concurrent_trials": 3},
    ),
    "retries, hyperband, three at a time": recipe(
        scheduler=HYPERBAND, limits={**RETRIES, "max_total_trials": 17, "max_concurrent_trials": 3}
    ),
    "retries, hyperband by checkpoints, two at a time": recipe(
        scheduler=HYPERBAND,
        pausing=Pausing(mode=PauseMode.CHECKPOINT),
        limits={**RETRIES, "max_total_trials": 17, "max_concurrent_trials": 2},
    ),
    "retries, asha, two at a time, a trial timeout": recipe(
        scheduler={"type": "asha", "max_resource": 9, "variant": "promotion"},
        limits={**RETRIES, "max_concurrent_trials": 2, "trial_timeout": 6.5},
    ),
    "opened again": recipe(tags={"opened": "again"}, limits={"timeout": 40.5}),
    "opened again after a timeout, two at a time, retries": recipe(
        tags={"opened": "again"}, limits={**RETRIES, "timeout": 14.5, "max_concurrent_trials": 2}
    ),
    "opened again, hyperband, two at a time": recipe(
        scheduler=HYPERBAND,
        tags={"opened": "again"},
        limits={"max_total_trials": 17, "max_concurrent_trials": 2},
    ),
    "opened again after all failed": recipe(tags={"opened": "again"}, limits={"max_failed_trials": 1}),
}

WISHES = (
    (2, Requested("a", Verb.ENQUEUE, 0.0, changes={"params": {"lr": 0.05}}, origin="cli")),
    (3, Requested("b", Verb.ANNOTATE, 0.0, trial=1, changes={"note": "odd", "tags": {"keep": "yes"}})),
    (4, Requested("c", Verb.RERUN, 0.0, trial=1, origin="studio")),
    (4, Requested("d", Verb.ANNOTATE, 0.0, changes={"tags": {"old": None, "new": "1"}})),
    (6, Requested("e", Verb.ENQUEUE, 0.0, changes={"params": {"lr": 0.5}})),
    (7, Requested("f", Verb.ANNOTATE, 0.0, trial=1, changes={"note": ""})),
)
"""How many trials have begun when it is asked for, and what."""
AGAIN = Requested("z", Verb.RERUN, 0.0, origin="sdk", reopens=True)


def sampler_of(asked: Recipe) -> Sampler:
    return LEARNERS.get(asked.sampler["type"]) or build_sampler(asked)


class Wishing(Controller):
    """People who ask for something as soon as so many trials have begun, until it is taken in; or when it is
    over."""

    is_late = False

    def look(self) -> None:
        self.is_late = "opened" in self._recipe.tags
        super().look()

    def _look(self, batch: Batch) -> Sequence[requests.Taken]:
        if self.is_late and AGAIN.request not in self.state.requests:
            self._decide(replace(AGAIN, at=self._clock.now()), batch)
        for trials, wish in WISHES if "wishes" in self._recipe.tags else ():
            if len(self.state.trials) >= trials and wish.request not in self.state.requests:
                self._decide(replace(wish, at=self._clock.now()), batch)
                batch.durable = True
        return super()._look(batch)


def controller(asked: Recipe, store: Store, world: SimWorld) -> Controller:
    return Wishing(asked, build_plan(asked), sampler_of(asked), world.executor(), store, world.clock)


def run(asked: Recipe, store: Store, world: SimWorld) -> Controller:
    one = controller(asked, store, world)
    one.begin()
    one.run()
    if "opened" in asked.tags:
        one.look()
        one.run()
    return one


def fresh_world(asked: Recipe) -> SimWorld:
    steps = asked.scheduler.get("max_resource", 4)
    return SimWorld(
        curve, steps=steps, faults=passing if asked.limits.max_retries else faults, memory=lambda params: 100
    )


def end_of(state: SweepState) -> list[Any]:
    """All that a person could tell two sweeps apart by, but for times."""
    trials = [
        (
            t.number,
            t.params,
            t.origin,
            t.expected,
            t.phase,
            t.attempt,
            t.reason,
            list(t.losses),
            t.rungs,
            t.exit_code,
            t.failure,
            t.retries,
        )
        for t in state.trials.values()
    ]
    return [state.phase, state.reason, state.best, state.best_loss, state.limits, state.annotations, trials]


def kept(store: MemoryStore) -> list[Any]:
    return sorted((m.trial, m.attempt, m.seq, repr(m.point.value), m.counts) for m in store.measurements)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("asked", SWEEPS.values(), ids=SWEEPS.keys())
def test_a_crash_at_any_commit_changes_nothing(asked: Recipe, after: bool) -> None:
    plain = MemoryStore(asked)
    undisturbed = run(asked, plain, fresh_world(asked)).state
    commits = 0
    while True:
        commits += 1
        world, store = fresh_world(asked), MemoryStore(asked)
        try:
            run(asked, CrashingStore(store, commits, after=after), world)
            break
        except Crash:
            again = run(asked, store, world)
        assert repr(end_of(again.state)) == repr(end_of(undisturbed)), f"crash at commit {commits}"
        assert kept(store) == kept(plain), f"crash at commit {commits}"
        replayed = begin(build_plan(asked))
        assert replay(build_plan(asked), replayed, store)
        assert repr(end_of(replayed)) == repr(end_of(undisturbed))
    assert commits > 20


def test_a_controller_that_dies_at_every_commit_gets_there_all_the_same() -> None:
    asked = SWEEPS["bandit"]
    undisturbed = run(asked, MemoryStore(asked), fresh_world(asked)).state
    world, store = fresh_world(asked), MemoryStore(asked)
    deaths = 0
    while True:
        try:
            state = run(asked, CrashingStore(store, 2, after=True), world).state
            break
        except Crash:
            deaths += 1
    assert deaths > 10
    assert any(isinstance(d.event, Resumed) for d in store.log)
    assert repr(end_of(state)) == repr(end_of(undisturbed))


def test_what_was_expected_is_in_the_log() -> None:
    asked = SWEEPS["a sampler that learns and explains"]
    trials = run(asked, MemoryStore(asked), fresh_world(asked)).state.trials
    assert [trial.expected is None for trial in trials.values()] == [True] * 3 + [False] * 7
    asked = SWEEPS["a warm start"]
    trials = run(asked, MemoryStore(asked), fresh_world(asked)).state.trials
    assert [trial.expected is None for trial in trials.values()] == [False] * 10
    assert trials[0].params["lr"] == pytest.approx(0.4, abs=0.01)


def test_wishes_are_honoured() -> None:
    asked = SWEEPS["by hand"]
    state = run(asked, MemoryStore(asked), fresh_world(asked)).state
    origins = {t.number: (t.origin, t.params["lr"]) for t in state.trials.values() if t.origin}
    one = state.trials[1].params["lr"]
    assert origins == {
        2: ("by hand, by cli", 0.05), 4: ("trial 1 again, by studio", one), 6: ("by hand", 0.5)
    }  # fmt: skip
    assert len(state.trials) == state.limits.max_total_trials == 13
    assert state.annotations == {
        None: Annotation("", {"wishes": "made", "new": "1"}), 1: Annotation("", {"keep": "yes"})
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["truncation, two at a time", "a sampler that learns and explains", "by hand"]
)
def test_it_holds_on_disk(tmp_path: Path, kind: str) -> None:
    asked = SWEEPS[kind]
    undisturbed = run(asked, MemoryStore(asked), fresh_world(asked)).state
    for commit in range(1, 40, 4):
        folder = SweepFolder(tmp_path / str(commit))
        world, store = fresh_world(asked), SqliteStore.create(folder, asked, version="1", at=0.0)
        with pytest.raises(Crash):
            run(asked, CrashingStore(store, commit, after=commit % 8 == 1), world)
        store.close()
        reopened = SqliteStore(folder)
        assert repr(end_of(run(asked, reopened, world).state)) == repr(end_of(undisturbed))
        reopened.close()


def test_a_log_that_would_be_decided_otherwise_today_is_refused() -> None:
    asked = SWEEPS["bandit"]
    store = MemoryStore(asked)
    run(asked, store, fresh_world(asked))
    stopped = next(i for i, d in enumerate(store.log) if type(d.event).__name__ == "Reported" and d.actions)
    store.log[stopped] = Decision(store.log[stopped].event, [])
    with pytest.raises(HistoryMismatch, match=f"event {stopped} \\(reported\\)"):
        replay(build_plan(asked), begin(build_plan(asked)), store)
