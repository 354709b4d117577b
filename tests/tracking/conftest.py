"""A sweep's store that tests write by hand, a small MLflow in memory, and the tracking between them."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from barrido.core.events import Cause, Exited
from barrido.core.layout import Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.wire import dumps, encode
from barrido.tracking.backend import backend
from barrido.tracking.config import Config
from barrido.tracking.identity import Identity
from barrido.tracking.process import Process
from barrido.trial.journal import Line, parse_line

API = "/api/2.0/mlflow/"


class Sweep:
    """A sweep's folder and database, written as the controller would."""

    def __init__(self, workspace: Workspace, name: str = "demo", **recipe: Any) -> None:
        self.workspace = workspace
        self.folder = workspace.sweep(name)
        self.folder.feed.mkdir(parents=True)
        self.folder.tracking.mkdir()
        self.lock = os.open(self.folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.db = sqlite3.connect(self.folder.db, isolation_level=None, timeout=20)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(resources.files("barrido.store").joinpath("schema.sql").read_text())
        made = self.recipe = Recipe(
            **{
                "name": name,
                "experiment": "iris",
                "objective": Objective("loss", Goal.MINIMIZE),
                "limits": Limits(max_total_trials=10, max_concurrent_trials=8),
                "work": Work(command="python train.py"),
                **recipe,
            }
        )
        self.db.execute(
            "INSERT INTO sweep (id, name, version, format, recipe, phase, limits, created_at, started_at)"
            " VALUES (1, ?, '0', 1, ?, 'running', '{}', 1000, 1000)",
            (name, json.dumps(made.to_json())),
        )

    def trial(self, number: int, phase: str = "running", attempt: int = 1, **more: Any) -> None:
        row = {
            "params": json.dumps(more.pop("params", {"lr": 0.1})),
            "reason": "",
            "started_at": 1001.0,
            "ended_at": None,
            "exit_code": None,
            "failure": None,
            **more,
        }
        self.db.execute(
            "INSERT OR REPLACE INTO trials (number, attempt, phase, params, reason, reports, last_step,"
            " queued_at, started_at, ended_at, exit_code, failure)"
            " VALUES (?, ?, ?, ?, ?, 0, 0, 1000, ?, ?, ?, ?)",
            (number, attempt, phase, *row.values()),
        )

    def metric(self, trial: int, seq: int, name: str, value: float | None, door: str = "report") -> None:
        self.db.execute(
            "INSERT INTO metrics VALUES (?, 1, ?, ?, ?, ?, ?, ?, 1)",
            (trial, seq, door, name, value, seq, 1001.5 + seq),
        )

    def end(self, phase: str = "completed", **best: Any) -> None:
        self.db.execute(
            "UPDATE sweep SET phase = ?, reason = 'all trials are done', ended_at = 1010,"
            " best_trial = ?, best_value = ?",
            (phase, best.get("trial"), best.get("value")),
        )
        fcntl.flock(self.lock, fcntl.LOCK_UN)  # its controller leaves

    def begin_again(self) -> None:
        """Another controller opens the sweep again."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.db.execute("UPDATE sweep SET phase = 'running', reason = '', ended_at = NULL")

    def exited(self, trial: int, attempt: int, cause: str = "exit", code: int | None = 1) -> None:
        event = Exited(trial, attempt, Cause(cause), code, 1002.5, "ValueError: odd")
        body = dumps(encode(event))
        self.db.execute("INSERT INTO events (at, body, actions) VALUES (1002.5, ?, '[]')", (body,))

    def best(self, trial: int, value: float) -> None:
        self.db.execute("UPDATE sweep SET best_trial = ?, best_value = ?", (trial, value))

    def journal(self, trial: int = 0, attempt: int = 1) -> list[Line]:
        path = self.folder.feed / f"{trial}.{attempt}.mlflow"
        return [parse_line(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def answer(self, trial: int, offset: int, step: str = "go on", **rung: int | None) -> None:
        path = self.folder.feed / f"{trial}.1.answer"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps({"offsets": {"mlflow": offset}, "step": step, "reason": "", **rung}))
        draft.replace(path)

    def notices(self) -> list[str]:
        path = self.folder.tracking / "notices.jsonl"
        return [json.loads(line)["text"] for line in path.read_text().splitlines()] if path.exists() else []

    def close(self) -> None:
        os.close(self.lock)
        self.db.close()


class FakeMlflow:
    """As much of an MLflow server as the tracking uses, and knobs to make it fail."""

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {
            "0": {"experiment_id": "0", "name": "Default", "lifecycle_stage": "active"}
        }
        self.runs: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.down = False
        self.silent_after: str | None = None  # this call is done, but not answered, once
        self.refused: set[str] = set()  # metrics, parameters and tags
        self.authorization: str | None = None
        self._place: Place | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._place = self._place or Place()
        await web.SockSite(self._runner, self._place.listener()).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def port(self) -> int:
        assert self._place is not None
        return self._place.port

    def close(self) -> None:
        """It will not be started again."""
        if self._place is not None:
            self._place.close()

    def named(self, name: str) -> dict[str, Any]:
        (run,) = [run for run in self.runs.values() if run["info"]["run_name"] == name]
        return run

    def values(self, name: str, key: str) -> list[Any]:
        return [m["value"] for m in self.named(name)["metrics"] if m["key"] == key]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        path = request.path
        if path == "/health":
            return web.Response(text="OK", status=503 if self.down else 200)
        self.calls.append(f"{request.method} {path.removeprefix(API)}")
        if self.down:
            return web.Response(status=503, text="down")
        self.authorization = request.headers.get("Authorization")
        if not path.startswith(API):
            self.bodies[path] = raw
            return web.Response(body=b"stored " + str(len(raw)).encode())
        call = path.removeprefix(API)
        body = dict(request.query) if request.method == "GET" else json.loads(raw or b"{}")
        try:
            name = call.replace("/", "_").replace("-", "_")
            if not hasattr(self, name):
                raise KeyError(call)
            answer = getattr(self, name)(body)
        except KeyError as error:
            message = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no {error}"}
            return web.json_response(message, status=404)
        except ValueError as error:
            message = {"error_code": "INVALID_PARAMETER_VALUE", "message": str(error)}
            return web.json_response(message, status=400)
        if self.silent_after == call:
            self.silent_after = None
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(answer)

    def experiments_get_by_name(self, body: Any) -> Any:
        for experiment in self.experiments.values():
            if experiment["name"] == body["experiment_name"]:
                return {"experiment": experiment}
        raise KeyError(body["experiment_name"])

    def experiments_get(self, body: Any) -> Any:
        return {"experiment": self.experiments[body["experiment_id"]]}

    def experiments_create(self, body: Any) -> Any:
        number = str(len(self.experiments))
        self.experiments[number] = {
            "experiment_id": number,
            "name": body["name"],
            "lifecycle_stage": "active",
        }
        return {"experiment_id": number}

    def runs_create(self, body: Any) -> Any:
        run_id = uuid.uuid4().hex
        tags = {tag["key"]: tag["value"] for tag in body.get("tags", [])}
        self.experiments[body["experiment_id"]]
        info = {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": body.get("run_name") or tags.get("mlflow.runName"),
            "experiment_id": body["experiment_id"],
            "status": "RUNNING",
            "start_time": body.get("start_time"),
            "lifecycle_stage": "active",
            "artifact_uri": f"mlflow-artifacts:/{body['experiment_id']}/{run_id}/artifacts",
        }
        self.runs[run_id] = {"info": info, "tags": tags, "params": {}, "metrics": []}
        return self.runs_get({"run_id": run_id})

    def runs_get(self, body: Any) -> Any:
        run = self.runs[body["run_id"]]
        data = {
            "params": [{"key": k, "value": v} for k, v in run["params"].items()],
            "tags": [{"key": k, "value": v} for k, v in run["tags"].items()],
            "metrics": run["metrics"],
        }
        return {"run": {"info": run["info"], "data": data}}

    def runs_search(self, body: Any) -> Any:
        wanted = body["filter"].split("'")[1]
        found = [r["info"]["run_id"] for r in self.runs.values() if r["tags"].get("barrido.alias") == wanted]
        return {"runs": [self.runs_get({"run_id": run_id})["run"] for run_id in found]}

    def runs_update(self, body: Any) -> Any:
        run = self.runs[body["run_id"]]
        run["info"].update({k: body[k] for k in ("status", "end_time", "run_name") if k in body})
        return {"run_info": run["info"]}

    def runs_log_batch(self, body: Any) -> Any:
        run = self.runs[body["run_id"]]
        items = [item for field in ("params", "tags", "metrics") for item in body.get(field, [])]
        if bad := self.refused & {item["key"] for item in items}:
            raise ValueError(f"refused: {bad}")
        if not 0 < len(items) <= 1000 or max(len(body.get(f, [])) for f in ("params", "tags")) > 100:
            raise ValueError(f"a batch of {len(items)}")
        for param in body.get("params", []):
            if run["params"].setdefault(param["key"], param["value"]) != param["value"]:
                raise ValueError("Changing param values is not allowed")
        run["tags"].update({tag["key"]: tag["value"] for tag in body.get("tags", [])})
        run["metrics"] += [metric for metric in body.get("metrics", []) if metric not in run["metrics"]]
        return {}

    def runs_log_inputs(self, body: Any) -> Any:
        self.runs[body["run_id"]]["inputs"] = body
        return {}


class Place:
    """A port that is kept while nobody listens at it: no other program's connection gets it meanwhile."""

    def __init__(self) -> None:
        self._keeper = self._bind(0)
        self.port = int(self._keeper.getsockname()[1])

    def listener(self) -> socket.socket:
        listener = self._bind(self.port)
        listener.listen()
        return listener

    def close(self) -> None:
        self._keeper.close()

    @staticmethod
    def _bind(port: int) -> socket.socket:
        bound = socket.socket()
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind(("127.0.0.1", port))
        return bound


class Bench:
    """A sweep, a fake MLflow, and the tracking process's work between them, in one event loop."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.mlflow = FakeMlflow()
        self.identity: Identity
        self.work: asyncio.Task[int] | None = None
        self.session: aiohttp.ClientSession

    @asynccontextmanager
    async def open(self, *, up: bool = True, local: bool = False) -> AsyncIterator[Bench]:
        """``up``: the user's server answers. ``local``: there is none, and barrido is to run one."""
        self._place = Place()
        await self.mlflow.start()
        if not up:
            await self.mlflow.stop()
        url = None if local else f"http://127.0.0.1:{self.mlflow.port}"
        own = backend(self.sweep.workspace, None) if local else None
        config = Config.new(url=url, backend=own, eager=True)
        config.write(self.sweep.folder.tracking)
        self.identity = Identity(config.secret)
        with closing(self._place), closing(self.mlflow):
            async with aiohttp.ClientSession() as self.session:
                self.start()
                try:
                    yield self
                finally:
                    await self.crash()
                    await self.mlflow.stop()

    def start(self) -> None:
        """A tracking process's work begins, or begins again at the same address."""
        self._listener = self._place.listener()
        self.work = asyncio.create_task(Process(self.sweep.folder, self._listener).run())

    async def crash(self) -> None:
        assert self.work is not None
        self.work.cancel()
        with suppress(asyncio.CancelledError):
            await self.work
        self._listener.close()  # work that had not begun yet did not

    def url(self, path: str, trial: int = 0, attempt: int = 1) -> str:
        return f"http://127.0.0.1:{self._place.port}{self.identity.path(trial, attempt)}{path}"

    def alias(self, trial: int = 0, attempt: int = 1) -> str:
        return self.identity.alias(trial, attempt)

    async def post(self, call: str, body: Any, *, trial: int = 0, attempt: int = 1, status: int = 200) -> Any:
        async with self.session.post(self.url(API + call, trial, attempt), json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def get(self, call: str, *, trial: int = 0, status: int = 200, **query: str) -> Any:
        async with self.session.get(self.url(API + call, trial), params=query) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def log(self, key: str, value: Any, step: int = 0, *, run: str | None = None, **more: Any) -> None:
        body = {"run_id": run or self.alias(), "key": key, "value": value, "step": step, **more}
        body.setdefault("timestamp", 1_700_000_000_000 + step)
        await self.post("runs/log-metric", body)

    async def until(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            with suppress(ValueError):  # a run that is not there yet
                if condition():
                    return
            assert time.monotonic() < deadline, f"{self.mlflow.runs}\n{self.sweep.notices()}"
            await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def sweeps() -> type[Sweep]:
    return Sweep


@pytest.fixture
def make_sweep(tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    made: list[Sweep] = []

    def make(**recipe: Any) -> Sweep:
        made.append(Sweep(Workspace(tmp_path / "ws"), **recipe))
        return made[-1]

    yield make
    for sweep in made:
        sweep.close()


@pytest.fixture
def sweep(make_sweep: Callable[..., Sweep]) -> Sweep:
    """One sweep with one running trial."""
    sweep = make_sweep()
    sweep.trial(0)
    return sweep


@pytest.fixture
def bench(sweep: Sweep) -> Bench:
    return Bench(sweep)


@pytest.fixture
def make_bench(make_sweep: Callable[..., Sweep]) -> Callable[..., Bench]:
    def make(**recipe: Any) -> Bench:
        sweep = make_sweep(**recipe)
        sweep.trial(0)
        return Bench(sweep)

    return make
