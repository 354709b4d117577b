"""What cannot be is said clearly, with what to do; and nothing stays behind in the cluster."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.ray.cluster import HEAD, PORT, Cluster
from tests.ray.sweeps import finish, notes, recipe

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Resources
from barrido.errors import ControllerError, MissingExtra
from barrido.executors.ray import cluster as clusters
from barrido.executors.ray.cluster import bundle
from barrido.executors.ray.node import Terms


def test_where_ray_is_missing_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "find_spec", lambda name: None)
    asked = recipe(Workspace(tmp_path / "ws"), "missing", compute="ray")
    with pytest.raises(MissingExtra, match=r"barrido\[ray\]"):
        clusters.Cluster.of(SweepFolder(tmp_path / "missing"), asked)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.1",
            "same versions",
        ),
        ("Python minor versions differ between client and server", "same versions"),
        ("Ray Client requires pip package `ray[client]`.", r"pip install 'ray\[client\]'"),
        ("ray client connection timeout", "10001"),
    ],
)
def test_what_ray_says_is_explained(said: str, words: str) -> None:
    error = clusters._explained(RuntimeError(said), "ray://head:10001")
    assert isinstance(error, ControllerError)
    with pytest.raises(ControllerError, match=words):
        raise error


@pytest.mark.parametrize(
    ("said", "times"), [("Starting Ray client server failed. See x.err", 3), ("other", 1)]
)
def test_a_head_that_is_too_busy_is_asked_again(
    said: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    answers = iter([RuntimeError(said)] * times + [None])
    asked: list[str] = []

    def init(address: str, **_: Any) -> None:
        asked.append(address)
        if (error := next(answers)) is not None:
            raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(clusters, "_knock", lambda address: None)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_AUTO_CONNECT", "0")
    cluster = clusters.Cluster("sweep", Resources())
    with pytest.raises(ControllerError, match="cannot be reached"):
        cluster.connect("ray://head:10001")
    assert len(asked) == times
    if times > 1:
        answers = iter([RuntimeError(said), None])
        cluster.connect("ray://head:10001")
        assert len(asked) == times + 2


def test_nobody_at_an_address_is_noticed_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for address in (f"ray://127.0.0.1:{port}", f"127.0.0.1:{port}"):
        with pytest.raises(ControllerError, match=f"no Ray cluster answers at {address}"):
            clusters._knock(address)


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({"version": "0.0.1", "shares": True}, r"it has barrido 0\.0\.1.*pip install 'barrido\[ray\]=="),
        ({"shares": False}, "it does not see .*a folder that all nodes share"),
    ],
)
def test_a_node_on_which_trials_cannot_run_says_why(
    tmp_path: Path, hello: dict[str, Any], words: str
) -> None:
    from barrido import __version__

    terms = Terms(tmp_path / "ray", tmp_path / "ray/token", "t", {}, None, lambda name, actor: None)
    full = {"version": __version__, "machine": "m", "network": "n", **hello}
    with pytest.raises(ControllerError, match=words):
        terms.attachment_of("agent", full)


def test_a_place_is_one_cpu_unless_told_otherwise() -> None:
    assert bundle(Resources()) == {"CPU": 1.0}
    assert bundle(Resources(cpu=0.5, gpu=0.25, memory=8, custom={"nodeA": 1.0})) == {
        "CPU": 0.5,
        "GPU": 0.25,
        "memory": 8.0,
        "nodeA": 1.0,
    }


Create = Callable[..., SweepFolder]


@pytest.fixture
def create(cluster: Cluster, workspace: Workspace, request: pytest.FixtureRequest) -> Create:
    def create(**more: Any) -> SweepFolder:
        name = request.node.name[5:].rstrip("]").replace("[", "-")[-40:].strip("-_")
        few: dict[str, Any] = {
            "compute": "ray:auto",
            "trials": 3,
            "epochs": 2,
            "scheduler": {"type": "fifo"},
        } | more
        return cluster.create(recipe(workspace, name, **few), workspace)

    return create


def assert_nothing_is_left(cluster: Cluster) -> None:
    deadline = time.monotonic() + 20.0
    while (state := cluster.state())["places"] or state["agents"]:
        assert time.monotonic() < deadline, state


@pytest.mark.slow
@pytest.mark.parametrize("port", [PORT + 1, None])
def test_a_wrong_address(cluster: Cluster, create: Create, port: int | None) -> None:
    where = f"{HEAD}:{port}" if port else "10.78.0.9:6379"
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=f"no Ray cluster answers at .*{where}"):
        create(compute=f"ray://{where}")
    assert time.monotonic() - began < 20.0


@pytest.mark.slow
def test_resources_that_no_node_has(cluster: Cluster, create: Create) -> None:
    needs = Resources(cpu=0.5, custom={"nodeA": 1.0})
    with pytest.raises(RuntimeError, match=r"no node .*1 nodeA \(0 at most on one node\)"):
        create(work={"resources": needs})
    assert_nothing_is_left(cluster)


@pytest.mark.slow
def test_a_node_that_does_not_see_the_workspace_is_left_out(
    cluster: Cluster, workspace: Workspace, create: Create
) -> None:
    cluster.kill_node(cluster.worker)
    cluster.begin_worker('--resources={"far": 1}', before=f"mount -t tmpfs none {workspace.root.parent}")
    with pytest.raises(RuntimeError, match=r"trials cannot run on .*: it does not see .*all nodes share"):
        create(work={"resources": Resources(custom={"far": 0.1})})
    assert_nothing_is_left(cluster)
    folder = cluster.create(
        recipe(workspace, "elsewhere", compute="ray:auto", pace_s=0.5, scheduler={"type": "fifo"}, trials=4),
        workspace,
    )
    finish(folder)
    assert any("no trials run on" in note for note in notes(folder))
    assert_nothing_is_left(cluster)
    cluster.kill_node(cluster.worker)


@pytest.mark.slow
def test_a_node_without_barrido(cluster: Cluster, create: Create, tmp_path: Path) -> None:
    hidden = tmp_path / "barrido"
    hidden.mkdir()
    (hidden / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'barrido'\", name='barrido')"
    )
    cluster.kill_node(cluster.worker)
    cluster.begin_worker('--resources={"far": 1}', before=f"export PYTHONPATH={tmp_path}")
    with pytest.raises(RuntimeError, match=r"barrido is not installed there: pip install 'barrido\[ray\]=="):
        create(work={"resources": Resources(custom={"far": 0.1})})
    assert_nothing_is_left(cluster)
    cluster.kill_node(cluster.worker)
