"""SIGKILL amid rungs, for controllers, nurseries and suspended trials: identical rungs, not an epoch more."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.faults.conftest import end_of
from tests.faults.processes import (
    PATIENCE_S,
    end_server,
    finish,
    kill,
    kill_all,
    kill_one,
    nurseries,
    trial_pids,
    wait_for,
)

from barrido import app
from barrido.controller import lock
from barrido.core.events import Exited, Launched, PauseMode
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Order, Signal
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Work
from barrido.errors import RequestError
from barrido.executors.leftovers import strays
from barrido.executors.local import LocalExecutor
from barrido.registry import renderer
from barrido.replay.proof import prove
from barrido.store.queries import Reader, TrialRow

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys, time
import barrido
rate, ballast = float(sys.argv[1]), bytearray(int(os.environ["BALLAST"]))
ballast[::4096] = b"x" * len(ballast[::4096])
saved = barrido.checkpoint_dir() / "state.json"
epoch, error = json.loads(saved.read_text()) if saved.exists() else (0, 1.0)
while epoch < int(os.environ["EPOCHS"]):
    time.sleep(float(os.environ["PACE"]))
    epoch, error = epoch + 1, error * (1 - rate)
    with open(os.environ["WITNESS"], "a") as witness:
        witness.write(f"{os.environ['BARRIDO_TRIAL']} {epoch}\\n")
    barrido.report(loss=error + 0.3 * rate, step=epoch)
    if barrido.should_stop():
        saved.write_text(json.dumps([epoch, error]))
        sys.exit()
"""
TRIALS = {27: 49, 81: 143}
FIRST_OF_BRACKETS = (0, 27, 39, 45)  # R = 27
MB = 10**6

What = tuple[int, int]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One for all, so that they share one MLflow server. No process of a sweep outlives the tests."""
    place = Workspace(tmp_path_factory.mktemp("rungs") / "ws")
    yield place
    for path in place.sweeps.glob("*"):
        kill_all(SweepFolder(path))
    end_server(place)


def create(
    where: Workspace,
    name: str,
    *,
    most: int = 27,
    workers: int = 4,
    pace_s: float = 0.02,
    ballast: int = 0,
    **pausing: Any,
) -> SweepFolder:
    code = where.root.parent / "code"
    code.mkdir(exist_ok=True)
    (code / "script.py").write_text(SCRIPT)
    variables = {"EPOCHS": str(most), "PACE": str(pace_s), "BALLAST": str(ballast)}
    recipe = Recipe(
        name=name,
        seed=11,
        space={"rate": {"type": "uniform", "min_value": 0.01, "max_value": 0.9}},
        objective=Objective("loss", Goal.MINIMIZE),
        scheduler={"type": "hyperband", "max_resource": most},
        pausing=Pausing(**pausing),
        limits=Limits(max_total_trials=TRIALS[most], max_concurrent_trials=workers),
        work=Work(
            command="python script.py ${{search_space.rate}}",
            code=os.fspath(code),
            environment_variables={**variables, "WITNESS": os.fspath(witness(where, name))},
        ),
    )
    return app.create(recipe, where)


def witness(where: Workspace, name: str) -> Path:
    return where.root.parent / f"{name}.witness"


def epochs(folder: SweepFolder) -> Counter[What]:
    """What the scripts wrote down themselves: how often each epoch of each trial ran."""
    text = witness(Workspace(folder.root.parents[1]), folder.name).read_text()
    return Counter((int(trial), int(epoch)) for trial, epoch in map(str.split, text.splitlines()))


def resume(folder: SweepFolder) -> None:
    with suppress(RequestError):  # it was over when it was killed
        app.resume(folder)


def is_over(reader: Reader) -> bool:
    """Fails if it should have been long ago."""
    sweep = reader.sweep()
    assert time.time() < sweep.created_at + PATIENCE_S, reader.folder.log.read_text()
    return sweep.phase.is_terminal


def assert_it_ended_as(folder: SweepFolder, calm: SweepFolder) -> None:
    """Same rungs, losses there, and words for them; no process is left, and the log tells what happened."""
    assert json.dumps(end_of(folder)) == json.dumps(end_of(calm))
    wait_for(folder, lambda: lock.holder(folder) is None and not nurseries(folder), within_s=20.0)
    assert trial_pids(folder) == []
    proof = prove(folder)
    assert (proof.phase, proof.trials) == ("completed", len(end_of(calm)[-1]))


@pytest.fixture(scope="module")
def calm(workspace: Workspace) -> SweepFolder:
    """What the others are compared with: nobody disturbs it."""
    folder = create(workspace, "calm", pace_s=0.0)
    finish(folder)
    made = epochs(folder)
    assert (len(end_of(folder)[-1]), sum(made.values()), set(made.values())) == (49, 357, {1})
    return folder


def that_came_to_rungs(trials: Sequence[TrialRow]) -> set[What]:
    """By bracket and resource."""
    brackets = {t.number: sum(t.number >= first for first in FIRST_OF_BRACKETS) for t in trials}
    return {(brackets[t.number], rung) for t in trials for rung in t.rungs}


def that_are_being_paused(trials: Sequence[TrialRow]) -> set[What]:
    return {(t.number, len(t.rungs)) for t in trials if t.phase == "pausing"}


def that_were_promoted(trials: Sequence[TrialRow]) -> set[What]:
    return {(t.number, len(t.rungs)) for t in trials if t.phase in ("launching", "running") and t.rungs}


Look = Callable[[Sequence[TrialRow]], set[What]]


@pytest.mark.parametrize("mode", [PauseMode.SUSPEND, PauseMode.CHECKPOINT])
@pytest.mark.parametrize(
    ("look", "share", "least"),
    [(that_came_to_rungs, 1.0, 6), (that_are_being_paused, 0.6, 8), (that_were_promoted, 0.7, 8)],
)
def test_the_controller_is_killed_at_its_rungs(
    workspace: Workspace, calm: SweepFolder, mode: PauseMode, look: Look, share: float, least: int
) -> None:
    """Whenever one of those that are looked for first appears in the store, or ``share`` of them."""
    folder = create(workspace, f"{look.__name__}-{mode}", mode=mode)
    rng = random.Random(str(mode))
    seen: set[What] = set()
    kills = 0
    with Reader(folder) as reader:
        while not is_over(reader):
            if new := look(reader.trials()) - seen:
                seen |= new
                if kills < 15 and rng.random() < share and kill(folder):
                    kills += 1
                    time.sleep(rng.uniform(0.0, 0.1))
                    resume(folder)
            time.sleep(0.0005)
    assert kills >= least
    assert_it_ended_as(folder, calm)
    assert epochs(folder) == epochs(calm)
    if look is that_came_to_rungs:
        # Trials at their last rung may end, and the sweep with them, while the last controller comes up.
        assert seen >= {(b, 27 // 3**i) for b in (1, 2, 3, 4) for i in range(1, 5 - b)}


@pytest.mark.parametrize("mode", [PauseMode.SUSPEND, PauseMode.CHECKPOINT])
@pytest.mark.parametrize("what", ["controllers", "nurseries", "both"])
def test_fifteen_kills_at_random_moments_change_no_rung(
    workspace: Workspace, calm: SweepFolder, mode: PauseMode, what: str
) -> None:
    folder = create(workspace, f"random-{what}-{mode}", mode=mode)
    rng = random.Random(f"{what} {mode}")
    kills = deaths = 0
    with Reader(folder) as reader:
        while kills + deaths * (what == "nurseries") < 15 and not is_over(reader):
            time.sleep(rng.uniform(0.0, 0.2))
            if what != "controllers":
                deaths += sum(map(kill_one, nurseries(folder)))
            if what != "nurseries" and kill(folder):
                kills += 1
                time.sleep(rng.uniform(0.0, 0.1))
                resume(folder)
    finish(folder)
    assert kills >= 10 or what == "nurseries"
    assert deaths >= 3 or what == "controllers"
    assert_it_ended_as(folder, calm)
    assert epochs(folder) == epochs(calm)


@pytest.mark.parametrize("whom", ["the command", "all of it"])
def test_a_suspended_trial_that_is_killed_begins_anew_when_it_is_promoted(
    workspace: Workspace, calm: SweepFolder, whom: str
) -> None:
    with Reader(calm) as reader:
        first = {t.number: max(t.rungs) for t in reader.trials() if t.number < FIRST_OF_BRACKETS[1]}
    # The last of a bracket need not wait long enough to be killed.
    promoted = next(number for number, top in first.items() if top > 3)
    dropped = next(number for number, top in first.items() if top == 1)
    folder = create(workspace, f"murder-{whom.replace(' ', '-')}", workers=2, pace_s=0.05)
    with Reader(folder) as reader:
        for victim in (promoted, dropped):
            wait_for(folder, lambda victim=victim: is_waiting(reader, victim))  # type: ignore[misc]
            murder(folder, victim, only_command=whom == "the command")
            assert is_waiting(reader, victim)  # else it was too late to prove anything
    finish(folder)
    with Reader(folder) as reader:
        attempts = {t.number: t.attempt for t in reader.trials() if t.attempt > 1}
    assert attempts == {promoted: 2}
    assert_it_ended_as(folder, calm)
    assert epochs(folder) == epochs(calm) + Counter([(promoted, 1)])


def is_waiting(reader: Reader, trial: int) -> bool:
    return any((t.phase, set(t.rungs)) == ("paused", {1}) for t in reader.trials([trial]))


def murder(folder: SweepFolder, trial: int, *, only_command: bool) -> None:
    """Kill a trial's processes from outside: without its leader, or with it."""
    stem = folder.feed_stem(trial, 1)
    for feed, left in strays(os.fspath(folder.feed)):
        if feed == stem and not (only_command and left.pid == left.group):
            left.send(signal.SIGKILL)
        left.close()


def test_trials_that_are_stopped_as_soon_as_they_stand_still_just_end(tmp_path: Path) -> None:
    """The last of a rung decides on those that came just before it."""
    recipe = Recipe(
        name="hasty",
        limits=Limits(max_total_trials=8, max_concurrent_trials=8),
        scheduler={"type": "hyperband", "max_resource": 27},
        work=Work(command="sleep 100", warm="off"),
    )
    folder = SweepFolder(tmp_path / "hasty")
    executor = LocalExecutor(folder, recipe, render=renderer(recipe, folder))
    signals: list[Signal] = []
    for trial in range(8):
        executor.launch(Order(trial, 1, {}, until=1))
    while sum(isinstance(signal, Launched) for signal in signals) < 8:
        signals += executor.events(1.0)
    wait_for(folder, lambda: asleep(folder) == 8)
    for trial in range(8):
        executor.pause(trial, 1, PauseMode.SUSPEND, "waits")
        executor.stop(trial, 1, "out")
    lives = [Path(f"{folder.feed_stem(trial, 1)}.life") for trial in range(8)]
    wait_for(folder, lambda: all("exit" in life.read_text() for life in lives))
    while sum(isinstance(signal, Exited) for signal in signals) < 8:
        signals += executor.events(1.0)
    executor.close()
    assert trial_pids(folder) == []


def asleep(folder: SweepFolder) -> int:
    """How many commands are there, and wait."""
    names = []
    for pid in trial_pids(folder):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            names += [process.name()] if process.status() == psutil.STATUS_SLEEPING else []
    return names.count("sleep")


def test_suspended_trials_hold_no_more_memory_than_they_may(workspace: Workspace) -> None:
    if psutil.virtual_memory().available < 6000 * MB:
        pytest.skip("needs 6 GB of memory")
    peaceful = create(workspace, "light", most=81, workers=2, pace_s=0.0)
    finish(peaceful)
    folder = create(workspace, "heavy", most=81, workers=2, pace_s=0.0, ballast=200 * MB, memory=2000 * MB)
    peak = 0
    with Reader(folder) as reader:
        while not is_over(reader):
            peak = max(peak, held(folder))
            time.sleep(0.05)
        again = {t.number for t in reader.trials() if t.attempt > 1}
        notes = [note.text for note in reader.notes() if "memory" in note.text]
    assert 1500 * MB < peak < 2500 * MB
    assert again
    assert len(notes) == 1
    assert_it_ended_as(folder, peaceful)
    made, needed = epochs(folder), epochs(peaceful)
    assert sum(needed.values()) == 1581
    assert set(made) == set(needed)
    assert {number for number, _ in made - needed} == again


def held(folder: SweepFolder) -> int:
    """Bytes that the sweep's frozen processes hold now, shared pages by their share."""
    total = 0
    for pid in trial_pids(folder):
        with suppress(OSError, psutil.Error):
            if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += 1024 * int(rollup.partition("\nPss:")[2].split()[0])
    return total
