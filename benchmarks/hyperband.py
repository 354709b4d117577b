"""A whole Hyperband of a plain script, and what it costs beside training alone.

    python -m benchmarks.hyperband [--quick] [--door report|mlflow] [--slots 1]

scikit-learn's MLP on its digits, R = 81, η = 3: 143 configurations in five brackets, 1,581 epochs, one
trial at a time (two that train side by side slow each other down, and both pay for it). The script knows
nothing of rungs: it trains 81 epochs and reports its error after each. Beside it, in the same run, one
process trains the same configurations for the same epochs, one after the other, and does nothing else; and
bare forks of a process that has imported everything do, one for each configuration (`benchmarks.forks`).

What counts is the ratio of processor times: that of all of the sweep's processes (controller, nursery,
gateway, trials, the MLflow server where it is asked for) to that of the one process. Required: 1.25 at most.
Ray Tune's Hyperband needs 2.2 times as much with actors that are used again, 22 times as much by default.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from benchmarks.warm import adopt_orphans, cpu_of_children, reap

from barrido import app
from barrido.controller import lock
from barrido.core.layout import Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.store.queries import Reader

TRAINING = """\
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier


def data():
    X, y = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))
    X, y = X[order] / 16.0, y[order]
    return X[:1200], y[:1200], X[1200:], y[1200:]


def errors(parts, epochs, lr, l2, momentum, hidden, batch):
    X, y, X_val, y_val = parts
    model = MLPClassifier(
        hidden_layer_sizes=(hidden,), solver="sgd", learning_rate_init=lr, alpha=l2, momentum=momentum,
        batch_size=batch, random_state=0,
    )
    for _ in range(epochs):
        model.partial_fit(X, y, classes=np.arange(10))
        yield 1.0 - model.score(X_val, y_val)
"""

SCRIPT = """\
import argparse

{imports}
from training import data, errors

parser = argparse.ArgumentParser()
for name, kind in (("lr", float), ("l2", float), ("momentum", float), ("hidden", int), ("batch", int)):
    parser.add_argument("--" + name, type=kind)
parser.add_argument("--epochs", type=int, default=81)
options = vars(parser.parse_args())

for error in errors(data(), **options):
    {report}
"""

DOORS = {
    "report": ("import barrido", "barrido.report(error=error)"),
    "mlflow": ("import mlflow", 'mlflow.log_metric("error", error)'),
}

FORKS = {"forks": "python", "forks, cut off": "at-once"}
"""How trials end that are nothing but forks."""

ALONE = """\
import json
import sys

from training import data, errors

parts = data()
for options, epochs in json.load(open(sys.argv[1])):
    for _ in errors(parts, epochs, **options):
        pass
"""

SPACE = {
    "lr": {"type": "float", "low": 1e-4, "high": 1.0, "log": True},
    "l2": {"type": "float", "low": 1e-6, "high": 1e-1, "log": True},
    "momentum": {"type": "uniform", "min_value": 0.0, "max_value": 0.99},
    "hidden": {"type": "choice", "values": [16, 32, 64]},
    "batch": {"type": "choice", "values": [16, 32, 64, 128]},
}
UNITS = {27: (49, 357), 81: (143, 1581)}
"""By R: the configurations of one Hyperband, and the epochs that they train together."""


def sweep(
    code: Path, where: Path, most: int, slots: int
) -> tuple[float, float, list[tuple[dict[str, object], int]]]:
    """Seconds of processor and wall time, and for each trial what it trained with and for how many epochs."""
    trials, _ = UNITS[most]
    command = " ".join(["python train.py", *(f"--{name} ${{{{search_space.{name}}}}}" for name in SPACE)])
    recipe = Recipe(
        name="digits",
        space=SPACE,
        seed=0,
        scheduler={"type": "hyperband", "max_resource": most, "stop_last_trials": most < 81},
        objective=Objective("error", Goal.MINIMIZE),
        limits=Limits(max_total_trials=trials, max_concurrent_trials=slots),
        work=Work(command=command, code=str(code), environment_variables={"OMP_NUM_THREADS": "1"}),
    )
    before, began_at = cpu_of_children(), time.monotonic()
    folder = app.create(recipe, Workspace(where / ".barrido"))
    controller = lock.holder(folder)
    assert controller is not None
    with Reader(folder) as reader:
        while not (row := reader.sweep()).phase.is_terminal:
            time.sleep(0.1)
        wall_s = time.monotonic() - began_at
        done = reader.trials()
    assert row.phase is SweepPhase.COMPLETED, row.reason
    assert {trial.phase for trial in done} == {Phase.COMPLETED, Phase.PRUNED}
    assert sum(trial.reports for trial in done) == UNITS[most][1]
    reap(folder, controller)
    for child in psutil.Process().children():  # the MLflow server, where there is one
        child.send_signal(signal.SIGTERM)
        os.waitpid(child.pid, 0)
    return cpu_of_children() - before, wall_s, [(dict(trial.params), trial.reports) for trial in done]


def alone(code: Path, work: list[tuple[dict[str, object], int]]) -> float:
    """Seconds of processor time of one process that trains the same."""
    (code / "work.json").write_text(json.dumps(work))
    (code / "alone.py").write_text(ALONE)
    return cpu_of(code, "alone.py", "work.json")


def forked(code: Path, work: list[tuple[dict[str, object], int]], end: str) -> float:
    """Seconds of processor time of bare forks that train the same, report nothing, and never pause."""
    (code / "forks.json").write_text(json.dumps([{**options, "epochs": epochs} for options, epochs in work]))
    (code / "train.py").write_text(SCRIPT.format(imports="", report="pass"))
    return cpu_of(code, str(Path(__file__).with_name("forks.py")), "forks.json", "1", end)


def cpu_of(code: Path, *words: str) -> float:
    """Seconds of processor time of a Python program in the folder ``code``."""
    before = cpu_of_children()
    subprocess.run(
        [sys.executable, *words], cwd=code, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    return cpu_of_children() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="R = 27: 49 configurations, 357 epochs")
    parser.add_argument("--door", choices=DOORS, help="this way to report and no other")
    parser.add_argument("--slots", type=int, default=1, help="trials at a time")
    chosen = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    adopt_orphans()
    most = 27 if chosen.quick else 81
    trials, epochs = UNITS[most]
    print(f"Hyperband of a plain script: R = {most}, {trials} configurations, {epochs:,} epochs")
    print(f"trials at a time: {chosen.slots}")
    print(
        f"{'reports through':<18}{'its CPU':>12}{'alone CPU':>12}{'ratio':>8}{'sweep wall':>13}", flush=True
    )
    for door in [chosen.door] if chosen.door else DOORS:
        where = Path(tempfile.mkdtemp(prefix="barrido-bench-"))
        try:
            code = where / "code"
            code.mkdir()
            imports, report = DOORS[door]
            (code / "training.py").write_text(TRAINING)
            (code / "train.py").write_text(SCRIPT.format(imports=imports, report=report))
            cpu_s, wall_s, work = sweep(code, where, most, chosen.slots)
            alone_s = alone(code, work)
            row = f"{door:<18}{cpu_s:>10.1f} s{alone_s:>10.1f} s{cpu_s / alone_s:>7.2f}x{wall_s:>11.1f} s"
            print(row, flush=True)
            for name, end in FORKS.items():
                forked_s = forked(code, work, end)
                row = f"{name:<18}{forked_s:>10.1f} s{alone_s:>10.1f} s{forked_s / alone_s:>7.2f}x"
                print(row, flush=True)
        finally:
            shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
