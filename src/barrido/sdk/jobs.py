"""`MLClient.jobs`: submit, look, wait, stop."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from barrido import app
from barrido.core.events import Verb
from barrido.core.layout import PipelineFolder, SweepFolder, Workspace
from barrido.core.recipe import Recipe
from barrido.errors import RequestError, SpecError, StoreError
from barrido.pipelines import submission
from barrido.sdk import archive, azure
from barrido.sdk.command import Command
from barrido.sdk.deletion import delete
from barrido.sdk.document import ValidationResult, plain
from barrido.sdk.download import download_sweep, download_trial
from barrido.sdk.elsewhere import Done
from barrido.sdk.importance import importance_of
from barrido.sdk.job import Job, Service, find_job, find_trial, sweep_job, trial_job
from barrido.sdk.limits import NewLimits
from barrido.sdk.origin import caller, warn
from barrido.sdk.pipeline_job import PipelineJob, pipeline_recipe
from barrido.sdk.poller import Poller
from barrido.sdk.stream import only_trial, stream_sweep, stream_trial
from barrido.sdk.sweep_job import SweepJob
from barrido.space.options import copied
from barrido.spec.source import Source
from barrido.store.queries import Reader
from barrido.store.workspace import sweeps

if TYPE_CHECKING:
    from barrido.replay.course import WhatIf
    from barrido.replay.proof import Proof
    from barrido.sdk.replay import Rule

ORIGIN = "sdk"
NO_CHANGES: Mapping[str, Any] = {}


class JobOperations:
    """The jobs of a workspace. A sweep, or a pipeline, goes by its name, a trial by ``<sweep>_<n>``."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def create_or_update(
        self,
        job: SweepJob | Command | PipelineJob,
        *,
        description: str | None = None,
        compute: str | None = None,
        tags: Mapping[str, Any] | None = None,
        experiment_name: str | None = None,
        skip_validation: bool = False,
        **kwargs: Any,
    ) -> Job:
        """Submit ``job``; it runs on its own from here on. A plain command runs as one trial.

        Paths begin at the current folder, or at the folder of the YAML file it was loaded from. Raises
        SpecError with everything that is wrong, RequestError if the name is taken.
        """
        changes = {
            "description": description,
            "compute": compute,
            "tags": tags,
            "experiment_name": experiment_name,
        }
        if isinstance(job := _ours(job), PipelineJob):
            pipeline = pipeline_recipe(job, changes, self._workspace)
            return self.get(submission.create(pipeline, self._workspace, say=_say).name)
        recipe = recipe_of(job, changes, self._workspace)
        return self.get(app.create(recipe, self._workspace, say=_say).name)

    def validate(self, job: SweepJob | Command | PipelineJob) -> ValidationResult:
        """What is wrong with ``job``, without submitting it."""
        try:
            if isinstance(job := _ours(job), PipelineJob):
                return ValidationResult((), pipeline_recipe(job, NO_CHANGES, self._workspace).notices)
            recipe, _ = app.warm_start(recipe_of(job, workspace=self._workspace), self._workspace)
        except SpecError as error:
            return ValidationResult(error.problems, ())
        return ValidationResult((), recipe.notices)

    def get(self, name: str) -> Job:
        """A job as it stands now. Raises SweepNotFound, TrialNotFound."""
        if (pipeline := self._pipeline(name)) is not None:
            from barrido.sdk.pipelines import pipeline_run

            return pipeline_run(pipeline)
        folder, number = self.find(name)
        with Reader(folder) as reader:
            if number is None:
                return sweep_job(reader)
            return trial_job(reader, find_trial(reader, number))

    def list(
        self,
        *,
        parent_job_name: str | None = None,
        max_results: int | None = None,
        list_view_type: Any = None,
    ) -> list[Job]:
        """The jobs of the workspace, newest first; the trials, or the steps, of ``parent_job_name`` in order.

        ``list_view_type`` is a `ListViewType`, or its name: jobs that were archived are left out unless asked
        for.
        """
        view = archive.view_of(list_view_type)
        if parent_job_name is None:
            unreadable: list[StoreError] = []
            folders = sweeps(self._workspace, unreadable=unreadable)
            pipelines = submission.pipelines(self._workspace, unreadable=unreadable)
            # No more than the newest of each kind can be among the newest of all.
            names = [one.name for one in reversed(folders) if archive.is_shown(one, view)][:max_results]
            names += [one.name for one in reversed(pipelines) if archive.is_shown(one, view)][:max_results]
            found = [self.get(name) for name in names]
            for error in unreadable:
                warnings.warn(f"left out: {error}", stacklevel=2)
            return sorted(found, key=lambda job: job.creation_context.created_at, reverse=True)[:max_results]
        if (pipeline := self._pipeline(parent_job_name)) is not None:
            from barrido.sdk.pipelines import pipeline_run

            return [*pipeline_run(pipeline).jobs.values()][:max_results]
        with Reader(app.find(self._workspace, parent_job_name)) as reader:
            return [trial_job(reader, trial) for trial in reader.trials()[:max_results]]

    def importance(self, name: str) -> dict[str, float]:
        """The share of a sweep's results' variance that each parameter explains alone, the largest first.

        What the shares lack to 1 is due to parameters that act together. Raises RequestError if fewer than
        10 trials completed with a value.
        """
        with Reader(app.find(self._workspace, name)) as reader:
            return importance_of(reader)

    def replay(
        self, name: str, *, policy: Rule | None = None, scheduler: Rule | None = None
    ) -> Proof | WhatIf:
        """Prove that a sweep's log tells what happened; or, with a policy or a scheduler, what would have.

        Each is an object, a dict as in YAML, a name, or the path of a YAML file; what is not given is not
        used. Raises HistoryMismatch if the log leads elsewhere, SpecError for what is wrong with a rule,
        RequestError if the sweep compares nothing or nothing was reported.
        """
        from barrido.sdk import replay

        return replay.replay(app.find(self._workspace, name), policy, scheduler)

    def export(self, name: str, *, output: Literal["csv", "json"] = "csv") -> str:
        """A sweep for other programs: its trials as CSV, or all that is known of it as JSON.

        The text is that of `barrido job export`. Lines of CSV end with a carriage return and a line feed:
        write them to a file that is opened with ``newline=""``.
        """
        if output not in ("csv", "json"):
            raise RequestError(f"a sweep is exported as 'csv' or 'json' (got {output!r})")
        from barrido.figures.export import to_csv, to_json

        with Reader(app.find(self._workspace, name)) as reader:
            return "".join(to_csv(reader) if output == "csv" else to_json(reader))

    def show_services(self, name: str, node_index: int = 0) -> Mapping[str, Service]:
        """Where a job can be looked at."""
        return self.get(name).services

    def stream(self, name: str) -> None:
        """Print what happens in a job until it is over: a sweep's progress, a trial's own output.

        Of a pipeline, which steps begin and end. Raises SweepFailed if it fails. Ctrl-C ends the watching,
        never the job.
        """
        if (pipeline := self._pipeline(name)) is not None:
            from barrido.sdk.pipelines import stream_pipeline

            stream_pipeline(pipeline)
            return
        folder, number = self.find(name)
        if number is not None:
            self.get(name)
            stream_trial(folder, number, name)
        elif (only := only_trial(folder)) is not None:
            stream_trial(folder, only, name)
        else:
            stream_sweep(folder)

    def download(
        self,
        name: str,
        *,
        download_path: str | os.PathLike[str] = ".",
        output_name: str | None = None,
        all: bool = False,
    ) -> None:
        """Copy what a job made: of a sweep, its best trial's.

        ``artifacts/`` holds default outputs, logs, and artifacts and models that were logged to an MLflow
        that keeps them on this machine; with ``all``, ``named-outputs/<name>/`` the rest;
        with ``output_name``, that output alone is copied; of a pipeline, its own outputs. Raises RequestError
        while the job is not over.
        """
        to = Path(os.path.expanduser(download_path)).absolute()  # noqa: PTH111 (unlike Path's, never raises)
        if (pipeline := self._pipeline(name)) is not None:
            from barrido.sdk.pipelines import download_pipeline

            download_pipeline(pipeline, to, output_name=output_name)
            return
        folder, number = self.find(name)
        if number is None:
            download_sweep(folder, to, output_name=output_name, everything=all)
        else:
            self.get(name)
            download_trial(folder, number, to, output_name=output_name, everything=all)

    def begin_cancel(self, name: str) -> Poller:
        """Ask a sweep, a pipeline, or one trial, to stop. Raises RequestError if it is over."""
        if (pipeline := self._pipeline(name)) is not None:
            submission.cancel(pipeline)
            return Poller(self._workspace, name, self.get)
        folder, number = self.find(name)
        if number is not None:
            self.get(name)
        app.request(folder, Verb.CANCEL, trial=number, origin=ORIGIN)
        return Poller(self._workspace, name, self.get)

    def cancel(self, name: str) -> None:
        """Stop a sweep, or one trial; returns when it has stopped."""
        self.begin_cancel(name).result()

    def archive(self, name: str) -> None:
        """Put a job away that is over: lists leave it out from here on. Raises RequestError while it runs."""
        archive.archive(self._workspace, name)

    def restore(self, name: str) -> None:
        """Take a job that was archived back into the lists."""
        archive.restore(self._workspace, name)

    def begin_delete(self, name: str) -> Done:
        """Remove a job that is over, a pipeline with its steps. Its runs stay in MLflow."""
        return Done(delete(self._workspace, name))

    def pause(self, name: str) -> None:
        """Start no new trials; those that run go on."""
        app.request(app.find(self._workspace, name), Verb.PAUSE, origin=ORIGIN)

    def unpause(self, name: str) -> None:
        """Start new trials again."""
        app.request(app.find(self._workspace, name), Verb.UNPAUSE, origin=ORIGIN)

    def resume(self, name: str) -> None:
        """Take up a sweep, or a pipeline, whose process died; trials that still run are adopted."""
        if (pipeline := self._pipeline(name)) is not None:
            submission.resume(pipeline)
            return
        app.resume(app.find(self._workspace, name), say=_say)

    def update(
        self,
        name: str,
        *,
        display_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        properties: Mapping[str, Any] | None = None,
        **limits: Unpack[NewLimits],
    ) -> None:
        """Change the limits of a sweep that runs; what is not given stays as it is. Times in seconds.

        ``tags`` are added and the ``description`` becomes the note, as `annotate` writes them; ``properties``
        have no effect. Raises SpecError for what cannot be a limit, RequestError if the sweep is over, or for
        a ``display_name``.
        """
        if display_name is not None:
            hint = "write a note, or tags: jobs.annotate(name, note=..., tags=...)"
            raise RequestError("the display name cannot be changed any more", hint=hint)
        if properties:
            warn("properties have no effect here: use tags")
        written = any(one is not None for one in (description, tags))
        given = {limit: value for limit, value in limits.items() if value is not None}
        if not given and not written:
            raise RequestError("nothing to update", hint=f"it can be: {', '.join(NewLimits.__annotations__)}")
        if given:
            from barrido.spec.limits import check_limits

            folder = app.find(self._workspace, name)
            with Reader(folder) as reader:
                sweep = reader.sweep()
            checked = check_limits(given, sweep.recipe, sweep.limits, source=Source(caller()))
            app.request(folder, Verb.UPDATE, changes=checked, origin=ORIGIN)
        if written:
            self.annotate(name, description, tags)

    def rerun(self, name: str, *, failed: bool = False) -> None:
        """Run a trial's parameters once more, in a new trial of its sweep, before any that is sampled.

        ``name`` is ``<sweep>_<n>``; with ``failed``, it is a sweep's, and all its trials that failed are run
        again, but for those that have been. A sweep that is over is opened again for it, and runs nothing
        else. Raises RequestError if no trial failed, while the sweep is ending, or if it is a command.
        """
        folder, number = self.find(name)
        if number is None and not failed:
            hint = f"a trial of it is called {name}_0; failed=True is for all that failed"
            raise RequestError(f"{name!r} is no trial", hint=hint)
        if number is not None and failed:
            what = f"{name!r} is a trial: failed=True is for a sweep"
            raise RequestError(what, hint=f"use {folder.name!r}")
        app.request(folder, Verb.RERUN, trial=number, origin=ORIGIN)

    def enqueue(self, name: str, params: Mapping[str, Any]) -> None:
        """Put a point of the search space into a sweep, to be run before any that is sampled.

        There will be one trial more than there was to be. Raises RequestError with everything that keeps
        ``params`` from being such a point, or if the sweep is over, or is a command.
        """
        if not isinstance(params, Mapping):
            raise RequestError(f"a point is a mapping of names to values (got {params!r:.60})")
        point = {"params": copied(params)}
        app.request(app.find(self._workspace, name), Verb.ENQUEUE, changes=point, origin=ORIGIN)

    def annotate(
        self, name: str, note: str | None = None, tags: Mapping[str, str | None] | None = None
    ) -> None:
        """Write a note and tags on a sweep, or on a trial; also on one that is over.

        What is not given stays as it is; "" removes the note, None a tag. Raises RequestError if they are too
        long, or not text.
        """
        folder, number = self.find(name)
        changes = {"note": note, "tags": dict(tags) if isinstance(tags, Mapping) else tags}
        given = {what: value for what, value in changes.items() if value is not None}
        app.request(folder, Verb.ANNOTATE, trial=number, changes=given, origin=ORIGIN)

    def _pipeline(self, name: str) -> PipelineFolder | None:
        return submission.find(self._workspace, name)

    def find(self, name: str) -> tuple[SweepFolder, int | None]:
        """The sweep called ``name``, or the sweep and number of a trial called so. Raises SweepNotFound."""
        return find_job(self._workspace, name)


def _say(text: str) -> None:
    """What goes on before there is an answer."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def recipe_of(
    job: SweepJob | Command | PipelineJob,
    changes: Mapping[str, Any] = NO_CHANGES,
    workspace: Workspace | None = None,
) -> Recipe:
    """The recipe of ``job``, some of its settings changed, its names looked up in the table of ``workspace``.

    Raises SpecError with everything wrong.
    """
    from barrido.spec.load import Defaults, check

    ours: Any = _ours(job)
    if not isinstance(ours, SweepJob | Command):
        what = f"only jobs can be submitted (got an object of type {type(ours).__name__})"
        raise RequestError(
            f"{ours.name!r} was submitted already: it stays as it was" if isinstance(ours, Job) else what,
            hint="submit what `command(...)`, `.sweep(...)` and `load_job(...)` give; of what was submitted,"
            " jobs.update(name, …) changes the limits, jobs.annotate(name, …) the note and the tags",
        )
    document = ours.to_document() | plain(
        {name: value for name, value in changes.items() if value is not None}
    )
    defaults = Defaults.here(workspace=workspace)
    return check(document, source=ours.source(), base=ours._base or Path.cwd(), defaults=defaults)


def _ours(job: Any) -> Any:
    """A job of Microsoft's in our classes; anything else as it is."""
    if azure.kind_of(job) is None:
        return job
    from barrido.sdk.azure_jobs import adopted

    return adopted(job)
