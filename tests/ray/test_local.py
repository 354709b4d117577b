"""A Ray of this machine, for one sweep: it outlives the sweep's controllers, and leaves with the sweep."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec

import psutil
import pytest
from tests.faults.processes import kill
from tests.ray.sweeps import deeds, epochs, finish, recipe, reports, result

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.executors.leftovers import strays
from barrido.executors.ray import head

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]


@pytest.fixture
def folder(workspace: Workspace) -> Iterator[SweepFolder]:
    folder = workspace.sweep("alone")
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
    assert strays(os.fspath(folder.feed)) == []
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(30.0)
