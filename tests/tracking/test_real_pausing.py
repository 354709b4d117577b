"""An unmodified script that logs through MLflow's own client is suspended at its rungs, and goes on."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.faults.processes import kill_trials

from barrido.core.events import Paused, PauseMode
from barrido.core.layout import Workspace
from barrido.core.protocols import Logged, Order, Signal, Step, Verdict
from barrido.core.recipe import Recipe
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import exits, is_paused, offsets, values
from barrido.tracking.tracker import MlflowTracker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("mlflow", path=str(Path(sys.executable).parent)) is None, reason="no MLflow"
    ),
]

SCRIPT = """
import mlflow

with mlflow.start_run():
    for epoch in range(12):
        print("epoch", epoch, flush=True)
        mlflow.log_metrics({"loss": epoch, "acc": 1.0}, step=epoch)
"""
EPOCHS = 12


@pytest.fixture
def sweep(sweeps: Any, tmp_path: Path) -> Iterator[Any]:
    sweep = sweeps(
        Workspace(tmp_path), "paused", experiment="iris", scheduler={"type": "hyperband", "max_resource": 27}
    )
    yield sweep
    kill_trials(sweep.folder)
    sweep.close()


@pytest.mark.parametrize("frozen_s", [0.5, 20.0])
def test_a_real_script_makes_exactly_the_epochs_of_its_rungs(
    frozen_s: float, sweep: Any, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    sweep.trial(0, started_at=time.time())
    tracker = MlflowTracker(sweep.folder, sweep.workspace, None)
    recipe: Recipe = sweep.recipe
    executor = LocalExecutor(
        sweep.folder,
        recipe,
        render=lambda _: f"{sys.executable} {tmp_path}/train.py",
        environment=tracker.environment,
    )
    log = sweep.folder.trial(0).log
    order = Order(0, 1, {"lr": 0.1}, until=1)
    executor.launch(order)
    told: list[Signal] = []
    for rung in (1, 3, 9):
        if rung > 1:
            executor.unpause(Order(0, 1, order.params, until=rung))
        since: list[Signal] = []
        while not is_paused(since):
            for one in executor.events(120.0):
                since.append(one)
                if isinstance(one, Logged) and len(values([*told, *since])) == rung:
                    executor.pause(0, 1, PauseMode.SUSPEND, "others first")
                    executor.answer(0, 1, offsets([*told, *since]), Verdict(Step.PAUSE))
        told += since
        told += executor.events(frozen_s)
        assert isinstance(told[-1], Paused)
        assert values(told) == [float(epoch) for epoch in range(rung)]
        assert log.read_text().count("epoch") == rung
    executor.unpause(Order(0, 1, order.params))
    while not exits(told):
        told += executor.events(120.0)
    assert exits(told)[0].code == 0, log.read_text()
    assert values(told) == [float(epoch) for epoch in range(EPOCHS)]
    assert "WARNING" not in log.read_text()
    executor.close()
    sweep.trial(0, "completed", ended_at=time.time(), exit_code=0)
    sweep.end(trial=0, value=0.0)
    assert tracker.close(120)
    with closing(sqlite3.connect(sweep.workspace.mlflow / "mlflow.db")) as db:
        logged = db.execute("SELECT value FROM metrics WHERE key = 'loss' ORDER BY step").fetchall()
    assert [value for (value,) in logged] == [float(epoch) for epoch in range(EPOCHS)]
