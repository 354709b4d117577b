"""Copies what a job made to where its author wants it."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

from barrido.core.layout import SweepFolder
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.errors import RequestError
from barrido.sdk.artifacts import logged_folders
from barrido.spec.messages import did_you_mean
from barrido.store.queries import Reader

ENDS = "Completed, Failed and Canceled"


def download_sweep(folder: SweepFolder, to: Path, *, output_name: str | None, everything: bool) -> None:
    """The best trial of a sweep, or the only one of a command; with the sweep's own logs.

    Raises RequestError while the job is not over, and if there is no best trial.
    """
    with Reader(folder) as reader:
        row = reader.sweep()
        if not row.phase.is_terminal:
            raise _too_early(folder.name, row.phase)
        number = 0 if row.recipe.kind == "command" else row.best_trial
        if number is None:
            why = "nothing is compared without an objective" if row.recipe.objective is None else row.reason
            raise RequestError(
                f"{folder.name!r} has no best trial to download: {why}",
                hint=f"one trial's files: ml_client.jobs.download('{folder.name}_0')",
            )
    download_trial(folder, number, to, output_name=output_name, everything=everything)
    if output_name is None and row.recipe.kind == "sweep":
        _copy_file(folder.log, to / "hd-artifacts" / "controller.log", within=folder.root)


def download_trial(
    folder: SweepFolder, number: int, to: Path, *, output_name: str | None, everything: bool
) -> None:
    """``artifacts/`` (outputs, logs, what it logged to MLflow) and, with ``everything``, ``named-outputs/``.

    With ``output_name`` that output alone. Raises RequestError while the trial has not ended, and for
    an output that it does not have.
    """
    name = f"{folder.name}_{number}"
    with Reader(folder) as reader:
        outputs = reader.sweep().recipe.work.outputs
        found = reader.trials([number])
    if not found or not found[0].phase.is_terminal:
        raise _too_early(name, found[0].phase if found else Phase.QUEUED)
    if output_name not in (None, "default", *outputs):
        near = did_you_mean(str(output_name), outputs) if outputs else "it has only the default one"
        raise RequestError(f"{name!r} has no output {output_name!r}", hint=near)
    trial = folder.trial(number)
    try:
        if output_name in (None, "default"):
            for place in ("outputs", "logs"):
                copy_folder(trial.work / place, to / "artifacts" / place)
            _copy_file(trial.log, to / "artifacts" / "user_logs" / trial.log.name, within=trial.root)
            for place, logged in logged_folders(folder, number):
                copy_folder(logged, to / "artifacts" / place)
        wanted = outputs if everything and output_name is None else [o for o in outputs if o == output_name]
        for output in wanted:
            copy_folder(trial.named_outputs / output, to / "named-outputs" / output)
    except OSError as error:
        raise RequestError(f"{name!r} could not be downloaded to {to}: {error}") from error


def _too_early(name: str, phase: SweepPhase | Phase) -> RequestError:
    return RequestError(
        f"{name!r} is {phase}: a job is downloaded when it is over ({ENDS})",
        hint=f"wait for it with ml_client.jobs.stream({name!r})",
    )


def copy_folder(source: Path, to: Path) -> None:
    """What is in ``source``, over what is in ``to``. A link that leads out of ``source`` stays behind."""
    if not source.is_dir():
        return
    to.mkdir(parents=True, exist_ok=True)
    for path in _files(source):
        _copy_file(path, to / path.relative_to(source), within=source)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below ``folder``; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in names)
        for name in folders:
            if (link := Path(place, name)).is_symlink():
                warnings.warn(f"{link} is a link to a folder: not downloaded", stacklevel=2)


def _copy_file(source: Path, to: Path, *, within: Path) -> None:
    real = source.resolve()
    if source.is_symlink() and not real.is_relative_to(within.resolve()):
        warnings.warn(f"{source} is a link to {real}, outside of the job: not downloaded", stacklevel=2)
        return
    if not real.is_file():
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.is_symlink():
        to.unlink()  # it must not lead the copy elsewhere
    shutil.copy2(real, to)
