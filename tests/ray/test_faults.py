"""Nodes die, networks are cut, agents, hosts and controllers are killed: nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.processes import kill, nurseries, trial_pids
from tests.ray.cluster import WORKER, Cluster
from tests.ray.sweeps import (
    Deed,
    agent_of,
    deeds,
    epochs,
    finish,
    notes,
    recipe,
    reports,
    result,
    trials,
)

from barrido import app
from barrido.core.events import PauseMode
from barrido.core.layout import SweepFolder, Workspace
from barrido.store.queries import Reader

pytestmark = pytest.mark.slow

PACE_S = 0.25


@pytest.fixture(scope="module")
def calm(workspace: Workspace) -> SweepFolder:
    """What the others are compared with: here, and nobody disturbs it."""
    folder = app.create(recipe(workspace, "calm", compute="local"), workspace)
    finish(folder)
    return folder


@pytest.fixture
def create(
    cluster: Cluster, workspace: Workspace, request: pytest.FixtureRequest
) -> Iterator[Callable[..., SweepFolder]]:
    made: list[SweepFolder] = []

    def create(**more: object) -> SweepFolder:
        name = (
            request.node.name.replace("[", "-")
            .replace("]", "")
            .replace(" ", "-")[5:]
            .strip("-_")[-40:]
            .strip("-_")
        )
        more = {"compute": "ray:auto", "pace_s": PACE_S, "pausing": {"mode": PauseMode.CHECKPOINT}} | more
        made.append(cluster.create(recipe(workspace, name, **more), workspace))  # type: ignore[arg-type]
        return made[-1]

    yield create
    for folder in made:
        kill(folder)


def wait_for(folder: SweepFolder, condition: Callable[[], object], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, folder.log.read_text()
        time.sleep(0.05)


def agents(folder: SweepFolder) -> dict[str, list[int]]:
    """Which running trials each agent has."""
    found = defaultdict(list)
    for trial in trials(folder):
        if trial.phase == "running" and (agent := agent_of(folder, trial.number, trial.attempt)):
            found[agent].append(trial.number)
    return found


def worker_of(cluster: Cluster) -> str:
    """The name that Ray has for the worker node."""
    text = f"""
import ray
ray.init("auto", log_to_driver=False, configure_logging=False)
print(next(n["NodeID"] for n in ray.nodes() if n["Alive"] and n["NodeManagerAddress"] == "{WORKER}"))
"""
    return cluster.python(text).split()[-1]


def in_mid_rung(folder: SweepFolder, node: str) -> Callable[[], bool]:
    """Whether a trial runs on ``node`` that has made some of its epochs, and not all to its next rung."""

    def is_there() -> bool:
        done = Counter(deed.trial for deed in deeds(folder))
        here = [number for agent, numbers in agents(folder).items() if node in agent for number in numbers]
        return any(done[number] in (4, 5, 6, 7) for number in here)

    return is_there


def assert_it_ended_as(folder: SweepFolder, calm: SweepFolder) -> None:
    """Same rungs, losses and survivors; every report once, in its order; no process is left."""
    with Reader(folder) as one, Reader(calm) as other:
        assert one.sweep().phase == other.sweep().phase
    rungs = [{t.number: t.rungs for t in trials(which)} for which in (folder, calm)]
    assert rungs[0] == rungs[1]
    assert reports(folder) == reports(calm)
    assert trial_pids(folder) == []


def assert_no_attempt_overlaps_the_next(folder: SweepFolder) -> None:
    """What an attempt did, or saved, it did before the next one did anything."""
    for kind in ("", ".saved"):
        by_trial: dict[int, list[Deed]] = defaultdict(list)
        for deed in sorted(deeds(folder, kind), key=lambda deed: deed.at):
            by_trial[deed.trial].append(deed)
        for done in by_trial.values():
            assert [deed.attempt for deed in done] == sorted(deed.attempt for deed in done)


def assert_few_epochs_are_done_twice(folder: SweepFolder, calm: SweepFolder, most: int) -> None:
    """Only what was under way when it was disturbed."""
    assert sum((epochs(folder) - epochs(calm)).values()) <= most
    assert not epochs(calm) - epochs(folder)


def test_the_worker_node_dies_in_mid_rung(
    cluster: Cluster, create: Callable[..., SweepFolder], calm: SweepFolder
) -> None:
    folder = create(variables={"FAMILY": "1"})
    wait_for(folder, in_mid_rung(folder, worker_of(cluster)))
    cluster.kill_node(cluster.worker)
    finish(folder)
    assert_it_ended_as(folder, calm)
    assert_no_attempt_overlaps_the_next(folder)
    assert_few_epochs_are_done_twice(folder, calm, 2)
    assert any("was lost" in note for note in notes(folder))
    assert cluster.find("executors.ray.host") == []
    state = cluster.state()
    assert (state["places"], state["agents"]) == ([], [])


def test_the_network_is_cut_for_a_minute(
    cluster: Cluster, create: Callable[..., SweepFolder], calm: SweepFolder
) -> None:
    folder = create()
    wait_for(folder, in_mid_rung(folder, worker_of(cluster)))
    cluster.cut()
    time.sleep(60.0)
    cluster.mend()
    finish(folder)
    assert_it_ended_as(folder, calm)
    assert_no_attempt_overlaps_the_next(folder)
    assert_few_epochs_are_done_twice(folder, calm, 2)
    assert any("was lost" in note for note in notes(folder))
    wait_for(folder, lambda: cluster.find("executors.ray.host") == [])


def test_the_network_is_cut_for_a_moment(
    cluster: Cluster, create: Callable[..., SweepFolder], calm: SweepFolder
) -> None:
    """Shorter than it takes to count as dead: the trials there just go on."""
    folder = create()
    wait_for(folder, in_mid_rung(folder, worker_of(cluster)))
    cluster.cut()
    time.sleep(3.0)
    cluster.mend()
    finish(folder)
    assert_it_ended_as(folder, calm)
    assert epochs(folder) == epochs(calm)


@pytest.mark.parametrize("mode", [PauseMode.SUSPEND, PauseMode.CHECKPOINT])
def test_the_controller_is_killed_again_and_again(
    cluster: Cluster, create: Callable[..., SweepFolder], calm: SweepFolder, mode: PauseMode
) -> None:
    folder = create(pausing={"mode": mode})
    done_alone = 0
    for _ in range(3):
        done = len(deeds(folder))
        wait_for(folder, lambda done=done: len(deeds(folder)) > done + 2)  # type: ignore[misc]
        assert kill(folder)
        done = len(deeds(folder))
        time.sleep(2 * PACE_S)
        done_alone += len(deeds(folder)) - done
        cluster.resume(folder)
    assert done_alone > 0
    finish(folder)
    assert result(folder) == result(calm)
    assert reports(folder) == reports(calm)
    assert epochs(folder) == epochs(calm)
    assert trial_pids(folder) == []
    state = cluster.state()
    assert (state["places"], state["agents"]) == ([], [])


@pytest.mark.parametrize("mode", [PauseMode.SUSPEND, PauseMode.CHECKPOINT])
@pytest.mark.parametrize("whom", ["agent", "host", "nursery"])
def test_a_process_between_the_controller_and_its_trials_is_killed(
    cluster: Cluster, create: Callable[..., SweepFolder], calm: SweepFolder, whom: str, mode: PauseMode
) -> None:
    folder = create(variables={"FAMILY": "1"}, pausing={"mode": mode})
    wait_for(folder, in_mid_rung(folder, worker_of(cluster)))
    victims = {
        "agent": lambda: cluster.find("ray::Agent"),
        "host": lambda: cluster.find("executors.ray.host"),
        "nursery": lambda: ray_nurseries(folder),
    }[whom]()
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    finish(folder)
    assert_it_ended_as(folder, calm)
    assert_no_attempt_overlaps_the_next(folder)
    if whom != "agent":
        assert epochs(folder) == epochs(calm)
    elif mode is PauseMode.CHECKPOINT:
        assert_few_epochs_are_done_twice(folder, calm, 2)
    assert cluster.find("executors.ray.host") == []
    state = cluster.state()
    assert (state["places"], state["agents"]) == ([], [])


def ray_nurseries(folder: SweepFolder) -> list[int]:
    """Those of the hosts."""
    return [
        pid
        for home in (folder.root / "ray").glob("*.*")
        if home.is_dir()
        for pid in nurseries(SweepFolder(home))
    ]


def test_nothing_of_a_sweep_outlives_its_agents_when_the_controller_is_gone(
    cluster: Cluster, create: Callable[..., SweepFolder]
) -> None:
    """A trial with children and grandchildren, some in sessions of their own."""
    folder = create(variables={"FAMILY": "1"}, pace_s=60.0)
    wait_for(folder, lambda: len(trial_pids(folder)) >= 16)
    assert kill(folder)
    for pid in cluster.find("ray::Agent"):
        os.kill(pid, signal.SIGKILL)
    wait_for(folder, lambda: trial_pids(folder) == [])
    assert cluster.find("executors.ray.host") == []
    assert Path(folder.feed, "0.1.lost").exists()
