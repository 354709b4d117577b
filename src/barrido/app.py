"""What can be done with sweeps: create, find, resume, ask for something. The SDK and the CLI call this."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import barrido
from barrido import launcher
from barrido.controller import admission, lock, requests
from barrido.controller.clock import WallClock
from barrido.core.events import Verb
from barrido.core.layout import PipelineFolder, SweepFolder, Workspace
from barrido.core.protocols import Observation
from barrido.core.recipe import Recipe
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.environments import Say, ready, silent
from barrido.errors import (
    ControllerError,
    Problem,
    RequestError,
    SpecError,
    SweepNotFound,
    TrialNotFound,
)  # fmt: skip
from barrido.executors.slots import machine_for
from barrido.executors.snapshot import snapshot
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore, explain

ABANDONED_S = 24 * 3600.0
"""Nobody writes at one draft of a sweep for so long."""

MOST_NAMED = 8
"""So many sweeps are named in a hint; of more, none."""


def workspace(path: str | os.PathLike[str] | None = None) -> Workspace:
    """The workspace at ``path``; without one, ``$BARRIDO_WORKSPACE`` or ``.barrido`` in this folder."""
    chosen = path or os.environ.get("BARRIDO_WORKSPACE") or ".barrido"
    return Workspace(Path(os.path.expanduser(chosen)).absolute())  # noqa: PTH111 (unlike Path's, never raises)


def create(recipe: Recipe, where: Workspace, *, say: Say = silent) -> SweepFolder:
    """Write the sweep down and hand it to a controller of its own.

    Returns once the controller holds the sweep's lock and its first decisions are committed. If its trials
    run in an environment that is not there yet, it is built first, of which ``say`` hears. Raises
    SpecError if it cannot resume from the sweeps it names, RequestError if the name is taken, BuildFailed if
    its environment cannot be built, StoreError if it cannot be written, ControllerError with the log if the
    controller does not come up. Nothing is half done: a sweep is there whole or not at all.
    """
    folder = where.sweep(recipe.name)
    if folder.root.exists() or where.pipeline(recipe.name).root.exists():
        raise _taken(recipe.name, where)
    recipe = replace(
        recipe, tracking_uri=recipe.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    )
    recipe, prior = warm_start(recipe, where)
    if (environment := recipe.work.environment) is not None:
        python = ready(environment, where.environments, say)
        recipe = replace(recipe, work=replace(recipe.work, python=python))
    remove_abandoned(where.sweeps)
    draft = SweepFolder(where.sweeps / f".draft-{os.urandom(16).hex()}")
    try:
        draft.requests.mkdir(parents=True)
        draft.feed.mkdir()
        if recipe.work.code is not None:
            notices = snapshot(Path(recipe.work.code), draft.code, leave_out=[where.root])
            recipe = replace(recipe, notices=(*recipe.notices, *notices))
        at = WallClock().now()
        SqliteStore.create(draft, recipe, version=barrido.__version__, at=at, prior=prior).close()
        if environment is not None:  # it could be taken away while there was no sweep to be seen that uses it
            ready(environment, where.environments, say)
        with naming(where):
            if where.pipeline(recipe.name).root.exists():  # it was made while the code was copied
                raise _taken(recipe.name, where)
            draft.root.rename(folder.root)
    except OSError as error:
        if folder.root.exists():
            raise _taken(recipe.name, where) from error  # somebody was quicker
        raise explain(error, f"the sweep could not be written to {where.root}") from error
    finally:
        shutil.rmtree(draft.root, ignore_errors=True)
    launcher.start(folder)
    return folder


def warm_start(recipe: Recipe, where: Workspace) -> tuple[Recipe, list[Observation]]:
    """What the sweeps that ``recipe`` resumes from found out, and ``recipe`` with what is to be said of that.

    Raises SpecError with everything that keeps it from learning from them.
    """
    if not recipe.resume_from or recipe.objective is None:
        return recipe, []
    from barrido.registry import build_sampler
    from barrido.samplers.primed import numbered
    from barrido.space import Space
    from barrido.store.prior import findings

    if not build_sampler(recipe).learns:
        what = f"resume_from: without effect, {recipe.sampler['type']} does not learn from results"
        return replace(recipe, notices=(*recipe.notices, what)), []
    space, objective = Space.from_json(recipe.space), recipe.objective
    prior: list[Observation] = []
    problems: list[Problem] = []
    for name in recipe.resume_from:
        try:
            with Reader(find(where, name)) as reader:
                found, wrong = findings(reader, space, objective.goal, objective.metric)
        except SweepNotFound as error:
            problems.append(Problem(error.message, "resume_from", hint=error.hint))
            continue
        prior += found
        problems += (replace(problem, path="resume_from") for problem in wrong)
        if not found and not wrong:
            what = f"resume_from: no trial of {name!r} has ended: nothing is learned from it"
            recipe = replace(recipe, notices=(*recipe.notices, what))
    if problems:
        raise SpecError(problems)
    return recipe, numbered(prior)


def remove_abandoned(folder: Path) -> None:
    """Drafts in ``folder`` of those who died while they wrote a sweep, or a pipeline."""
    for draft in folder.glob(".draft-*"):
        with suppress(OSError):  # its owner was quicker
            if WallClock().now() - draft.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def naming(where: Workspace) -> Iterator[None]:
    """Held while a name is taken: sweeps and pipelines share their names, but not the folder they lie in."""
    fd = os.open(where.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # network file systems may not lock folders: then there is a moment's gap
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _taken(name: str, where: Workspace) -> RequestError:
    kind = "pipeline" if where.pipeline(name).root.exists() else "sweep"
    return RequestError(
        f"there already is a {kind} {name!r} in {where.root}",
        hint=f"give it another name, or see `barrido job show {name}`",
    )


def find(where: Workspace, name: str) -> SweepFolder:
    folder = where.sweep(name)
    if "/" not in name and folder.db.exists():
        return folder
    if name.strip(".") and "/" not in name and where.pipeline(name).root.exists():
        hint = f"this can be asked of its steps, each a sweep of its own: see `barrido job trials {name}`"
        raise SweepNotFound(f"{name!r} is a pipeline", hint=hint)
    from difflib import get_close_matches

    known = [path.name for path in where.sweeps.iterdir()] if where.sweeps.is_dir() else []
    known = sorted(one for one in known if not one.startswith("."))
    close = get_close_matches(name, known, n=1) or [one for one in known if name and one.startswith(name)]
    raise SweepNotFound(
        f"there is no sweep {name!r} in {where.root}",
        hint=f"did you mean {close[0]!r}?" if close else _named(known),
    )


def _named(known: Sequence[str]) -> str:
    if not known or len(known) > MOST_NAMED:
        return "`barrido job list` shows those there are"
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"


def no_trial(reader: Reader, number: int) -> TrialNotFound:
    """What to raise for a trial that is not there."""
    name, numbers = reader.folder.name, reader.numbers()
    known = f"{len(numbers)} trial{'s' * (len(numbers) != 1)}" if numbers else "no trials yet"
    if len(numbers) > 1:
        known += f", numbered {numbers[0]} to {numbers[-1]}"
    return TrialNotFound(
        f"sweep {name!r} has no trial {number}", hint=f"it has {known}; see `barrido job trials {name}`"
    )


def is_running(folder: SweepFolder | PipelineFolder) -> bool:
    """Whether a process runs the sweep, or the pipeline, now."""
    return lock.holder(folder) is not None


def resume(folder: SweepFolder, *, say: Say = silent) -> None:
    """Start a controller for a sweep whose controller died. Trials that still run are adopted.

    The environment of its trials is built again if it was taken away, of which ``say`` hears. Raises
    SweepBusy (as ControllerError) if one runs, RequestError if the sweep is over, or if its trials need
    GPUs that are not to be seen from here.
    """
    with Reader(folder) as reader:
        sweep = reader.sweep()
    if sweep.phase.is_terminal and not requests.waiting(folder):
        raise RequestError(
            f"sweep {folder.name!r} is over ({sweep.phase}): there is nothing to resume",
            hint=f"`barrido job rerun {folder.name} --failed` runs its failed trials again",
        )
    _prepare(folder, sweep.recipe, say)
    launcher.start(folder)


def _prepare(folder: SweepFolder, recipe: Recipe, say: Say) -> None:
    """See that a sweep that was made before can run trials here. Raises RequestError."""
    needs = recipe.work.resources
    if needs.gpu and recipe.compute == "local" and not (here := machine_for(needs)).room(needs)["gpu"]:
        raise RequestError(
            f"each trial of {folder.name!r} needs GPUs ({needs.gpu:g}), and there are {len(here.gpus)} here",
            hint="resume it where CUDA_VISIBLE_DEVICES, or nvidia-smi, names those it was created with",
        )
    _renew_environment(recipe, Workspace(folder.root.parent.parent), say)


def _renew_environment(recipe: Recipe, where: Workspace, say: Say) -> None:
    """Build what is not there any more. Raises RequestError if it would not be where it was."""
    environment, python = recipe.work.environment, recipe.work.python
    if environment is None or python is None or os.access(python, os.X_OK):
        return
    ready(environment, where.environments, say)
    if not os.access(python, os.X_OK):
        raise RequestError(
            f"the Python of {recipe.name!r} is gone, and what is built now is another one: {python}",
            hint=f"create a new sweep; with `resume_from: {recipe.name}` it begins with what this one found",
        )


def request(
    folder: SweepFolder,
    verb: Verb,
    *,
    trial: int | None = None,
    changes: Mapping[str, Any] | None = None,
    origin: str,
) -> str:
    """Ask the sweep's controller for something; the request's id. A sweep whose controller died is taken up
    again for it; one that is over can be annotated, or opened again to run trials of it once more.

    Raises RequestError, before anything is written, if that makes no sense: the sweep is over, there is no
    such trial, none failed, the changes are no valid limits, no point of the search space, or no annotation.
    """
    checked = _admitted(folder, verb, trial, changes or {})
    try:
        wish = requests.put(folder, verb, trial=trial, changes=checked, origin=origin)
    except OSError as error:
        raise explain(error, f"the request could not be written to {folder.requests}") from error
    if is_running(folder):
        return wish
    try:
        launcher.start(folder)
    except ControllerError:
        # Somebody else may have just started one, which finds the request, or has found it and ended since.
        # If not, it is taken back: who is told that it failed asks again, and must not be heard twice.
        if not is_running(folder) and requests.take_back(folder, wish):
            raise
    return wish


def _admitted(
    folder: SweepFolder, verb: Verb, trial: int | None, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The changes as they are to be decided on. Raises RequestError."""
    name = folder.name
    with Reader(folder) as reader:
        sweep = reader.sweep()
        phase, adds = sweep.phase, verb in (Verb.ENQUEUE, Verb.RERUN)
        checked = admission.admit(sweep.recipe, verb, trial, changes)
        is_over = phase.is_terminal and verb not in (Verb.ANNOTATE, Verb.RERUN)
        if is_over or (adds and phase is SweepPhase.ENDING):
            is_late, hint = {
                Verb.UPDATE: ("its limits cannot change any more", ""),
                Verb.ENQUEUE: (
                    "no trial can be added any more",
                    f"create a new sweep; with `resume_from: {name}` it begins with what this one found out",
                ),
                Verb.RERUN: ("no trial can be run again now", "ask again when it is over"),
            }.get(verb, (f"there is nothing to {verb}", ""))
            standing = f"over ({phase})" if phase.is_terminal else "ending"
            raise RequestError(f"sweep {name!r} is {standing}: {is_late}", hint=hint)
        if trial is not None and not reader.trials([trial]):
            raise no_trial(reader, trial)
        if verb is Verb.RERUN and trial is None and not reader.counts().get(Phase.FAILED):
            hint = "`barrido job rerun NAME_3` runs one again that did not fail"
            raise RequestError(f"no trial of {name!r} has failed: there is none to run again", hint=hint)
    if verb is Verb.RERUN and phase.is_terminal:
        _prepare(folder, sweep.recipe, silent)
    return checked
