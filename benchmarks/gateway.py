"""Fifty trials that log a hundred metrics each to MLflow, all at once: what they wait, and what is lost.

    python benchmarks/gateway.py [--quick]

The trials speak MLflow's REST API over one connection each, as its client does, without the client's own
three seconds of imports: one metric a request, the next as soon as the last is answered. The clients, the
gateway, the controller and the MLflow server that is told everything share the machine's cores.

Required: every value is in the sweep's database and in MLflow's. Aimed at: an answer within 50 ms (median).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

import psutil

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.store.queries import Reader
from barrido.tracking.status import Status

SCRIPT = """
import http.client, json, os, sys, time
from pathlib import Path
from urllib.parse import urlsplit
count, meeting = int(sys.argv[1]), Path(sys.argv[2])
address = urlsplit(os.environ["MLFLOW_TRACKING_URI"])
connection = http.client.HTTPConnection(address.hostname, address.port)

def log(name, step):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "run_uuid": os.environ["MLFLOW_RUN_ID"], "key": name,
            "value": 1 / (1 + step), "timestamp": int(time.time() * 1000), "step": step}
    began = time.perf_counter()
    connection.request("POST", address.path + "/api/2.0/mlflow/runs/log-metric", json.dumps(body),
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{answer.status} for {name} {step}")
    return time.perf_counter() - began

log("up", 0)  # the first request of a sweep waits for the gateway to come up
(meeting / os.environ["BARRIDO_TRIAL"]).touch()
while not (meeting / "go").exists():
    time.sleep(0.01)
began = time.time()
waits = [log("loss", step) for step in range(count)]
Path("waits.json").write_text(json.dumps({"began": began, "ended": time.time(), "waits": waits}))
"""


def run(where: Path, trials: int, metrics: int) -> None:
    code, meeting = where / "code", where / "meeting"
    for path in (code, meeting):
        path.mkdir()
    (code / "script.py").write_text(SCRIPT)
    workspace = Workspace(where / "workspace")
    folder = app.create(
        Recipe(
            name="gateway",
            space={"x": {"type": "randint", "upper": trials}},
            sampler={"type": "grid"},
            objective=Objective("loss", Goal.MINIMIZE),
            limits=Limits(max_total_trials=trials, max_concurrent_trials=trials),
            work=Work(command=f"python script.py {metrics} {meeting}", code=str(code)),
        ),
        workspace,
    )
    with Reader(folder) as reader:
        while len(list(meeting.iterdir())) < trials:
            time.sleep(0.05)
            assert not reader.sweep().phase.is_terminal, reader.sweep().reason
        wait_for_mlflow(folder)
        gateway = gateway_of(folder)
        before = gateway.cpu_times()
        (meeting / "go").touch()
        while not all((folder.trial(n).work / "waits.json").exists() for n in range(trials)):
            time.sleep(0.01)
        after = gateway.cpu_times()
        while not reader.sweep().phase.is_terminal:
            time.sleep(0.05)
        heard = sum(len(reader.metrics(n, name="loss")) for n in range(trials))
    told_s = wait_for_mlflow(folder, complete=True)
    told = count_in(workspace.mlflow / "mlflow.db")
    asked = trials * metrics
    found = [json.loads((folder.trial(n).work / "waits.json").read_text()) for n in range(trials)]
    took_s = max(one["ended"] for one in found) - min(one["began"] for one in found)
    waits = sorted(wait for one in found for wait in one["waits"])
    cpu_s = after.user + after.system - before.user - before.system

    def at(share: float) -> float:
        return float(waits[int(share * (len(waits) - 1))]) * 1e3

    print(f"{trials} processes that log {metrics} metrics each over HTTP, all at once")
    print(f"  {asked:,} metrics in {took_s:.1f} s: {asked / took_s:,.0f} a second")
    print(f"  answered in {at(0.5):.0f} ms (median), p99 {at(0.99):.0f} ms, at most {at(1):.0f} ms")
    print(f"  gateway: {cpu_s:.2f} s of CPU, {cpu_s / asked * 1e3:.2f} ms a metric")
    print(
        f"  in the sweep's database {heard:,} of {asked:,}; in MLflow {told:,}, {told_s:.1f} s after the end"
    )
    assert heard == told == asked


def gateway_of(folder: SweepFolder) -> psutil.Process:
    wanted = ["barrido.tracking.process", str(folder.tracking.absolute())]
    for process in psutil.process_iter(["cmdline"]):
        if all(word in (process.info["cmdline"] or ()) for word in wanted):
            return process
    raise LookupError("no gateway runs")


def wait_for_mlflow(folder: SweepFolder, *, complete: bool = False) -> float:
    """Seconds until MLflow is there; until it knows all of a sweep that is over, if ``complete``."""
    began = time.perf_counter()
    while True:
        status = Status.read(folder.tracking / "status.json")
        if status.complete if complete else status.reachable:
            return time.perf_counter() - began
        time.sleep(0.05)
        assert time.perf_counter() - began < 120, status


def count_in(db: Path) -> int:
    connection = sqlite3.connect(db)
    try:
        return int(connection.execute("SELECT count(*) FROM metrics WHERE key = 'loss'").fetchone()[0])
    finally:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="ten trials of twenty metrics")
    quick = parser.parse_args().quick
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    where = Path(tempfile.mkdtemp(prefix="barrido-bench-"))
    try:
        run(where, *((10, 20) if quick else (50, 100)))
    finally:
        shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
