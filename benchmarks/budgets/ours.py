"""barrido itself: its controller's loop, schedulers and samplers, over trials that are simulated.

What runs is what runs in earnest, but for the processes: `Controller` with a `MemoryStore`, on the virtual
time of `SimWorld`. Trials that pause are frozen, so they go on where they stood.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from benchmarks.budgets.play import Ledger, Setting, Trace, horizon_s
from benchmarks.budgets.problems import Problem, Training

from barrido.controller.loop import Controller
from barrido.core.protocols import Observation, Sampler
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.trial import Params
from barrido.executors.sim import SimWorld
from barrido.registry import build_plan, build_sampler, rungs
from barrido.schedulers.rungs import levels
from barrido.space import Space
from barrido.store.memory import MemoryStore

_METRIC = "loss"
_ENDLESS = 100_000


@dataclass(frozen=True)
class Combination:
    """A scheduler with a sampler; on the command line ``hyperband+bayesian``."""

    scheduler: str
    sampler: str

    @classmethod
    def parse(cls, text: str) -> Combination:
        scheduler, _, sampler = text.partition("+")
        return cls(scheduler, sampler or "random")

    @property
    def name(self) -> str:
        return f"barrido {self.scheduler}+{self.sampler}"

    def config(self, problem: Problem) -> dict[str, Any]:
        """The scheduler as a recipe has it: ``asha-promotion`` is `asha` in that variant; a bracket of
        `successive_halving` begins with as many trials as leave one at its top."""
        kind, _, variant = self.scheduler.partition("-")
        if kind == "fifo":
            return {"type": kind}
        resources = {"max_resource": problem.most, "min_resource": problem.least, "reduction_factor": 3}
        if kind == "successive_halving":
            return {"type": kind, **resources, "size": 3 ** (len(levels(problem.most, problem.least, 3)) - 1)}
        return {"type": kind, **resources, **({"variant": variant} if variant else {})}


class _Spent(Exception):
    """The run has come to its end."""


class _Timed:
    """A sampler whose time is counted and, if it is to be, passes in the world, too."""

    def __init__(self, sampler: Sampler, world: SimWorld | None) -> None:
        self.learns = sampler.learns
        self.seconds = 0.0
        self._sampler = sampler
        self._world = world

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        began = time.perf_counter()
        points = self._sampler.ask(observations, pending, numbers, seed)
        took = time.perf_counter() - began
        self.seconds += took
        if self._world is not None:
            self._world.advance(took)
        return points


def run(combination: Combination, problem: Problem, setting: Setting, full_s: float) -> Trace:
    """As `benchmarks.budgets.play.play`, which does the same for peers."""
    ledger, known = Ledger(), dict[str, Training]()
    budget, end_s = setting.trainings * problem.most, horizon_s(setting, full_s)

    def training(params: Mapping[str, Any]) -> Training:
        key = Space.key(params)
        if key not in known:
            known[key] = problem.train(params)
        return known[key]

    def loss_at(params: Mapping[str, Any], step: int) -> float:
        if ledger.steps >= budget and passed() >= end_s:
            raise _Spent
        loss = float(training(params).losses[step - 1])
        ledger.enter(passed(), loss)
        return loss

    def passed() -> float:
        return world.clock.now() - began_at

    world = SimWorld(
        loss_at, steps=problem.most, metric=_METRIC, seconds_per_report=lambda p: training(p).seconds
    )
    began_at = world.clock.now()
    recipe = Recipe(
        name="budgets",
        seed=setting.seed,
        space=problem.form(),
        sampler={"type": combination.sampler},
        scheduler=combination.config(problem),
        objective=Objective(_METRIC, Goal.MINIMIZE),
        limits=Limits(max_total_trials=_ENDLESS, max_concurrent_trials=setting.workers),
        work=Work(command="true"),
    )
    sampler = _Timed(_sampler(recipe), world if setting.thinks else None)
    controller = Controller(
        recipe, build_plan(recipe), sampler, world.executor(), MemoryStore(recipe), world.clock
    )
    try:
        controller.begin()
        controller.run()
    except _Spent:
        pass
    return Trace(tuple(ledger.improvements), ledger.steps, passed(), len(known), round(sampler.seconds, 3))


def _sampler(recipe: Recipe) -> Sampler:
    """One that a sweep can name; or, while it is tried, ``module:Class``, made from space and rungs."""
    module, _, attribute = recipe.sampler["type"].partition(":")
    if not attribute:
        return build_sampler(recipe)
    sampler: Sampler = getattr(import_module(module), attribute)(Space.from_json(recipe.space), rungs(recipe))
    return sampler
