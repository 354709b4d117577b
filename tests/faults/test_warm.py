"""Warm trials while nurseries and controllers are killed: nothing lost, nothing twice, nothing left."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.faults.conftest import assert_nothing_is_lost, end_of
from tests.faults.processes import finish, kill, kill_all, kill_one, nurseries, trial_pids, wait_for

from barrido import app
from barrido.controller import lock
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.errors import RequestError
from barrido.replay.proof import prove
from barrido.store.queries import Reader

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys, time
import barrido, {imports}
rate = float(sys.argv[1])
with open(os.environ["WITNESS"], "a") as witness:
    trial = os.environ["BARRIDO_TRIAL"]
    witness.write(f"{{trial}} start\\n")
    witness.flush()
    for step in range(1, 6):
        time.sleep({pause})
        value = rate + 1 / step
        witness.write(f"{{trial}} {{value!r}}\\n")
        witness.flush()
        barrido.report(loss=value, step=step)
"""
POLICY = {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 3}
SLOW = """
import time
open({witness!r}, "a").write("x")
time.sleep({seconds})
"""


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """No process of a sweep outlives its test."""
    yield
    for folder in Workspace(tmp_path / "ws").sweeps.glob("*"):
        kill_all(SweepFolder(folder))


def recipe(
    tmp_path: Path,
    name: str,
    concurrent: int,
    *,
    total: int = 40,
    script: str = "",
    imports: str = "json",
    seconds: float = 0.0,
    pause: float = 0.02,
    warm: str = "auto",
    **more: Any,
) -> Recipe:
    code = tmp_path / f"code-{name}"
    code.mkdir()
    (code / "script.py").write_text(script or SCRIPT.format(imports=imports, pause=pause))
    site = tmp_path / "site"
    site.mkdir(exist_ok=True)
    (site / "slow.py").write_text(SLOW.format(witness=os.fspath(tmp_path / "imports"), seconds=seconds))
    variables = {"WITNESS": str(tmp_path / f"{name}.witness"), "PYTHONPATH": str(site)}
    return Recipe(
        name=name,
        seed=11,
        space={"rate": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=total, max_concurrent_trials=concurrent),
        work=Work(
            command="python script.py ${{search_space.rate}}",
            code=str(code),
            environment_variables=variables,
            warm=warm,
        ),
        **more,
    )


def phase(folder: SweepFolder) -> Any:
    with Reader(folder) as reader:
        return reader.sweep().phase


def assert_nothing_is_left(folder: SweepFolder) -> None:
    """Neither trials nor nurseries nor a controller."""
    wait_for(folder, lambda: lock.holder(folder) is None, within_s=20.0)
    wait_for(folder, lambda: nurseries(folder) == [], within_s=5.0)
    assert trial_pids(folder) == []


def warm_ones(folder: SweepFolder) -> list[int]:
    with Reader(folder) as reader:
        return [trial.number for trial in reader.trials() if trial.warm]


def begun(folder: SweepFolder) -> int:
    with Reader(folder) as reader:
        return sum(trial.started_at is not None for trial in reader.trials())


def notes(folder: SweepFolder) -> list[str]:
    with Reader(folder) as reader:
        return [note.text for note in reader.notes()]


@pytest.mark.parametrize("concurrent", [1, 3])
@pytest.mark.parametrize(
    ("imports", "seconds"), [("json", 0.0), ("slow", 0.3)], ids=["quick import", "slow import"]
)
def test_fifteen_nurseries_are_killed_at_random_moments(
    tmp_path: Path, concurrent: int, imports: str, seconds: float
) -> None:
    where = Workspace(tmp_path / "ws")
    more: dict[str, Any] = {
        "imports": imports,
        "seconds": seconds,
        "policy": POLICY,
        "total": 40 * concurrent,
    }
    rng = random.Random(concurrent)
    folder = app.create(recipe(tmp_path, "killed", concurrent, **more), where)
    kills = 0
    while kills < 15 and not phase(folder).is_terminal:
        time.sleep(rng.uniform(0.0, 0.4))
        killed = [pid for pid in nurseries(folder) if kill_one(pid)]
        kills += len(killed)
        if kills % 3 == 0 and killed:  # more in a row would be a reason to start cold
            spared = begun(folder)
            wait_for(folder, lambda spared=spared: begun(folder) > spared or phase(folder).is_terminal)  # type: ignore[misc]
    finish(folder)
    assert kills == 15
    assert_nothing_is_left(folder)
    assert_nothing_is_lost(folder, tmp_path / "killed.witness", reports=5)
    prove(folder)
    assert not [note for note in notes(folder) if "cold" in note]
    assert warm_ones(folder) == list(range(40 * concurrent))
    if concurrent == 1:
        calm = app.create(recipe(tmp_path, "calm", 1, **more), where)
        finish(calm)
        assert json.dumps(end_of(folder)) == json.dumps(end_of(calm))
        cold = app.create(recipe(tmp_path, "cold", 1, warm="off", **{**more, "imports": "json"}), where)
        finish(cold)
        assert warm_ones(cold) == []
        assert json.dumps(end_of(folder)) == json.dumps(end_of(cold))


@pytest.mark.parametrize("both", [False, True], ids=["controller", "both"])
@pytest.mark.parametrize(
    ("concurrent", "imports", "seconds"), [(1, "json", 0.0), (3, "json", 0.0), (3, "slow", 0.3)]
)
def test_controllers_are_killed_at_random_moments(
    tmp_path: Path, concurrent: int, imports: str, seconds: float, both: bool
) -> None:
    where = Workspace(tmp_path / "ws")
    total = 30 * concurrent
    rng = random.Random(concurrent)
    folder = app.create(
        recipe(tmp_path, "killed", concurrent, imports=imports, seconds=seconds, total=total, policy=POLICY),
        where,
    )
    kills = deaths = 0
    while kills < 12:
        time.sleep(rng.uniform(0.0, 0.6))
        victims = nurseries(folder) if both else []
        if both and rng.random() < 0.5:
            deaths += sum(kill_one(pid) for pid in victims)
            victims = []
        if not kill(folder):
            break
        deaths += sum(kill_one(pid) for pid in victims)
        kills += 1
        time.sleep(rng.uniform(0.0, 0.2))
        try:
            app.resume(folder)
        except RequestError:  # it was over when it was killed
            break
    finish(folder)
    assert kills >= 8
    assert deaths or not both
    assert_nothing_is_left(folder)
    assert_nothing_is_lost(folder, tmp_path / "killed.witness", reports=5)
    prove(folder)
    warm = warm_ones(folder)
    assert warm[-1] >= total - 1 - concurrent  # the last ones may be adopted: how they began is not known
    assert len(warm) > total // 2
    assert not [note for note in notes(folder) if "cold" in note]


def test_a_dead_controllers_nursery_that_hangs_does_not_stay(tmp_path: Path) -> None:
    folder = app.create(
        recipe(tmp_path, "hangs", 1, total=3, imports="slow", seconds=1000.0), Workspace(tmp_path / "ws")
    )
    wait_for(folder, lambda: (tmp_path / "imports").exists())
    assert nurseries(folder)
    assert kill(folder)
    wait_for(folder, lambda: nurseries(folder) == [], within_s=10.0)


def test_warm_trials_run_on_without_controller_and_nursery_and_are_adopted(tmp_path: Path) -> None:
    folder = app.create(recipe(tmp_path, "alone", 3, total=6, pause=0.3), Workspace(tmp_path / "ws"))
    wait_for(folder, lambda: len(warm_ones(folder)) >= 3)
    assert kill(folder)
    wait_for(folder, lambda: nurseries(folder) == [], within_s=10.0)
    assert trial_pids(folder)
    wait_for(folder, lambda: trial_pids(folder) == [])
    app.resume(folder)
    finish(folder)
    assert_nothing_is_left(folder)
    assert_nothing_is_lost(folder, tmp_path / "alone.witness", reports=5)
    assert warm_ones(folder) == list(range(6))


BAD_ENDS = {
    "waits": "import json, time; print('waiting', flush=True); time.sleep(600)",
    "is deaf": "import json, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('waiting', flush=True); time.sleep(600)",
    "has children": "import json, os, time\nfor _ in range(3):\n    os.fork()\n"
    "if os.fork() == 0:\n    os.setsid()\nprint('waiting', flush=True); time.sleep(600)",
}


def rows(folder: SweepFolder) -> list[Any]:
    with Reader(folder) as reader:
        trials = [(t.number, t.phase, t.reason, t.reports, t.exit_code, t.attempt) for t in reader.trials()]
        return [reader.sweep().phase, reader.sweep().reason, trials]


@pytest.mark.parametrize("what", BAD_ENDS)
def test_trials_that_take_too_long_end_as_cold_ones_do(tmp_path: Path, what: str) -> None:
    seen = []
    for name in ("auto", "off"):
        made = recipe(tmp_path, name, 2, warm=name, script=BAD_ENDS[what])
        limits = replace(made.limits, max_total_trials=2, trial_timeout=1.0, max_failed_trials=2)
        folder = app.create(replace(made, limits=limits), Workspace(tmp_path / "ws"))
        finish(folder)
        assert_nothing_is_left(folder)
        assert len(warm_ones(folder)) == (2 if name == "auto" else 0)
        seen.append(rows(folder))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("what", ["waits", "has children"])
def test_trials_that_the_user_cancels_end_as_cold_ones_do(tmp_path: Path, what: str) -> None:
    seen = []
    for name in ("auto", "off"):
        made = recipe(tmp_path, name, 2, total=2, warm=name, script=BAD_ENDS[what])
        folder = app.create(made, Workspace(tmp_path / "ws"))
        for trial in range(2):
            log = folder.trial(trial).log
            wait_for(folder, lambda log=log: log.exists() and "waiting" in log.read_text())  # type: ignore[misc]
        app.request(folder, Verb.CANCEL, trial=0, origin="test")
        wait_for(folder, lambda folder=folder: rows(folder)[2][0][1].is_terminal)  # type: ignore[misc]
        app.request(folder, Verb.CANCEL, origin="test")
        finish(folder)
        assert_nothing_is_left(folder)
        assert len(warm_ones(folder)) == (2 if name == "auto" else 0)
        seen.append(rows(folder))
    assert seen[0] == seen[1]


def test_a_sweep_that_is_canceled_amid_the_first_import_runs_nothing(tmp_path: Path) -> None:
    made = recipe(tmp_path, "early", 3, total=6, imports="slow", seconds=3.0)
    folder = app.create(made, Workspace(tmp_path / "ws"))
    wait_for(folder, lambda: (tmp_path / "imports").exists())
    app.request(folder, Verb.CANCEL, origin="test")
    finish(folder)
    assert_nothing_is_left(folder)
    assert not (tmp_path / "early.witness").exists()
    with Reader(folder) as reader:
        assert {trial.phase for trial in reader.trials()} == {"canceled"}
    for trial in range(3):
        log = folder.trial(trial).log
        assert not log.exists() or log.read_text() == ""


def test_a_trial_that_is_canceled_amid_the_first_import_never_runs(tmp_path: Path) -> None:
    made = recipe(tmp_path, "early", 2, total=4, imports="slow", seconds=2.0)
    folder = app.create(made, Workspace(tmp_path / "ws"))
    wait_for(folder, lambda: (tmp_path / "imports").exists())
    app.request(folder, Verb.CANCEL, trial=0, origin="test")
    finish(folder)
    assert_nothing_is_left(folder)
    starts = [line for line in (tmp_path / "early.witness").read_text().splitlines() if "start" in line]
    assert sorted(starts) == ["1 start", "2 start", "3 start"]
    assert [str(row[1]) for row in rows(folder)[2]] == ["canceled", "completed", "completed", "completed"]
    assert warm_ones(folder) == [1, 2, 3]


def test_a_sweep_that_fails_leaves_no_nursery(tmp_path: Path) -> None:
    made = recipe(tmp_path, "fails", 1, total=6, script="import json, sys; sys.exit(4)")
    folder = app.create(made, Workspace(tmp_path / "ws"))
    finish(folder)
    assert str(phase(folder)) == "failed"
    assert_nothing_is_left(folder)
    assert len(warm_ones(folder)) == 3


def test_a_paused_sweep_goes_on_warm(tmp_path: Path) -> None:
    made = recipe(tmp_path, "paused", 2, total=12, pause=0.05)
    folder = app.create(made, Workspace(tmp_path / "ws"))
    wait_for(folder, lambda: begun(folder) >= 3)
    app.request(folder, Verb.PAUSE, origin="test")
    wait_for(folder, lambda: str(phase(folder)) == "paused")
    wait_for(folder, lambda: not trial_pids(folder))
    (pid,) = nurseries(folder)
    assert kill_one(pid)
    app.request(folder, Verb.UNPAUSE, origin="test")
    finish(folder)
    assert_nothing_is_left(folder)
    assert_nothing_is_lost(folder, tmp_path / "paused.witness", reports=5)
    assert warm_ones(folder) == list(range(12))


def test_a_paused_sweep_whose_controller_died_goes_on_warm(tmp_path: Path) -> None:
    made = recipe(tmp_path, "paused", 2, total=12, pause=0.05)
    folder = app.create(made, Workspace(tmp_path / "ws"))
    wait_for(folder, lambda: begun(folder) >= 3)
    app.request(folder, Verb.PAUSE, origin="test")
    wait_for(folder, lambda: str(phase(folder)) == "paused")
    wait_for(folder, lambda: not trial_pids(folder))
    assert kill(folder)
    wait_for(folder, lambda: nurseries(folder) == [], within_s=10.0)
    app.request(folder, Verb.UNPAUSE, origin="test")
    finish(folder)
    assert_nothing_is_left(folder)
    assert_nothing_is_lost(folder, tmp_path / "paused.witness", reports=5)
    assert warm_ones(folder) == list(range(12))


def test_after_a_restart_of_the_machine_the_next_trials_are_warm(tmp_path: Path) -> None:
    made = recipe(tmp_path, "next-day", 2, total=8, pause=0.4)
    folder = app.create(made, Workspace(tmp_path / "ws"))
    wait_for(folder, lambda: len(warm_ones(folder)) == 2)
    kill_all(folder)
    wait_for(folder, lambda: trial_pids(folder) == [])
    for trial in range(2):
        life = Path(f"{folder.feed_stem(trial, 1)}.life")
        life.write_text(f"another-boot {life.read_text().split()[1]}\n")
    app.resume(folder)
    finish(folder)
    assert_nothing_is_left(folder)
    with Reader(folder) as reader:
        trials = reader.trials()
    assert [str(trial.phase) for trial in trials[2:]] == ["completed"] * 6
    assert [(trial.attempt, str(trial.phase)) for trial in trials[:2]] == [(2, "completed")] * 2
    assert warm_ones(folder) == list(range(8))
