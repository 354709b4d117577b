from __future__ import annotations

import os
from pathlib import Path

import pytest

from barrido.core.protocols import Executor
from barrido.executors import leader
from barrido.executors.local import LocalExecutor
from barrido.executors.sim import Fault, SimWorld
from barrido.testing.executors import ExecutorSuite, World
from barrido.testing.worlds import GRACE_S, LocalWorld, script_of


def local_world(root: Path, *, polls: bool = False) -> World:
    return LocalWorld(
        root,
        lambda folder, recipe: LocalExecutor(folder, recipe, render=script_of, grace_s=GRACE_S, polls=polls),
    )


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
        return local_world(tmp_path)


class TestLocalWherePidfdsAndInotifyAreMissing(ExecutorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
        monkeypatch.delattr(os, "pidfd_open")
        return local_world(tmp_path, polls=True)


class TestLocalWherePidfdsDoNotSignalGroups(ExecutorSuite):
    """Linux before 6.9."""

    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
        monkeypatch.setattr(leader, "_signals_groups", lambda: False)
        return local_world(tmp_path)


class TestSim(ExecutorSuite):
    @pytest.fixture
    def world(self) -> World:
        return VirtualWorld()
