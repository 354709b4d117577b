"""The composition root: from a recipe to the objects that run it. Only this room knows all the classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from barrido.core.command import CHECKPOINT_DIR, RESOURCE, parse, text_of
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.plan import Plan
from barrido.core.protocols import Observation, Order, Policy, Sampler, Scheduler, Tracker
from barrido.core.recipe import Goal, Recipe
from barrido.core.stops import told_resource
from barrido.space import Space
from barrido.spec import plugins

if TYPE_CHECKING:
    from barrido.executors.local import LocalExecutor
    from barrido.executors.ray.executor import RayExecutor

SAMPLERS: Mapping[str, str] = {
    "grid": "barrido.samplers.grid:GridSampler",
    "random": "barrido.samplers.random:RandomSampler",
    "sobol": "barrido.samplers.sobol:SobolSampler",
    "bayesian": "barrido.samplers.bayesian:BayesianSampler",
    "tpe": "barrido.samplers.tpe:TPESampler",
    "bohb": "barrido.samplers.bohb:BOHBSampler",
}
SCHEDULERS: Mapping[str, str] = {
    "fifo": "barrido.schedulers.fifo:Fifo",
    "successive_halving": "barrido.schedulers.halving:SuccessiveHalving",
    "hyperband": "barrido.schedulers.hyperband:Hyperband",
    "asha": "barrido.schedulers.asha:ASHA",
    "bohb": "barrido.schedulers.hyperband:Hyperband",  # with a sampler that learns from rungs
}


def build_plan(recipe: Recipe) -> Plan:
    """What ``decide`` needs to know of ``recipe``."""
    objective = recipe.objective
    goal = objective.goal if objective else Goal.MINIMIZE
    scheduler = build_scheduler(recipe.scheduler, count_trials(recipe), recipe.packages)
    return Plan(
        metric=objective.metric if objective else None,
        goal=goal,
        limits=recipe.limits,
        scheduler=scheduler,
        policy=_policy(recipe.policy, goal) if recipe.policy else None,
        pausing=recipe.pausing,
        seed=recipe.seed,
        tags=recipe.tags,
    )


def count_trials(recipe: Recipe) -> int:
    """How many trials there will be at most: as many as may be, or as there are points if those are fewer."""
    most = recipe.limits.max_total_trials
    points = build_space(recipe).count if recipe.space else None
    return most if points is None else min(most, points)


def build_space(recipe: Recipe) -> Space:
    """What ``recipe`` searches, constraints included."""
    return Space.from_json(recipe.space, constraints=recipe.constraints)


def build_scheduler(config: Mapping[str, Any], trials: int, packages: Mapping[str, str]) -> Scheduler:
    """The scheduler of ``config``, for a sweep of at most ``trials``. Raises RequestError if the one of
    ``packages`` that brought it is not there any more."""
    if (kind := config["type"]) not in SCHEDULERS:
        options = {name: value for name, value in config.items() if name != "type"}
        plugin = plugins.load("scheduler", kind, packages.get("scheduler", ""))
        plugged: Scheduler = plugins.make(plugin, options=options, trials=trials)
        return plugged
    options = {name: value for name, value in config.items() if name not in ("type", "size")}
    if "size" in config:
        options["n"] = config["size"]
    if config["type"] != "fifo":
        options["trials"] = trials
    scheduler: Scheduler = _load(SCHEDULERS, config)(**options)
    return scheduler


def build_sampler(recipe: Recipe, prior: Sequence[Observation] = ()) -> Sampler:
    """The sampler of ``recipe``; one that learns knows ``prior`` from the start.

    Raises RequestError if the package that brought it is not there any more.
    """
    space = build_space(recipe)
    sampler: Sampler
    if (kind := recipe.sampler["type"]) in SAMPLERS:
        sampler = _load(SAMPLERS, recipe.sampler)(space, *_more_for_sampler(recipe))
    else:
        options = {n: value for n, value in recipe.sampler.items() if n not in ("type", "logbase")}
        plugin = plugins.load("sampler", kind, recipe.packages.get("sampler", ""))
        sampler = plugins.make(plugin, space, options=options)
    if not sampler.learns:
        return sampler
    from barrido.blas import OneCore
    from barrido.samplers.primed import Primed

    return OneCore(Primed(sampler, prior) if prior else sampler)


def _more_for_sampler(recipe: Recipe) -> tuple[Any, ...]:
    """What the sampler is made with besides the space."""
    match recipe.sampler["type"]:
        case "bohb":
            return (rungs(recipe),)
        case "tpe" if recipe.is_staged:
            from barrido.samplers.tpe import STAGED

            return (STAGED,)
    return ()


def rungs(recipe: Recipe) -> tuple[int, ...]:
    """The resources at which the scheduler of ``recipe`` compares trials, ascending; none if it does not."""
    from barrido.schedulers.rungs import levels

    config = recipe.scheduler
    if config["type"] == "fifo":
        return ()
    return levels(config["max_resource"], config["min_resource"], config["reduction_factor"])


def build_executor(recipe: Recipe, folder: SweepFolder, tracker: Tracker) -> LocalExecutor | RayExecutor:
    """Raises ControllerError where there is no such cluster, or none that could run the sweep's trials.

    One that another package brings is taken for a `LocalExecutor`: it has its methods that are used.
    """
    render = renderer(recipe, folder)
    name, _, argument = recipe.compute.partition(":")
    if name not in ("local", "ray"):
        plugin = plugins.load("executor", name, recipe.packages.get("executor", ""))
        plugged: LocalExecutor = plugin.make(
            folder, recipe, argument, render=render, environment=tracker.environment
        )
        return plugged
    if name == "ray":
        from barrido.executors.ray.cluster import Cluster
        from barrido.executors.ray.executor import RayExecutor

        cluster = Cluster.of(folder, recipe)
        return RayExecutor(folder, recipe, cluster, render=render, environment=tracker.environment)
    from barrido.executors.local import LocalExecutor

    return LocalExecutor(folder, recipe, render=render, environment=tracker.environment)


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
        told = told_resource(recipe, order)
        values[RESOURCE] = None if told is None else str(told)
        values[CHECKPOINT_DIR] = str(folder.trial(order.trial).checkpoints)
        if recipe.pausing.input is not None:
            values["inputs", recipe.pausing.input] = values[RESOURCE]
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
