"""SIGKILL for the controller, again and again: nothing lost, nothing twice, the same decisions."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from tests.faults.conftest import assert_nothing_is_lost, end_of
from tests.faults.processes import finish, kill

from barrido import app
from barrido.core.layout import Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.errors import RequestError
from barrido.replay.proof import prove
from barrido.store.queries import Reader

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
    assert_nothing_is_lost(folder, tmp_path / "killed.witness", reports=8)
    prove(folder)
    with Reader(folder) as reader:
        resumed = [body for _, body, _ in reader.events() if body["kind"] == "resumed"]
    assert len(resumed) >= kills - 1
    if concurrent == 1:
        calm = app.create(recipe(tmp_path, "calm", 1, policy=policy), where)
        finish(calm)
        assert json.dumps(end_of(folder)) == json.dumps(end_of(calm))
