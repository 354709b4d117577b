"""The recipe: a sweep as it was asked for, checked and complete, ready to be written as JSON.

The spec floor makes it from YAML, Python or the command line; `barrido.app` builds a `Plan` and the
adapters from it; it is stored with the sweep, so a resumed sweep is the same sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from barrido.core.environment import Environment
from barrido.core.events import PauseMode

VERSION = 1


class Goal(StrEnum):
    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def sign(self) -> float:
        """Times a value in the user's scale: lower is better."""
        return 1.0 if self is Goal.MINIMIZE else -1.0


@dataclass(frozen=True, slots=True)
class Objective:
    metric: str
    goal: Goal


@dataclass(frozen=True, slots=True)
class StopAfter:
    """End the sweep when ``trials`` trials in a row did not improve the best by ``min_improvement``."""

    trials: int
    min_improvement: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends a sweep and bounds it. Times are in seconds; None means no limit.

    A trial whose attempt fails is run again, up to ``max_retries`` times, after ``retry_backoff`` seconds,
    which double each time.
    """

    max_total_trials: int
    max_concurrent_trials: int
    timeout: float | None = None
    trial_timeout: float | None = None
    max_failed_trials: int = 3
    stop_after: StopAfter | None = None
    max_retries: int = 0
    retry_backoff: float = 1.0

    def updated(self, changes: Mapping[str, Any]) -> Limits:
        """With ``changes``, limits by name as JSON, in the place of what there was."""
        return Limits.from_json({**asdict(self), **changes})

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Limits:
        values = dict(body)
        if values.get("stop_after") is not None:
            values["stop_after"] = StopAfter(**values["stop_after"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one trial needs; None where nothing was said.

    ``gpu`` is a whole number, or a fraction below 1 where several trials share one. With 0 a trial sees no
    GPU; with None it sees what the controller sees. ``memory`` is in bytes. ``custom`` are amounts by name
    of what only a Ray cluster has.
    """

    cpu: float | None = None
    gpu: float | None = None
    memory: int | None = None
    custom: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a trial runs.

    ``inputs`` maps names to the text that replaces ``${{inputs.x}}`` (a literal, or an absolute path;
    None for an optional input that was not given); ``outputs`` names folders made for each trial.
    ``warm`` is "auto", "on" or "off": whether Python trials are forked from an interpreter that has
    imported already. ``environment`` is what the interpreter belongs to, None for the one barrido runs in.
    """

    command: str
    code: str | None = None  # absolute path of the folder that is copied for the trials
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str | None] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    python: str | None = None  # interpreter put first on PATH; None: the one barrido runs in
    environment: Environment | None = None
    warm: str = "auto"
    metrics: Mapping[str, str] = field(default_factory=dict)  # patterns to be found in the log, by metric
    resources: Resources = field(default_factory=Resources)


class Unit(StrEnum):
    """What a scheduler's resource counts."""

    REPORT = "report"  # reports of the primary metric
    SECONDS = "seconds"  # of running; what a trial is frozen does not count
    INPUT = "input"  # what an input of the script says: it is run anew, or goes on, with a larger one


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """How trials are taken off their workers and go on, for a scheduler that pauses.

    ``input`` is the name of the input that carries the resource, for `Unit.INPUT`. Suspended trials may hold
    ``memory`` bytes in all, None for no bound; those beyond it are ended, and go on by ``spill``. With
    ``spares_gpus``, so are those that hold a GPU.
    """

    unit: Unit = Unit.REPORT
    input: str | None = None
    mode: PauseMode = PauseMode.SUSPEND
    spill: PauseMode = PauseMode.RESTART
    memory: int | None = None
    spares_gpus: bool = False

    @property
    def relaunch(self) -> PauseMode:
        """How a trial whose processes are gone goes on: CHECKPOINT or RESTART."""
        return self.spill if self.mode is PauseMode.SUSPEND else self.mode

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Pausing:
        kinds = {"unit": Unit, "mode": PauseMode, "spill": PauseMode}
        values: dict[str, Any] = {n: kinds[n](value) if n in kinds else value for n, value in body.items()}
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``space``, ``sampler``, ``policy`` and ``scheduler`` are JSON objects with a ``type``.

    ``compute`` is where trials run: "local", "ray" (a Ray of the sweep's own on this machine), "ray:auto"
    (the cluster that this machine belongs to), "ray://host:port", or the name of an executor that another
    package brings, with what it is told after a colon. ``places`` is how many trials there is
    room for at a time on the machine that the sweep was made for; None: as many as one likes.
    """

    name: str
    kind: str = "sweep"  # or "command": one trial, no search
    compute: str = "local"
    places: int | None = None
    display_name: str = ""
    experiment: str = "Default"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    space: Mapping[str, Any] = field(default_factory=dict)
    sampler: Mapping[str, Any] = field(default_factory=lambda: {"type": "random"})
    policy: Mapping[str, Any] | None = None
    scheduler: Mapping[str, Any] = field(default_factory=lambda: {"type": "fifo"})
    pausing: Pausing = field(default_factory=Pausing)
    constraints: tuple[str, ...] = ()  # on points of the space (barrido.space.constraints)
    packages: Mapping[str, str] = field(default_factory=dict)  # that brought sampler, scheduler, executor
    resume_from: tuple[str, ...] = ()  # earlier sweeps whose results the sampler knows from the start
    objective: Objective | None = None
    limits: Limits
    work: Work
    notices: tuple[str, ...] = ()
    tracking_uri: str | None = None  # the user's own MLflow; None: the workspace's

    @property
    def is_staged(self) -> bool:
        """Whether a scheduler says how far each trial goes."""
        return bool(self.scheduler["type"] != "fifo")

    @property
    def holds_at_rungs(self) -> bool:
        """Whether trials are asked about at certain reports, and wait there."""
        return self.is_staged and self.pausing.unit is Unit.REPORT

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Recipe:
        values = {name: value for name, value in body.items() if name != "version"}
        if (objective := values.get("objective")) is not None:
            values["objective"] = Objective(objective["metric"], Goal(objective["goal"]))
        values["limits"] = Limits.from_json(values["limits"])
        work = dict(values["work"])
        work["outputs"] = tuple(work["outputs"])
        work["resources"] = Resources(**work.get("resources", {}))
        if work.get("environment") is not None:
            work["environment"] = Environment.from_json(work["environment"])
        values["work"] = Work(**work)
        values["notices"] = tuple(values["notices"])
        values["constraints"] = tuple(values.get("constraints", ()))
        values["resume_from"] = tuple(values.get("resume_from", ()))
        values["pausing"] = Pausing.from_json(values.get("pausing", {}))
        return cls(**values)
