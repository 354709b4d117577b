"""The environment variables that a trial is born with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import barrido
from barrido.core.command import text_of
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.core.recipe import Recipe
from barrido.core.stops import told_resource
from barrido.core.wire import dumps
from barrido.executors.leftovers import MARKER
from barrido.executors.slots import VISIBLE, cores

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_OF_A_SWEEP, _OF_A_COMMAND = "AZUREML_SWEEP_", "AZUREML_PARAMETER_"
_OF_A_TRIAL = ("BARRIDO_", _OF_A_SWEEP, _OF_A_COMMAND)

_OF_AN_INTERPRETER = ("PYTHONHOME", "VIRTUAL_ENV")

TrackerEnvironment = Callable[[int, int], Mapping[str, str]]


class TrialEnvironment:
    """What all trials of a sweep share is worked out once; `of` adds what one attempt needs."""

    def __init__(
        self,
        folder: SweepFolder,
        recipe: Recipe,
        tracker: TrackerEnvironment | None,
        outer: Mapping[str, str],
    ) -> None:
        self._folder = folder
        self._tracker = tracker
        self._outputs = recipe.work.outputs
        self._recipe = recipe
        own = recipe.work.environment_variables
        shared = _without_outer_trial(outer)
        needs = recipe.work.resources
        share = str(max(1, int(needs.cpu or cores() // max(1, recipe.limits.max_concurrent_trials))))
        # Several libraries read OMP_NUM_THREADS when their own variable is not set: who sets that one
        # has decided for all.
        if not any(name in shared or name in own for name in THREADS):
            shared |= dict.fromkeys(THREADS, share)
        shared.setdefault("PYTHONUNBUFFERED", "1")  # the log is read while the trial runs
        shared.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # or each trial would ask the internet first
        python = recipe.work.python or sys.executable
        folders = _python_folders(folder, python)
        if is_foreign := not _is_ours(python):
            shared = {name: value for name, value in shared.items() if name not in _OF_AN_INTERPRETER}
            if (home := Path(python).parent.parent).joinpath("pyvenv.cfg").exists():
                shared["VIRTUAL_ENV"] = os.fspath(home)
            folders.append(_our_program(folder))
        shared["PATH"] = os.pathsep.join([*folders, shared.get("PATH", os.defpath)])
        shared |= own
        if is_foreign:
            found = [shared["PYTHONPATH"]] if shared.get("PYTHONPATH") else []
            shared["PYTHONPATH"] = os.pathsep.join([*found, _our_package(folder)])
        shared |= {_azure(name): text for name, text in recipe.work.inputs.items() if text is not None}
        if needs.gpu is not None:
            shared |= dict.fromkeys(VISIBLE, "")
        if needs.gpu:  # each trial has its own
            shared = {name: value for name, value in shared.items() if name not in VISIBLE}
        shared["BARRIDO_SWEEP"] = recipe.name
        if (hold := hold_of(recipe)) is not None:
            shared["BARRIDO_HOLD"] = dumps(hold)
        self._shared = shared

    def of(self, order: Order, gpus: Sequence[str] = ()) -> dict[str, str]:
        """The whole environment of an attempt that holds ``gpus``."""
        stem = self._folder.feed_stem(order.trial, order.attempt)
        trial = self._folder.trial(order.trial)
        values = dict(self._shared)
        if self._tracker is not None:
            values.update(self._tracker(order.trial, order.attempt))
        for output in self._outputs:
            values[_azure(output)] = os.fspath(trial.named_outputs / output)
        for name, value in order.params.items():
            values[_azure(name)] = text_of(value)
        values["BARRIDO_TRIAL"] = str(order.trial)
        values["BARRIDO_ATTEMPT"] = str(order.attempt)
        values["BARRIDO_TRIAL_DIR"] = os.fspath(trial.root)
        values["BARRIDO_PARAMS"] = dumps(dict(order.params))
        if gpus:
            values |= dict.fromkeys(VISIBLE, ",".join(gpus))
        values[MARKER] = stem
        values["BARRIDO_METRICS"] = f"{stem}.file"
        if self._recipe.is_staged:
            values["BARRIDO_CHECKPOINT_DIR"] = os.fspath(trial.checkpoints)
            if (stop := told_resource(self._recipe, order)) is not None:
                values["BARRIDO_RESOURCE"] = str(stop)
                if self._recipe.pausing.input is not None:
                    values[_azure(self._recipe.pausing.input)] = str(stop)
        if self._recipe.kind == "command":  # Azure gives its commands' values another prefix
            said = [name for name in values if name.startswith(_OF_A_SWEEP)]
            values |= {_OF_A_COMMAND + name.removeprefix(_OF_A_SWEEP): values[name] for name in said}
        return values

    def varying(self, values: Mapping[str, str]) -> list[str]:
        """The variables among ``values``, made by `of`, that are not the same for all trials."""
        return [name for name in values if name not in self._shared]


def hold_of(recipe: Recipe) -> dict[str, Any] | None:
    """At which reports a trial waits for its verdict: where the policy applies, and at rungs, which the
    answers to it name. None where it never does."""
    if recipe.objective is None or (recipe.policy is None and not recipe.holds_at_rungs):
        return None
    hold: dict[str, Any] = {"metric": recipe.objective.metric}
    if recipe.policy is not None:
        hold["interval"] = recipe.policy.get("evaluation_interval") or 1
        hold["delay"] = recipe.policy.get("delay_evaluation") or 0
    if recipe.holds_at_rungs:
        hold["rungs"] = True
    return hold


def _azure(name: str) -> str:
    return _OF_A_SWEEP + name


def _without_outer_trial(outer: Mapping[str, str]) -> dict[str, str]:
    """The controller's own environment; if it runs inside a trial of another sweep, without that trial."""
    is_nested = MARKER in outer
    return {
        name: value
        for name, value in outer.items()
        if not name.startswith(_OF_A_TRIAL)
        and name != "MLFLOW_RUN_ID"
        and not (is_nested and name.startswith("MLFLOW_"))
    }


def _python_folders(folder: SweepFolder, interpreter: str) -> list[str]:
    """What to put first on PATH so that ``python`` and ``python3`` are this interpreter.

    Where its own folder calls it something else (``python3.11``), a folder with small scripts of the
    right names comes first. Scripts, because a link would hide a virtual environment from Python.
    """
    home = Path(interpreter).absolute().parent
    wrong = [name for name in ("python", "python3") if not _is_same(home / name, Path(interpreter))]
    if not wrong:
        return [os.fspath(home)]
    shims = folder.root / "bin"
    shims.mkdir(parents=True, exist_ok=True)
    for name in wrong:
        quoted = os.fspath(Path(interpreter).absolute()).replace("'", "'\\''")
        _write_script(shims / name, f"exec '{quoted}' \"$@\"")
    return [os.fspath(shims), os.fspath(home)]


def _is_ours(interpreter: str) -> bool:
    """Whether it is the one that barrido runs in, with the same packages."""
    return Path(interpreter).absolute() == Path(sys.executable).absolute()


def _our_program(folder: SweepFolder) -> str:
    """A folder with nothing but ``barrido``, for commands that run in another environment than ours."""
    home = folder.root / "program"
    home.mkdir(exist_ok=True)
    quoted = sys.executable.replace("'", "'\\''")
    _write_script(home / "barrido", f"exec '{quoted}' -P -m barrido.cli \"$@\"")
    return os.fspath(home)


def _our_package(folder: SweepFolder) -> str:
    """A folder with nothing but the package ``barrido``, for scripts that import it in another environment.

    What they call there is made of the standard library. They are given ours even if that environment has a
    barrido of its own: it may be of another version than the sweep.
    """
    home = folder.root / "package"
    home.mkdir(exist_ok=True)
    link, package = home / "barrido", Path(barrido.__file__).parent
    if not _is_same(link, package):
        draft = home / f".{os.getpid()}"
        draft.symlink_to(package)
        draft.replace(link)
    return os.fspath(home)


def _write_script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
