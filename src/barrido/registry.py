"""The composition root: from a recipe to the objects that run it. Only this room knows all the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from barrido.core.command import parse, text_of
from barrido.core.decide import Plan
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Observation, Order, Policy, Sampler, Scheduler, Tracker
from barrido.core.recipe import Goal, Recipe
from barrido.space import Space

if TYPE_CHECKING:
    from barrido.executors.local import LocalExecutor

SAMPLERS: Mapping[str, str] = {
    "grid": "barrido.samplers.grid:GridSampler",
    "random": "barrido.samplers.random:RandomSampler",
    "sobol": "barrido.samplers.sobol:SobolSampler",
    "bayesian": "barrido.samplers.bayesian:BayesianSampler",
    "tpe": "barrido.samplers.tpe:TPESampler",
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


def build_sampler(recipe: Recipe, prior: Sequence[Observation] = ()) -> Sampler:
    """The sampler of ``recipe``; one that learns knows ``prior`` from the start."""
    space = Space.from_json(recipe.space)
    sampler: Sampler = _load(SAMPLERS, recipe.sampler)(space)
    if not sampler.learns:
        return sampler
    from barrido.blas import OneCore
    from barrido.samplers.primed import Primed

    return OneCore(Primed(sampler, prior) if prior else sampler)


def build_executor(recipe: Recipe, folder: SweepFolder, tracker: Tracker) -> LocalExecutor:
    from barrido.executors.local import LocalExecutor

    return LocalExecutor(folder, recipe, render=renderer(recipe, folder), environment=tracker.environment)


def build_tracker(recipe: Recipe, folder: SweepFolder, workspace: Workspace) -> Tracker:
    """MLflow, or nothing where the packages for it are not installed."""
    from barrido.tracking.tracker import MlflowTracker

    return MlflowTracker(folder, workspace, recipe.tracking_uri)


def renderer(recipe: Recipe, folder: SweepFolder) -> Callable[[Order], str]:
    """How a trial's command line is made: the template with this trial's values, quoted for the shell."""
    work = recipe.work
    template = parse(work.command)

    def render(order: Order) -> str:
        values: dict[tuple[str, str], str | None] = {("inputs", n): text for n, text in work.inputs.items()}
        for name in work.outputs:
            values["outputs", name] = str(folder.trial(order.trial).named_outputs / name)
        for name in nested:
            values["search_space", name] = None  # unless the branch that was chosen has it
        for name, value in (*order.params.items(), *space.flatten(order.params).items()):
            # A swept input keeps the reference it had before it was swept.
            values["search_space", name] = values["inputs", name] = text_of(value)
        return template.render(values)

    space = Space.from_json(recipe.space)
    nested = [name for kind, name in template.references if kind == "search_space" and "." in name]
    return render


def _policy(config: Mapping[str, Any], goal: Goal) -> Callable[[], Policy]:
    from barrido import policies

    return lambda: policies.build(config, goal)


def _load(table: Mapping[str, str], config: Mapping[str, Any]) -> Any:
    module, _, name = table[config["type"]].partition(":")
    return getattr(import_module(module), name)
