from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.faults.processes import kill_trials

from barrido.core.events import PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order, Signal
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Work
from barrido.executors.environment import TrackerEnvironment
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import until_ended

Make = Callable[..., LocalExecutor]
HYPERBAND = {"type": "hyperband", "max_resource": 27}
LOSS = Objective("loss", Goal.MINIMIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[SweepFolder]:
    """A sweep's folder; no process that was born into it outlives the test."""
    folder = SweepFolder(tmp_path / "ws" / "sweeps" / "sweep")
    yield folder
    kill_trials(folder)


@pytest.fixture
def make(folder: SweepFolder) -> Iterator[Make]:
    """Makes executors that run the command in an order's parameters."""
    made: list[LocalExecutor] = []

    def make(
        *,
        grace_s: float = 5.0,
        polls: bool = False,
        outer: Mapping[str, str] | None = None,
        environment: TrackerEnvironment | None = None,
        concurrent: int = 4,
        **recipe: Any,
    ) -> LocalExecutor:
        defaults = {
            "name": "sweep",
            "limits": Limits(max_total_trials=100, max_concurrent_trials=concurrent),
            "work": Work(command=""),
        }
        executor = LocalExecutor(
            folder,
            Recipe(**{**defaults, **recipe}),
            render=lambda order: str(order.params["command"]),
            environment=environment,
            outer=outer,
            grace_s=grace_s,
            polls=polls,
        )
        made.append(executor)
        return executor

    yield make
    for executor in made:
        executor.close()


@pytest.fixture
def executor(make: Make) -> LocalExecutor:
    return make()


@pytest.fixture
def run(executor: LocalExecutor) -> Callable[[str], list[Signal]]:
    """Runs one command to its end; what was told of it."""

    def run(command: str) -> list[Signal]:
        executor.launch(Order(0, 1, {"command": command}))
        return until_ended(executor)

    return run


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Waits until a condition holds; fails after a minute."""

    def wait_for(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait_for


@pytest.fixture
def staged(make: Make) -> Make:
    """Makes executors of sweeps with rungs."""

    def staged(mode: PauseMode = PauseMode.SUSPEND, **recipe: Any) -> LocalExecutor:
        pausing = Pausing(**{"mode": mode, **recipe.pop("pausing", {})})
        return make(**{"objective": LOSS, "scheduler": HYPERBAND, "pausing": pausing, **recipe})

    return staged


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Writes a Python script; the command that runs it."""

    def write(text: str) -> str:
        path = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        path.write_text(dedent(text))
        return f"python {path}"

    return write
