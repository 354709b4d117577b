"""`MLClient.jobs`: submit, look, wait, stop."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from barrido import app
from barrido.controller.clock import WallClock
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Recipe
from barrido.errors import Problem, RequestError, SpecError, StoreError
from barrido.sdk.command import Command
from barrido.sdk.document import plain
from barrido.sdk.download import download_sweep, download_trial
from barrido.sdk.importance import importance_of
from barrido.sdk.job import Job, find_job, find_trial, sweep_job, trial_job
from barrido.sdk.origin import caller
from barrido.sdk.stream import LOOK_S, check_alive, only_trial, stream_sweep, stream_trial
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


@dataclass(frozen=True)
class ValidationResult:
    """``passed``, or what is wrong by dotted path."""

    problems: tuple[Problem, ...]
    notices: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def error_messages(self) -> dict[str, str]:
        return {problem.path or "*": problem.what for problem in self.problems}


class Poller:
    """Waits for a job to be over, after it was asked to stop."""

    def __init__(self, jobs: JobOperations, name: str) -> None:
        self._jobs, self._name = jobs, name

    def status(self) -> str:
        return self._jobs.get(self._name).status

    def done(self) -> bool:
        folder, number = self._jobs.find(self._name)
        with Reader(folder) as reader:
            return _is_over(reader, number)

    def wait(self, timeout: float | None = None) -> None:
        """Until it is over, or for ``timeout`` seconds. Raises ControllerError if its controller is gone."""
        clock = WallClock()
        deadline = None if timeout is None else clock.now() + timeout
        folder, number = self._jobs.find(self._name)
        with Reader(folder) as reader:
            while not _is_over(reader, number) and (deadline is None or clock.now() < deadline):
                check_alive(reader)
                clock.wait(LOOK_S)

    def result(self, timeout: float | None = None) -> None:
        """As `wait`; raises TimeoutError if it is not over by then."""
        self.wait(timeout)
        if not self.done():
            raise TimeoutError(f"{self._name!r} is not over after {timeout:g} s")


class JobOperations:
    """The jobs of a workspace. A sweep goes by its name, a trial by ``<sweep>_<n>``."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def create_or_update(
        self,
        job: SweepJob | Command,
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
        return self.get(app.create(recipe_of(job, changes), self._workspace).name)

    def validate(self, job: SweepJob | Command) -> ValidationResult:
        """What is wrong with ``job``, without submitting it."""
        try:
            recipe, _ = app.warm_start(recipe_of(job), self._workspace)
        except SpecError as error:
            return ValidationResult(error.problems, ())
        return ValidationResult((), recipe.notices)

    def get(self, name: str) -> Job:
        """A job as it stands now. Raises SweepNotFound, TrialNotFound."""
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
        """The jobs of the workspace, newest first; the trials of ``parent_job_name``, by number."""
        del list_view_type
        if parent_job_name is None:
            unreadable: list[StoreError] = []
            newest = sweeps(self._workspace, unreadable=unreadable)[::-1][:max_results]
            for error in unreadable:
                warnings.warn(f"left out: {error}", stacklevel=2)
            return [self.get(folder.name) for folder in newest]
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

    def stream(self, name: str) -> None:
        """Print what happens in a job until it is over: a sweep's progress, a trial's own output.

        Raises SweepFailed if it fails. Ctrl-C ends the watching, never the job.
        """
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
        with ``output_name``, that output alone is copied. Raises RequestError while the job is not over.
        """
        folder, number = self.find(name)
        to = Path(os.path.expanduser(download_path)).absolute()  # noqa: PTH111 (unlike Path's, never raises)
        if number is None:
            download_sweep(folder, to, output_name=output_name, everything=all)
        else:
            self.get(name)
            download_trial(folder, number, to, output_name=output_name, everything=all)

    def begin_cancel(self, name: str) -> Poller:
        """Ask a sweep, or one trial, to stop. Raises RequestError if the sweep is over."""
        folder, number = self.find(name)
        if number is not None:
            self.get(name)
        app.request(folder, Verb.CANCEL, trial=number, origin=ORIGIN)
        return Poller(self, name)

    def cancel(self, name: str) -> None:
        """Stop a sweep, or one trial; returns when it has stopped."""
        self.begin_cancel(name).result()

    def pause(self, name: str) -> None:
        """Start no new trials; those that run go on."""
        app.request(app.find(self._workspace, name), Verb.PAUSE, origin=ORIGIN)

    def unpause(self, name: str) -> None:
        """Start new trials again."""
        app.request(app.find(self._workspace, name), Verb.UNPAUSE, origin=ORIGIN)

    def resume(self, name: str) -> None:
        """Take up a sweep whose controller died; trials that still run are adopted."""
        app.resume(app.find(self._workspace, name))

    def update(
        self,
        name: str,
        *,
        max_total_trials: int | None = None,
        max_concurrent_trials: int | None = None,
        timeout: float | None = None,
        trial_timeout: float | None = None,
        max_failed_trials: int | None = None,
        stop_after: Mapping[str, float] | None = None,
    ) -> None:
        """Change the limits of a sweep that runs; what is not given stays as it is. Times in seconds.

        Raises SpecError for what cannot be a limit, RequestError if the sweep is over.
        """
        changes = {
            "max_total_trials": max_total_trials,
            "max_concurrent_trials": max_concurrent_trials,
            "timeout": timeout,
            "trial_timeout": trial_timeout,
            "max_failed_trials": max_failed_trials,
            "stop_after": stop_after,
        }
        given = {limit: value for limit, value in changes.items() if value is not None}
        if not given:
            raise RequestError("nothing to update", hint=f"it can be: {', '.join(changes)}")
        from barrido.spec.limits import check_limits

        folder = app.find(self._workspace, name)
        with Reader(folder) as reader:
            sweep = reader.sweep()
        checked = check_limits(given, sweep.recipe, sweep.limits, source=Source(caller()))
        app.request(folder, Verb.UPDATE, changes=checked, origin=ORIGIN)

    def rerun(self, name: str) -> None:
        """Run a trial's parameters once more, in a new trial of its sweep, before any that is sampled.

        ``name`` is ``<sweep>_<n>``. Raises RequestError if the sweep is over, or is a command.
        """
        folder, number = self.find(name)
        if number is None:
            raise RequestError(f"{name!r} is no trial", hint=f"a trial of it is called {name}_0")
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

    def find(self, name: str) -> tuple[SweepFolder, int | None]:
        """The sweep called ``name``, or the sweep and number of a trial called so. Raises SweepNotFound."""
        return find_job(self._workspace, name)


def _is_over(reader: Reader, number: int | None) -> bool:
    """Whether a trial, or with None the whole sweep, has come to its end."""
    if number is None or reader.sweep().phase.is_terminal:
        return reader.sweep().phase.is_terminal
    found = reader.trials([number])
    return bool(found) and found[0].phase.is_terminal


def recipe_of(job: SweepJob | Command, changes: Mapping[str, Any] = NO_CHANGES) -> Recipe:
    """The recipe of ``job``, some of its settings changed. Raises SpecError with everything wrong."""
    from barrido.spec.load import Defaults, check

    if not isinstance(job, SweepJob | Command):
        raise RequestError(
            f"only jobs can be submitted (got an object of type {type(job).__name__})",
            hint="what `command(...)`, `.sweep(...)` and `load_job(...)` give; for limits of a running sweep,"
            " ml_client.jobs.update(name, …)",
        )
    document = job.to_document() | plain(
        {name: value for name, value in changes.items() if value is not None}
    )
    return check(document, source=job.source(), base=job._base or Path.cwd(), defaults=Defaults.here())
