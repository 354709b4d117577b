"""Sweeps over rungs in which anything may happen: each ends, and its log leads there again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest

from barrido.core.decide import begin, decide, next_deadline, reconcile
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Launch,
    Launched,
    Pause,
    Paused,
    PauseMode,
    Reported,
    Requested,
    Resumed,
    Started,
    Stop,
    Suggested,
    Ticked,
    Unpause,
    Verb,
)  # fmt: skip
from barrido.core.plan import Plan
from barrido.core.protocols import Scheduler
from barrido.core.recipe import Goal, Limits, Pausing, StopAfter, Unit
from barrido.core.state import SweepPhase
from barrido.policies import build
from barrido.schedulers.asha import ASHA
from barrido.schedulers.halving import SuccessiveHalving
from barrido.schedulers.hyperband import Hyperband

Key = tuple[int, int]
TOP = 9
LONGEST = 25  # reports of a trial that nobody stops

SCHEDULERS: Sequence[Callable[[int], Scheduler]] = (
    lambda trials: Hyperband(max_resource=TOP, trials=trials),
    lambda trials: Hyperband(max_resource=TOP, trials=trials, stop_last_trials=True),
    lambda trials: SuccessiveHalving(n=9, max_resource=TOP, trials=trials),
    lambda trials: ASHA(max_resource=TOP, variant="promotion", trials=trials),
    lambda trials: ASHA(max_resource=TOP, variant="stopping", trials=trials),
)


class Turmoil:
    """One sweep, and processes that do what they like. ``doings`` says what each of them is about to do."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(seed)
        kind = rng.randrange(len(SCHEDULERS))
        trials = rng.choice([3, 9, 17, 40])
        self.mode = rng.choice(list(PauseMode))
        self.unit = rng.choice([Unit.REPORT, Unit.REPORT, Unit.SECONDS, Unit.INPUT])
        if self.unit is Unit.INPUT and (self.mode is PauseMode.SUSPEND or kind == 4):
            self.unit = Unit.REPORT
        policy = {"type": "median_stopping", "delay_evaluation": 2}
        self.plan = Plan(
            metric="loss",
            goal=rng.choice(list(Goal)),
            limits=Limits(
                max_total_trials=trials,
                max_concurrent_trials=rng.choice([1, 2, 4, 8]),
                timeout=rng.choice([None, None, 40.0]),
                trial_timeout=rng.choice([None, None, 8.0]),
                stop_after=rng.choice([None, None, StopAfter(5)]),
            ),
            scheduler=SCHEDULERS[kind](trials),
            policy=rng.choice([None, None, lambda: build(policy, Goal.MINIMIZE)]),
            pausing=Pausing(
                unit=self.unit,
                mode=self.mode,
                spill=rng.choice([PauseMode.RESTART, PauseMode.CHECKPOINT]),
                memory=rng.choice([None, 150]),
            ),
        )
        self.is_rough = rng.random() < 0.5
        self.state = begin(self.plan)
        self.doings: dict[Key, str] = {}
        self.reports: dict[Key, int] = {}
        self.log: list[Event] = []
        self.asked: list[Ask] = []
        self.now = 0.0

    def tell(self, event: Event) -> None:
        self.log.append(event)
        self.act(decide(self.plan, self.state, event))

    def act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Ask(ask, numbers):
                    self.asked.append(action)
                    self.tell(Suggested(ask, tuple({"x": number} for number in numbers), self.now))
                case Launch(trial, attempt):
                    if (trial, attempt) not in self.reports:
                        self.reports[trial, attempt] = 0
                        self.doings[trial, attempt] = "start"
                case Unpause(trial, attempt) if self.doings.get((trial, attempt)) == "stay frozen":
                    self.doings[trial, attempt] = "start"
                case Pause(trial, attempt, mode) if self.doings.get((trial, attempt)) in ("start", "run"):
                    self.doings[trial, attempt] = "freeze" if mode is PauseMode.SUSPEND else "end"
                case Stop(trial, attempt) if (trial, attempt) in self.doings:
                    self.doings[trial, attempt] = "end"

    def step(self) -> None:
        rng = self.rng
        self.now += rng.random() * 0.6
        if rng.random() < 0.02:  # the controller dies, and what it may not have done is done again
            self.act(reconcile(self.plan, self.state))
            self.tell(Resumed(self.now, 0.5))
        deadline = next_deadline(self.plan, self.state)
        if deadline is not None and self.now >= deadline:
            self.tell(Ticked(self.now))
        if self.is_rough and rng.random() < 0.02:
            self.tell(self.wish())
        if self.state.phase is SweepPhase.PAUSED and rng.random() < 0.05:
            self.tell(Requested(f"go on {self.now}", Verb.UNPAUSE, self.now))
        if self.doings and not self.state.phase.is_terminal:
            self.happen(rng.choice(list(self.doings)))

    def wish(self) -> Requested:
        rng, name = self.rng, f"wish {self.now}"
        trial = rng.choice(list(self.state.trials) or [0])
        slots, most = rng.randint(1, 8), rng.randint(1, 50)
        return rng.choice(
            [
                Requested(name, Verb.PAUSE, self.now),
                Requested(name, Verb.CANCEL, self.now, trial=trial),
                Requested(name, Verb.UPDATE, self.now, changes={"max_concurrent_trials": slots}),
                Requested(name, Verb.UPDATE, self.now, changes={"max_total_trials": most}),
                Requested(name, Verb.ENQUEUE, self.now, changes={"params": {"x": -trial}}, origin="me"),
                Requested(name, Verb.RERUN, self.now, trial=trial),
                Requested(name, Verb.ANNOTATE, self.now, trial=trial, changes={"note": name}),
                Requested(name, Verb.ANNOTATE, self.now, changes={"tags": {"a": None, name: name}}),
            ]
        )

    def happen(self, key: Key) -> None:
        rng = self.rng
        if self.is_rough and rng.random() < 0.01:
            self.end(key, rng.choice([0, 1, -9, None]))
            return
        match self.doings[key]:
            case "start":
                self.doings[key] = "run"
                self.tell(Launched(*key, self.now))
            case "run":
                until = self.state.trials[key[0]].until
                is_there = self.unit is Unit.INPUT and self.reports[key] >= (until or TOP)
                if is_there or self.reports[key] >= LONGEST:
                    self.end(key, 0)
                else:
                    self.report(key, rng.choice([1, 1, 1, 4]))
            case "freeze":
                self.report(key, rng.choice([0, 1]))
                if self.doings.get(key) == "freeze":
                    self.doings[key] = "stay frozen"
                    self.tell(Paused(*key, self.now, memory=100))
            case "end":
                self.report(key, rng.choice([0, 1]))
                self.end(key, rng.choice([0, -15]))

    def report(self, key: Key, count: int) -> None:
        for _ in range(count):
            self.reports[key] += 1
            value = self.rng.choice([*[self.rng.random()] * 9, float("nan")])
            step = self.rng.choice([None, self.reports[key]])
            self.tell(Reported(*key, value, step, self.now))

    def end(self, key: Key, code: int | None) -> None:
        if self.doings.pop(key, None) is not None:
            cause = Cause.LOST if code is None else Cause.EXIT
            self.tell(Exited(*key, cause, code, self.now))


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_whatever_happens_a_sweep_ends_with_nothing_left_and_its_log_leads_there_again(first: int) -> None:
    for seed in range(first, first + 100):
        turmoil = Turmoil(seed)
        turmoil.tell(Started(0.0))
        for _ in range(20_000):
            turmoil.step()
            if turmoil.state.phase.is_terminal:
                break
        state = turmoil.state
        assert state.phase.is_terminal, f"seed {seed} does not end"
        assert not turmoil.doings, f"seed {seed} leaves {turmoil.doings}"
        assert all(trial.phase.is_terminal for trial in state.trials.values())
        assert not state.queue
        asked = [draw for ask in turmoil.asked for draw in (ask.draws or ask.numbers)]
        assert asked == list(range(len(asked))), f"seed {seed} loses a point of the sampler"
        turmoil.tell(Requested("late", Verb.ANNOTATE, turmoil.now, changes={"note": "late"}))
        turmoil.tell(Requested("too late", Verb.ENQUEUE, turmoil.now, changes={"params": {"x": 0}}))
        again = begin(turmoil.plan)
        for event in turmoil.log:
            decide(turmoil.plan, again, event)
        assert repr(again.trials) == repr(state.trials), f"seed {seed}"
        assert again.annotations == state.annotations
        assert state.annotation(None).note == "late"
        assert len(state.trials) == len(asked) + len(state.by_hand)
