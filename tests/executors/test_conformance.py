from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from barrido.core.layout import SweepFolder
from barrido.core.protocols import Executor, Order
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.executors import leader
from barrido.executors.leader import read_life
from barrido.executors.local import LocalExecutor
from barrido.executors.sim import Fault, SimWorld
from barrido.testing.executors import PATIENCE_S, ExecutorSuite, World

SCRIPT = """
{trap}
n=1
while [ $n -le {reports} ]; do
  printf '{{"name": "loss", "value": %s, "step": %s, "time": %s.0}}\\n' $n $n $n >> "$BARRIDO_METRICS"
  n=$((n + 1))
  {pause}
done
{rest}
exit {code}
"""


def script_of(order: Order) -> str:
    params = order.params
    # A deaf script survives the SIGTERM; what it waits for does not, so it waits again.
    wait = "while :; do sleep 60; done" if params["deaf"] else "exec sleep 600"
    return SCRIPT.format(
        trap="trap '' TERM" if params["deaf"] else "",
        reports=params["reports"],
        pause=f"sleep {params['every_s']}" if params["every_s"] else "",
        rest=wait if params["endless"] else "",
        code=params["code"],
    )


class LocalWorld:
    def __init__(self, root: Path, *, polls: bool) -> None:
        self.folder = SweepFolder(root / "sweep")
        self.polls = polls

    def executor(self) -> Executor:
        recipe = Recipe(
            name="sweep",
            limits=Limits(max_total_trials=20, max_concurrent_trials=4),
            work=Work(command=""),
            objective=Objective("loss", Goal.MINIMIZE),
            scheduler={"type": "hyperband", "max_resource": 81},
        )
        return LocalExecutor(self.folder, recipe, render=script_of, grace_s=0.3, polls=self.polls)

    def wait_until_ended(self, trial: int, attempt: int) -> None:
        path = f"{self.folder.feed_stem(trial, attempt)}.life"
        deadline = time.monotonic() + PATIENCE_S
        while (life := read_life(path)) is None or life.code is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)


class VirtualWorld:
    def __init__(self) -> None:
        self.sim = SimWorld(
            lambda params, step: float(step),
            steps=lambda params: int(params["reports"]),
            seconds_per_report=lambda params: float(params["every_s"]),
            faults=lambda order: Fault(
                exit_code=order.params["code"],
                never_ends=order.params["endless"],
                ignores_stop=order.params["deaf"],
            ),
            grace_s=0.3,
        )

    def executor(self) -> Executor:
        return self.sim.executor()

    def wait_until_ended(self, trial: int, attempt: int) -> None:
        self.sim.advance(60.0)


class TestLocal(ExecutorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return LocalWorld(tmp_path, polls=False)


class TestLocalWherePidfdsAndInotifyAreMissing(ExecutorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
        monkeypatch.delattr(os, "pidfd_open")
        return LocalWorld(tmp_path, polls=True)


class TestLocalWherePidfdsDoNotSignalGroups(ExecutorSuite):
    """Linux before 6.9."""

    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
        monkeypatch.setattr(leader, "_signals_groups", lambda: False)
        return LocalWorld(tmp_path, polls=False)


class TestSim(ExecutorSuite):
    @pytest.fixture
    def world(self) -> World:
        return VirtualWorld()
