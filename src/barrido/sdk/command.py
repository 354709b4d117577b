"""A command with inputs: run it once, or sweep over its inputs."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

from barrido.errors import RequestError
from barrido.sdk import azure
from barrido.sdk.algorithms import EarlyTerminationPolicy, SamplingAlgorithm
from barrido.sdk.cloud import JobResourceConfiguration, QueueSettings
from barrido.sdk.document import document, located, plain
from barrido.sdk.fields import Settings
from barrido.sdk.inputs import Names
from barrido.sdk.limits import CommandJobLimits, Objective, SweepJobLimits
from barrido.sdk.origin import caller
from barrido.sdk.schedulers import Scheduler
from barrido.sdk.sweep_job import SweepJob
from barrido.sdk.work import Work
from barrido.spec.source import Source


class Command(Work):
    """One run of a command; the template of a sweep's trials.

    Called with values for some of its inputs it gives a new command: literals, `Input`, or the
    distributions of `barrido.sweep`. With distributions among them, `sweep` makes a `SweepJob` of it.
    """

    type = "command"

    def __repr__(self) -> str:
        return f"Command(command={self.command!r}, inputs={dict(self.inputs)!r})"

    def __call__(self, *args: Any, **inputs: Any) -> Command:
        """The same command with other values for the inputs that are named."""
        from barrido.spec.messages import did_you_mean

        known = ", ".join(map(repr, self.inputs)) or "none"
        if args:
            raise RequestError("a command takes its inputs by name", hint=f"its inputs are: {known}")
        for name in inputs:
            if name not in self.inputs:
                near = did_you_mean(name, self.inputs, otherwise="it has no such input")
                raise RequestError(
                    f"the command got an unexpected input {name!r}, valid inputs: {known}", hint=near
                )
        node = copy.copy(self)
        copied = ("outputs", "environment_variables", "metrics", "tags", "properties", "limits", "resources")
        for name in copied:
            node.__dict__[name] = copy.copy(getattr(self, name))
        node._places = dict(self._places) | {"name": caller()}
        node.name = None  # a name is for one job: a copy with it could not be submitted beside the original
        node.inputs = Names({**self.inputs, **inputs})
        return node

    def sweep(
        self,
        *,
        primary_metric: str | None,
        goal: str | None = None,
        sampling_algorithm: str | Settings | SamplingAlgorithm | None = None,
        compute: str | None = None,
        max_concurrent_trials: int | None = None,
        max_total_trials: int | None = None,
        timeout: float | None = None,
        trial_timeout: float | None = None,
        early_termination_policy: EarlyTerminationPolicy | Settings | str | None = None,
        scheduler: Scheduler | Settings | str | None = None,
        search_space: Settings | None = None,
        constraints: str | Sequence[str] | None = None,
        resume_from: str | Sequence[str] | None = None,
        identity: Any = None,
        queue_settings: Any = None,
        job_tier: str | None = None,
        priority: str | None = None,
    ) -> SweepJob:
        """A sweep over the inputs that are distributions, and over ``search_space``.

        Times are in seconds. With ``primary_metric=None`` every trial is run, and nothing is compared.
        Points are drawn at random unless a ``sampling_algorithm`` says otherwise; ``constraints`` are
        expressions over the names of parameters that all of them make true. ``resume_from`` names earlier
        sweeps of the same search space, whose results it knows from the start. The ``scheduler`` says how far
        trials go before they are compared; without one each runs to its end, or until an early termination
        policy stops it. A ``timeout`` that the command was given bounds each trial, unless ``trial_timeout``
        says otherwise.
        """
        space = {name: value for name, value in self.inputs.items() if is_distribution(value)}
        inputs = {name: value for name, value in self.inputs.items() if name not in space}
        space.update(search_space or {})
        if job_tier is not None or priority is not None:
            queue_settings = queue_settings or QueueSettings(job_tier=job_tier, priority=priority)
        settings = self.fields() | {
            "inputs": inputs,
            "compute": compute or self.compute,
            "identity": identity or self.identity,
            "queue_settings": queue_settings or self.queue_settings,
            "resources": None,  # each trial's, and among the rest of what it runs
        }
        job = SweepJob(
            trial=self(),
            search_space=space,
            constraints=constraints,
            objective=None if primary_metric is None else Objective(goal, primary_metric),
            sampling_algorithm=sampling_algorithm,
            resume_from=resume_from,
            early_termination=early_termination_policy,
            scheduler=scheduler,
            limits=SweepJobLimits(
                max_concurrent_trials=max_concurrent_trials,
                max_total_trials=max_total_trials,
                timeout=timeout,
                trial_timeout=trial_timeout,
            ),
            **settings,
        )
        job._base = self._base
        return job

    def set_limits(self, *, timeout: float | None = None) -> None:
        """Change how long it may take, in seconds; it stays as it is without ``timeout``."""
        if timeout is not None:
            self.limits = CommandJobLimits(timeout=timeout)

    def to_document(self) -> dict[str, Any]:
        """The job as its YAML file would say it."""
        return document(self.type, {**self.fields(), **self.work(), "limits": self.limits})

    def source(self) -> Source:
        """Where its parts were said."""
        return located(self._source, self._origin, {(name,): at for name, at in self._places.items()})


def is_distribution(value: object) -> bool:
    from barrido.space import Domain

    return isinstance(value, Domain) or azure.is_distribution(value)


def command(
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
    display_name: str | None = None,
    command: str | None = None,
    experiment_name: str | None = None,
    environment: Any = None,
    environment_variables: Mapping[str, Any] | None = None,
    distribution: Any = None,
    compute: str | None = None,
    inputs: Settings | None = None,
    outputs: Settings | None = None,
    instance_count: int | None = None,
    instance_type: str | None = None,
    locations: Any = None,
    docker_args: Any = None,
    shm_size: str | None = None,
    resources: JobResourceConfiguration | Settings | None = None,
    timeout: float | None = None,
    code: str | os.PathLike[str] | None = None,
    identity: Any = None,
    is_deterministic: bool = True,  # noqa: ARG001
    services: Settings | None = None,
    job_tier: str | None = None,
    priority: str | None = None,
    parent_job_name: str | None = None,  # noqa: ARG001
    warm: str | bool = "auto",
    metrics: Mapping[str, str] | None = None,
) -> Command:
    r"""A command with its inputs, as in ``azure.ai.ml``.

    ``code`` is the folder that trials get a copy of, ``timeout`` is in seconds. ``warm`` ("auto", "on"
    or "off") says whether trials of a Python script are forked from an interpreter that has imported
    already. ``metrics`` are, for scripts that only print, the regular expressions by which metrics are found
    in the log, by name: ``{"loss": r"loss=(\S+)"}``. ``resources`` are what each trial needs, as
    ``{"cpu": 2, "gpu": 0.5, "memory": "4GB"}``, and ``compute`` is where trials run: "local", "ray",
    "ray:auto" or "ray://host:port". What describes Azure's machines is accepted; what has no effect here is
    said when the job is submitted.
    """
    machines = {
        "instance_count": instance_count,
        "instance_type": instance_type,
        "locations": locations,
        "docker_args": docker_args,
        "shm_size": shm_size,
    }
    needs = plain(resources) or {}
    if isinstance(needs, Mapping):  # else it is for the check to judge
        needs = {**needs, **{name: value for name, value in machines.items() if value is not None}}
        resources = JobResourceConfiguration(**needs) if needs else None
    queue = {"job_tier": job_tier, "priority": priority}
    return Command(
        command=command,
        code=code,
        inputs=inputs,
        outputs=outputs,
        environment=environment,
        environment_variables=environment_variables,
        limits=None if timeout is None else CommandJobLimits(timeout=timeout),
        name=name,
        display_name=display_name,
        experiment_name=experiment_name,
        description=description,
        tags=tags,
        properties=properties,
        compute=compute,
        distribution=distribution,
        resources=resources,
        queue_settings=QueueSettings(**queue) if any(queue.values()) else None,
        identity=identity,
        services=services,
        warm=warm,
        metrics=metrics,
    )
