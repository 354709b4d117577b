"""The real processes around the gateway: started late, restarted, adopted, gone in the end."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from barrido.core.layout import SweepFolder
from barrido.tracking import supervisor
from barrido.tracking.config import Config
from barrido.tracking.status import Status
from barrido.tracking.tracker import MlflowTracker

Sweep = Any  # of conftest
Fake = Any


def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return found


def processes(folder: SweepFolder, kind: str) -> list[psutil.Process]:
    """The living processes of a sweep's tracking: "supervisor" or "process"."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            line = one.cmdline()
            if str(folder.tracking) in line and ("-m" in line) == (kind == "process"):
                found.append(one)
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(sweep: Sweep) -> Iterator[None]:
    yield
    for kind in ("supervisor", "process"):
        for one in processes(sweep.folder, kind):
            one.kill()
            one.wait(5)


@pytest.fixture
def fake(bench: Any) -> Iterator[Fake]:
    """A small MLflow that answers from a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(bench.mlflow.start(), loop).result(5)
    yield bench.mlflow
    asyncio.run_coroutine_threadsafe(bench.mlflow.stop(), loop).result(5)
    bench.mlflow.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def client(environment: Any, timeout_s: float = 20.0) -> Iterator[Callable[[str, Any], Any]]:
    """Calls as a trial's MLflow client makes them, on one connection."""
    url = urlsplit(environment["MLFLOW_TRACKING_URI"])
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout_s)) as connection:

        def call(name: str, body: Any) -> Any:
            path = f"{url.path}/api/2.0/mlflow/{name}"
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            raw = answer.read()
            assert answer.status == 200, raw
            return json.loads(raw)

        yield call


def metric(run: str, value: float) -> dict[str, Any]:
    return {"run_id": run, "key": "loss", "value": value, "timestamp": 1000 + int(value), "step": int(value)}


def came_back(tracker: MlflowTracker, sweep: Sweep, before: set[int]) -> bool:
    tracker.check()
    return bool({one.pid for one in processes(sweep.folder, "process")} - before)


def test_a_sweep_that_never_touches_mlflow_starts_nothing_and_leaves_nothing(sweep: Sweep) -> None:
    began = time.process_time()
    tracker = MlflowTracker(sweep.folder, sweep.workspace, None)
    assert time.process_time() - began < 0.04
    until(lambda: processes(sweep.folder, "supervisor"))
    assert tracker.environment(0, 1)["MLFLOW_RUN_ID"]
    assert tracker.close(1.0)  # the sweep is not over: nothing to wait for
    sweep.end()
    assert tracker.close(1.0)
    assert not processes(sweep.folder, "process")
    assert not (sweep.folder.tracking / "mirror.db").exists()
    assert not sweep.workspace.mlflow.exists()
    sweep.close()  # the controller leaves
    sweep.db = sweep.lock = None
    sweep.close = lambda: None
    until(lambda: not processes(sweep.folder, "supervisor"))


def test_a_sweep_goes_through_a_real_tracking_process_to_its_end(sweep: Sweep, fake: Fake) -> None:
    tracker = MlflowTracker(sweep.folder, sweep.workspace, f"http://127.0.0.1:{fake.port}")
    environment = tracker.environment(0, 1)
    with client(environment) as call:
        for value in range(3):
            call("runs/log-metric", metric(environment["MLFLOW_RUN_ID"], value))
        call("runs/log-parameter", {"run_id": environment["MLFLOW_RUN_ID"], "key": "lr", "value": "7"})
    sweep.trial(0, "completed", ended_at=1005.0)
    sweep.end(trial=0, value=0.0)
    assert tracker.close(20.0)
    assert fake.values("demo_0", "loss") == [0.0, 1.0, 2.0]
    assert fake.named("demo")["info"]["status"] == "FINISHED"
    (note,) = tracker.warnings()
    assert note.trial == 0
    assert tracker.warnings() == ()
    until(lambda: not processes(sweep.folder, "process") and not processes(sweep.folder, "supervisor"))
    again = MlflowTracker(sweep.folder, sweep.workspace, None)
    assert again.warnings() == ()  # they were shown by the first


def test_killed_processes_come_back_at_the_same_address_and_nothing_is_lost(sweep: Sweep, fake: Fake) -> None:
    upstream = f"http://127.0.0.1:{fake.port}"
    tracker = MlflowTracker(sweep.folder, sweep.workspace, upstream)
    environment = tracker.environment(0, 1)
    run = environment["MLFLOW_RUN_ID"]
    with client(environment) as call:
        call("runs/log-metric", metric(run, 0))
    for kind in ("process", "supervisor", "process"):
        (victim,) = processes(sweep.folder, kind)
        before = {one.pid for one in processes(sweep.folder, "process")}
        victim.kill()
        until(partial(came_back, tracker, sweep, before))
        with client(environment) as call:  # waits in the socket's backlog while nobody answers
            call("runs/log-metric", metric(run, len(sweep.journal())))
    assert tracker.environment(0, 1) == environment
    assert [line.step for line in sweep.journal()] == [0, 1, 2, 3]
    sweep.trial(0, "completed", ended_at=1005.0)
    sweep.end()
    assert tracker.close(20.0)
    assert fake.values("demo_0", "loss") == [0.0, 1.0, 2.0, 3.0]
    assert len(fake.runs) == 2


def test_what_never_will_be_complete_is_not_waited_for(sweep: Sweep) -> None:
    tracker = MlflowTracker(sweep.folder, sweep.workspace, "http://127.0.0.1:1")
    sweep.end()
    began = time.monotonic()
    assert not tracker.close(1.0)  # somebody may still start that server
    assert time.monotonic() - began > 1.0
    Status(gave_up=True).write(sweep.folder.tracking / "status.json")
    began = time.monotonic()
    assert not tracker.close(20.0)
    assert time.monotonic() - began < 5.0


def test_a_sweep_that_was_removed_takes_its_processes_along(sweep: Sweep) -> None:
    MlflowTracker(sweep.folder, sweep.workspace, "http://127.0.0.1:1")
    (process,) = until(lambda: processes(sweep.folder, "process"))
    shutil.rmtree(sweep.folder.tracking)
    process.kill()
    until(lambda: not processes(sweep.folder, "supervisor"))


def test_the_next_controller_takes_over_what_the_first_one_started(sweep: Sweep, fake: Fake) -> None:
    first = MlflowTracker(sweep.folder, sweep.workspace, f"http://127.0.0.1:{fake.port}")
    (before,) = until(lambda: processes(sweep.folder, "supervisor"))
    second = MlflowTracker(sweep.folder, sweep.workspace, "http://127.0.0.1:1/elsewhere")
    assert second.environment(0, 1) == first.environment(0, 1)
    assert [one.pid for one in processes(sweep.folder, "supervisor")] == [before.pid]
    before.kill()  # with its lock and, by and by, its port
    until(lambda: not psutil.pid_exists(before.pid) or before.status() == psutil.STATUS_ZOMBIE)
    third = MlflowTracker(sweep.folder, sweep.workspace, None)
    assert third.environment(0, 1) == first.environment(0, 1)
    until(lambda: len(processes(sweep.folder, "supervisor")) == 1)


def test_a_supervisor_leaves_when_neither_a_controller_nor_a_trial_is_left(sweep: Sweep) -> None:
    config = Config.new(url="http://127.0.0.1:1", backend=None, eager=False)
    config.write(sweep.folder.tracking)
    trial = subprocess.Popen(["sleep", "60"], env={"MLFLOW_TRACKING_URI": f"http://x/t/{config.secret}/0.1"})
    code = (
        "import sys, barrido.tracking.supervisor as s; s.ABANDONED_S = 0.5; s.LOOK_S = 0.1;"
        " sys.exit(s.main(sys.argv[1:]))"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener, open(os.devnull) as lock:  # noqa: PTH123
        fds = (listener.fileno(), lock.fileno())
        arguments = [str(sweep.folder.tracking), *map(str, fds)]
        one = subprocess.Popen([sys.executable, "-c", code, *arguments], pass_fds=fds)
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                one.wait(1.5)  # a controller lives
            sweep.close()
            sweep.close = lambda: None
            with pytest.raises(subprocess.TimeoutExpired):
                one.wait(1.5)  # a trial does
            trial.kill()
            trial.wait()
            assert one.wait(10) == 0
        finally:
            for left in (one, trial):
                left.kill()
                left.wait()


def test_the_secret_is_for_the_users_own_eyes(sweep: Sweep) -> None:
    tracker = MlflowTracker(sweep.folder, sweep.workspace, "http://ana:hush@127.0.0.1:1")
    secret = Config.read(sweep.folder.tracking).secret
    assert (sweep.folder.tracking / "gateway.json").stat().st_mode & 0o077 == 0
    assert secret in tracker.environment(0, 1)["MLFLOW_TRACKING_URI"]
    until(lambda: processes(sweep.folder, "process"))
    for kind in ("supervisor", "process"):
        for one in processes(sweep.folder, kind):
            assert not any(secret in word or "hush" in word for word in one.cmdline())
    assert secret not in repr(Config.read(sweep.folder.tracking))
    assert "hush" not in repr(Config.read(sweep.folder.tracking))


def test_the_environment_goes_around_proxies_and_leaves_a_users_experiment_name_alone(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = MlflowTracker(sweep.folder, sweep.workspace, None)
    plain = tracker.environment(3, 2)
    assert plain["MLFLOW_TRACKING_URI"].endswith("/3.2")
    assert "MLFLOW_EXPERIMENT_ID" in plain
    assert "NO_PROXY" not in plain
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    there = MlflowTracker(sweep.folder, sweep.workspace, None).environment(3, 2)
    assert there["NO_PROXY"] == "intranet,127.0.0.1"
    assert there["no_proxy"].endswith("127.0.0.1")
    assert "MLFLOW_EXPERIMENT_ID" not in there


def test_without_aiohttp_there_is_no_tracking_and_a_notice(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    tracker = MlflowTracker(sweep.folder, sweep.workspace, None)
    assert tracker.environment(0, 1) == {}
    assert "pip install 'barrido[mlflow]'" in tracker.warnings()[0].text
    tracker.check()
    assert tracker.close(1.0)
    assert not processes(sweep.folder, "supervisor")


def test_an_unknown_kind_of_tracking_uri_is_told_and_replaced(sweep: Sweep) -> None:
    tracker = MlflowTracker(sweep.folder, sweep.workspace, "databricks://profile")
    assert "'databricks' is not supported" in tracker.warnings()[0].text
    config = Config.read(sweep.folder.tracking)
    assert config.backend is not None
    assert config.backend.own


def test_a_lock_is_seen_without_being_taken(tmp_path: Path, sweep: Sweep) -> None:
    assert supervisor.is_locked(sweep.folder.lock)
    assert not supervisor.is_locked(tmp_path / "none")
    (tmp_path / "free").touch()
    assert not supervisor.is_locked(tmp_path / "free")


def test_a_sweep_is_over_when_its_store_says_so_or_is_gone(tmp_path: Path, sweep: Sweep) -> None:
    assert not supervisor.is_over(sweep.folder.db)
    sweep.end("canceled")
    assert supervisor.is_over(sweep.folder.db)
    assert supervisor.is_over(tmp_path / "none.db")


def test_the_controllers_half_stays_light() -> None:
    code = (
        "import sys, barrido.tracking.tracker\n"
        "heavy = {'aiohttp', 'mlflow', 'numpy', 'asyncio', 'subprocess', 'sqlite3', 'ssl'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL  # importing the supervisor sets nothing up
