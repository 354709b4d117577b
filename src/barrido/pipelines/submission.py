"""What people do with pipelines: create, find, cancel, resume."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from barrido import app, launcher
from barrido.controller import lock
from barrido.controller.clock import WallClock
from barrido.core.layout import PipelineFolder, Workspace
from barrido.core.pipeline import PipelineRecipe
from barrido.environments import ready, silent
from barrido.errors import ControllerError, RequestError, StoreError
from barrido.executors.snapshot import snapshot
from barrido.pipelines.records import PipelineState, read_state, write, write_recipe, write_state
from barrido.store.sqlite import explain

_DAEMON = str(Path(__file__).with_name("daemon.py"))


def create(
    recipe: PipelineRecipe, where: Workspace, *, say: Callable[[str], None] = silent
) -> PipelineFolder:
    """Write the pipeline down, with copies of its steps' code, and hand it to a process of its own.

    Environments that its steps need and that are not there yet are built first, of which ``say`` hears.
    Raises RequestError if a name is taken, or if there is no such code, BuildFailed, StoreError if it cannot
    be written, ControllerError if its process does not come up. Nothing is half done: a pipeline is there
    whole or not at all.
    """
    folder = where.pipeline(recipe.name)
    _check_names(recipe, where)
    for step in recipe.steps:
        if (environment := step.recipe.work.environment) is not None:
            ready(environment, where.environments, say)
    app.remove_abandoned(where.pipelines)
    draft = PipelineFolder(where.pipelines / f".draft-{os.urandom(16).hex()}")
    try:
        draft.root.mkdir(parents=True)
        recipe = _with_code(recipe, draft, folder)
        write_recipe(draft, recipe)
        write_state(draft, PipelineState(WallClock().now()))
        with app.naming(where):
            _check_names(recipe, where)  # again: copying the code takes its time
            draft.root.rename(folder.root)
    except OSError as error:
        _check_names(recipe, where)  # somebody was quicker
        raise explain(error, f"the pipeline could not be written to {where.root}") from error
    finally:
        shutil.rmtree(draft.root, ignore_errors=True)
    launcher.start(folder, daemon=_DAEMON)
    return folder


def _check_names(recipe: PipelineRecipe, where: Workspace) -> None:
    for name in (recipe.name, *(step.recipe.name for step in recipe.steps)):
        is_pipeline = where.pipeline(name).root.exists()
        if is_pipeline or where.sweep(name).root.exists():
            what = f"there already is a {'pipeline' if is_pipeline else 'sweep'} {name!r} in {where.root}"
            if name != recipe.name:
                what += f", and a step of {recipe.name!r} would be called so"
            raise RequestError(what, hint=f"give the pipeline another name, or see `barrido job show {name}`")


def _with_code(recipe: PipelineRecipe, draft: PipelineFolder, final: PipelineFolder) -> PipelineRecipe:
    """The same with copies of the code that its steps need; and with the MLflow that is meant now."""
    copies: dict[str, str] = {}
    notices: list[str] = []
    steps = []
    tracking_uri = os.environ.get("MLFLOW_TRACKING_URI") or None
    for step in recipe.steps:
        work = step.recipe.work
        if work.code is not None:
            if work.code not in copies:
                number = str(len(copies))
                leave_out = [final.workspace.root]
                notices += snapshot(Path(work.code), draft.code / number, leave_out=leave_out)
                copies[work.code] = str(final.code / number)
            work = replace(work, code=copies[work.code])
        uri = step.recipe.tracking_uri or tracking_uri
        steps.append(replace(step, recipe=replace(step.recipe, work=work, tracking_uri=uri)))
    return replace(recipe, steps=tuple(steps), notices=(*recipe.notices, *notices))


def find(where: Workspace, name: str) -> PipelineFolder | None:
    """The pipeline called ``name``, None if there is none."""
    folder = where.pipeline(name)
    return folder if name and "/" not in name and folder.recipe.exists() else None


def pipelines(where: Workspace, *, unreadable: list[StoreError] | None = None) -> list[PipelineFolder]:
    """Those of a workspace, oldest first; ``unreadable`` gets why one was left out."""
    if not where.pipelines.is_dir():
        return []
    by_age = []
    for path in sorted(where.pipelines.iterdir()):
        if path.name.startswith("."):
            continue
        try:
            by_age.append((read_state(PipelineFolder(path)).created_at, PipelineFolder(path)))
        except StoreError as error:
            if unreadable is not None:
                unreadable.append(error)
    return [folder for _, folder in sorted(by_age, key=lambda pair: pair[0])]


def cancel(folder: PipelineFolder) -> None:
    """Have all its steps stopped, and no more started. Raises RequestError if it is over."""
    state = read_state(folder)
    if state.phase.is_terminal:
        raise RequestError(f"pipeline {folder.name!r} is over ({state.phase}): there is nothing to cancel")
    try:
        write(folder.cancel, "")
    except OSError as error:
        raise explain(error, f"the request could not be written to {folder.root}") from error
    if lock.holder(folder) is None:
        _take_up(folder)


def resume(folder: PipelineFolder) -> None:
    """Start a process for a pipeline whose process died. Steps that still run are found again.

    Raises ControllerError if one runs, RequestError if the pipeline is over.
    """
    state = read_state(folder)
    if state.phase.is_terminal:
        raise RequestError(
            f"pipeline {folder.name!r} is over ({state.phase}): there is nothing to resume",
            hint="create a new one",
        )
    launcher.start(folder, daemon=_DAEMON)


def _take_up(folder: PipelineFolder) -> None:
    try:
        launcher.start(folder, daemon=_DAEMON)
    except ControllerError:
        # Somebody else may have just started one, or it came to its end.
        if lock.holder(folder) is None and not read_state(folder).phase.is_terminal:
            raise
