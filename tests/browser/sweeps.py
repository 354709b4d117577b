"""Small real sweeps of all kinds, for a browser to look at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from barrido.core.layout import SweepFolder, Workspace
from barrido.store.queries import Reader

BARRIDO = str(Path(sys.executable).with_name("barrido"))

TRAIN = """\
import json, os, sys, time
from pathlib import Path

import barrido

params = json.loads(sys.argv[1])
gate = Path(params.get("gate") or "/")
rate = params["rate"]
error = 1.0
print("training with", params, flush=True)
for epoch in range(1, params.get("epochs", 9) + 1):
    while gate != Path("/") and not (gate / f"{os.environ['BARRIDO_TRIAL']}.{epoch}").exists():
        if (gate / "all").exists():
            break
        time.sleep(0.01)
    error *= 1 - rate
    barrido.report(step=epoch, loss=error + 0.3 * rate, accuracy=1 - error)
    print("epoch", epoch, "<b>error</b>", error, flush=True)
if params.get("fails") and rate > 0.3:
    raise ValueError("<img src=x onerror=alert(1)> it fails")
Path("outputs").mkdir(exist_ok=True)
Path("outputs/model <1>.txt").write_text(str(error))
"""

PLAIN = """\
type: sweep
experiment_name: plain
tags: {team: "<script>alert('tag')</script>"}
trial:
  code: .
  command: >-
    python train.py '{"rate": ${{search_space.rate}}, "layers": ${{search_space.layers}},
    "solver": "${{search_space.solver}}"}'
search_space:
  rate: {type: float, low: 0.01, high: 0.9, log: true}
  layers: {type: int, low: 1, high: 4}
  solver: {type: choice, values: [adam, sgd, "<b>lion</b>"]}
sampling_algorithm: {type: random, seed: 3}
early_termination: {type: bandit, slack_amount: 0.3, delay_evaluation: 5}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 12, max_concurrent_trials: 2}
"""

HYPERBAND = """\
type: sweep
experiment_name: budgets
trial:
  code: .
  command: >-
    python train.py '{"rate": ${{search_space.rate}}}'
search_space:
  rate: {type: float, low: 0.01, high: 0.9, log: true}
sampling_algorithm: {type: random, seed: 3}
scheduler: {type: hyperband, max_resource: 9}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 17, max_concurrent_trials: 2}
"""

CONDITIONAL = """\
type: sweep
experiment_name: conditional
trial:
  code: .
  command: >-
    python train.py '{"rate": ${{search_space.model.rate}}, "name": "${{search_space.model.name}}"}'
search_space:
  model:
    type: choice
    values:
      - name: svm
        rate: {type: float, low: 0.01, high: 0.9, log: true}
      - name: mlp
        rate: {type: uniform, min_value: 0.1, max_value: 0.9}
        units: {type: int, low: 4, high: 64, log: true}
sampling_algorithm: {type: tpe, seed: 1}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 12, max_concurrent_trials: 2}
"""

FAILING = PLAIN.replace("experiment_name: plain", "experiment_name: failing").replace(
    '"layers":', '"fails": true, "layers":'
)

RUNNING = """\
type: sweep
experiment_name: running
trial:
  code: .
  command: >-
    python train.py '{"rate": ${{search_space.rate}}, "gate": "GATE", "epochs": 20}'
search_space:
  rate: {type: uniform, min_value: 0.01, max_value: 0.9}
sampling_algorithm: {type: random, seed: 3}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 6, max_concurrent_trials: 2}
"""


def run(*words: str, cwd: Path) -> str:
    """The command line, as a person would; what it printed."""
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("BARRIDO_", "MLFLOW_"))}
    done = subprocess.run(
        [BARRIDO, *words], cwd=cwd, env=outer, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def create(place: Path, name: str, text: str) -> SweepFolder:
    """Start a sweep called ``name`` in the workspace of the folder ``place``."""
    (place / "train.py").write_text(dedent(TRAIN))
    (place / f"{name}.yml").write_text(f"name: {name}\n{text}")
    run("job", "create", "-f", f"{name}.yml", cwd=place)
    return Workspace(place / ".barrido").sweep(name)


def wait_for_end(folder: SweepFolder, *, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    with Reader(folder) as reader:
        while not reader.sweep().phase.is_terminal:
            assert time.monotonic() < deadline, f"{folder.name} is not over"
            time.sleep(0.05)


FINISHED: Mapping[str, str] = {
    "plain": PLAIN,
    "budgets": HYPERBAND,
    "conditional": CONDITIONAL,
    "failing": FAILING,
}
