"""Whole sweeps over rungs, in virtual time: what they cost, and who survives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from barrido.controller.loop import Controller
from barrido.core.events import PauseMode
from barrido.core.protocols import Observation, Order, Sampler
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Unit, Work
from barrido.core.trial import WORST, Params, Phase, Trial
from barrido.executors.sim import NO_FAULT, Fault, SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.store.memory import MemoryStore

MIB = 1 << 20
UNITS = {9: (17, 69), 27: (49, 357), 81: (143, 1581)}
"""By maximum resource: the trials of one Hyperband with η = 3, and what they cost where they go on."""


def recipe(most: int, workers: int = 1, *, trials: int | None = None, **more: Any) -> Recipe:
    return Recipe(
        name="budgets",
        seed=1,
        space={"lr": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        scheduler={"type": "hyperband", "max_resource": most, **more.pop("scheduler", {})},
        limits=Limits(max_total_trials=trials or UNITS[most][0], max_concurrent_trials=workers),
        work=Work(command="true"),
        **more,
    )


def curve(params: Params, step: int) -> float:
    return float(params["lr"]) + 1.0 / step


class Sweep:
    def __init__(self, asked: Recipe, *, sampler: Sampler | None = None, **world: Any) -> None:
        world = {"steps": asked.scheduler["max_resource"], **world}
        self.world = SimWorld(curve, **world)
        self.store = MemoryStore(asked)
        executor = self.world.executor()
        asks = sampler or build_sampler(asked)
        controller = Controller(asked, build_plan(asked), asks, executor, self.store, self.world.clock)
        controller.begin()
        controller.run()
        self.state = controller.state
        self.trials = list(controller.state.trials.values())
        self.discarded = executor.discarded

    @property
    def units(self) -> int:
        """Reports that were made, in all attempts."""
        return len(self.store.measurements)

    def with_phase(self, phase: Phase) -> list[int]:
        return [trial.number for trial in self.trials if trial.phase is phase]


def survivors(trials: list[Trial], resource: int) -> set[int]:
    return {trial.number for trial in trials if trial.rungs.get(resource, WORST) < WORST}


@pytest.mark.parametrize("workers", [1, 4, 50])
@pytest.mark.parametrize("mode", [PauseMode.SUSPEND, PauseMode.CHECKPOINT])
@pytest.mark.parametrize("most", UNITS)
def test_one_hyperband_costs_what_it_must_on_any_number_of_workers(
    most: int, mode: PauseMode, workers: int
) -> None:
    sweep = Sweep(recipe(most, workers, pausing=Pausing(mode=mode)))
    assert (len(sweep.trials), sweep.units) == UNITS[most]
    assert {trial.phase for trial in sweep.trials} == {Phase.COMPLETED, Phase.PRUNED}
    calm = Sweep(recipe(most, 1))
    for resource in (1, 3, 9, 27, 81):
        assert survivors(sweep.trials, resource) == survivors(calm.trials, resource)


def test_restarts_pay_for_every_rung_anew() -> None:
    sweep = Sweep(recipe(9, pausing=Pausing(mode=PauseMode.RESTART)))
    assert sweep.units == 9 * 1 + 3 * 3 + 1 * 9 + 5 * 3 + 1 * 9 + 3 * 9
    assert max(trial.attempt for trial in sweep.trials) == 3


def test_scripts_that_would_go_on_for_ever_make_one_report_more_unless_they_are_stopped_at_once() -> None:
    tops = 1 + 1 + 3
    assert Sweep(recipe(9), steps=1000).units == 69 + tops
    stopped = Sweep(recipe(9, scheduler={"stop_last_trials": True}), steps=1000)
    assert stopped.units == 69
    assert len(stopped.with_phase(Phase.COMPLETED)) == tops


def test_scripts_with_fewer_steps_than_the_last_rung_compete_with_what_they_have() -> None:
    sweep = Sweep(recipe(9, 4), steps=5)
    assert max(max(trial.rungs, default=0) for trial in sweep.trials) == 3
    assert len(sweep.trials) == 17
    assert sweep.units == 9 * 1 + 3 * 2 + 1 * 2 + 5 * 3 + 1 * 2 + 3 * 5


@pytest.mark.parametrize("workers", [1, 4])
def test_when_four_in_ten_die_or_have_no_number_every_bracket_ends(workers: int) -> None:
    def faults(order: Order) -> Fault:
        match order.trial % 5:
            case 1:
                return Fault(exit_code=1, ends_after=order.trial % 3)
            case 3:
                return Fault(nan_from=1)
        return NO_FAULT

    sweep = Sweep(recipe(27, workers), faults=faults)
    assert len(sweep.trials) == 49
    assert all(trial.phase.is_terminal for trial in sweep.trials)
    assert not [n for n in survivors(sweep.trials, 27) if n % 5 in (1, 3)]
    assert len(survivors(sweep.trials, 27)) == 1 + 1 + 2 + 2  # of the last four, two are dead


@pytest.mark.parametrize("workers", [1, 4])
def test_suspended_trials_hold_no_more_memory_than_they_may(workers: int) -> None:
    asked = recipe(81, workers, pausing=Pausing(memory=2048 * MIB))
    sweep = Sweep(asked, memory=lambda params: 200 * MIB)
    assert survivors(sweep.trials, 81) == survivors(Sweep(recipe(81)).trials, 81)
    again = sum(trial.attempt > 1 for trial in sweep.trials)
    assert 0 < again < 20
    assert 1581 < sweep.units < 1.1 * 1581  # those at the lowest rungs are let go first
    notes = [remark.text for remark in sweep.store.remarks if "memory" in remark.text]
    assert notes == [
        "some paused trials are ended and begin anew when they are promoted:"
        " suspended trials would hold more than 2,048 MiB of memory"
    ]


def test_checkpoints_of_trials_that_are_out_are_removed() -> None:
    sweep = Sweep(recipe(9, pausing=Pausing(mode=PauseMode.CHECKPOINT)))
    assert sweep.discarded == set(sweep.with_phase(Phase.PRUNED))


def test_seconds_are_a_resource() -> None:
    asked = recipe(9, 3, pausing=Pausing(unit=Unit.SECONDS))
    sweep = Sweep(asked, steps=1000, seconds_per_report=0.5)
    assert len(sweep.trials) == 17
    assert [len(survivors(sweep.trials, r)) for r in (1, 3, 9)] == [9, 3 + 5, 1 + 1 + 3]
    for trial in sweep.trials:
        assert trial.reports == pytest.approx(2 * max(trial.rungs), abs=2)


def test_eight_trials_on_a_long_ladder_still_halve() -> None:
    sweep = Sweep(recipe(81, 2, trials=8))
    assert [len(survivors(sweep.trials, r)) for r in (27, 81)] == [6, 4]
    assert len(sweep.with_phase(Phase.PRUNED)) == 4


class Six:
    """Has points for six trials."""

    learns = False

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        return [{"lr": number / 10} if number < 6 else None for number in numbers]


def test_a_space_that_runs_out_leaves_a_bracket_that_still_halves() -> None:
    sweep = Sweep(recipe(9, 2), sampler=Six())
    assert [sorted(survivors(sweep.trials, r)) for r in (1, 3, 9)] == [[0, 1, 2, 3, 4, 5], [0, 1], [0]]


def test_a_finite_space_is_planned_for() -> None:
    asked = replace(
        recipe(9, 2),
        space={"lr": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}},
        sampler={"type": "grid"},
    )
    sweep = Sweep(asked)
    assert [sorted(survivors(sweep.trials, r)) for r in (3, 9)] == [[0, 1, 2], [0, 3, 4, 5]]
