"""What can be looked at: the routes that change nothing."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from barrido.core.layout import SweepFolder
from barrido.figures import curves, importance, rungs, sweeps, timeline, trial, trials
from barrido.store.queries import Reader
from barrido.studio import shapes
from barrido.studio.child import ask_what_if
from barrido.studio.routes import Asked, Place, Route

A = TypeVar("A", bound="OfSweep")


def _split(given: Any) -> Any:
    return given.split(",") if isinstance(given, str) else given


TrialNumber = Annotated[int, Field(ge=0, lt=1 << 31)]
Numbers = Annotated[list[TrialNumber], BeforeValidator(_split), Field(min_length=1, max_length=10_000)]
"""Trials, with commas between them."""


class OfSweep(Asked):
    name: str


class OfTrial(OfSweep):
    number: TrialNumber


class OfTrials(OfSweep):
    numbers: Numbers | None = Field(None, description="Trials, with commas between them; all without it.")


class OfCurves(OfSweep):
    metric: str | None = Field(None, description="The primary one without it.")
    trials: Numbers | None = Field(None, description="Trials, with commas between them; all without it.")
    points: int = Field(curves.POINTS, ge=1, le=1_000_000, description="Lines are thinned to so many in all.")


class OfParameter(OfSweep):
    param: str


class OfParameters(OfSweep):
    x: str
    y: str


class OfLog(OfTrial):
    offset: int = Field(
        0, gt=-(1 << 53), lt=1 << 53, description="Bytes from the beginning; negative ones from the end."
    )
    attempt: int | None = Field(None, ge=1, lt=1 << 31, description="The latest without it.")


class WhatIfBody(shapes.Shape):
    """Each as in a sweep's file; what is not given is not used."""

    policy: shapes.Json | None = None
    scheduler: shapes.Json | None = None


def _read(view: Callable[[Reader, A], Any]) -> Callable[[Place, A, None], Any]:
    """The function of a route that reads one sweep's database."""

    @wraps(view)
    def function(place: Place, asked: A, _: None) -> Any:
        with Reader(place.sweep(asked.name)) as reader:
            return view(reader, asked)

    return function


def _folder(view: Callable[[SweepFolder, A], Any]) -> Callable[[Place, A, None], Any]:
    @wraps(view)
    def function(place: Place, asked: A, _: None) -> Any:
        return view(place.sweep(asked.name), asked)

    return function


def _listing(place: Place, *_: Any) -> Any:
    return sweeps.listing(place.workspace)


def _overview(reader: Reader, _: OfSweep) -> Any:
    return sweeps.overview(reader)


def _trials(reader: Reader, asked: OfTrials) -> Any:
    return trials.table(reader, asked.numbers)


def _curves(reader: Reader, asked: OfCurves) -> Any:
    return curves.curves(reader, asked.metric, trials=asked.trials, points=asked.points)


def _importance(reader: Reader, _: OfSweep) -> Any:
    return importance.shares(reader)


def _slice(reader: Reader, asked: OfParameter) -> Any:
    return importance.slice_of(reader, asked.param)


def _contour(reader: Reader, asked: OfParameters) -> Any:
    return importance.contour(reader, asked.x, asked.y)


def _timeline(reader: Reader, _: OfSweep) -> Any:
    return timeline.timeline(reader)


def _rungs(reader: Reader, _: OfSweep) -> Any:
    return rungs.rungs(reader)


def _trial(reader: Reader, asked: OfTrial) -> Any:
    return trial.detail(reader, asked.number)


def _log(folder: SweepFolder, asked: OfLog) -> Any:
    return trial.log(folder, asked.number, asked.offset, asked.attempt)


async def _what_if(place: Place, asked: OfSweep, body: WhatIfBody) -> Any:
    folder = await to_thread(place.sweep, asked.name)
    return await ask_what_if(folder, body.policy, body.scheduler)


def _route(path: str, summary: str, function: Any, asked: type[Asked], answer: Any, **more: Any) -> Route:
    return Route(
        method="GET",
        path=f"/api/sweeps{path}",
        summary=summary,
        function=function,
        asked=asked,
        answer=answer,
        **more,
    )


ROUTES = (
    _route("", "The sweeps of the workspace, newest first.", _listing, Asked, shapes.Listing),
    _route("/{name}", "One sweep.", _read(_overview), OfSweep, shapes.Overview),
    _route("/{name}/trials", "Its trials, as columns.", _read(_trials), OfTrials, shapes.Trials),
    _route("/{name}/curves", "What was logged, by step.", _read(_curves), OfCurves, shapes.Curves),
    _route(
        "/{name}/importance",
        "The share of the results' variance that each parameter explains alone.",
        _read(_importance),
        OfSweep,
        shapes.Importance,
        is_slow=True,
    ),
    _route(
        "/{name}/slice",
        "What a model of the results expects along one parameter.",
        _read(_slice),
        OfParameter,
        shapes.SliceAnswer,
        is_slow=True,
    ),
    _route(
        "/{name}/contour",
        "What a model of the results expects over two parameters.",
        _read(_contour),
        OfParameters,
        shapes.ContourAnswer,
        is_slow=True,
    ),
    _route("/{name}/timeline", "Which trial ran when.", _read(_timeline), OfSweep, shapes.Timeline),
    _route("/{name}/rungs", "How the rungs are filled.", _read(_rungs), OfSweep, shapes.Rungs),
    _route("/{name}/trials/{number}", "One trial.", _read(_trial), OfTrial, shapes.TrialDetail),
    _route("/{name}/trials/{number}/log", "A piece of a trial's log.", _folder(_log), OfLog, shapes.Log),
    Route(
        method="POST",
        path="/api/sweeps/{name}/whatif",
        summary="What another policy or scheduler would have made of the trials on record.",
        function=_what_if,
        asked=OfSweep,
        body=WhatIfBody,
        answer=shapes.WhatIf,
        is_slow=True,
    ),
)
