"""The executor on Ray does what every executor must do: one Ray of this machine for all of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.faults.processes import kill_trials

from barrido.core.layout import SweepFolder
from barrido.core.protocols import Executor
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Resources, Work
from barrido.executors.leader import read_life
from barrido.executors.ray import head
from barrido.executors.ray.cluster import Cluster
from barrido.executors.ray.executor import RayExecutor
from barrido.testing.executors import PATIENCE_S, ExecutorSuite, World
from barrido.testing.worlds import script_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a Ray of this machine, with room for what the suite runs at a time."""
    folder = SweepFolder(tmp_path_factory.mktemp("conformance") / "head")
    folder.root.mkdir()
    before = dict(os.environ)
    folder.lock.touch()
    try:
        yield head.start(folder)
    finally:
        head.stop(folder)
        os.environ.clear()
        os.environ.update(before)


class RayWorld:
    def __init__(self, root: Path, address: str) -> None:
        self.folder = SweepFolder(root / "sweep")
        self.address = address
        (self.folder.root / "ray").mkdir(parents=True)
        self.folder.feed.mkdir()
        self.made: list[RayExecutor] = []

    def executor(self) -> Executor:
        recipe = Recipe(
            name="sweep",
            compute="ray",
            limits=Limits(max_total_trials=20, max_concurrent_trials=1),
            work=Work(command="", resources=Resources(cpu=0.1)),
            objective=Objective("loss", Goal.MINIMIZE),
            scheduler={"type": "hyperband", "max_resource": 81},
        )
        for earlier in self.made:  # one process is connected to Ray once
            earlier.close()
        cluster = Cluster(f"sweep-{self.folder.root.parent.name}", recipe.work.resources)
        cluster.connect(self.address)
        made = RayExecutor(
            self.folder, recipe, cluster, render=script_of, environment=lambda trial, attempt: {}, grace_s=0.3
        )
        self.made.append(made)
        return made

    def wait_until_ended(self, trial: int, attempt: int) -> None:
        path = f"{self.folder.feed_stem(trial, attempt)}.life"
        deadline = time.monotonic() + PATIENCE_S
        while (life := read_life(path)) is None or life.code is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)


class TestRay(ExecutorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path, address: str) -> Iterator[World]:
        world = RayWorld(tmp_path, address)
        yield world
        last = world.executor()
        assert isinstance(last, RayExecutor)
        last.sweep_leftovers()
        kill_trials(world.folder)
