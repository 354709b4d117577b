"""Sweeps whose scripts write down what they do, to be compared with what was reported."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.conftest import end_of

from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Work
from barrido.store.queries import Reader, TrialRow

PATIENCE_S = 240.0

SCRIPT = """
import json, os, subprocess, sys, time
import barrido
rate = float(sys.argv[1])
if "FAMILY" in os.environ:
    # A child, a grandchild, and one of each that leaves its session
    subprocess.Popen(["sh", "-c", "sleep 1000 & setsid sleep 1000 & sleep 1000"])
    subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1000"], start_new_session=True)
folder = barrido.checkpoint_dir()
folder.mkdir(exist_ok=True)
saved = folder / "state.json"
attempt = int(os.environ["BARRIDO_ATTEMPT"])
epoch, error = json.loads(saved.read_text())[:2] if saved.exists() else (0, 1.0)
while epoch < int(os.environ["EPOCHS"]):
    time.sleep(float(os.environ["PACE"]))
    epoch, error = epoch + 1, error * (1 - rate)
    with open(os.environ["WITNESS"], "a") as witness:
        witness.write(f"{os.environ['BARRIDO_TRIAL']} {attempt} {epoch} {time.time()}\\n")
    barrido.report(loss=error + 0.3 * rate, step=epoch)
    draft = folder / f"draft.{attempt}"
    draft.write_text(json.dumps([epoch, error, attempt, time.time()]))
    draft.rename(saved)
    with open(os.environ["WITNESS"] + ".saved", "a") as witness:
        witness.write(f"{os.environ['BARRIDO_TRIAL']} {attempt} {epoch} {time.time()}\\n")
    if barrido.should_stop():
        sys.exit()
"""


@dataclass(frozen=True)
class Deed:
    trial: int
    attempt: int
    epoch: int
    at: float


def recipe(where: Workspace, name: str, *, compute: str, pace_s: float = 0.0, **more: Any) -> Recipe:
    """Hyperband with R = 9: 17 trials, 69 epochs; or other ``limits`` and ``scheduler``."""
    code = where.root.parent / "code"
    code.mkdir(exist_ok=True)
    (code / "script.py").write_text(SCRIPT)
    epochs = more.pop("epochs", 9)
    variables = {"EPOCHS": str(epochs), "PACE": str(pace_s), "WITNESS": os.fspath(_witness(where, name))}
    variables |= more.pop("variables", {})
    return Recipe(
        name=name,
        compute=compute,
        seed=11,
        space={"rate": {"type": "uniform", "min_value": 0.01, "max_value": 0.9}},
        objective=Objective("loss", Goal.MINIMIZE),
        scheduler=more.pop("scheduler", {"type": "hyperband", "max_resource": 9}),
        pausing=Pausing(**more.pop("pausing", {})),
        limits=Limits(max_total_trials=more.pop("trials", 17), max_concurrent_trials=more.pop("workers", 2)),
        work=Work(
            command="python script.py ${{search_space.rate}}",
            code=os.fspath(code),
            environment_variables=variables,
            **more.pop("work", {}),
        ),
        **more,
    )


def _witness(where: Workspace, name: str) -> Path:
    return where.root.parent / f"{name}.witness"


def deeds(folder: SweepFolder, kind: str = "") -> list[Deed]:
    """The epochs that the scripts ran; or, with ".saved", the checkpoints that they wrote."""
    path = _witness(Workspace(folder.root.parents[1]), folder.name)
    with suppress(FileNotFoundError):
        rows = map(str.split, path.with_name(path.name + kind).read_text().splitlines())
        return [Deed(int(trial), int(attempt), int(epoch), float(at)) for trial, attempt, epoch, at in rows]
    return []


def epochs(folder: SweepFolder) -> Counter[tuple[int, int]]:
    return Counter((deed.trial, deed.epoch) for deed in deeds(folder))


def trials(folder: SweepFolder) -> list[TrialRow]:
    with Reader(folder) as reader:
        return list(reader.trials())


def notes(folder: SweepFolder) -> list[str]:
    with Reader(folder) as reader:
        return [note.text for note in reader.notes()]


def finish(folder: SweepFolder) -> None:
    """Wait until the sweep is over, and its controller gone."""
    deadline = time.monotonic() + PATIENCE_S
    with Reader(folder) as reader:
        while not reader.sweep().phase.is_terminal:
            assert time.monotonic() < deadline, folder.log.read_text()
            time.sleep(0.05)
    while lock.holder(folder) is not None:
        assert time.monotonic() < deadline, folder.log.read_text()
        time.sleep(0.05)


def result(folder: SweepFolder) -> str:
    """Parameters, losses, rungs, survivors and the words for them."""
    return json.dumps(end_of(folder))


def reports(folder: SweepFolder) -> dict[int, dict[int, float]]:
    """By trial: the loss at each step. One that goes on from a checkpoint may repeat a step, never skip one,
    and never says anything else there."""
    found: dict[int, dict[int, float]] = {}
    with Reader(folder) as reader:
        for trial in reader.trials():
            steps = found[trial.number] = {}
            for attempt in range(1, trial.attempt + 1):
                rows = reader.metrics(trial.number, attempt=attempt)
                own = [row.step or 0 for row in rows]
                assert own == list(range(own[0], own[0] + len(own))) if own else True
                assert not own or own[0] in (1, len(steps), len(steps) + 1)
                for row in rows:
                    assert steps.setdefault(row.step or 0, row.value) == row.value
    return found


def agent_of(folder: SweepFolder, trial: int, attempt: int) -> str:
    """The name of the agent that has, or had, an attempt."""
    try:
        return str(json.loads(Path(f"{folder.feed_stem(trial, attempt)}.placed").read_text())["agent"])
    except FileNotFoundError:
        return ""
