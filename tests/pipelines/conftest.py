"""Pipelines of small scripts that tell when they run, and wait until they are let go."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from barrido import app
from barrido.controller import lock
from barrido.controller.clock import WallClock
from barrido.core.events import Verb
from barrido.core.layout import PipelineFolder, SweepFolder, Workspace
from barrido.core.pipeline import PipelineRecipe
from barrido.errors import RequestError
from barrido.pipelines import submission
from barrido.pipelines.standing import Standing, look
from barrido.spec.load import Defaults, load_any
from barrido.store.workspace import sweeps

PATIENCE_S = 60.0

STEP = """
import argparse, os, pathlib, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("name")
parser.add_argument("--out", type=pathlib.Path)
parser.add_argument("--read", action="append", default=[])
parser.add_argument("--wait", type=pathlib.Path)
parser.add_argument("--x", type=float)
parser.add_argument("--fail", action="store_true")
args = parser.parse_args()
here = pathlib.Path(os.environ["TOLD"])
log = os.open(here / "ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(log, f"{args.name}\\n".encode())
while args.wait and not args.wait.exists():
    time.sleep(0.01)
if args.fail:
    sys.exit(f"{args.name} fails")
if args.x is not None:
    import barrido
    barrido.report(score=args.x)
text = " ".join(pathlib.Path(path, "made").read_text() for path in args.read)
if args.out:
    (args.out / "made").write_text(f"{args.name}{'' if args.x is None else args.x:}({text})")
"""


@dataclass
class Bench:
    """A folder with a script, in which pipelines are written; what its steps told."""

    root: Path
    workspace: Workspace

    def write(self, text: str, name: str = "pipeline.yml") -> Path:
        path = self.root / name
        path.write_text(dedent(text))
        return path

    def read(self, path: Path, **values: str) -> PipelineRecipe:
        defaults = Defaults.here(workspace=self.workspace)
        recipe = load_any(path, set_values=[*values.items()], defaults=defaults)
        assert isinstance(recipe, PipelineRecipe)
        return recipe

    def submit(self, text: str, name: str = "p") -> PipelineFolder:
        return submission.create(self.read(self.write(text), name=name), self.workspace)

    def ran(self) -> list[str]:
        """The names of the scripts that were run, in the order in which they began."""
        path = self.root / "ran"
        return path.read_text().split() if path.exists() else []

    def runs(self, name: str) -> bool:
        """Whether it is the one that began last."""
        return self.ran()[-1:] == [name]

    def let(self, name: str) -> None:
        """Let go those who wait for ``name``."""
        (self.root / name).touch()

    def made(self, folder: PipelineFolder, step: str, output: str = "out") -> str:
        standing = look(folder).steps[step]
        assert standing.job is not None
        assert standing.trial is not None
        return (standing.job.trial(standing.trial).named_outputs / output / "made").read_text()


def wait_until(is_true: Callable[[], Any], what: str = "it") -> None:
    clock = WallClock()
    deadline = clock.now() + PATIENCE_S
    while not is_true():
        assert clock.now() < deadline, f"{what} did not come true"
        clock.wait(0.01)


def finished(folder: PipelineFolder) -> Standing:
    """The pipeline, once it is over. Fails if nobody runs it."""
    clock = WallClock()
    deadline = clock.now() + PATIENCE_S
    while not (standing := look(folder)).phase.is_terminal:
        assert not standing.is_interrupted, folder.log.read_text()
        assert clock.now() < deadline, folder.log.read_text()
        clock.wait(0.05)
    return standing


def kill(folder: PipelineFolder | SweepFolder) -> None:
    """``kill -9`` who runs it; returns once its lock is free."""
    pid = lock.holder(folder)
    assert pid, "nobody runs it"
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: lock.holder(folder) is None, "the death of its process")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    root = tmp_path / "here"
    (root / "src").mkdir(parents=True)
    (root / "src/step.py").write_text(STEP)
    monkeypatch.setenv("TOLD", str(root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    bench = Bench(root, Workspace(tmp_path / "ws"))
    yield bench
    for pipeline in submission.pipelines(bench.workspace):
        if lock.holder(pipeline) is not None:
            kill(pipeline)
    for sweep in sweeps(bench.workspace):
        try:
            app.request(sweep, Verb.CANCEL, origin="test")
        except RequestError:
            continue  # it is over
        wait_until(partial(_is_over, sweep), f"the end of {sweep.name}")


def _is_over(sweep: SweepFolder) -> bool:
    return not app.is_running(sweep)
