"""The MLflow server that barrido runs itself."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from barrido.core.layout import Workspace
from barrido.tracking import local
from barrido.tracking.backend import Backend, backend
from barrido.tracking.local import LocalAddress
from barrido.tracking.notices import Notices
from barrido.tracking.upstream import Unreachable, join

find_spec = importlib.util.find_spec


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Backend]:
    found = backend(Workspace(tmp_path), None)
    assert found is not None
    yield found
    with suppress(FileNotFoundError, psutil.Error):
        psutil.Process(json.loads(found.state.read_text())["pid"]).kill()


def test_without_mlflow_metrics_count_and_artifacts_stay_on_the_disk(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "mlflow" else find_spec(name)
    )
    sweep = bench.sweep

    async def play() -> None:
        async with bench.open(local=True):
            run = (await bench.get("runs/get", run_id=bench.alias()))["run"]
            assert run["data"]["params"] == [{"key": "lr", "value": "0.1"}]
            assert Path(run["info"]["artifact_uri"]).is_relative_to(sweep.folder.trial(0).root)
            await bench.log("loss", 0.5, 1)
            await bench.post("runs/log-parameter", {"run_id": bench.alias(), "key": "a", "value": "b"})
            answer = await bench.post("runs/log-inputs", {"run_id": bench.alias()}, status=400)
            assert "barrido[mlflow]" in answer["message"]
            sweep.trial(0, "completed", ended_at=1005.0)
            sweep.end()
            assert await asyncio.wait_for(bench.work, 10) == 0

    asyncio.run(play())
    assert [line.metrics for line in sweep.journal()] == [{"loss": 0.5}]
    assert len(sweep.notices()) == 1


def test_a_server_that_does_not_start_is_tried_a_few_times_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Backend(tmp_path, "server", "sqlite:////nowhere/at/all.db", tmp_path / "artifacts", False)
    monkeypatch.setattr(local, "START_TRIES", 2)
    monkeypatch.setattr("sys.executable", "/bin/false")

    async def locate() -> None:
        address = LocalAddress(found, Notices(tmp_path / "notices.jsonl"))
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(Unreachable):
                await address.locate()
        assert time.monotonic() - began < 5

    asyncio.run(locate())
    assert len((tmp_path / "notices.jsonl").read_text().splitlines()) == 1


@pytest.mark.slow
def test_everybody_gets_the_same_server_and_a_new_one_when_it_died(own: Backend, tmp_path: Path) -> None:
    async def play() -> None:
        notices = Notices(tmp_path / "notices.jsonl")
        one, other = LocalAddress(own, notices), LocalAddress(own, notices)
        first, second = await asyncio.gather(one.locate(), other.locate())
        assert first == second
        server = psutil.Process(json.loads(own.state.read_text())["pid"])
        assert server.children() == []
        async with aiohttp.ClientSession() as session, session.get(join(first, "/health")) as answer:
            assert answer.status == 200
        server.kill()
        server.wait(10)
        third = await other.locate()
        async with aiohttp.ClientSession() as session, session.get(join(third, "/health")) as answer:
            assert answer.status == 200
        assert await one.locate() == third

    asyncio.run(play())


@pytest.mark.slow
def test_a_server_leaves_when_nobody_asks_and_takes_its_address_along(own: Backend) -> None:
    code = (
        "import asyncio, json, sys\n"
        "from barrido.tracking.backend import Backend\n"
        "from barrido.tracking.server import serve\n"
        "asyncio.run(serve(Backend.from_json(json.loads(sys.argv[1])), idle_s=2.0))"
    )
    server = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, json.dumps(own.to_json())])
    try:
        deadline = time.monotonic() + 120
        while not own.state.exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert json.loads(own.state.read_text())["pid"] == server.pid
        assert server.wait(60) == 0
        assert not own.state.exists()
    finally:
        server.kill()
        server.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_users_own_database_gets_the_runs_and_keeps_its_journal_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = backend(Workspace(tmp_path / "ws"), "sqlite:///mine.db")
    assert found is not None

    async def play() -> None:
        address = LocalAddress(found, Notices(tmp_path / "notices.jsonl"))
        url = await address.locate()
        body = {"experiment_id": "0", "run_name": "here"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(join(url, "/api/2.0/mlflow/runs/create"), json=body) as answer,
        ):
            info = (await answer.json())["run"]["info"]
        assert info["artifact_uri"].startswith(str(tmp_path / "mlruns"))

    try:
        asyncio.run(play())
        assert (tmp_path / "mine.db").read_bytes()[18:20] == b"\x01\x01"  # no WAL
    finally:
        os.kill(json.loads(found.state.read_text())["pid"], 9)
