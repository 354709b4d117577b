"""What if: recorded trials, decided on anew.

The controller is the real one; the trials are their records, in virtual time. A trial reports what it
reported, as fast as it did in the median, and ends where its record does; the sampler gives the points in the
order in which they were tried. Time for starting and for ending is not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from barrido.controller.loop import Controller
from barrido.core.events import Reported
from barrido.core.protocols import Observation
from barrido.core.recipe import Pausing, Recipe, Unit
from barrido.core.state import SweepState
from barrido.core.trial import Params, Phase, Trial
from barrido.executors.sim import Fault, SimWorld
from barrido.registry import build_plan
from barrido.replay.course import Course, Run, WhatIf
from barrido.replay.record import History, Record
from barrido.store.memory import MemoryStore

_PLACE = "record"


class _Recorded:
    """The points that were tried, one after the other: a point is the place of its record."""

    learns = False

    def __init__(self, count: int) -> None:
        self._count = count

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return [{_PLACE: number} if number < self._count else None for number in numbers]


def what_if(
    history: History,
    *,
    policy: Mapping[str, Any] | None = None,
    scheduler: Mapping[str, Any],
    unit: Unit = Unit.REPORT,
) -> WhatIf:
    """The records of ``history`` under a policy and a scheduler, both as a recipe has them.

    Trials that pause are frozen, whatever the sweep's own would have done. There are as many of them as are
    on record, and as many at a time as there were; nothing runs into a timeout.
    """
    limits = replace(
        history.recipe.limits,
        max_total_trials=len(history.records),
        timeout=None,
        trial_timeout=None,
        max_retries=0,  # a record is of the attempt that came farthest: it would fail again
    )
    recipe = replace(
        history.recipe,
        policy=policy,
        scheduler=scheduler,
        pausing=Pausing(unit=unit),
        limits=limits,
        notices=(),
    )
    state, reports, seconds = _run(recipe, history)
    course = _course(history, state, reports, seconds)
    cut = sum(
        history.records[number].is_cut and trial.phase is Phase.COMPLETED and trial.exit_code == 0
        for number, trial in state.trials.items()
    )
    return WhatIf(
        name=recipe.name,
        objective=history.objective,
        policy=policy,
        scheduler=scheduler,
        history=history.course,
        course=course,
        cut=cut,
    )


def _run(recipe: Recipe, history: History) -> tuple[SweepState, int, float]:
    """The sweep at its end, how many reports were made, and the seconds it took."""
    records = history.records

    def record(params: Params) -> Record:
        return records[params[_PLACE]]

    world = SimWorld(
        lambda params, step: record(params).values[step - 1],
        steps=lambda params: len(record(params).values),
        metric=history.objective.metric,
        seconds_per_report=lambda params: record(params).seconds,
        faults=lambda order: Fault(exit_code=record(order.params).exit_code),
    )
    store = MemoryStore(recipe)
    began = world.clock.now()
    plan, sampler = build_plan(recipe), _Recorded(len(records))
    controller = Controller(recipe, plan, sampler, world.executor(), store, world.clock)
    controller.begin()
    controller.run()
    reports = sum(isinstance(decision.event, Reported) for decision in store.log)
    return controller.state, reports, world.clock.now() - began


def _course(history: History, state: SweepState, reports: int, seconds: float) -> Course:
    sign, records = history.objective.goal.sign, history.records

    def run(trial: Trial) -> Run:
        best = sign * trial.best if isfinite(trial.best) else None
        return Run(records[trial.number].trial, trial.phase, trial.reports, best, trial.reason)

    return Course(
        runs=tuple(run(state.trials[number]) for number in sorted(state.trials)),
        reports=reports,
        seconds=seconds,
        best_trial=None if state.best is None else records[state.best].trial,
        best_value=None if state.best is None else sign * state.best_loss,
        phase=state.phase,
        reason=state.reason,
    )
