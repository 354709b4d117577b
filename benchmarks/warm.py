"""Trials of a Python script, started cold and started warm, in the same run: how many a minute, how soon
the first one is done, what they cost in processor time and in memory.

    python benchmarks/warm.py [--quick] [--only tutorial|lightgbm|torch]

Ratios are what counts: the machine is whatever it is. Required for the tutorial's script, two trials at a
time: 8x the cold trials per minute with 30 trials, 25x with 200, the start of the warm parent included.

Each script has a workspace of its own, with the MLflow server and store that a user finds there. One cold
trial goes first and is not counted: it starts that server, compiles the libraries' bytecode and brings
their files into memory, for both sides alike. Everything else is within the figures: from the call of
`create` to the end of the last trial. Memory is looked at in sweeps of their own, because looking takes time.
Scripts whose libraries are not installed are left out: `pip install lightgbm torch`.

Beside them bare forks of a process that has imported everything (`benchmarks.forks`), two at a time, which
log to the same MLflow server: what anybody's own fork server would give, with nothing around it.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from barrido import app
from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepPhase
from barrido.store.queries import NoteRow, Reader

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What barrido gives to trials that share two cores."""

TUTORIAL = Path(__file__).parent.parent / "examples/tutorial/src"

LIGHTGBM = """\
import argparse

import lightgbm as lgb
import mlflow
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
args = parser.parse_args()

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
parameters = {"objective": "binary", "learning_rate": args.rate, "num_leaves": 15, "seed": 0, "verbose": -1}
model = lgb.train(parameters, lgb.Dataset(X_train, y_train), num_boost_round=60)
mlflow.log_metric("Accuracy", float(np.mean((model.predict(X_test) > 0.5) == y_test)))
"""

TORCH = """\
import argparse

import mlflow
import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
args = parser.parse_args()

torch.manual_seed(0)
digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=args.rate, momentum=0.9)
for step in range(100):
    rows = torch.randint(0, 1200, (64,))
    loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    accuracy = (model(X[1200:]).argmax(1) == y[1200:]).float().mean()
mlflow.log_metric("Accuracy", accuracy.item())
"""


@dataclass(frozen=True)
class Script:
    """A training script, ``text``, or the folder of one; it imports ``package``, and takes one option."""

    title: str
    option: str
    package: str
    text: str | None = None

    def code(self, where: Path) -> Path:
        if self.text is None:
            return TUTORIAL
        folder = where / "code"
        folder.mkdir()
        (folder / "train.py").write_text(self.text)
        return folder


SCRIPTS = {
    "tutorial": Script("the tutorial's script (pandas, scikit-learn)", "regularization", "sklearn"),
    "lightgbm": Script("LightGBM", "rate", "lightgbm", LIGHTGBM),
    "torch": Script("PyTorch", "rate", "torch", TORCH),
}


@dataclass(frozen=True)
class Figures:
    """A sweep seen from outside. Times are in seconds from the call of `create`."""

    trials: int
    wall_s: float
    first_s: float  # the end of the first trial
    cpu_s: float  # of all its processes: controller, gateway, nursery, trials; not of the MLflow server
    warm: int  # how many started warm
    peak: int  # bytes, where memory was looked at
    notes: tuple[NoteRow, ...]

    @property
    def per_minute(self) -> float:
        return self.trials / self.wall_s * 60


class Bench:
    """Runs sweeps of one script in one workspace."""

    def __init__(self, script: Script, where: Path) -> None:
        self._workspace = Workspace(where / ".barrido")
        self._script = script
        self._code = script.code(where)
        self._count = 0

    def run(self, warm: str, trials: int, *, look_at_memory: bool = False) -> Figures:
        self._count += 1
        before = cpu_of_children()
        began_at = time.time()
        folder = app.create(self._recipe(warm, trials), self._workspace)
        controller = lock.holder(folder)
        assert controller is not None
        gauge = Gauge(controller) if look_at_memory else None
        with Reader(folder) as reader:
            while not (sweep := reader.sweep()).phase.is_terminal:
                time.sleep(0.1)
            done = reader.trials()
            notes = tuple(reader.notes())
        peak = gauge.stop() if gauge is not None else 0
        reap(folder, controller)
        assert sweep.phase is SweepPhase.COMPLETED, sweep.reason
        assert len(done) == trials
        assert all(trial.reports == 1 for trial in done)
        ends = [trial.ended_at - began_at for trial in done if trial.ended_at is not None]
        cpu_s = cpu_of_children() - before
        started_warm = sum(trial.warm for trial in done)
        return Figures(trials, max(ends), min(ends), cpu_s, started_warm, peak, notes)

    def fork(self, trials: int) -> Figures:
        """So many trials that are nothing but forks, and runs in MLflow."""
        work = self._workspace.root / "forks.json"
        work.write_text(json.dumps([{self._script.option: 0.01 + n / trials} for n in range(trials)]))
        (server,) = (json.loads(path.read_text()) for path in self._workspace.mlflow.glob("*.json"))
        before, began_at = cpu_of_children(), time.monotonic()
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("forks.py").resolve()), str(work), "2", "python"],
            cwd=self._code, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD, "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{server['port']}"},
        )  # fmt: skip
        wall_s = time.monotonic() - began_at
        return Figures(trials, wall_s, 0.0, cpu_of_children() - before, 0, 0, ())

    def _recipe(self, warm: str, trials: int) -> Recipe:
        return Recipe(
            name=f"sweep{self._count}",
            space={"rate": {"type": "uniform", "min_value": 0.01, "max_value": 1.0}},
            objective=Objective("Accuracy", Goal.MAXIMIZE),
            limits=Limits(max_total_trials=trials, max_concurrent_trials=2),
            work=Work(
                command=f"python train.py --{self._script.option} ${{{{search_space.rate}}}}",
                code=str(self._code.resolve()),
                warm=warm,
            ),
        )


class Gauge:
    """Looks at the memory of a sweep's trials, their leaders and their nursery ten times a second.

    Counted is PSS: a page that several processes share is split among them, so the sum counts it once.
    """

    def __init__(self, controller: int) -> None:
        self._controller = psutil.Process(controller)
        self._peak = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        """The highest sum, in bytes."""
        self._is_over.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._is_over.wait(0.1):
            with suppress(psutil.Error):  # the controller has ended
                self._peak = max(self._peak, sum(self._held()))

    def _held(self) -> Iterator[int]:
        for process in self._controller.children(recursive=True):
            with suppress(psutil.Error, OSError):  # it has just ended
                if "barrido.tracking" in " ".join(process.cmdline()):
                    continue  # the gateway
                for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        yield int(line.split()[1]) * 1024


def adopt_orphans() -> None:
    """Become the parent of what the launcher leaves behind: so its processor time can be asked for."""
    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def reap(folder: SweepFolder, controller: int) -> None:
    """Wait until every process of the sweep is gone. The MLflow server is the workspace's, and stays."""
    ours = {controller}
    while ours:
        time.sleep(0.05)
        for child in psutil.Process().children():  # with the controller gone, its gateway is one of them
            with suppress(psutil.Error):
                if any(str(folder.root) in word for word in child.cmdline()):
                    ours.add(child.pid)
        with suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                ours.discard(pid)


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(script: Script, where: Path, quick: bool) -> None:
    few, many, looked_at = (10, 50, 4) if quick else (30, 200, 8)
    bench = Bench(script, where)
    bench.run("off", 1)
    print(f"\n{script.title}: random sampling, two trials at a time")
    print(
        f"{'':<6}{'trials':>7}{'trials/min':>12}{'ratio':>8}{'first done':>12}{'CPU a trial':>13}{'warm':>6}",
        flush=True,
    )
    notes: dict[str, None] = {}
    rows = [("cold", "off", few), ("warm", "auto", few), ("warm", "auto", many), ("forks", "", many)]
    cold: Figures | None = None
    for label, warm, trials in rows:
        figures = bench.run(warm, trials) if warm else bench.fork(trials)
        cold = cold or figures
        first = f"{figures.first_s:.2f} s" if figures.first_s else ""
        print(
            f"{label:<6}{trials:>7}{figures.per_minute:>12.1f}{figures.per_minute / cold.per_minute:>7.1f}x"
            f"{first:>12}{figures.cpu_s / trials * 1e3:>10,.0f} ms{figures.warm:>6}",
            flush=True,
        )
        notes.update(dict.fromkeys(note.text for note in figures.notes))
    print(f"  the cold trials per minute were measured on {few}; CPU is that of all the sweep's processes")
    peaks = [bench.run(warm, looked_at, look_at_memory=True).peak / 2**20 for warm in ("off", "auto")]
    print(
        f"  memory at its highest (PSS, {looked_at} trials): cold {peaks[0]:,.0f} MiB,"
        f" warm {peaks[1]:,.0f} MiB with the warm parent"
    )
    for note in notes:
        print(f"  note: {note}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the trials")
    parser.add_argument("--only", choices=SCRIPTS, help="this script and no other")
    chosen = parser.parse_args()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or cold trials would compile forever
    adopt_orphans()
    for name in [chosen.only] if chosen.only else SCRIPTS:
        script = SCRIPTS[name]
        if importlib.util.find_spec(script.package) is None:
            print(f"\n{script.title}: left out, {script.package} is not installed")
            continue
        where = Path(tempfile.mkdtemp(prefix="barrido-bench-"))
        try:
            compare(script, where, chosen.quick)
        finally:
            for child in psutil.Process().children():
                child.send_signal(signal.SIGTERM)  # the MLflow server
                child.wait(20)
            shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
