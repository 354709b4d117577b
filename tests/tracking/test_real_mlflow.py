"""Unmodified scripts with MLflow's own client, through real processes, into a real MLflow server.

All scripts run at once, as trials of one sweep; each test looks at what one of them left behind.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from barrido.core.layout import Workspace
from barrido.tracking.tracker import MlflowTracker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("mlflow", path=str(Path(sys.executable).parent)) is None, reason="no MLflow"
    ),
]

SCRIPTS = {
    "fluent": """
        for i in range(20):
            mlflow.log_metric("loss", 1 / (i + 1), step=i)
        print(mlflow.active_run().info.run_id)
    """,
    "crash": """
        with mlflow.start_run():
            mlflow.log_metric("loss", 0.5)
            raise SystemExit(3)
    """,
    "kill": """
        import os, signal
        with mlflow.start_run():
            mlflow.log_metric("loss", 0.5)
            os.kill(os.getpid(), signal.SIGKILL)
    """,
    "experiment": """
        mlflow.set_experiment("other")
        with mlflow.start_run():
            mlflow.log_metric("loss", 0.5)
        mlflow.set_experiment("other")
        mlflow.log_metric("loss", 0.25)
    """,
    "names": """
        with mlflow.start_run(run_name="my-run", tags={"team": "a"}, description="long story"):
            mlflow.log_metric("loss", 0.5)
            mlflow.log_params({"lr": "0.10", "depth": 3})
            mlflow.log_param("tol", 7)
            mlflow.set_tag("mood", "good")
        assert mlflow.get_run(mlflow.last_active_run().info.run_id).data.params["tol"] == "0.001"
    """,
    "twice": """
        with mlflow.start_run():
            mlflow.log_metric("loss", 0.5)
        with mlflow.start_run(run_name="second"):
            mlflow.log_metric("loss", 0.25)
    """,
    "nested": """
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 0.5)
            for fold in range(2):
                with mlflow.start_run(nested=True, run_name=f"fold{fold}"):
                    mlflow.log_metric("loss", 9 + fold)
        found = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
        assert len(found) == 2, found
    """,
    "threads": """
        import os, subprocess, sys, threading
        with mlflow.start_run():
            mlflow.log_metric("loss", 1, step=0)
            thread = threading.Thread(target=lambda: mlflow.log_metric("loss", 2, step=1))
            thread.start(); thread.join()
            more = "import mlflow; mlflow.log_metric('loss', 3, step=2)"
            subprocess.run([sys.executable, "-c", more], check=True)
            if os.fork() == 0:
                mlflow.log_metric("loss", 4, step=3)
                os._exit(0)
            os.wait()
            subprocess.run([sys.executable, "-c", more.replace("3", "5").replace("2", "4")], check=True)
            mlflow.log_metric("loss", 6, step=5)
    """,
    "client": """
        client = mlflow.MlflowClient()
        run = client.create_run("0", run_name="logger")
        for i in range(5):
            client.log_metric(run.info.run_id, "loss", i, step=i)
        client.log_batch(run.info.run_id, params=[mlflow.entities.Param("width", "64")])
        client.set_terminated(run.info.run_id)
    """,
    "async": """
        with mlflow.start_run():
            for i in range(50):
                mlflow.log_metric("loss", i, step=i, synchronous=False)
            mlflow.flush_async_logging()
    """,
    "odd": """
        mlflow.log_metric("loss", float("nan"), step=0)
        mlflow.log_metric("loss", float("inf"), step=1)
        for name in ("a!b", "a" * 251):
            try:
                mlflow.log_metric(name, 1.0, step=2)
            except mlflow.MlflowException as error:
                assert error.error_code == "INVALID_PARAMETER_VALUE", error
            else:
                raise AssertionError(name)
        mlflow.log_metric("loss", 0.5, step=3)
    """,
    "autolog": """
        import mlflow.sklearn
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        mlflow.sklearn.autolog()
        x, y = load_iris(return_X_y=True)
        model = LogisticRegression(C=0.5, max_iter=200).fit(x, y)
        mlflow.log_metric("loss", 0.5)
    """,
    "model": """
        import mlflow.sklearn, os
        from sklearn.linear_model import LinearRegression
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 0.5)
            mlflow.log_metric("loss", 0.25, step=2)
            info = mlflow.sklearn.log_model(LinearRegression().fit([[0], [1]], [0, 1]), name="m")
            open("notes.txt", "w").write("hello")
            mlflow.log_artifact("notes.txt")
            mlflow.log_dict({"a": 1}, "sub/a.json")
        names = [f.path for f in mlflow.MlflowClient().list_artifacts(run.info.run_id)]
        assert "notes.txt" in names, names
        assert mlflow.sklearn.load_model(info.model_uri).predict([[2]])[0] > 1.9
    """,
    "resume": """
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 1, step=0)
        with mlflow.start_run(run_id=run.info.run_id):
            mlflow.log_metric("loss", 2, step=1)
        assert mlflow.get_run(run.info.run_id).data.metrics["loss"] == 2
        assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")) == 2
    """,
    "chatty0": "for i in range(200): mlflow.log_metrics({'loss': i, 'acc': i}, step=i)",
    "chatty1": "for i in range(200): mlflow.log_metrics({'loss': i, 'acc': i}, step=i)",
}
EXIT_CODES = {"crash": 3, "kill": -9}


class Played:
    """A sweep that is over, and MLflow's database."""

    def __init__(self, sweep: Any, root: Path, outputs: dict[str, str], codes: dict[str, int]) -> None:
        self.sweep = sweep
        self.outputs = outputs
        self.codes = codes
        self._db = root / "mlflow" / "mlflow.db"

    def query(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._db)) as db:
            return db.execute(sql, args).fetchall()

    def run_id(self, script: str) -> str:
        name = f"real_{list(SCRIPTS).index(script)}"
        ((run_id,),) = self.query("SELECT run_uuid FROM runs WHERE name = ?", name)
        return str(run_id)

    def status(self, script: str) -> str:
        return str(self.query("SELECT status FROM runs WHERE run_uuid = ?", self.run_id(script))[0][0])

    def losses(self, script: str) -> list[Any]:
        sql = "SELECT CASE is_nan WHEN 1 THEN 'NaN' ELSE value END FROM metrics"
        where = "WHERE run_uuid = ? AND key = 'loss' ORDER BY step, timestamp"
        return [value for (value,) in self.query(f"{sql} {where}", self.run_id(script))]

    def journaled(self, script: str) -> list[float]:
        lines = self.sweep.journal(list(SCRIPTS).index(script))
        return [line.metrics["loss"] for line in lines if "loss" in line.metrics]

    def tags(self, script: str) -> dict[str, str]:
        return dict(self.query("SELECT key, value FROM tags WHERE run_uuid = ?", self.run_id(script)))

    def params(self, script: str) -> dict[str, str]:
        return dict(self.query("SELECT key, value FROM params WHERE run_uuid = ?", self.run_id(script)))

    def children(self, script: str) -> list[tuple[str, str, float]]:
        sql = (
            "SELECT r.name, r.status, m.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid"
            " LEFT JOIN metrics m ON m.run_uuid = r.run_uuid AND m.key = 'loss'"
            " WHERE t.key = 'mlflow.parentRunId' AND t.value = ? ORDER BY r.name"
        )
        return [(name, status, value) for name, status, value in self.query(sql, self.run_id(script))]


def start(script: str, environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(parents=True)
    lines = script.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    text = "import mlflow\n" + "\n".join(line[indent:] for line in lines)
    (folder / "train.py").write_text(text)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "train.py"], cwd=folder, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def kill_servers(root: Path) -> None:
    """The MLflow server of a workspace, however it was started."""
    for state in (root / "mlflow").glob("server*.json"):
        with suppress(psutil.Error):
            psutil.Process(json.loads(state.read_text())["pid"]).kill()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("real")
    yield root
    kill_servers(root)


@pytest.fixture(scope="module")
def played(root: Path, sweeps: Any) -> Iterator[Played]:
    sweep = sweeps(Workspace(root), "real", experiment="iris")
    tracker = MlflowTracker(sweep.folder, sweep.workspace, None)
    running = {}
    for number, (name, script) in enumerate(SCRIPTS.items()):
        sweep.trial(number, params={"lr": 0.1, "tol": 0.001}, started_at=time.time())
        environment = dict(tracker.environment(number, 1))
        running[name] = start(script, environment, sweep.folder.trial(number).work)
    outputs, codes = {}, {}
    for number, (name, process) in enumerate(running.items()):
        outputs[name] = process.communicate(timeout=300)[0]
        codes[name] = process.returncode
        phase = "completed" if process.returncode == 0 else "failed"
        sweep.trial(
            number,
            phase,
            params={"lr": 0.1, "tol": 0.001},
            ended_at=time.time(),
            exit_code=process.returncode,
        )
    sweep.end(trial=0, value=0.05)
    assert tracker.close(120)
    yield Played(sweep, root, outputs, codes)
    sweep.close()


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run_as_they_are_and_every_report_is_in_the_journal_and_in_mlflow(
    played: Played, script: str
) -> None:
    assert played.codes[script] == EXIT_CODES.get(script, 0), played.outputs[script]
    assert played.journaled(script)
    assert len(played.losses(script)) == len(played.journaled(script))
    assert played.status(script) == ("FAILED" if script in EXIT_CODES else "FINISHED")
    assert "/t/" not in played.outputs[script]  # the address with its secret


def test_nothing_of_many_scripts_at_once_is_lost(played: Played) -> None:
    for name in ("chatty0", "chatty1"):
        assert played.losses(name) == [float(i) for i in range(200)]
        assert played.journaled(name) == [float(i) for i in range(200)]


def test_the_client_uses_the_real_run(played: Played) -> None:
    assert played.run_id("fluent") in played.outputs["fluent"]


def test_another_experiment_is_asked_for_in_vain(played: Played) -> None:
    assert played.losses("experiment") == [0.5]
    assert [value for _, _, value in played.children("experiment")] == [0.25]
    assert [name for (name,) in played.query("SELECT name FROM experiments")] == ["Default", "iris"]
    assert "'other'" in "\n".join(played.sweep.notices())


def test_names_and_searched_parameters_are_the_sweeps(played: Played) -> None:
    tags = played.tags("names")
    assert tags["barrido.script_run_name"] == "my-run"
    assert (tags["team"], tags["mood"], tags["mlflow.note.content"]) == ("a", "good", "long story")
    assert played.params("names") == {"lr": "0.1", "tol": "0.001", "depth": "3"}
    assert "'tol' was logged as '7'" in "\n".join(played.sweep.notices())


def test_a_second_run_is_nested_below_the_trials(played: Played) -> None:
    assert played.losses("twice") == [0.5]
    assert played.children("twice") == [("second", "FINISHED", 0.25)]
    assert played.losses("nested") == [0.5]
    assert played.children("nested") == [("fold0", "FINISHED", 9.0), ("fold1", "FINISHED", 10.0)]


def test_threads_subprocesses_and_forks_log_to_the_trials_run(played: Played) -> None:
    assert played.losses("threads") == [1, 2, 3, 4, 5, 6]
    assert played.children("threads") == []


def test_a_run_made_by_a_loggers_client_is_the_trials(played: Played) -> None:
    assert played.losses("client") == [0, 1, 2, 3, 4]
    assert played.params("client")["width"] == "64"
    assert played.children("client") == []


def test_odd_values_keep_their_meaning(played: Played) -> None:
    assert played.losses("odd") == ["NaN", sys.float_info.max, 0.5]


def test_autolog_and_models_arrive_with_their_artifacts(played: Played) -> None:
    assert played.params("autolog")["C"] == "0.5"
    keys = {
        key for (key,) in played.query("SELECT key FROM metrics WHERE run_uuid = ?", played.run_id("autolog"))
    }
    assert "training_accuracy_score" in keys
    assert played.losses("autolog") == [0.5]
    assert played.losses("model") == [0.5, 0.25]
    assert played.journaled("model") == [0.5, 0.25]  # not what log_model sends once more
    models = played.query("SELECT name FROM logged_models WHERE source_run_id = ?", played.run_id("model"))
    assert models == [("m",)]
    linked = played.query(
        "SELECT count(*) FROM logged_model_metrics WHERE run_id = ?", played.run_id("model")
    )
    assert linked[0][0] >= 1
    ((uri,),) = played.query("SELECT artifact_uri FROM runs WHERE run_uuid = ?", played.run_id("model"))
    assert (Path(uri) / "notes.txt").read_text() == "hello"  # what `mlflow ui` on the database shows


def test_the_parent_shows_the_sweep(played: Played) -> None:
    ((run_id, status),) = played.query("SELECT run_uuid, status FROM runs WHERE name = 'real'")
    assert status == "FINISHED"
    tags = dict(played.query("SELECT key, value FROM tags WHERE run_uuid = ?", run_id))
    assert tags["best_child_run_id"] == played.run_id("fluent")
    ((children,),) = played.query(
        "SELECT count(*) FROM tags WHERE key = 'mlflow.parentRunId' AND value = ?", run_id
    )
    assert children == len(SCRIPTS)


def test_killing_the_gateway_and_the_server_in_the_middle_loses_nothing(root: Path, sweeps: Any) -> None:
    sweep = sweeps(Workspace(root), "killed", experiment="iris")
    sweep.trial(0, started_at=time.time())
    tracker = MlflowTracker(sweep.folder, sweep.workspace, None)
    script = """
        import time
        for i in range(120):
            mlflow.log_metric("loss", i, step=i)
            time.sleep(0.05)
        mlflow.log_param("last", "one")
    """
    process = start(script, dict(tracker.environment(0, 1)), sweep.folder.trial(0).work)
    for kill_at in (20, 50, 80):
        deadline = time.monotonic() + 120
        while len(sweep.journal()) < kill_at:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                line = one.cmdline()
                if "barrido.tracking.process" in line and str(sweep.folder.tracking) in line:
                    os.kill(one.pid, signal.SIGKILL)
        if kill_at == 50:
            kill_servers(root)
    output = process.communicate(timeout=200)[0]
    assert process.returncode == 0, output
    assert len(sweep.journal()) == 120
    sweep.trial(0, "completed", ended_at=time.time())
    sweep.end(trial=0, value=0.0)
    assert tracker.close(120)
    with closing(sqlite3.connect(root / "mlflow" / "mlflow.db")) as db:
        ((run_id, status),) = db.execute("SELECT run_uuid, status FROM runs WHERE name = 'killed_0'")
        values = db.execute(
            "SELECT value FROM metrics WHERE run_uuid = ? ORDER BY step", (run_id,)
        ).fetchall()
        params = dict(db.execute("SELECT key, value FROM params WHERE run_uuid = ?", (run_id,)))
    assert status == "FINISHED"
    assert [value for (value,) in values] == [float(i) for i in range(120)]
    assert params == {"lr": "0.1", "last": "one"}
    sweep.close()
