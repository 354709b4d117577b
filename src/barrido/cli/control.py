"""What can be asked of a sweep that runs: cancel, pause, unpause, update; and resume, after a crash."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from barrido.cli import pipelines
from barrido.cli.options import find, find_sweep, in_workspace, named, set_option, split_changes
from barrido.cli.pipelines import find_pipeline
from barrido.errors import ControllerError, RequestError

if TYPE_CHECKING:
    from barrido.core.events import Verb
    from barrido.core.layout import SweepFolder, Workspace
    from barrido.store.queries import Reader

PATIENCE_S = 10.0
"""How long a command waits until the controller has decided on what was asked."""


@click.command()
@named("sweep or trial")
@click.option("-t", "--trial", type=click.IntRange(min=0), metavar="N", help="Cancel this trial only.")
@in_workspace
def cancel(name: str, trial: int | None, workspace: Workspace) -> None:
    """Stop a sweep with all its trials, a pipeline with all its steps, or one trial.

    Trials are asked to end, and killed if they do not. What they logged stays.
    """
    from barrido.core.events import Verb
    from barrido.core.state import SweepPhase

    if (pipeline := find_pipeline(workspace, name)) is not None and trial is None:
        pipelines.cancel(pipeline)
        return
    folder, number = find(workspace, name) if trial is None else (find_sweep(workspace, name), trial)
    if number is not None:
        _cancel_trial(folder, number)
        return
    _ask(
        folder,
        Verb.CANCEL,
        until=lambda reader: (phase := reader.sweep().phase) is SweepPhase.ENDING or phase.is_terminal,
        then=f"{folder.name} is canceled: its trials are told to end",
    )


def _cancel_trial(folder: SweepFolder, number: int) -> None:
    from barrido.core.events import Verb
    from barrido.core.trial import Phase
    from barrido.sdk.job import find_trial
    from barrido.store.queries import Reader

    with Reader(folder) as reader:
        row = find_trial(reader, number)
    if row.phase.is_terminal:
        raise RequestError(f"trial {number} of {folder.name!r} is over ({row.phase}): it cannot be canceled")
    _ask(
        folder,
        Verb.CANCEL,
        trial=number,
        until=lambda reader: (
            (phase := find_trial(reader, number).phase) is Phase.STOPPING or phase.is_terminal
        ),
        then=f"trial {number} of {folder.name} is canceled: it is told to end",
    )


@click.command()
@named()
@in_workspace
def pause(name: str, workspace: Workspace) -> None:
    """Start no new trials. Those that run go on."""
    from barrido.core.events import Verb
    from barrido.core.state import SweepPhase

    folder = find_sweep(workspace, name)
    _ask(
        folder,
        Verb.PAUSE,
        until=lambda reader: reader.sweep().phase is not SweepPhase.RUNNING,
        then=f"{folder.name} is paused: no new trials start until `barrido job unpause {folder.name}`",
    )


@click.command()
@named()
@in_workspace
def unpause(name: str, workspace: Workspace) -> None:
    """Start new trials again."""
    from barrido.core.events import Verb
    from barrido.core.state import SweepPhase

    folder = find_sweep(workspace, name)
    _ask(
        folder,
        Verb.UNPAUSE,
        until=lambda reader: reader.sweep().phase is not SweepPhase.PAUSED,
        then=f"{folder.name} starts new trials again",
    )


@click.command(short_help="Change the limits of a sweep that runs.")
@named()
@set_option
@in_workspace
def update(name: str, changes: tuple[str, ...], workspace: Workspace) -> None:
    """Change the limits of a sweep that runs, as in --set limits.max_total_trials=40.

    An optional limit is lifted by the value null: --set limits.timeout=null.
    """
    from barrido.core.events import Verb
    from barrido.sdk.wording import value_text
    from barrido.spec.limits import read_limits
    from barrido.store.queries import Reader

    folder = find_sweep(workspace, name)
    if not changes:
        raise RequestError(
            "nothing to update", hint="say what to change, as in --set limits.max_total_trials=40"
        )
    with Reader(folder) as reader:
        sweep = reader.sweep()
    limits = read_limits(split_changes(changes), sweep.recipe, sweep.limits)
    said = ", ".join(f"{limit} = {value_text(value)}" for limit, value in limits.items())
    _ask(
        folder,
        Verb.UPDATE,
        changes=limits,
        until=lambda reader: (now := reader.sweep().limits).updated(limits) == now,
        then=f"{folder.name}: {said}",
    )


@click.command()
@named()
@click.option("-s", "--stream", is_flag=True, help="Watch the sweep until it is over.")
@in_workspace
def resume(name: str, stream: bool, workspace: Workspace) -> int:
    """Go on with a sweep, or a pipeline, whose process died.

    Trials that still run are taken over, and nothing they logged meanwhile is lost. After a pause, unpause.
    """
    from barrido import app
    from barrido.cli.output import say, say_progress

    if (pipeline := find_pipeline(workspace, name)) is not None:
        return pipelines.resume(pipeline, stream=stream)
    folder = find_sweep(workspace, name)
    app.resume(folder, say=say_progress)
    say(f"{folder.name} goes on in the background")
    if not stream:
        return 0
    from barrido.cli.watch import watch

    return watch(folder)


def _ask(
    folder: SweepFolder,
    verb: Verb,
    *,
    until: Callable[[Reader], bool],
    then: str,
    trial: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Put the request in, and say ``then`` as soon as ``until`` sees it decided.

    Raises ControllerError if nobody decides.
    """
    from barrido import app
    from barrido.cli.output import say
    from barrido.store.queries import Reader

    app.request(folder, verb, trial=trial, changes=changes, origin="cli")
    deadline = time.monotonic() + PATIENCE_S
    with Reader(folder) as reader:
        while not until(reader):
            is_run = app.is_running(folder)
            phase = reader.sweep().phase
            if until(reader):
                break
            if phase.is_terminal:
                raise RequestError(
                    f"sweep {folder.name!r} came to its end meanwhile ({phase}): nothing to {verb}"
                )
            if not is_run:
                raise ControllerError(
                    f"the controller of {folder.name!r} died when it was asked to {verb}",
                    hint=f"see {folder.log}",
                )
            if time.monotonic() > deadline:
                raise ControllerError(
                    f"{folder.name!r} was asked to {verb}, and has not answered for {PATIENCE_S:g} s",
                    hint=f"it may still do so; see {folder.log}",
                )
            time.sleep(0.05)
    say(then)
