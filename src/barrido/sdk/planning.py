"""What a sweep is going to do, before it starts: its brackets, what they cost, and how long that may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from barrido.core.events import PauseMode
from barrido.core.recipe import Recipe, Unit
from barrido.registry import count_trials
from barrido.schedulers.outlook import BracketOutlook, Outlook, outlook
from barrido.sdk.table import Column, table
from barrido.sdk.wording import Paint, counted, duration, number, unpainted

_WAITING = {
    PauseMode.SUSPEND: "are suspended",
    PauseMode.CHECKPOINT: "are ended, and go on from their checkpoints",
    PauseMode.RESTART: "are ended, and begin anew when they are promoted",
}


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """``seconds_per_unit`` is how long a trial takes for one unit of resource, None if nobody knows."""

    recipe: Recipe
    outlook: Outlook
    seconds_per_unit: float | None

    @property
    def unit(self) -> str:
        """What the resource counts, in a word."""
        pausing = self.recipe.pausing
        return pausing.input or {Unit.REPORT: "reports"}.get(pausing.unit, "seconds")

    @property
    def resource(self) -> int | None:
        """What all trials use together, what is done again included; None where nothing bounds it."""
        if self.outlook.resource is None or self.recipe.pausing.mode is not PauseMode.RESTART:
            return self.outlook.resource
        return self.outlook.resource if self.waits_for_nobody else sum(map(self.cost, self.outlook.brackets))

    @property
    def full_trainings(self) -> float | None:
        return None if self.resource is None else self.resource / int(self.recipe.scheduler["max_resource"])

    @property
    def waits_for_nobody(self) -> bool:
        """Whether trials are decided on as they go."""
        return bool(self.recipe.scheduler.get("variant") == "stopping")

    @property
    def seconds(self) -> float | None:
        """How long the sweep may take at least, if no worker ever waits; None if nobody knows."""
        per_unit = 1.0 if self.recipe.pausing.unit is Unit.SECONDS else self.seconds_per_unit
        if per_unit is None or self.resource is None:
            return None
        longest = int(self.recipe.scheduler["max_resource"])
        return per_unit * max(longest, self.resource / self.recipe.limits.max_concurrent_trials)

    def cost(self, bracket: BracketOutlook) -> int:
        """What a bracket uses in all."""
        if self.recipe.pausing.mode is PauseMode.RESTART and not self.waits_for_nobody:
            return sum(trials * resource for trials, resource in bracket.rungs)
        return bracket.resource

    def to_json(self) -> dict[str, Any]:
        return {
            "scheduler": dict(self.recipe.scheduler),
            "unit": self.unit,
            "pausing": asdict(self.recipe.pausing),
            **self.outlook.to_json(),
            "brackets": [{**one.to_json(), "resource": self.cost(one)} for one in self.outlook.brackets],
            "resource": self.resource,
            "full_trainings": self.full_trainings,
            "max_concurrent_trials": self.recipe.limits.max_concurrent_trials,
            "seconds": self.seconds,
            "notices": list(self.recipe.notices),
        }


def plan_sweep(recipe: Recipe, *, seconds_per_unit: float | None = None) -> SweepPlan:
    """What a sweep of ``recipe`` is going to do."""
    return SweepPlan(recipe, outlook(recipe.scheduler, count_trials(recipe)), seconds_per_unit)


def plan_lines(plan: SweepPlan, *, width: int | None, paint: Paint = unpainted) -> Iterator[str]:
    """The plan for people: what it comes to, a line a bracket, how trials wait, how long it may take."""
    trials = counted(plan.outlook.trials, "trial")
    if plan.resource is None or plan.full_trainings is None:
        policy = plan.recipe.policy
        if plan.recipe.is_staged:
            yield f"{trials}, and {plan.recipe.scheduler['type']} says how far each of them goes"
            return
        sooner = f" or until {policy['type']} stops it" if policy else ""
        yield f"{trials}, each runs to its end{sooner}"
        return
    config = plan.recipe.scheduler
    worth = f"as much as {number(round(plan.full_trainings, 1))} full trainings of {config['max_resource']}"
    yield f"{config['type']}: {trials}, {plan.resource:,} {plan.unit}, {worth}"
    head, *lines = _brackets(plan, width)
    yield paint(head, dim=True)
    yield from lines
    if plan.outlook.note:
        yield plan.outlook.note
    if not plan.waits_for_nobody:
        yield f"trials that wait {_WAITING[plan.recipe.pausing.mode]}"
    yield f"time: {_time(plan)}"


def _brackets(plan: SweepPlan, width: int | None) -> list[str]:
    """Brackets of the same shape share a line."""
    columns = [Column("bracket", right=True), Column("trials", right=True)]
    columns += [Column("how many come to each rung", cut=True), Column(plan.unit, right=True)]
    shapes = Counter(plan.outlook.brackets)
    rows = [
        [
            str(bracket.s),
            f"{bracket.configurations * times:,}",
            ", ".join(f"{trials} at {resource}" for trials, resource in bracket.rungs),
            f"{plan.cost(bracket) * times:,}",
        ]
        for bracket, times in shapes.items()
    ]
    if any(times > 1 for times in shapes.values()):
        columns.insert(1, Column("times", right=True))
        rows = [[row[0], str(times), *row[1:]] for row, times in zip(rows, shapes.values(), strict=True)]
    return table(columns, rows, width=width)


def _time(plan: SweepPlan) -> str:
    if plan.seconds is None:
        return "unknown until a trial has run"
    at_once = counted(plan.recipe.limits.max_concurrent_trials, "trial")
    return f"about {duration(plan.seconds)} with {at_once} at a time, if none has to wait"
