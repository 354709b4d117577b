"""The recipe: a sweep as it was asked for, checked and complete, ready to be written as JSON.

The spec floor makes it from YAML, Python or the command line; `barrido.app` builds a `Plan` and the
adapters from it; it is stored with the sweep, so a resumed sweep is the same sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

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
    """What ends a sweep and bounds it. Times are in seconds; None means no limit."""

    max_total_trials: int
    max_concurrent_trials: int
    timeout: float | None = None
    trial_timeout: float | None = None
    max_failed_trials: int = 3
    stop_after: StopAfter | None = None

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
class Work:
    """What a trial runs.

    ``inputs`` maps names to the text that replaces ``${{inputs.x}}`` (a literal, or an absolute path;
    None for an optional input that was not given); ``outputs`` names folders made for each trial.
    ``warm`` is "auto", "on" or "off": whether Python trials are forked from an interpreter that has
    imported already.
    """

    command: str
    code: str | None = None  # absolute path of the folder that is copied for the trials
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str | None] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    python: str | None = None  # interpreter put first on PATH; None: the one barrido runs in
    warm: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """``space``, ``sampler``, ``policy`` and ``scheduler`` are JSON objects with a ``type``."""

    name: str
    kind: str = "sweep"  # or "command": one trial, no search
    display_name: str = ""
    experiment: str = "Default"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    space: Mapping[str, Any] = field(default_factory=dict)
    sampler: Mapping[str, Any] = field(default_factory=lambda: {"type": "random"})
    policy: Mapping[str, Any] | None = None
    scheduler: Mapping[str, Any] = field(default_factory=lambda: {"type": "fifo"})
    resume_from: tuple[str, ...] = ()  # earlier sweeps whose results the sampler knows from the start
    objective: Objective | None = None
    limits: Limits
    work: Work
    notices: tuple[str, ...] = ()
    tracking_uri: str | None = None  # the user's own MLflow; None: the workspace's

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Recipe:
        values = {name: value for name, value in body.items() if name != "version"}
        if (objective := values.get("objective")) is not None:
            values["objective"] = Objective(objective["metric"], Goal(objective["goal"]))
        values["limits"] = Limits.from_json(values["limits"])
        values["work"] = Work(**{**values["work"], "outputs": tuple(values["work"]["outputs"])})
        values["notices"] = tuple(values["notices"])
        values["resume_from"] = tuple(values.get("resume_from", ()))
        return cls(**values)
