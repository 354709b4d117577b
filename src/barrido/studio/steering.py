"""What people may ask for: a new sweep, and whatever else a sweep can be told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import Field

from barrido import app
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Recipe
from barrido.environments import is_ready
from barrido.errors import RequestError, SpecError, SweepNotFound, TrialNotFound
from barrido.sdk.planning import plan_lines, plan_sweep
from barrido.spec import document
from barrido.spec.check import examine
from barrido.spec.defaults import Defaults
from barrido.spec.limits import check_limits
from barrido.spec.source import Source
from barrido.store.queries import Reader
from barrido.studio import shapes
from barrido.studio.faults import Fault, problem_to_json
from barrido.studio.routes import Asked, Place, Route
from barrido.studio.views import OfSweep, OfTrial

ORIGIN = "studio"
TEXT = "sweep.yml"
"""What the lines of a text are called by that stands in no file."""


class Nothing(shapes.Shape):
    pass


class Description(shapes.Shape):
    """``folder`` is where its relative paths begin: without one, where the studio was started."""

    yaml: str
    folder: str | None = None


class Limits(shapes.Shape):
    changes: shapes.Json = Field(description="New limits by name, as in a sweep's file.")


class Point(shapes.Shape):
    params: shapes.Json


class Annotation(shapes.Shape):
    """What is left out stays; a tag that is null is removed."""

    note: str | None = None
    tags: dict[str, str | None] | None = None


def _create(place: Place, _: Asked, body: Description) -> Any:
    recipe = _recipe(place, body)
    if place.workspace.sweep(recipe.name).root.exists():
        raise Fault(409, f"there already is a sweep {recipe.name!r}", "give it another name")
    return {"name": app.create(recipe, place.workspace).name}


def _validate(place: Place, _: Asked, body: Description) -> Any:
    try:
        recipe, _prior = app.warm_start(_recipe(place, body), place.workspace)
    except SpecError as error:
        problems = [problem_to_json(problem) for problem in error.problems]
        return {"problems": problems, "notices": [], "summary": [], "plan": None}
    plan = plan_sweep(recipe) if recipe.kind == "sweep" else None
    return {
        "problems": [],
        "notices": [*recipe.notices, *_to_come(recipe, place)],
        "summary": list(_summary(recipe)) + ([] if plan is None else list(plan_lines(plan, width=None))),
        "plan": None if plan is None else plan.to_json(),
    }


def _to_come(recipe: Recipe, place: Place) -> Iterator[str]:
    """Who starts a sweep waits for its environment, and would not know for what."""
    environment = recipe.work.environment
    if environment is not None and not is_ready(environment, place.workspace.environments):
        yield f"environment {environment.name} is built before the sweep starts: that may take minutes"


def _recipe(place: Place, body: Description) -> Recipe:
    """Raises SpecError with everything that is wrong, Fault if there is no such folder."""
    # Unlike Path's, this one never raises
    base = place.here / os.path.expanduser(body.folder or "")  # noqa: PTH111
    try:
        is_folder = base.is_dir()
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise Fault(400, f"there is no folder {body.folder!r:.200}")
    read = document.parse(body.yaml, name=TEXT)
    recipe, findings = None, read.findings
    if read.value is not None or not findings.problems:
        defaults = Defaults.here(base, workspace=place.workspace)
        recipe = examine(read.value, findings, base=base, defaults=defaults)
    if recipe is None:
        raise SpecError(findings.problems)
    return recipe


def _summary(recipe: Recipe) -> Iterator[str]:
    """What the sweep is after, in lines."""
    if recipe.kind != "sweep":
        yield f"a command that runs once: {recipe.name}"
        return
    names = ", ".join(recipe.space)
    yield f"{recipe.name}: {recipe.sampler['type']} over {names}"
    if recipe.objective is not None:
        yield f"{recipe.objective.goal} {recipe.objective.metric}"
    if recipe.policy is not None:
        yield f"early termination: {recipe.policy['type']}"


def _ask(
    folder: SweepFolder, verb: Verb, trial: int | None = None, changes: Mapping[str, Any] | None = None
) -> Any:
    try:
        return {"request": app.request(folder, verb, trial=trial, changes=changes, origin=ORIGIN)}
    except (SweepNotFound, TrialNotFound):
        raise
    except RequestError as error:
        # The same error says that a request is malformed, and that it comes too late
        with Reader(folder) as reader:
            sweep = reader.sweep()
        is_late = sweep.phase.is_terminal or sweep.ends_as is not None
        never = verb is Verb.RERUN or (verb is Verb.ENQUEUE and sweep.recipe.kind == "command")
        if verb is not Verb.ANNOTATE and (is_late or never):
            raise Fault(409, error.message, error.hint) from None
        raise


def _told(verb: Verb, place: Place, asked: OfSweep, _: Nothing) -> Any:
    return _ask(place.sweep(asked.name), verb)


def _resume(place: Place, asked: OfSweep, _: Nothing) -> Any:
    folder = place.sweep(asked.name)
    with Reader(folder) as reader:
        is_over = reader.sweep().phase.is_terminal
    if not is_over and app.is_running(folder):
        raise Fault(409, f"sweep {asked.name!r} is running: there is nothing to resume")
    app.resume(folder)
    return {"request": None}


def _limit(place: Place, asked: OfSweep, body: Limits) -> Any:
    folder = place.sweep(asked.name)
    if not body.changes:
        raise RequestError("nothing to update", hint="name a limit and its new value")
    with Reader(folder) as reader:
        sweep = reader.sweep()
    checked = check_limits(body.changes, sweep.recipe, sweep.limits, source=Source(""))
    return _ask(folder, Verb.UPDATE, changes=checked)


def _enqueue(place: Place, asked: OfSweep, body: Point) -> Any:
    return _ask(place.sweep(asked.name), Verb.ENQUEUE, changes={"params": body.params})


def _annotate(place: Place, asked: OfSweep, body: Annotation) -> Any:
    number = asked.number if isinstance(asked, OfTrial) else None
    changes = {name: getattr(body, name) for name in ("note", "tags") if getattr(body, name) is not None}
    return _ask(place.sweep(asked.name), Verb.ANNOTATE, number, changes)


def _cancel_trial(place: Place, asked: OfTrial, _: Nothing) -> Any:
    folder = place.sweep(asked.name)
    with Reader(folder) as reader:
        rows = reader.trials([asked.number])
    if rows and rows[0].phase.is_terminal:
        what = f"trial {asked.number} of {asked.name!r} is over ({rows[0].phase}): it cannot be canceled"
        raise Fault(409, what)
    return _ask(folder, Verb.CANCEL, asked.number)


def _rerun(place: Place, asked: OfSweep, _: Nothing) -> Any:
    return _ask(place.sweep(asked.name), Verb.RERUN, asked.number if isinstance(asked, OfTrial) else None)


def _route(path: str, summary: str, function: Any, asked: type[Asked], body: Any, **more: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        summary=summary,
        function=function,
        asked=asked,
        body=body,
        **{"answer": shapes.Accepted, "status": 202, **more},
    )


_SWEEP, _TRIAL = "/api/sweeps/{name}", "/api/sweeps/{name}/trials/{number}"

ROUTES = (
    _route("/api/sweeps", "Start a sweep.", _create, Asked, Description, answer=shapes.Created, status=201),
    _route(
        "/api/validate",
        "Say everything that is wrong with a sweep's text, and what it would do.",
        _validate,
        Asked,
        Description,
        answer=shapes.Validation,
        status=200,
    ),
    _route(
        f"{_SWEEP}/cancel",
        "Stop the sweep with all its trials.",
        partial(_told, Verb.CANCEL),
        OfSweep,
        Nothing,
        refusal=409,
    ),
    _route(
        f"{_SWEEP}/pause", "Start no new trials.", partial(_told, Verb.PAUSE), OfSweep, Nothing, refusal=409
    ),
    _route(
        f"{_SWEEP}/unpause",
        "Start new trials again.",
        partial(_told, Verb.UNPAUSE),
        OfSweep,
        Nothing,
        refusal=409,
    ),
    _route(
        f"{_SWEEP}/resume",
        "Go on with a sweep whose controller died.",
        _resume,
        OfSweep,
        Nothing,
        refusal=409,
    ),
    _route(f"{_SWEEP}/limits", "Change its limits.", _limit, OfSweep, Limits),
    _route(f"{_SWEEP}/rerun", "Run all that failed once more.", _rerun, OfSweep, Nothing, refusal=409),
    _route(f"{_SWEEP}/enqueue", "Run a point by hand.", _enqueue, OfSweep, Point),
    _route(f"{_SWEEP}/annotate", "Write a note and tags on the sweep.", _annotate, OfSweep, Annotation),
    _route(f"{_TRIAL}/cancel", "Stop the trial.", _cancel_trial, OfTrial, Nothing, refusal=409),
    _route(f"{_TRIAL}/rerun", "Run its point once more.", _rerun, OfTrial, Nothing, refusal=409),
    _route(f"{_TRIAL}/annotate", "Write a note and tags on the trial.", _annotate, OfTrial, Annotation),
)
