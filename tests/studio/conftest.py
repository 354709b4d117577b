from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cli.conftest import Tale

from barrido.core.layout import Workspace
from barrido.studio.address import listen
from barrido.studio.keys import Keys
from barrido.studio.routes import Place
from barrido.studio.server import Server
from barrido.studio.site import Site

NASTY = "<script>alert('x')</script>/../\"&'ñ"
MARKER = {"X-Barrido": "studio"}


@dataclass(frozen=True)
class Studio:
    """A studio that serves ``workspace`` in a thread. ``client`` has the token."""

    workspace: Workspace
    url: str
    port: int
    keys: Keys
    client: httpx.Client
    server: Server

    def get(self, path: str, **more: Any) -> Any:
        answer = self.client.get(path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, status: int = 202) -> Any:
        answer = self.client.post(path, json=body, headers=MARKER)
        assert answer.status_code == status, answer.text
        return answer.json()

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[tuple[str, Any]]]:
        """The events of a stream as they come: (name, data)."""
        with self.client.stream("GET", path, timeout=20) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


@contextmanager
def served(workspace: Workspace, here: Path) -> Iterator[Studio]:
    address = listen("127.0.0.1", 0)
    keys = Keys(address.port)
    ready = threading.Event()
    site = Site(Place(workspace, here), keys=keys, hosts=address.hosts)
    server = Server(site, address, ready.set)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    assert ready.wait(10)
    headers = {"Authorization": f"Bearer {keys.token}"}
    try:
        with httpx.Client(base_url=address.link, headers=headers, timeout=30) as client:
            yield Studio(workspace, address.link, address.port, keys, client, server)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not end"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / ".barrido")


@pytest.fixture
def tale(workspace: Workspace) -> Callable[..., Tale]:
    def _tale(name: str = "iris", points: Any = ({"lr": 0.1},), **settings: Any) -> Tale:
        return Tale(workspace, name, points, **settings)

    return _tale


@pytest.fixture
def studio(workspace: Workspace, tmp_path: Path) -> Iterator[Studio]:
    with served(workspace, tmp_path) as one:
        yield one


def tell_finished(workspace: Workspace, name: str = "iris") -> Tale:
    """A sweep of three trials: the second is the best, the third failed."""
    points = [{"lr": 0.1, "solver": NASTY}, {"lr": 0.01, "solver": "sgd"}, {"lr": 1.0, "solver": "sgd"}]
    told = Tale(
        workspace,
        name,
        points,
        space={
            "lr": {"type": "uniform", "min_value": 0, "max_value": 1},
            "solver": {"type": "choice", "values": [NASTY, "sgd"]},
        },
        tags={"team": NASTY},
        description=NASTY,
    )
    for trial in range(3):
        told.launch(trial)
    told.report(0, 0.7, 0.8)
    told.report(1, 0.9, 0.95, 0.93)
    told.end(0)
    told.end(1)
    told.end(2, 3, f"Traceback:\nValueError: {NASTY}")
    folder = told.folder.trial(0)
    folder.log.parent.mkdir(parents=True)
    folder.log.write_text(f"epoch 1 {NASTY}\n")
    outputs = folder.work / "outputs"
    outputs.mkdir(parents=True)
    (outputs / "page.html").write_text("<script>alert(1)</script>")
    (outputs / 'ñ "quoted".txt').write_text("text")
    (outputs / "way-out").symlink_to(told.folder.db)
    (outputs / "folder-out").symlink_to(told.folder.root)
    return told


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio over one finished sweep, `iris`, in which nothing changes."""
    here = tmp_path_factory.mktemp("studio")
    workspace = Workspace(here / ".barrido")
    tell_finished(workspace)
    with served(workspace, here) as one:
        yield one
