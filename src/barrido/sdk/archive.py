"""Jobs that are put away: lists leave them out, and otherwise they stay what they were."""

from __future__ import annotations

import os

from barrido import app
from barrido.constants import ListViewType
from barrido.core.layout import PipelineFolder, SweepFolder, Workspace
from barrido.errors import RequestError
from barrido.pipelines import submission
from barrido.pipelines.records import read_state
from barrido.sdk.job import find_job
from barrido.spec.messages import did_you_mean
from barrido.store.queries import Reader
from barrido.store.sqlite import explain


def is_shown(folder: SweepFolder | PipelineFolder, view: ListViewType) -> bool:
    """Whether a list of ``view`` holds the job."""
    if view is ListViewType.ALL:
        return True
    return folder.archived.exists() is (view is ListViewType.ARCHIVED_ONLY)


def view_of(given: str | None) -> ListViewType:
    """A view by its name, or as Azure's own enumeration has it. Raises RequestError."""
    if given is None:
        return ListViewType.ACTIVE_ONLY
    word = str(getattr(given, "value", given))
    known = {view.value.lower(): view for view in ListViewType}
    if (view := known.get(word.replace("_", "").lower())) is None:
        names = [view.value for view in ListViewType]
        raise RequestError(f"list_view_type: {word!r} is no view", hint=did_you_mean(word, names))
    return view


def archive(workspace: Workspace, name: str) -> None:
    """Put a job away; again, it changes nothing. Raises RequestError while it is not over, or for a trial."""
    folder = over(workspace, name, "archived")
    try:
        folder.archived.touch()
        _sync(folder)
    except OSError as error:
        raise explain(error, f"{name!r} could not be archived") from error


def restore(workspace: Workspace, name: str) -> None:
    """Take a job back into the lists; again, it changes nothing. Raises RequestError for a trial."""
    folder = _whole(workspace, name)
    try:
        folder.archived.unlink(missing_ok=True)
        _sync(folder)
    except OSError as error:
        raise explain(error, f"{name!r} could not be restored") from error


def over(workspace: Workspace, name: str, done: str) -> SweepFolder | PipelineFolder:
    """The job called ``name``, which is to be ``done`` to. Raises RequestError while it is not over, or for a
    trial."""
    folder = _whole(workspace, name)
    if isinstance(folder, PipelineFolder):
        is_over = read_state(folder).phase.is_terminal
    else:
        with Reader(folder) as reader:
            is_over = reader.sweep().phase.is_terminal
    if not is_over:
        if app.is_running(folder):
            hint = f"wait for its end, or stop it: `barrido job cancel {name}`"
        else:
            hint = f"nothing runs it: `barrido job resume {name}` lets it come to its end"
        raise RequestError(f"{name!r} is not over: only what is over can be {done}", hint=hint)
    return folder


def _whole(workspace: Workspace, name: str) -> SweepFolder | PipelineFolder:
    if (pipeline := submission.find(workspace, name)) is not None:
        return pipeline
    folder, number = find_job(workspace, name)
    if number is not None:
        raise RequestError(f"{name!r} is a trial: it goes with its sweep", hint=f"use {folder.name!r}")
    return folder


def _sync(folder: SweepFolder | PipelineFolder) -> None:
    """What stands in the folder now also stands there after a power failure."""
    directory = os.open(folder.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
