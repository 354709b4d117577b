"""What the studio answers, as models: for its OpenAPI document, which tests hold the answers against.

Times are seconds since the epoch, values in the user's scale.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

Number = float | Literal["NaN", "Infinity", "-Infinity"]
"""JSON has no word for NaN and the infinities."""

Json = dict[str, Any]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Mistake(Shape):
    path: str
    line: int | None
    what: str
    hint: str


class ErrorBody(Shape):
    message: str
    hint: str
    problems: list[Mistake]


class Error(Shape):
    error: ErrorBody


class Warm(Shape):
    """How many trials started, and how many of those in an interpreter that had imported already."""

    started: int
    warm: int


class Best(Shape):
    trial: int
    value: Number | None
    params: Json


class Summary(Shape):
    name: str
    display_name: str
    kind: str
    status: str
    phase: str
    reason: str
    metric: str | None
    goal: str | None
    experiment: str
    description: str
    tags: Json
    note: str
    sampler: str | None
    scheduler: str | None
    policy: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    elapsed_s: float
    eta_s: float | None
    counts: dict[str, int]
    done: int
    total: int
    warm: Warm
    best: Best | None
    is_archived: bool
    is_running: bool


class Listing(Shape):
    workspace: str
    sweeps: list[Summary]
    unreadable: list[str]


class Dimension(Shape):
    name: str
    kind: Literal["number", "integer", "category"]
    scale: Literal["linear", "log"]
    low: Number | None
    high: Number | None
    choices: list[Any] | None
    distribution: str
    condition: str | None


class NoteShape(Shape):
    seq: int
    at: float
    trial: int | None
    text: str


class Spending(Shape):
    reports: int
    beyond: int
    full: float | None


class Overview(Summary):
    limits: Json
    space: list[Dimension]
    recipe: Json
    notices: list[str]
    notes: list[NoteShape]
    metrics: list[str]
    plan: Json | None
    spending: Spending | None
    mlflow: str | None
    folder: str


class Expected(Shape):
    mean: Number
    spread: Number
    improvement: Number


class Trials(Shape):
    """Columns of one length, by number."""

    number: list[int]
    status: list[str]
    phase: list[str]
    attempt: list[int]
    value: list[Number | None]
    last: list[Number | None]
    reports: list[int]
    step: list[int]
    queued_at: list[float]
    started_at: list[float | None]
    ended_at: list[float | None]
    exit_code: list[int | None]
    failure: list[str | None]
    reason: list[str]
    warm: list[int]
    until: list[int | None]
    expected: list[Expected | None]
    note: list[str]
    tags: list[Json]
    origin: list[str]
    rungs: list[dict[str, Number | None]]
    params: dict[str, list[Any]]


class Lines(Shape):
    trial: list[int]
    steps: list[list[Number]]
    values: list[list[Number | None]]


class Curves(Shape):
    metric: str
    step_name: str
    is_thinned: bool
    trials: Lines


class WhyNot(Shape):
    why_not: str


class Importance(Shape):
    shares: dict[str, float] | None
    why_not: str


class Slice(Shape):
    """The model's mean along one parameter, averaged over the others."""

    param: str
    x: list[Any]
    mean: list[Number]
    spread: list[Number] | None


class Axis(Shape):
    param: str
    values: list[Any]


class Contour(Shape):
    x: Axis
    y: Axis
    z: list[list[Number]]


class SliceAnswer(RootModel[Slice | WhyNot]):
    pass


class ContourAnswer(RootModel[Contour | WhyNot]):
    pass


class Bars(Shape):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    trial: list[int]
    slot: list[int | None]
    begin: Annotated[list[float], Field(alias="from")]
    to: list[float | None]
    kind: list[Literal["run", "wait"]]
    end: list[str]


class Timeline(Shape):
    slots: int
    start: float | None
    end: float | None
    bars: Bars


class Seat(Shape):
    trial: int
    value: Number | None
    state: Literal["here", "going", "promoted", "out"]


class Rung(Shape):
    resource: int
    planned: int | None
    trials: list[Seat]


class Bracket(Shape):
    name: str
    rungs: list[Rung]


class Rungs(Shape):
    unit: str = ""
    brackets: list[Bracket]


class Metric(Shape):
    last: Number | None
    best: Number | None
    count: int


class LogFile(Shape):
    attempt: int
    size: int


class Output(Shape):
    path: str
    size: int


class Why(Shape):
    """Why a trial ended as it did; ``against`` is the trial that it was compared with."""

    text: str
    by: str
    against: int | None


class TrialDetail(Shape):
    trial: Json
    sweep: str
    metrics: dict[str, Metric]
    logs: list[LogFile]
    outputs: list[Output]
    mlflow: str | None
    why: Why | None
    attempts: int
    folder: str
    seconds: float | None


class Log(Shape):
    text: str
    offset: int
    size: int
    is_over: bool


class Validation(Shape):
    problems: list[Mistake]
    notices: list[str]
    summary: list[str]
    plan: Json | None


class Created(Shape):
    name: str


class Accepted(Shape):
    """The id of the request; null where none is written. Its effect shows in the stream."""

    request: str | None


class WhatIf(Shape):
    model_config = ConfigDict(extra="allow")
