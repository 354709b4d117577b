"""SIGKILL for the controller, again and again: nothing lost, nothing twice, the same decisions."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from barrido import app
from barrido.controller import lock
from barrido.controller.loop import replay
from barrido.core.decide import begin
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.errors import RequestError
from barrido.registry import build_plan
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys, time
import barrido
rate = float(sys.argv[1])
with open(os.environ["WITNESS"], "a") as witness:
    trial = os.environ["BARRIDO_TRIAL"]
    witness.write(f"{trial} start\\n")
    witness.flush()
    for step in range(1, 9):
        time.sleep(0.02)
        value = rate + 1 / step
        witness.write(f"{trial} {value!r}\\n")
        witness.flush()
        barrido.report(loss=value, step=step)
"""


def recipe(tmp_path: Path, name: str, concurrent: int, **more: Any) -> Recipe:
    code = tmp_path / "code"
    code.mkdir(exist_ok=True)
    (code / "script.py").write_text(SCRIPT)
    return Recipe(
        name=name,
        seed=11,
        space={"rate": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=40 * concurrent, max_concurrent_trials=concurrent),
        work=Work(
            command="python script.py ${{search_space.rate}}",
            code=str(code),
            environment_variables={"WITNESS": str(tmp_path / f"{name}.witness")},
        ),
        **more,
    )


def finish(folder: SweepFolder, *, within_s: float = 120.0) -> None:
    deadline = time.monotonic() + within_s
    with Reader(folder) as reader:
        while not reader.sweep().phase.is_terminal:
            assert time.monotonic() < deadline, folder.log.read_text()
            time.sleep(0.02)


def kill(folder: SweepFolder) -> bool:
    pid = lock.holder(folder)
    if not pid:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    while lock.holder(folder) == pid:
        time.sleep(0.001)
    return True


def end_of(folder: SweepFolder) -> list[Any]:
    with Reader(folder) as reader:
        sweep = reader.sweep()
        trials = [(t.number, t.params, t.phase, t.reason, t.reports, t.best_value) for t in reader.trials()]
        return [sweep.phase, sweep.reason, sweep.best_trial, sweep.best_value, trials]


def assert_nothing_is_lost(folder: SweepFolder, witness: Path) -> None:
    """Every trial ran once, and every report that it made is there once, in its order."""
    said: dict[int, list[str]] = {}
    for line in witness.read_text().splitlines():
        number, what = line.split()
        said.setdefault(int(number), []).append(what)
    with Reader(folder) as reader:
        for trial in reader.trials():
            spoken = said[trial.number]
            assert spoken.pop(0) == "start"
            assert "start" not in spoken, f"trial {trial.number} ran twice"
            assert trial.attempt == 1
            kept = [repr(row.value) for row in reader.metrics(trial.number)]
            # A stopped trial may be killed between what it tells its witness and what it reports.
            assert kept == spoken or (trial.phase == "pruned" and kept == spoken[:-1])


def assert_replay_is_history(folder: SweepFolder) -> None:
    store = SqliteStore(folder)
    plan = build_plan(store.recipe())
    state = begin(plan)
    assert replay(plan, state, store)
    store.close()
    with Reader(folder) as reader:
        shown = [(t.number, t.phase, t.reason, t.reports, t.exit_code) for t in reader.trials()]
        sweep = reader.sweep()
    assert shown == [(t.number, t.phase, t.reason, t.reports, t.exit_code) for t in state.trials.values()]
    assert (sweep.phase, sweep.reason, sweep.best_trial) == (state.phase, state.reason, state.best)


@pytest.mark.parametrize("concurrent", [1, 3])
def test_twenty_kills_at_random_moments_lose_nothing_and_change_no_decision(
    tmp_path: Path, concurrent: int
) -> None:
    where = Workspace(tmp_path / "ws")
    policy = {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 3}
    rng = random.Random(concurrent)
    folder = app.create(recipe(tmp_path, "killed", concurrent, policy=policy), where)
    kills = 0
    while kills < 20:
        time.sleep(rng.uniform(0.0, 0.4))
        if not kill(folder):
            break
        kills += 1
        time.sleep(rng.uniform(0.0, 0.2))
        try:
            app.resume(folder)
        except RequestError:  # it was over when it was killed
            break
    finish(folder)
    assert kills == 20
    assert_nothing_is_lost(folder, tmp_path / "killed.witness")
    assert_replay_is_history(folder)
    with Reader(folder) as reader:
        assert len(reader.trials()) == 40 * concurrent
        resumed = [body for _, body, _ in reader.events() if body["kind"] == "resumed"]
    assert len(resumed) >= kills - 1
    if concurrent == 1:
        calm = app.create(recipe(tmp_path, "calm", 1, policy=policy), where)
        finish(calm)
        assert json.dumps(end_of(folder)) == json.dumps(end_of(calm))
