"""One optimiser on one problem, in virtual time.

A worker trains one configuration at a time, step by step; as soon as it is free it is given what the
optimiser wants next. A configuration that goes on costs only its new steps. A run ends when so many full
trainings were spent, and as much time passed as workers that are never idle need for them.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

from benchmarks.budgets.problems import Problem, Training


@dataclass(frozen=True)
class Setting:
    """What identifies a run beside its optimiser.

    ``trainings`` is what may be spent, in full trainings. ``thinks`` says whether the time that suggestions
    take passes in virtual time, too.
    """

    problem: str
    seed: int
    workers: int
    trainings: int
    thinks: bool = False


@dataclass(frozen=True)
class Job:
    """Train ``trial`` until it has had ``until`` steps in all."""

    trial: int
    params: Mapping[str, Any]
    until: int


class Optimiser(Protocol):
    seconds: float  # that it has thought so far

    def next(self) -> Job | None:
        """Work for a free worker; None if there is none before something else ends."""

    def report(self, trial: int, step: int, loss: float) -> bool:
        """Whether ``trial`` goes on."""

    def ended(self, trial: int, step: int, loss: float) -> None:
        """The job of ``trial`` came to its end, or was not to go on."""


@dataclass(frozen=True)
class Trace:
    """What a run came to. An improvement is (steps spent by all, seconds passed, the best loss so far)."""

    improvements: tuple[tuple[int, float, float], ...]
    steps: int
    wall_s: float
    trials: int
    thought_s: float


@dataclass
class Ledger:
    """Counts what is spent, and keeps the improvements."""

    steps: int = 0
    best: float = inf
    improvements: list[tuple[int, float, float]] = field(default_factory=list)

    def enter(self, now: float, loss: float) -> None:
        self.steps += 1
        if loss < self.best:
            self.best = loss
            self.improvements.append((self.steps, round(now, 4), float(f"{loss:.6g}")))


def horizon_s(setting: Setting, full_s: float) -> float:
    """How long workers that are never idle take to spend it; ``full_s`` is the mean of a full training."""
    return setting.trainings / setting.workers * full_s


def play(optimiser: Optimiser, problem: Problem, setting: Setting, full_s: float) -> Trace:
    ledger, known = Ledger(), dict[int, Training]()
    done: dict[int, int] = {}  # steps by trial
    agenda: list[tuple[float, int, Job]] = []  # a heap: when a step of a job ends, which was planned first
    free, count, now, busy_until = setting.workers, 0, 0.0, 0.0
    budget, end_s = setting.trainings * problem.most, horizon_s(setting, full_s)
    while ledger.steps < budget or now < end_s:
        while free:
            before = optimiser.seconds
            job = optimiser.next()
            if setting.thinks:
                busy_until = max(now, busy_until) + optimiser.seconds - before
            if job is None:
                break
            if job.trial not in known:
                known[job.trial] = problem.train(job.params)
            at = done.setdefault(job.trial, 0)
            if at >= job.until:  # it was there before
                optimiser.ended(job.trial, job.until, float(known[job.trial].losses[job.until - 1]))
                continue
            free -= 1
            count += 1
            starts = max(now, busy_until) if setting.thinks else now
            heapq.heappush(agenda, (starts + known[job.trial].seconds, count, job))
        assert agenda, "nothing runs, and nothing is to be run"
        now, _, job = heapq.heappop(agenda)
        done[job.trial] += 1
        step, training = done[job.trial], known[job.trial]
        loss = float(training.losses[step - 1])
        ledger.enter(now, loss)
        if optimiser.report(job.trial, step, loss) and step < job.until:
            count += 1
            heapq.heappush(agenda, (now + training.seconds, count, job))
        else:
            optimiser.ended(job.trial, step, loss)
            free += 1
    return Trace(tuple(ledger.improvements), ledger.steps, now, len(known), round(optimiser.seconds, 3))
