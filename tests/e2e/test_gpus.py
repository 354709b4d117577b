"""Whole sweeps on two GPUs: who sees which, and that no two trials ever see one at the same time.

No GPU is needed. Each trial takes a lock for each GPU that it sees, which the kernel lets go of when it is
gone, and writes down when it had it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.faults.processes import kill_trials

from barrido import app
from barrido.controller import lock
from barrido.core.events import Verb
from barrido.core.layout import Workspace
from barrido.core.recipe import Limits, Recipe
from barrido.errors import RequestError, SpecError
from barrido.spec import load
from barrido.spec.load import Defaults
from barrido.store.queries import Reader

SCRIPT = """
import fcntl, json, os, signal, sys, time
import barrido

hall, share, naps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
born, seen, held, crowded = time.monotonic_ns(), os.environ["CUDA_VISIBLE_DEVICES"], [], False

def tell(what):
    with open(f"{hall}/witness", "a") as witness:
        line = [what, seen, born, time.monotonic_ns(), os.environ["BARRIDO_TRIAL"]]
        witness.write(json.dumps(line) + "\\n")

def leave(*_):
    tell("ended")
    os._exit(143)

signal.signal(signal.SIGTERM, leave)
for gpu in seen.split(","):
    for place in range(share):
        descriptor = os.open(f"{hall}/{gpu}.{place}", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            held.append(descriptor)
            break
    else:
        crowded = True
tell("crowded" if crowded else "began")
pace = 0.02 if int(os.environ["BARRIDO_TRIAL"]) % 2 else 0.06  # the last to come may be the first to go
for step in range(1, naps + 1):
    time.sleep(pace)
    barrido.report(loss=int(os.environ["BARRIDO_TRIAL"]) * 7 % 11 + 1 / step, step=step)
tell("ended")
"""


class Sweep:
    """A sweep of such trials, whose controller may be killed."""

    def __init__(self, tmp_path: Path) -> None:
        self.hall = tmp_path / "hall"
        self.hall.mkdir()
        code = tmp_path / "code"
        code.mkdir()
        (code / "train.py").write_text(SCRIPT)
        self._tmp_path = tmp_path
        self._workspace = Workspace(tmp_path / "ws")
        self.folder = self._workspace.sweep("gpus")

    def recipe(self, gpu: float, trials: int, *, naps: int = 3, warm: str = "on", **more: Any) -> Recipe:
        share = int(1 / gpu) if gpu < 1 else 1
        body = {
            "type": "sweep",
            "name": "gpus",
            "trial": {
                "code": "code",
                "command": f"python train.py {self.hall} {share} {naps}",
                "warm": warm,
                "resources": {"gpu": gpu},
            },
            "search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
            "sampling_algorithm": {"type": "random", "seed": 3},
            "objective": {"goal": "minimize", "primary_metric": "loss"},
            "limits": {"max_total_trials": trials, "max_concurrent_trials": 9},
            **more,
        }
        return load.check(body, source=load.Source("x"), base=self._tmp_path, defaults=Defaults.here())

    def create(self, recipe: Recipe) -> None:
        app.create(recipe, self._workspace)

    def told(self) -> list[list[Any]]:
        witness = self.hall / "witness"
        if not witness.exists():
            return []
        return [
            json.loads(line) for line in witness.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]

    def wait_for_starts(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while sum(what != "ended" for what, *_ in self.told()) < count and not self.is_over():
            assert time.monotonic() < deadline, self.folder.log.read_text()
            time.sleep(0.002)

    def is_over(self) -> bool:
        with Reader(self.folder) as reader:
            return reader.sweep().phase.is_terminal

    def kill(self) -> bool:
        pid = lock.holder(self.folder)
        if not pid:
            return False
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while lock.holder(self.folder) == pid:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return True

    def finish(self) -> dict[str, int]:
        """How many trials came to which end."""
        deadline = time.monotonic() + 120
        while not self.is_over():
            assert time.monotonic() < deadline, self.folder.log.read_text()
            time.sleep(0.005)
        with Reader(self.folder) as reader:
            return Counter(str(trial.phase) for trial in reader.trials())

    def most_at_once(self) -> dict[str, int]:
        """By GPU: how many trials that ended by themselves, or were asked to, saw it at the same time."""
        stays = [(seen.split(","), born, at) for what, seen, born, at, _ in self.told() if what == "ended"]
        most = Counter[str]()
        for _, moment, _ in stays:
            now = Counter(gpu for seen, born, gone in stays if born <= moment < gone for gpu in seen)
            most |= now
        return dict(most)

    def assert_nobody_was_crowded(self) -> None:
        assert [line for line in self.told() if line[0] == "crowded"] == []


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweep]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    sweep = Sweep(tmp_path)
    yield sweep
    if sweep.folder.root.exists():
        sweep.kill()
        kill_trials(sweep.folder)


@pytest.mark.parametrize(
    ("warm", "gpu", "concurrent", "seen", "most"),
    [
        ("on", 0.5, 4, {"0", "1"}, 2),
        ("off", 1, 2, {"0", "1"}, 1),
        pytest.param("off", 0.5, 4, {"0", "1"}, 2, marks=pytest.mark.slow),
        pytest.param("on", 1, 2, {"0", "1"}, 1, marks=pytest.mark.slow),
        pytest.param("on", 2, 1, {"0,1"}, 1, marks=pytest.mark.slow),
        pytest.param("off", 2, 1, {"0,1"}, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_controllers_change_nobodys_place(
    sweep: Sweep, warm: str, gpu: float, concurrent: int, seen: set[str], most: int
) -> None:
    recipe = sweep.recipe(gpu, 8, naps=20, warm=warm)  # longer than it takes to resume
    assert recipe.limits.max_concurrent_trials == recipe.places == concurrent
    assert "is lowered from 9 to" in "\n".join(recipe.notices)
    sweep.create(recipe)
    kills = 0
    for starts in (1, 3, 5, 7):
        sweep.wait_for_starts(starts)
        if sweep.kill():
            kills += 1
            if not sweep.is_over():
                app.resume(sweep.folder)
    assert sweep.finish() == {"completed": 8}
    assert kills >= 3
    sweep.assert_nobody_was_crowded()
    assert sorted(int(line[-1]) for line in sweep.told() if line[0] == "began") == list(range(8))
    assert {line[1] for line in sweep.told()} == seen
    assert max(sweep.most_at_once().values()) == most


@pytest.mark.parametrize("warm", ["on", "off"])
def test_trials_that_wait_at_a_rung_give_their_gpus_back(sweep: Sweep, warm: str) -> None:
    scheduler = {"type": "successive_halving", "max_resource": 4, "reduction_factor": 2, "pause": "suspend"}
    recipe = sweep.recipe(1, 8, naps=4, warm=warm, scheduler=scheduler)
    assert recipe.pausing.spares_gpus
    sweep.create(recipe)
    sweep.wait_for_starts(4)
    if sweep.kill():
        app.resume(sweep.folder)
    ends = sweep.finish()
    assert ends["completed"] == 2
    assert sum(ends.values()) == 8
    sweep.assert_nobody_was_crowded()
    assert max(sweep.most_at_once().values()) == 1


def test_what_is_not_there_is_refused(sweep: Sweep) -> None:
    with pytest.raises(SpecError, match="this machine has 2 GPUs"):
        sweep.recipe(3, 4)
    sweep.create(sweep.recipe(1, 4, naps=50))
    sweep.wait_for_starts(2)
    sweep.kill()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with pytest.raises(RequestError, match="needs GPUs") as raised:
        app.resume(sweep.folder)
    assert "CUDA_VISIBLE_DEVICES" in str(raised.value.hint)
    app.request(sweep.folder, Verb.CANCEL, origin="test")  # which needs none
    assert sweep.finish() == {"canceled": 2}


def test_with_fewer_gpus_than_before_trials_wait_for_one_another(sweep: Sweep) -> None:
    recipe = sweep.recipe(1, 6)
    sweep.create(recipe)
    sweep.wait_for_starts(2)
    sweep.kill()
    os.environ["CUDA_VISIBLE_DEVICES"] = "1"
    if not sweep.is_over():
        app.resume(sweep.folder)
    assert sweep.finish() == {"completed": 6}
    sweep.assert_nobody_was_crowded()
    began = [line for line in sweep.told() if line[0] == "began"]
    assert {line[1] for line in began[3:]} == {"1"}


def test_the_plainest_sweep_takes_no_notice(sweep: Sweep) -> None:
    recipe = sweep.recipe(1, 3)
    work = replace(recipe.work, resources=replace(recipe.work.resources, gpu=None))
    limits = Limits(max_total_trials=3, max_concurrent_trials=3)
    sweep.create(replace(recipe, work=work, limits=limits, places=None))
    assert sweep.finish() == {"completed": 3}
    assert {line[1] for line in sweep.told()} == {"0,1"}
    assert not list(sweep.folder.feed.glob("*.gpus"))
