"""How the brackets of a scheduler filled up: who came to which rung, with which value, and who went on.

Where a trial belongs is nowhere written down: it follows from the order of what happened. So the sweep's log
is decided on once more, with somebody between the scheduler and those who ask it, who takes notes. They are
kept, and of a sweep that goes on only what is new is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isfinite
from threading import Lock
from typing import Any, cast

from barrido.core import wire
from barrido.core.decide import begin, decide
from barrido.core.events import Event
from barrido.core.protocols import Assignment, Drop, Promote, Sample, Scheduler, Step, Verdict
from barrido.core.recipe import Goal, Recipe
from barrido.figures.caching import Kept
from barrido.registry import build_plan
from barrido.schedulers.asha import ASHA
from barrido.schedulers.halving import SuccessiveHalving
from barrido.schedulers.hyperband import Hyperband
from barrido.schedulers.outlook import Outlook
from barrido.sdk.planning import SweepPlan
from barrido.store.queries import Reader


def rungs(reader: Reader) -> dict[str, Any]:
    """The brackets in the order in which they are begun, each with its rungs, the lowest first.

    ``planned`` is how many trials are to come to a rung, None where only their values decide that. A trial is
    on every rung that it was sent to, best values first: it is ``going`` there, it is ``here`` (it waits for
    others, or has come to its end), it was ``promoted`` from there, or it is ``out``. Its value is the one
    that it is compared by, None before it came and if it had none. One that ended by itself on its way
    competes where it was sent, with the last value it had. Brackets that a sweep came to its end without are
    left out.
    """
    sweep = reader.sweep()
    if not sweep.recipe.is_staged:
        return {"unit": "", "brackets": []}
    return {
        "unit": SweepPlan(sweep.recipe, Outlook((), 0, None), None).unit,
        "brackets": course_of(reader).brackets(is_over=sweep.phase.is_terminal),
    }


class _Witness:
    """A scheduler that does what another one does, and notes what becomes of each trial.

    ``sent`` has the resources that it was sent to, ``losses`` what it was compared by, by resource.
    """

    def __init__(self, scheduler: Scheduler, most: int) -> None:
        self._scheduler = scheduler
        self._most = most
        self.bracket: dict[int, int] = {}
        self.sent: dict[int, list[int]] = {}
        self.losses: dict[int, dict[int, float]] = {}
        self.out: set[int] = set()

    def init(self) -> Any:
        return self._scheduler.init()

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        state, work = self._scheduler.next(state, number)
        match work:
            case Sample(int(until)) if number is not None:
                heats = state.get("heats", ())
                self.bracket[number] = next((h["bracket"] for h in heats if str(number) in h["running"]), 0)
                self.sent[number], self.losses[number] = [until], {}
            case Promote(trial, int(until)):
                self.sent[trial].append(until)
            case Drop(trial):
                self.out.add(trial)
        return state, work

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        state, verdict = self._scheduler.report(state, trial, resource, loss)
        self.losses[trial].setdefault(resource, loss)
        if verdict.step is Step.STOP:
            self.out.add(trial)
        elif verdict.step is Step.GO_ON and verdict.until is not None and verdict.until <= self._most:
            self.sent[trial].append(verdict.until)
        return state, verdict

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        if loss is not None:
            self.losses[trial].setdefault(self.sent[trial][-1], loss)
        elif self._most not in self.losses[trial]:
            self.out.add(trial)
        return self._scheduler.ended(state, trial, loss)

    def missing(self, state: Any, trial: int) -> Any:
        del self.bracket[trial], self.sent[trial], self.losses[trial]
        return self._scheduler.missing(state, trial)


class Course:
    """What became of the trials of a sweep with a scheduler, as far as its log was read."""

    def __init__(self, recipe: Recipe) -> None:
        plan = build_plan(recipe)
        self._scheduler = plan.scheduler
        self._seen = _Witness(plan.scheduler, recipe.scheduler["max_resource"])
        self._plan = replace(plan, scheduler=self._seen)
        self._state = begin(self._plan)
        self._goal = recipe.objective.goal if recipe.objective else Goal.MINIMIZE
        self._read = 0
        self._lock = Lock()

    def catch_up(self, reader: Reader) -> None:
        """Take in what is new in the log."""
        with self._lock:
            for seq, event in reader.happened(self._read):
                decide(self._plan, self._state, cast("Event", wire.decode(event)))
                self._state.touched.clear()
                self._read = seq

    def brackets(self, *, is_over: bool) -> list[dict[str, Any]]:
        """See `rungs`."""
        with self._lock:
            members: dict[int, list[int]] = {}
            for trial, bracket in self._seen.bracket.items():
                members.setdefault(bracket, []).append(trial)
            count = max(members, default=-1) + 1
            if not is_over:
                count = max(count, self._planned())
            shapes = [self._shape(bracket) for bracket in range(count)]
            made = [
                {"name": name, "rungs": self._rungs(planned, members.get(bracket, []))}
                for bracket, (name, planned) in enumerate(shapes)
            ]
        times = Counter(name for name, _ in shapes)
        rounds = Counter[str]()
        for one in made:
            name = str(one["name"])
            if times[name] > 1:
                rounds[name] += 1
                one["name"] = f"{name}, round {rounds[name]}"
        return made

    def lost_to(self, trial: int) -> tuple[int, int] | None:
        """Where a trial came last before it was out, and the last that went on from there, if any did."""
        with self._lock:
            losses, seen = self._seen.losses.get(trial, {}), self._seen
            if trial not in seen.out or not losses:
                return None
            resource = max(losses)
            ahead = [
                (own[resource], other)
                for other, own in seen.losses.items()
                if resource in own
                and seen.bracket[other] == seen.bracket[trial]
                and seen.sent[other][-1] > resource
            ]
            return (resource, max(ahead)[1]) if ahead else None

    def _planned(self) -> int:
        """How many brackets there will be at least."""
        match self._scheduler:
            case Hyperband() | SuccessiveHalving():
                return len(self._scheduler.planned)
            case _:
                return 1

    def _shape(self, bracket: int) -> tuple[str, list[tuple[int, int | None]]]:
        """What a bracket is called, and how many trials are to come to each resource."""
        match self._scheduler:
            case Hyperband() | SuccessiveHalving():
                planned, full = self._scheduler.planned, self._scheduler.full
                more = bracket - len(planned)
                one = planned[bracket] if more < 0 else full[more % len(full)]
                return f"bracket {one.s}", list(zip(one.rungs, one.sizes, strict=True))
            case ASHA():
                return "asha", [(resource, None) for resource in self._scheduler.rungs]
            case _:
                every = sorted({resource for sent in self._seen.sent.values() for resource in sent})
                return "rungs", [(resource, None) for resource in every]

    def _rungs(self, planned: list[tuple[int, int | None]], members: list[int]) -> list[dict[str, Any]]:
        by_resource: dict[int, list[tuple[float, int, dict[str, Any]]]] = {r: [] for r, _ in planned}
        for trial in members:
            sent, losses = self._seen.sent[trial], self._seen.losses[trial]
            for resource in sent:
                loss = losses.get(resource)
                is_usable = loss is not None and isfinite(loss)
                if resource != sent[-1]:
                    state = "promoted"
                elif trial in self._seen.out:
                    state = "out"
                else:
                    state = "going" if loss is None else "here"
                value = self._goal.sign * loss if loss is not None and is_usable else None
                cell = {"trial": trial, "value": value, "state": state}
                rank = loss if loss is not None and is_usable else float("inf")
                by_resource[resource].append((rank, trial, cell))
        return [
            {
                "resource": resource,
                "planned": count,
                "trials": [cell for *_, cell in sorted(by_resource[resource], key=lambda one: one[:2])],
            }
            for resource, count in planned
        ]


_courses: Kept[Course] = Kept(2)


def course_of(reader: Reader) -> Course:
    """Of a sweep with a scheduler, up to its newest event."""
    recipe = reader.sweep().recipe
    course = _courses.get(reader, None, lambda: Course(recipe))
    course.catch_up(reader)
    return course
