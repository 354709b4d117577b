"""Makes the recipe of a job that was found to be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from barrido.core.environment import Environment
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Resources, StopAfter, Work
from barrido.spec import plugins
from barrido.spec.algorithms import Bandit, MedianStopping, PluggedSampling, TruncationSelection
from barrido.spec.defaults import Defaults
from barrido.spec.inputs import input_text
from barrido.spec.mapping import Table
from barrido.spec.models import CommandJob, SweepJob, SweepLimits
from barrido.spec.models import Objective as ObjectiveModel
from barrido.spec.models import Work as WorkModel
from barrido.spec.paths import local_path
from barrido.spec.schedulers import Bohb, PluggedScheduler
from barrido.spec.scheduling import scheduler_json
from barrido.spec.searching import domain_of, sampler_json

MAX_FAILED_TRIALS = 3
RETRY_BACKOFF = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where trials run and in which Python, what each needs, and how many there is room for at a time; None:
    any number."""

    compute: str
    needs: Resources
    room: int | None
    environment: Environment | None = None


def recipe(
    job: SweepJob | CommandJob,
    *,
    inputs: Mapping[str, Any],
    base: FilePath,
    table: Table | None,
    defaults: Defaults,
    pausing: Pausing,
    place: Place,
    notices: tuple[str, ...],
) -> Recipe:
    """The recipe of ``job``; ``inputs`` as they were written, ``pausing`` and ``place`` as was settled.

    ``table`` says where remote inputs lie on this machine.
    """
    name = job.name or defaults.name()
    common: dict[str, Any] = {
        "name": name,
        "display_name": job.display_name or name,
        "experiment": job.experiment_name or defaults.experiment,
        "description": job.description or "",
        "tags": dict(job.tags or {}),
        "notices": notices,
        "compute": place.compute,
        "packages": _packages(job, place.compute),
        "places": place.room,
    }
    texts = {name: input_text(given, base, table) for name, given in inputs.items()}
    outputs = tuple(job.outputs or {})
    if isinstance(job, CommandJob):
        timeout = job.limits.timeout if job.limits else None
        return Recipe(
            kind="command",
            limits=Limits(max_total_trials=1, max_concurrent_trials=1, timeout=timeout, max_failed_trials=1),
            work=_work(job, texts, outputs, base, place),
            **common,
        )
    sampler = sampler_json(job.sampling_algorithm)
    if isinstance(job.scheduler, Bohb):
        sampler = {"type": "bohb"}
    seed = job.sampling_algorithm.seed if job.sampling_algorithm else None
    return Recipe(
        seed=defaults.seed() if seed is None else seed,
        space={name: domain_of(d, sampler).to_json() for name, d in job.search_space.items()},
        sampler=sampler,
        constraints=tuple(job.constraints or ()),
        resume_from=tuple(dict.fromkeys(job.resume_from or ())),
        policy=_policy(job.early_termination),
        scheduler=scheduler_json(job.scheduler, max_total_trials=job.limits.max_total_trials),
        pausing=pausing,
        objective=_objective(job.objective),
        limits=_limits(job.limits, defaults, place.room),
        work=_work(job.trial, texts, outputs, base, place),
        **common,
    )


def _packages(job: SweepJob | CommandJob, compute: str) -> dict[str, str]:
    """What brought the parts that are none of ours, by kind: who resumes the sweep elsewhere needs them."""
    chosen = {}
    if (executor := compute.partition(":")[0]) not in ("local", "ray"):
        chosen["executor"] = executor
    if isinstance(job, SweepJob) and isinstance(job.sampling_algorithm, PluggedSampling):
        chosen["sampler"] = job.sampling_algorithm.type
    if isinstance(job, SweepJob) and isinstance(job.scheduler, PluggedScheduler):
        chosen["scheduler"] = job.scheduler.type
    return plugins.packages(chosen)


def _work(
    model: WorkModel,
    inputs: Mapping[str, str | None],
    outputs: tuple[str, ...],
    base: FilePath,
    place: Place,
) -> Work:
    return Work(
        command=model.command,
        code=None if model.code is None else str(local_path(model.code, base)),
        environment_variables=dict(model.environment_variables or {}),
        inputs=dict(inputs),
        outputs=outputs,
        warm=model.warm,
        metrics=dict(model.metrics or {}),
        resources=place.needs,
        environment=place.environment,
        python=place.environment.interpreter if place.environment else None,
    )


def _objective(model: ObjectiveModel | None) -> Objective | None:
    return None if model is None else Objective(model.primary_metric, Goal(model.goal))


def _limits(limits: SweepLimits, defaults: Defaults, room: int | None) -> Limits:
    stop_after = limits.stop_after
    concurrent = limits.max_concurrent_trials or defaults.slots
    return Limits(
        max_total_trials=limits.max_total_trials,
        max_concurrent_trials=concurrent if room is None else min(concurrent, room),
        timeout=limits.timeout,
        trial_timeout=limits.trial_timeout,
        max_failed_trials=limits.max_failed_trials or MAX_FAILED_TRIALS,
        stop_after=StopAfter(stop_after.trials, stop_after.min_improvement) if stop_after else None,
        max_retries=limits.max_retries or 0,
        retry_backoff=RETRY_BACKOFF if limits.retry_backoff is None else limits.retry_backoff,
    )


def _policy(policy: Bandit | MedianStopping | TruncationSelection | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    body: dict[str, Any] = {"type": policy.type}
    match policy:
        case Bandit():
            body |= policy.slack()
        case TruncationSelection():
            body["truncation_percentage"] = policy.truncation_percentage
            if policy.exclude_finished_jobs is not None:
                body["exclude_finished_jobs"] = policy.exclude_finished_jobs
    # An interval of 0 is Azure's "not given"
    body["evaluation_interval"] = policy.evaluation_interval or 1
    body["delay_evaluation"] = policy.delay_evaluation or 0
    return body
