"""What the commands of ``barrido job`` do with pipelines."""

from __future__ import annotations

import sys
import time
from math import floor
from typing import TYPE_CHECKING, Any

from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.constants import ListViewType
    from barrido.core.layout import PipelineFolder, Workspace
    from barrido.core.pipeline import PipelineRecipe
    from barrido.errors import StoreError


def find_pipeline(workspace: Workspace, name: str) -> PipelineFolder | None:
    """The pipeline called ``name``, None if there is none."""
    if not workspace.pipelines.is_dir():
        return None  # most have none: the rest need not be imported
    from barrido.pipelines import submission

    return submission.find(workspace, name)


def create(recipe: PipelineRecipe, workspace: Workspace, output: str, *, stream: bool) -> int:
    """Submit a pipeline, and say so; with ``stream``, watch it. The exit code."""
    from barrido.cli.output import say, say_data, say_lines, say_progress
    from barrido.pipelines import submission
    from barrido.pipelines.standing import look
    from barrido.sdk.pipelines import pipeline_facts
    from barrido.sdk.wording import counted, shown

    folder = submission.create(recipe, workspace, say=say_progress)
    if output != "table":
        say_data(pipeline_facts(look(folder)), output)
        return 0
    steps = counted(len(recipe.steps), "step")
    say(f"{folder.name} runs in the background, {steps}, in {shown(folder.root)}")
    if stream:
        return watch(folder)
    say_lines(f"  note: {notice}" for notice in look(folder).recipe.notices)
    say(f"  watch it:  barrido job stream {folder.name}")
    say(f"  stop it:   barrido job cancel {folder.name}")
    return 0


def watch(folder: PipelineFolder) -> int:
    """Say which steps begin and end, until the pipeline is over; the exit code. Raises SweepFailed."""
    from barrido.cli.main import in_shell_words
    from barrido.cli.output import painted, say, styled, width
    from barrido.errors import StreamLeft
    from barrido.sdk.pipelines import stream_pipeline
    from barrido.sdk.wording import unpainted

    try:
        stream_pipeline(folder, width=width(), paint=painted if styled(sys.stdout) else unpainted)
    except StreamLeft as left:
        say(f"\n{left.message}\n  {in_shell_words(left.hint)}", to=sys.stderr)
        return left.exit_code
    return 0


def show(folder: PipelineFolder, output: str, *, plot: bool) -> None:
    """A pipeline with its steps."""
    from barrido.cli.output import painted, say, say_data, say_lines, say_pairs, width
    from barrido.pipelines.standing import look
    from barrido.sdk.pipelines import (
        outputs_of,
        pipeline_facts,
        status_of,
        step_facts,
        steps_done,
        steps_table,
    )
    from barrido.sdk.wording import INTERRUPTED, duration, params_text, shown

    if plot:
        raise RequestError(
            f"{folder.name!r} is a pipeline: there is nothing to draw",
            hint=f"its steps can be drawn: see `barrido job trials {folder.name}`",
        )
    now = time.time()
    standing = look(folder)
    if output != "table":
        steps = [step_facts(step) for step in standing.steps.values()]
        notices = list(standing.recipe.notices)
        say_data({**pipeline_facts(standing), "jobs": steps, "notices": notices}, output)
        return
    recipe, state = standing.recipe, standing.state
    until = now if state.ended_at is None else state.ended_at
    pairs = [
        ("name", folder.name),
        ("display name", recipe.display_name if recipe.display_name != folder.name else ""),
        ("status", status_of(standing)),
        ("reason", state.reason),
        ("description", recipe.description),
        ("tags", params_text(recipe.tags)),
        ("experiment", recipe.experiment),
        ("steps", steps_done(standing)),
        ("took" if state.phase.is_terminal else "runs for", duration(floor(until - state.created_at))),
        ("folder", str(folder.root)),
    ]
    say_pairs(pairs)
    say_lines(f"note: {notice}" for notice in recipe.notices)
    say()
    say_lines(steps_table(standing, at=now, width=width(), paint=painted))
    for name, place in outputs_of(standing).items():
        say(f"{name}: {shown(place)}")
    if status_of(standing) == INTERRUPTED:
        say(f"its process died: `barrido job resume {folder.name}` goes on from here")


def list_steps(folder: PipelineFolder, output: str, *, most: int | None) -> None:
    """The steps of a pipeline, with their jobs."""
    from barrido.cli.output import painted, say_data, say_lines, width
    from barrido.pipelines.standing import look
    from barrido.sdk.pipelines import step_facts, steps_table

    standing = look(folder)
    if output != "table":
        say_data([step_facts(step) for step in standing.steps.values()][:most], output)
        return
    head, *lines = steps_table(standing, at=time.time(), width=width(), paint=painted)
    say_lines([head, *lines[:most]])


def rows(
    workspace: Workspace, view: ListViewType, *, most: int | None, at: float, unreadable: list[StoreError]
) -> tuple[list[tuple[float, dict[str, Any], list[str]]], int]:
    """The newest pipelines that ``view`` shows: when each was made, its facts, its cells; and how many there
    are."""
    if not workspace.pipelines.is_dir():
        return [], 0
    from barrido.pipelines import submission
    from barrido.pipelines.standing import look
    from barrido.sdk.archive import is_shown
    from barrido.sdk.pipelines import pipeline_facts, status_of, steps_done
    from barrido.sdk.wording import duration

    folders = reversed(submission.pipelines(workspace, unreadable=unreadable))
    every = [folder for folder in folders if is_shown(folder, view)]
    found = []
    for standing in map(look, every[:most]):
        at_first = standing.state.created_at
        cells = [standing.folder.name, status_of(standing), steps_done(standing), ""]
        found.append((at_first, pipeline_facts(standing), [*cells, duration(floor(at - at_first))]))
    return found, len(every)


def cancel(folder: PipelineFolder) -> None:
    from barrido.cli.output import say
    from barrido.pipelines import submission

    submission.cancel(folder)
    say(f"{folder.name} is canceled: its steps are told to end")


def resume(folder: PipelineFolder, *, stream: bool) -> int:
    from barrido.cli.output import say
    from barrido.pipelines import submission

    submission.resume(folder)
    say(f"{folder.name} goes on in the background")
    return watch(folder) if stream else 0
