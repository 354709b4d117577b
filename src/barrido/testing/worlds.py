"""A world for `barrido.testing.executors.ExecutorSuite` whose trials are real processes on this machine.

For executors that are made as `barrido.executors.local.LocalExecutor` is:

class TestMyExecutor(ExecutorSuite):
    @pytest.fixture
    def world(self, tmp_path):
        return LocalWorld(tmp_path, lambda folder, recipe: MyExecutor(folder, recipe, render=script_of))
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from barrido.core.layout import SweepFolder
from barrido.core.protocols import Executor, Order
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.executors.leader import read_life
from barrido.testing.executors import PATIENCE_S

GRACE_S = 0.3
"""The grace period that an executor should be made with, so that the tests take seconds."""

_SCRIPT = """
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
    """The shell script of a trial whose parameters are a `barrido.testing.executors.behaviour`."""
    params = order.params
    # A deaf script survives the SIGTERM; what it waits for does not, so it waits again.
    wait = "while :; do sleep 60; done" if params["deaf"] else "exec sleep 600"
    return _SCRIPT.format(
        trap="trap '' TERM" if params["deaf"] else "",
        reports=params["reports"],
        pause=f"sleep {params['every_s']}" if params["every_s"] else "",
        rest=wait if params["endless"] else "",
        code=params["code"],
    )


class LocalWorld:
    """One sweep in the folder ``root``; ``make`` makes an executor of it, with the grace period `GRACE_S`."""

    def __init__(self, root: Path, make: Callable[[SweepFolder, Recipe], Executor]) -> None:
        self.folder = SweepFolder(root / "sweep")
        self._make = make

    def executor(self) -> Executor:
        recipe = Recipe(
            name="sweep",
            limits=Limits(max_total_trials=20, max_concurrent_trials=4),
            work=Work(command=""),
            objective=Objective("loss", Goal.MINIMIZE),
            scheduler={"type": "hyperband", "max_resource": 81},
        )
        return self._make(self.folder, recipe)

    def wait_until_ended(self, trial: int, attempt: int) -> None:
        path = f"{self.folder.feed_stem(trial, attempt)}.life"
        deadline = time.monotonic() + PATIENCE_S
        while (life := read_life(path)) is None or life.code is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
