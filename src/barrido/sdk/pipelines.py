"""Pipelines that were submitted: as they stand, streamed, downloaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import floor
from pathlib import Path
from typing import Any, TextIO

from barrido.controller.clock import WallClock
from barrido.core.layout import PipelineFolder, SweepFolder
from barrido.core.pipeline import PipelinePhase, StepPhase
from barrido.core.protocols import Clock
from barrido.errors import ControllerError, RequestError, SweepFailed
from barrido.pipelines.records import read_state
from barrido.pipelines.standing import Standing, StepStanding, look
from barrido.sdk.download import copy_folder
from barrido.sdk.inputs import Names
from barrido.sdk.job import CreationContext, Job, sweep_job
from barrido.sdk.stream import LOOK_S, leaving
from barrido.sdk.table import Column, table
from barrido.sdk.wording import (
    INTERRUPTED,
    NOTHING,
    Paint,
    counted,
    duration,
    metric_text,
    one_line,
    shown,
    unpainted,
)  # fmt: skip
from barrido.spec.messages import did_you_mean
from barrido.store.queries import Reader

STATUS: Mapping[PipelinePhase, str] = {
    PipelinePhase.RUNNING: "Running",
    PipelinePhase.COMPLETED: "Completed",
    PipelinePhase.FAILED: "Failed",
    PipelinePhase.CANCELED: "Canceled",
}
COLORS: Mapping[str, str] = {
    StepPhase.COMPLETED: "green",
    StepPhase.RUNNING: "cyan",
    StepPhase.FAILED: "red",
    StepPhase.CANCELED: "yellow",
    StepPhase.SKIPPED: "yellow",
    INTERRUPTED: "red",
}


@dataclass(frozen=True, kw_only=True)
class PipelineRun(Job):
    """A pipeline that was submitted.

    ``steps`` says where each step stands, ``jobs`` holds the sweeps and commands of those that were started,
    ``outputs`` where the pipeline's own outputs lie once they are there.
    """

    steps: Mapping[str, StepStanding] = field(default_factory=dict)

    @property
    def jobs(self) -> dict[str, Job]:
        """The jobs of the steps that were started, by step."""
        found = {}
        for name, step in self.steps.items():
            if step.job is not None:
                with Reader(step.job) as reader:
                    found[name] = sweep_job(reader)
        return found

    @property
    def studio_url(self) -> str:
        return ""

    @property
    def log_files(self) -> dict[str, str]:
        return {"runner.log": str(PipelineFolder(self.folder).log)}

    @property
    def trials(self) -> list[Job]:
        """None: its steps have them."""
        return []


def pipeline_run(folder: PipelineFolder) -> PipelineRun:
    """The pipeline as it stands now."""
    standing = look(folder)
    recipe, state = standing.recipe, standing.state
    return PipelineRun(
        name=recipe.name,
        type="pipeline",
        status="NotResponding" if standing.is_interrupted else STATUS[state.phase],
        reason=state.reason,
        display_name=recipe.display_name,
        experiment_name=recipe.experiment,
        description=recipe.description,
        tags=dict(recipe.tags),
        properties={},
        parameters={},
        value=None,
        parent_job_name=None,
        number=None,
        folder=folder.root,
        _measured=(SweepFolder(folder.root), None),
        notices=recipe.notices,
        creation_context=CreationContext(datetime.fromtimestamp(state.created_at, UTC)),
        _recipe=None,
        _limits=None,
        steps=standing.steps,
        outputs=Names(outputs_of(standing)),
    )


def outputs_of(standing: Standing) -> dict[str, Path]:
    """Where the pipeline's own outputs lie, of those that are there."""
    places = {name: standing.folder.outputs / name for name in standing.recipe.outputs}
    return {name: place for name, place in places.items() if place.is_dir()}


def status_of(standing: Standing) -> str:
    return INTERRUPTED if standing.is_interrupted else str(standing.phase)


def step_status(step: StepStanding) -> str:
    return INTERRUPTED if step.is_interrupted and step.phase is StepPhase.RUNNING else str(step.phase)


def stream_pipeline(
    folder: PipelineFolder,
    *,
    out: TextIO | None = None,
    width: int | None = None,
    paint: Paint = unpainted,
    clock: Clock | None = None,
) -> None:
    """Say on ``out`` which steps begin and end, until the pipeline is over; then what it made.

    Raises SweepFailed if it fails, StreamLeft on Ctrl-C, ControllerError if its process dies before the end.
    """
    out = out or sys.stdout
    clock = clock or WallClock()
    told: dict[str, str] = {}
    with leaving(folder.name):
        while True:
            standing = look(folder)
            for step in standing.steps.values():
                if (text := _news(step)) and told.get(step.name) != text:
                    told[step.name] = text
                    _write(out, text)
            if standing.phase.is_terminal:
                break
            if standing.is_interrupted:
                raise _died(folder)
            clock.wait(LOOK_S)
    at = clock.now()
    _write(out, f"{folder.name} {standing.phase}: {one_line(standing.state.reason)}", "")
    _write(out, *steps_table(standing, at=at, width=width, paint=paint))
    for name, place in outputs_of(standing).items():
        _write(out, f"{name}: {shown(place)}")
    if standing.phase is PipelinePhase.FAILED:
        failed = next(s for s in standing.steps.values() if s.phase in (StepPhase.FAILED, StepPhase.CANCELED))
        raise SweepFailed(
            f"pipeline {folder.name!r} failed: {standing.state.reason}",
            hint=f"{failed.name}: {one_line(failed.reason)}",
        )


def _news(step: StepStanding) -> str:
    if step.phase is StepPhase.WAITING:
        return ""
    if step.phase is StepPhase.RUNNING and step.job is not None:
        return f"{step.name}: running (barrido job stream {step.job.name})"
    return f"{step.name}: {step.phase}, {one_line(step.reason)}"


def steps_table(
    standing: Standing, *, at: float, width: int | None, paint: Paint = unpainted
) -> Iterator[str]:
    """A row a step: where it stands, how many of its trials are done, the best, how long it took, and why."""
    rows = []
    for step in standing.steps.values():
        facts = step_facts(step)
        took = None if step.started_at is None else (step.ended_at or at) - step.started_at
        of = facts["trials"]
        trials = NOTHING if of is None else f"{of['done']}/{of['total']}"
        best = "" if facts["value"] is None else metric_text(facts["primary_metric"], facts["value"])
        job = NOTHING if step.job is None else step.job.name
        status, reason = step_status(step), one_line(step.reason)
        rows.append([step.name, status, trials, best or NOTHING, duration(took), job, reason])
    columns = [
        Column("step"),
        Column("status", paint=lambda text: paint(text, COLORS.get(text.strip()))),
        Column("trials", right=True),
        Column("best"),
        Column("time", right=True),
        Column("job", cut=True),
        Column("reason", cut=True),
    ]
    head, *lines = table(columns, rows, width=width)
    yield paint(head, dim=True)
    yield from lines


def step_facts(step: StepStanding) -> dict[str, Any]:
    """A step as plain data: keys may be added, they are never renamed or dropped."""
    facts: dict[str, Any] = {
        "step": step.name,
        "job": None if step.job is None else step.job.name,
        "status": step_status(step),
        "reason": step.reason,
        "trials": None,
        "primary_metric": None,
        "value": None,
        "trial": step.trial,
    }
    if step.job is not None:
        with Reader(step.job) as reader:
            row, counts = reader.sweep(), reader.counts()
        done = sum(count for phase, count in counts.items() if phase.is_terminal)
        facts["trials"] = {"done": done, "total": max(row.limits.max_total_trials, done)}
        if row.recipe.objective is not None:
            facts["primary_metric"], facts["value"] = row.recipe.objective.metric, row.best_value
    return facts


def pipeline_facts(standing: Standing) -> dict[str, Any]:
    """A pipeline as plain data, without its steps."""
    recipe, state = standing.recipe, standing.state
    phases = [step.phase for step in standing.steps.values()]
    return {
        "name": recipe.name,
        "display_name": recipe.display_name,
        "type": "pipeline",
        "experiment_name": recipe.experiment,
        "status": "NotResponding" if standing.is_interrupted else STATUS[state.phase],
        "phase": status_of(standing),
        "reason": state.reason,
        "description": recipe.description,
        "tags": dict(recipe.tags),
        "created_at": moment(state.created_at),
        "ended_at": moment(state.ended_at),
        "steps": {
            "total": len(phases),
            **{str(phase): phases.count(phase) for phase in StepPhase if phase in phases},
        },
        "outputs": {name: str(place) for name, place in outputs_of(standing).items()},
        "folder": str(standing.folder.root),
    }


def moment(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(floor(at), UTC).isoformat().replace("+00:00", "Z")


def download_pipeline(folder: PipelineFolder, to: Path, *, output_name: str | None) -> None:
    """Copy the pipeline's outputs, or the one called ``output_name``, to ``named-outputs/<name>/``.

    Raises RequestError while it is not over, and for an output that there is not.
    """
    standing = look(folder)
    if not standing.phase.is_terminal:
        raise RequestError(
            f"{folder.name!r} is {status_of(standing)}: a pipeline is downloaded when it is over",
            hint=f"wait for it with ml_client.jobs.stream({folder.name!r})",
        )
    there = outputs_of(standing)
    if output_name is not None and output_name not in standing.recipe.outputs:
        names = standing.recipe.outputs
        hint = (
            did_you_mean(output_name, names) if names else "its steps may have it: see `barrido job trials`"
        )
        raise RequestError(f"{folder.name!r} has no output {output_name!r}", hint=hint)
    if not there or (output_name is not None and output_name not in there):
        what = "it declares no outputs" if not standing.recipe.outputs else f"it {standing.phase}"
        raise RequestError(
            f"{folder.name!r} has nothing to download: {what}",
            hint=f"its steps are jobs of their own: see `barrido job trials {folder.name}`",
        )
    for name, place in there.items():
        if output_name in (None, name):
            try:
                copy_folder(place.resolve(), to / "named-outputs" / name)
            except OSError as error:
                raise RequestError(f"{folder.name!r} could not be downloaded to {to}: {error}") from error


def is_over(folder: PipelineFolder) -> bool:
    return read_state(folder).phase.is_terminal


def check_run(folder: PipelineFolder) -> None:
    """Raises ControllerError if nobody runs a pipeline that is not over."""
    if look(folder).is_interrupted:
        raise _died(folder)


def _died(folder: PipelineFolder) -> ControllerError:
    return ControllerError(
        f"the process of {folder.name!r} died before the pipeline was over; steps that run go on",
        hint=f"take it up again with ml_client.jobs.resume({folder.name!r}); its log is {shown(folder.log)}",
    )


def steps_done(standing: Standing) -> str:
    """Like ``2/3 steps``."""
    done = sum(step.phase.is_terminal for step in standing.steps.values())
    return f"{done}/{counted(len(standing.steps), 'step')}"


def _write(out: TextIO, *lines: str) -> None:
    out.write("".join(f"{line}\n" for line in lines))
    out.flush()
