"""The composition root: from a recipe to the objects that run it. The only room that knows all the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from barrido.core.decide import Plan
from barrido.core.protocols import Policy, Sampler, Scheduler
from barrido.core.recipe import Goal, Recipe
from barrido.space import Space

SAMPLERS: Mapping[str, str] = {
    "grid": "barrido.samplers.grid:GridSampler",
    "random": "barrido.samplers.random:RandomSampler",
    "sobol": "barrido.samplers.sobol:SobolSampler",
}
SCHEDULERS: Mapping[str, str] = {"fifo": "barrido.schedulers.fifo:Fifo"}


def build_plan(recipe: Recipe) -> Plan:
    """What ``decide`` needs to know of ``recipe``."""
    objective = recipe.objective
    goal = objective.goal if objective else Goal.MINIMIZE
    scheduler: Scheduler = _load(SCHEDULERS, recipe.scheduler)()
    return Plan(
        metric=objective.metric if objective else None,
        goal=goal,
        limits=recipe.limits,
        scheduler=scheduler,
        policy=_policy(recipe.policy, goal) if recipe.policy else None,
    )


def build_sampler(recipe: Recipe) -> Sampler:
    space = Space.from_json(recipe.space)
    sampler: Sampler = _load(SAMPLERS, recipe.sampler)(space)
    return sampler


def _policy(config: Mapping[str, Any], goal: Goal) -> Callable[[], Policy]:
    from barrido import policies

    return lambda: policies.build(config, goal)


def _load(table: Mapping[str, str], config: Mapping[str, Any]) -> Any:
    module, _, name = table[config["type"]].partition(":")
    return getattr(import_module(module), name)
