"""Jobs that are removed for good."""

from __future__ import annotations

import os
import shutil

from barrido.controller.clock import WallClock
from barrido.controller.lock import SweepLock
from barrido.core.layout import PipelineFolder, SweepFolder, Workspace
from barrido.core.pipeline import PIPELINE_TAG
from barrido.errors import RequestError
from barrido.pipelines import submission
from barrido.pipelines.records import read_recipe, read_state
from barrido.pipelines.standing import look_at
from barrido.sdk.archive import over
from barrido.store.queries import Reader
from barrido.store.sqlite import explain
from barrido.tracking.status import GIVE_UP_S, Status


def delete(workspace: Workspace, name: str) -> list[str]:
    """Remove a job that is over, a pipeline with its steps: their names. Its runs stay in MLflow.

    Raises RequestError while it is not over, while MLflow is being told of it, if a pipeline that is not
    over has it as a step, or for a trial; StoreError if its files cannot be removed.
    """
    folder = over(workspace, name, "deleted")
    if isinstance(folder, SweepFolder):
        _check_is_free(workspace, folder)
        _remove(folder)
        return [name]
    jobs: list[SweepFolder | PipelineFolder] = [*_steps(folder), folder]
    for gone in jobs:  # the pipeline last: what is left of it can be deleted again
        _remove(gone)
    return [gone.name for gone in jobs]


def _steps(pipeline: PipelineFolder) -> list[SweepFolder]:
    """The jobs of its steps, as far as they are there; each may be removed."""
    recipe, ends = read_recipe(pipeline), read_state(pipeline).ends
    standings = (look_at(step, pipeline, recipe, ends.get(step.name)) for step in recipe.steps)
    jobs = [one.job for one in standings if one.job is not None]
    for job in jobs:
        over(pipeline.workspace, job.name, "deleted")  # it may have been opened again
        _check_is_told(job)
    return jobs


def _check_is_free(workspace: Workspace, folder: SweepFolder) -> None:
    with Reader(folder) as reader:
        sweep = reader.sweep()
    pipeline = submission.find(workspace, sweep.recipe.tags.get(PIPELINE_TAG, ""))
    if pipeline is not None and not read_state(pipeline).phase.is_terminal:
        raise RequestError(
            f"{folder.name!r} is a step of the pipeline {pipeline.name!r}, which is not over",
            hint=f"wait for its end, or stop it: `barrido job cancel {pipeline.name}`",
        )
    _check_is_told(folder)


def _check_is_told(folder: SweepFolder) -> None:
    """What MLflow does not have yet would be gone."""
    with Reader(folder) as reader:
        ended_at = reader.sweep().ended_at or 0.0
    status = Status.read(folder.tracking / "status.json")
    is_due = (folder.tracking / "mirror.db").exists() and not (status.complete or status.gave_up)
    if is_due and WallClock().now() - ended_at < GIVE_UP_S:
        what = f"MLflow is still being told what {folder.name!r} did"
        raise RequestError(what, hint="try again in a moment")


def _remove(folder: SweepFolder | PipelineFolder) -> None:
    """At once, as others see it: what is removed is nobody's job any more, whatever happens meanwhile."""
    draft = folder.root.with_name(f".draft-{os.urandom(16).hex()}")
    with SweepLock(folder):
        try:
            folder.root.rename(draft)
        except OSError as error:
            raise explain(error, f"{folder.name!r} could not be removed") from error
    try:
        shutil.rmtree(draft)
    except OSError as error:
        what = f"{folder.name!r} is no job any more, but some of its files are left in {draft}"
        raise explain(error, what) from error
