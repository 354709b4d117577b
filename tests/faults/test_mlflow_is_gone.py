"""MLflow killed for a minute in mid-sweep: the sweep goes on, and MLflow is complete at the end."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.store.queries import Reader
from barrido.tracking.status import Status

MLFLOW = shutil.which("mlflow", path=str(Path(sys.executable).parent))
pytestmark = [pytest.mark.slow, pytest.mark.skipif(MLFLOW is None, reason="no MLflow")]

OUTAGE_S = 60.0
TRIALS, STEPS = 12, 30

SCRIPT = f"""
import sys, time
import mlflow
for step in range({STEPS}):
    mlflow.log_metric("loss", float(sys.argv[1]) + 1 / (step + 1), step=step)
    time.sleep(0.3)
mlflow.log_param("last", "said")
"""


@contextmanager
def server(folder: Path, port: int) -> Iterator[psutil.Process]:
    """A user's own ``mlflow server``, up and answering; killed with all its workers at the end."""
    assert MLFLOW is not None
    store = f"sqlite:///{folder / 'own.db'}"
    command = [MLFLOW, "server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("ab") as out:
        process = psutil.Popen(command, cwd=folder, stdout=out, stderr=out)
    try:
        wait_for(lambda: answers(port), 120)
        yield process
    finally:
        kill(process)


def kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        family = [process, *process.children(recursive=True)]
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(family)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def create(tmp_path: Path, uri: str | None) -> SweepFolder:
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").write_text(SCRIPT)
    recipe = Recipe(
        name="outage",
        experiment="outage",
        space={"rate": {"type": "choice", "values": [n / 4 for n in range(TRIALS)]}},
        sampler={"type": "grid"},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=TRIALS, max_concurrent_trials=2),
        work=Work(command="python train.py ${{search_space.rate}}", code=str(code)),
        tracking_uri=uri,
    )
    return app.create(recipe, Workspace(tmp_path / "ws"))


def finished(folder: SweepFolder) -> int:
    with Reader(folder) as reader:
        return sum(trial.phase == "completed" for trial in reader.trials())


def assert_all_is_there(folder: SweepFolder, uri: str) -> None:
    wait_for(lambda: Status.read(folder.tracking / "status.json").complete, 120)
    look = """
import json, sys
import mlflow
client = mlflow.MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("outage")
found = []
for run in client.search_runs([experiment.experiment_id]):
    history = client.get_metric_history(run.info.run_id, "loss")
    found.append({
        "name": run.info.run_name, "status": run.info.status, "params": run.data.params,
        "child": "mlflow.parentRunId" in run.data.tags,
        "history": [[point.step, point.value] for point in history],
    })
print(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", look, uri], stdout=subprocess.PIPE, check=True, text=True
    )
    runs = json.loads(done.stdout.splitlines()[-1])
    (parent,) = [run for run in runs if not run["child"]]
    assert parent["status"] == "FINISHED"
    children = {run["name"]: run for run in runs if run["child"]}
    assert sorted(children) == sorted(f"outage_{n}" for n in range(TRIALS))
    for number in range(TRIALS):
        run = children[f"outage_{number}"]
        assert run["status"] == "FINISHED"
        assert run["params"] == {"rate": str(number / 4), "last": "said"}
        assert sorted(run["history"]) == [[step, number / 4 + 1 / (step + 1)] for step in range(STEPS)]


def assert_sweep_is_whole(folder: SweepFolder) -> None:
    with Reader(folder) as reader:
        assert reader.sweep().phase == "completed"
        for trial in reader.trials():
            assert (trial.phase, trial.attempt, trial.reports) == ("completed", 1, STEPS)


def test_a_users_own_server_is_gone_for_a_minute(tmp_path: Path) -> None:
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    with server(tmp_path, port) as first:
        folder = create(tmp_path, uri)
        wait_for(lambda: finished(folder) >= 1, 120)
        kill(first)
        went, before = time.monotonic(), finished(folder)
        while time.monotonic() < went + OUTAGE_S:
            assert not answers(port)
            time.sleep(0.5)
        assert finished(folder) >= before + 4  # whole trials came and went meanwhile
    with server(tmp_path, port):
        wait_for(lambda: finished(folder) == TRIALS, 200)
        assert_all_is_there(folder, uri)
    assert_sweep_is_whole(folder)


def test_the_default_store_has_no_server_for_a_minute(tmp_path: Path) -> None:
    """Whatever serves the workspace's own store is killed as soon as it shows up."""
    folder = create(tmp_path, None)
    mlflow = tmp_path / "ws" / "mlflow"
    wait_for(lambda: finished(folder) >= 1, 120)
    went, before, kills = time.monotonic(), finished(folder), 0
    while time.monotonic() < went + OUTAGE_S:
        for one in psutil.process_iter(["cmdline"]):
            line = one.info["cmdline"] or []
            if "barrido.tracking.server" in line and is_in(one, mlflow):
                kill(one)
                kills += 1
        time.sleep(0.2)
    assert kills >= 2
    assert finished(folder) >= before + 4
    wait_for(lambda: finished(folder) == TRIALS, 200)
    assert_all_is_there(folder, f"sqlite:///{mlflow / 'mlflow.db'}")
    assert_sweep_is_whole(folder)


def is_in(process: psutil.Process, folder: Path) -> bool:
    """Whether the process writes its log below ``folder``."""
    try:
        return Path(f"/proc/{process.pid}/fd/2").readlink().is_relative_to(folder)
    except OSError:
        return False
