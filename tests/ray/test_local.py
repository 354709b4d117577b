"""A Ray of this machine, for one sweep: it outlives the sweep's controllers, and leaves with the sweep."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec

import psutil
import pytest
from tests.faults.processes import kill, trial_pids
from tests.ray.sweeps import deeds, epochs, finish, recipe, reports, result

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Work
from barrido.executors.ray import head
from barrido.store.queries import Reader

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]


@pytest.fixture
def folder(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[SweepFolder]:
    folder = workspace.sweep(request.node.originalname.removeprefix("test_"))
    yield folder
    kill(folder)
    head.stop(folder)


def test_the_controller_is_killed_and_the_next_one_goes_on(workspace: Workspace, folder: SweepFolder) -> None:
    here = app.create(recipe(workspace, "beside", compute="local"), workspace)
    finish(here)
    app.create(recipe(workspace, folder.name, compute="ray", pace_s=0.1), workspace)
    pid = json.loads((folder.root / "ray/head.json").read_text())["pid"]
    for _ in range(2):
        done = len(deeds(folder))
        while len(deeds(folder)) < done + 3:
            time.sleep(0.02)
        assert kill(folder)
        assert psutil.pid_exists(pid)
        app.resume(folder)
    finish(folder)
    assert (result(folder), reports(folder)) == (result(here), reports(here))
    assert epochs(folder) == epochs(here)
    assert trial_pids(folder) == []
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(30.0)


def test_what_trials_only_print_is_found_on_the_node(workspace: Workspace, folder: SweepFolder) -> None:
    command = "for i in 1 2 3; do printf 'step %d loss=%d\\r' $i $((9 - i)); sleep 0.1; done; printf loss=1"
    pattern = r"(?:step (?P<step>\d+) )?loss=(\d+)"
    printing = replace(
        recipe(workspace, folder.name, compute="ray", trials=3, scheduler={"type": "fifo"}),
        work=Work(command=command, metrics={"loss": pattern}),
    )
    app.create(printing, workspace)
    finish(folder)
    with Reader(folder) as reader:
        for trial in range(3):
            rows = reader.metrics(trial)
            assert [(row.value, row.step) for row in rows] == [(8, 1), (7, 2), (6, 3), (1, None)]
            assert {row.door for row in rows} == {"log"}
