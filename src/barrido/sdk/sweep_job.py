"""A sweep, as said in Python: many trials of one command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Unpack

from barrido.errors import RequestError
from barrido.sdk import azure
from barrido.sdk.algorithms import EarlyTerminationPolicy, SamplingAlgorithm
from barrido.sdk.document import document, located, plain
from barrido.sdk.fields import Described, JobFields, Settings, said
from barrido.sdk.inputs import Names
from barrido.sdk.limits import Objective, SweepJobLimits
from barrido.sdk.schedulers import Scheduler
from barrido.sdk.work import Work
from barrido.spec.source import Path as Place
from barrido.spec.source import Source


class SweepJob(Described):
    """What `Command.sweep` and `load_job` give. Every setting may be changed until it is submitted.

    What the sweep does not say (compute, inputs, outputs) is taken from ``trial``, whose ``timeout``
    bounds each trial. ``constraints`` are expressions over the names of parameters that every point makes
    true, like ``"batch_size * layers <= 512"``. ``resume_from`` names earlier sweeps of the same search
    space, whose results the sampling algorithm knows from the start. Without an ``objective`` every trial is
    run, and nothing is compared.
    """

    type = "sweep"

    def __init__(
        self,
        *,
        trial: Work | None = None,
        search_space: Settings | None = None,
        constraints: str | Sequence[str] | None = None,
        objective: Objective | Settings | None = None,
        limits: SweepJobLimits | Settings | None = None,
        sampling_algorithm: str | Settings | SamplingAlgorithm | None = None,
        resume_from: str | Sequence[str] | None = None,
        early_termination: EarlyTerminationPolicy | Settings | str | None = None,
        scheduler: Scheduler | Settings | str | None = None,
        **settings: Unpack[JobFields],
    ) -> None:
        super().__init__(**settings)
        self.trial = trial = _as_work(trial)
        self.search_space: dict[str, Any] = dict(search_space or {})
        self.constraints = constraints
        self.objective = objective
        self._limits = SweepJobLimits()
        if limits is not None:
            self.limits = limits
        self.sampling_algorithm = sampling_algorithm
        self.resume_from = resume_from
        self.early_termination = early_termination
        self.scheduler = scheduler
        if trial is not None:
            self.compute = self.compute or trial.compute
            if settings.get("inputs") is None:
                inputs = trial.inputs.items()
                # A component's input that is swept has no value beside it
                free = {name: one for name, one in inputs if one is not None or name not in self.search_space}
                self.inputs = Names(free)
            if settings.get("outputs") is None:
                self.outputs = Names(trial.outputs)

    def __repr__(self) -> str:
        return f"SweepJob(search_space={self.search_space!r}, objective={self.objective!r})"

    @property
    def limits(self) -> SweepJobLimits:
        return self._limits

    @limits.setter
    def limits(self, given: SweepJobLimits | Settings) -> None:
        """A mapping is taken as well. Raises RequestError for anything else."""
        given = plain(given) if azure.kind_of(given) else given
        if isinstance(given, Mapping):
            known = [field.name for field in fields(SweepJobLimits)]
            if unknown := given.keys() - set(known):
                what = f"there is no limit {', '.join(map(repr, sorted(unknown)))}"
                raise RequestError(what, hint=f"there are: {', '.join(known)}")
            given = SweepJobLimits(**given)
        if not isinstance(given, SweepJobLimits):
            raise RequestError(f"limits must be SweepJobLimits (got {type(given).__name__})")
        self._limits = given

    def set_objective(self, *, goal: str | None = None, primary_metric: str | None = None) -> None:
        """Change the objective; what is not given stays as it is."""
        self.objective = {**(plain(self.objective) or {}), **said(goal=goal, primary_metric=primary_metric)}

    def set_limits(
        self,
        *,
        max_concurrent_trials: int | None = None,
        max_total_trials: int | None = None,
        timeout: float | None = None,
        trial_timeout: float | None = None,
        max_failed_trials: int | None = None,
        stop_after: Mapping[str, float] | None = None,
        max_retries: int | None = None,
        retry_backoff: float | None = None,
    ) -> None:
        """Change the limits; what is not given stays as it is. Times in seconds."""
        given = said(
            max_concurrent_trials=max_concurrent_trials,
            max_total_trials=max_total_trials,
            timeout=timeout,
            trial_timeout=trial_timeout,
            max_failed_trials=max_failed_trials,
            stop_after=stop_after,
            max_retries=max_retries,
            retry_backoff=retry_backoff,
        )
        self.limits = SweepJobLimits(**{**vars(self.limits), **given})

    def to_document(self) -> dict[str, Any]:
        """The job as its YAML file would say it."""
        limits = plain(self.limits)
        trial_limits = plain(self.trial.limits) if self.trial is not None else None
        if trial_limits and trial_limits.get("timeout") is not None:
            limits.setdefault("trial_timeout", trial_limits["timeout"])
        body = document(
            self.type,
            {
                **self.fields(),
                "limits": limits,
                "constraints": self.constraints,
                "sampling_algorithm": self.sampling_algorithm,
                "resume_from": self.resume_from,
                "early_termination": self.early_termination,
                "scheduler": self.scheduler,
                "objective": self.objective,
            },
        )
        body["search_space"] = plain(self.search_space)
        if self.trial is not None:
            work = {name: value for name, value in self.trial.work().items() if value not in (None, {})}
            body["trial"] = plain(work)
        return body

    def source(self) -> Source:
        """Where its parts were said."""
        places: dict[Place, str] = {}
        if self.trial is not None:
            places |= {("trial", name): at for name, at in self.trial._places.items()}
        places |= {(name,): at for name, at in self._places.items() if name != "trial"}
        return located(self._source, self._origin, places)


def _as_work(trial: Any) -> Work | None:
    """Any command, Microsoft's too. Raises RequestError for what is none."""
    if azure.kind_of(trial) is not None:
        from barrido.sdk.azure_jobs import template

        trial = template(trial)
    if trial is None or isinstance(trial, Work):
        return trial
    hint = "load_job('sweep.yml') reads a sweep with its trial from a file"
    raise RequestError(f"trial must be a command (got {type(trial).__name__})", hint=hint)
