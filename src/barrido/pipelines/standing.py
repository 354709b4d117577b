"""Where a pipeline and its steps stand, for those who look: from its own records, and its steps' stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from barrido import app
from barrido.controller import lock
from barrido.core.layout import PipelineFolder, SweepFolder
from barrido.core.pipeline import (
    PIPELINE_TAG,
    STEP_TAG,
    PipelinePhase,
    PipelineRecipe,
    Step,
    StepPhase,
)  # fmt: skip
from barrido.core.state import SweepPhase
from barrido.errors import StoreError
from barrido.pipelines.records import PipelineState, StepEnd, read_recipe, read_state
from barrido.store.queries import Reader, SweepRow

_ENDS = {
    SweepPhase.COMPLETED: StepPhase.COMPLETED,
    SweepPhase.FAILED: StepPhase.FAILED,
    SweepPhase.CANCELED: StepPhase.CANCELED,
}


@dataclass(frozen=True, slots=True)
class StepStanding:
    """``job`` is the step's sweep or command, None if there is none yet. An interrupted step is one that
    nobody runs, though it is not over."""

    name: str
    job: SweepFolder | None
    phase: StepPhase
    reason: str = ""
    trial: int | None = None  # whose outputs others get
    started_at: float | None = None
    ended_at: float | None = None
    is_interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """``is_interrupted``: it is not over, and nobody runs it."""

    folder: PipelineFolder
    recipe: PipelineRecipe
    state: PipelineState
    steps: Mapping[str, StepStanding]
    is_interrupted: bool

    @property
    def phase(self) -> PipelinePhase:
        return self.state.phase


def look(folder: PipelineFolder) -> Standing:
    """A pipeline as it stands now. Raises StoreError."""
    state = read_state(folder)
    is_gone = not state.phase.is_terminal and lock.holder(folder) is None
    if is_gone:
        state = read_state(folder)  # it may just have come to its end
    recipe = read_recipe(folder)
    steps = {step.name: look_at(step, folder, recipe, state.ends.get(step.name)) for step in recipe.steps}
    return Standing(folder, recipe, state, steps, is_gone and not state.phase.is_terminal)


def look_at(step: Step, folder: PipelineFolder, recipe: PipelineRecipe, end: StepEnd | None) -> StepStanding:
    """A step as it stands now; as it stood at its ``end``, if that was seen. Raises StoreError.

    What was seen does not need its job any more.
    """
    job = folder.workspace.sweep(step.recipe.name)
    try:
        if job.db.exists():
            return _look_into(job, step, folder, recipe, end)
    except StoreError:
        if end is None:
            raise
    if end is None:
        return StepStanding(step.name, None, StepPhase.WAITING)
    return StepStanding(step.name, None, end.phase, end.reason, end.trial, ended_at=end.at)


def _look_into(
    job: SweepFolder, step: Step, folder: PipelineFolder, recipe: PipelineRecipe, end: StepEnd | None
) -> StepStanding:
    with Reader(job) as reader:
        row = reader.sweep()
        if not _is_ours(row, folder, step):
            reason = f"there already is a sweep {job.name!r}, which is none of this pipeline's"
            reason = end.reason if end is not None else reason
            return StepStanding(step.name, None, StepPhase.FAILED, reason)
        is_gone = not row.phase.is_terminal and not app.is_running(job)
        if is_gone:
            row = reader.sweep()  # it may just have come to its end
        phase, reason, trial = _standing(row, wanted=recipe.wanted(step.name))
    if end is not None:
        phase, reason, trial = end.phase, end.reason, end.trial
    return StepStanding(
        step.name,
        job,
        phase,
        reason,
        trial,
        row.started_at,
        row.ended_at,
        is_gone and not row.phase.is_terminal,
    )


def _standing(row: SweepRow, *, wanted: tuple[str, ...]) -> tuple[StepPhase, str, int | None]:
    """The phase of a step by its job, why, and the trial whose outputs ``wanted`` are."""
    if not row.phase.is_terminal:
        return StepPhase.RUNNING, row.reason, None
    trial = 0 if row.recipe.kind == "command" else row.best_trial
    phase = _ENDS[row.phase]
    if phase is StepPhase.COMPLETED and wanted and trial is None:
        what = f"its outputs are those of its best trial, and no trial has a best value: {row.reason}"
        return StepPhase.FAILED, what, None
    return phase, row.reason, trial


def _is_ours(row: SweepRow, folder: PipelineFolder, step: Step) -> bool:
    tags = row.recipe.tags
    return tags.get(PIPELINE_TAG) == folder.name and tags.get(STEP_TAG) == step.name
