"""SIGKILL for the controller of trials that only print: each line is one report, and none is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.faults.processes import finish, kill

from barrido import app
from barrido.core.layout import Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.errors import RequestError
from barrido.replay.proof import prove
from barrido.store.queries import Reader

pytestmark = pytest.mark.slow

SCRIPT = """
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  printf 'epoch %d of trial %s loss=%d\\r' $i "$BARRIDO_TRIAL" $((100 * BARRIDO_TRIAL + i))
  sleep 0.03
done
printf 'done loss=%d' $((100 * BARRIDO_TRIAL + 13))
"""


def test_kills_at_random_moments(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "script.sh").write_text(SCRIPT)
    recipe = Recipe(
        name="printed",
        seed=3,
        space={"rate": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=30, max_concurrent_trials=3),
        work=Work(
            command="sh script.sh",
            code=str(code),
            metrics={"loss": r"(?:epoch (?P<step>\d+).*|done) loss=(\d+)"},
        ),
    )
    folder = app.create(recipe, Workspace(tmp_path / "ws"))
    rng, kills = random.Random(5), 0
    while kills < 12:
        time.sleep(rng.uniform(0.0, 0.3))
        if not kill(folder):
            break
        kills += 1
        time.sleep(rng.uniform(0.0, 0.3))
        try:
            app.resume(folder)
        except RequestError:  # it was over when it was killed
            break
    finish(folder)
    assert kills >= 6
    with Reader(folder) as reader:
        trials = reader.trials()
        assert len(trials) == 30
        for trial in trials:
            rows = reader.metrics(trial.number)
            assert [row.value for row in rows] == [100 * trial.number + k for k in range(1, 14)]
            assert [row.step for row in rows] == [*range(1, 13), None]
            assert {row.door for row in rows} == {"log"}
            assert trial.reports == 13
    prove(folder)
