"""Ray Tune, the yardstick, in a process of its own: ``python -m benchmarks.clusters.tuning WHAT FOLDER …``.

It says ``bench: SECONDS`` when Ray has started, and when its work is done, with the seconds that took; it
leaves when its standard input is closed.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.clusters.footprint import Footprint
from benchmarks.hyperband import SPACE

OBJECTS = 100 << 20
MOST = 81
"""Epochs, of Hyperband."""


@dataclass(frozen=True)
class Figures:
    trials: int
    start_s: float
    wall_s: float
    cpu_s: float  # from when Ray had started
    start_cpu_s: float
    peak_mib: float


def measure(what: str, folder: Path, trials: int, *, slots: int, reuse: bool, more: str = "") -> Figures:
    """Run ``trials`` trials in ``folder``; ``more`` is put on the path of modules."""
    words = [sys.executable, "-m", "benchmarks.clusters.tuning", what, str(folder), str(trials), str(slots)]
    path = os.pathsep.join(filter(None, (more, os.environ.get("PYTHONPATH"))))
    began = time.perf_counter()
    with (
        Footprint() as footprint,
        (folder / "said.log").open("w") as log,
        subprocess.Popen(
            [*words, *(["--reuse"] if reuse else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **({"PYTHONPATH": path} if path else {})},
            text=True,
        ) as process,
    ):
        _said(process)
        start_s = time.perf_counter() - began
        before = footprint.cpu_s()
        wall_s = _said(process)
        cpu_s = footprint.cpu_s() - before
    return Figures(trials, start_s, wall_s, cpu_s, before, footprint.peak_mib)


def work(folder: Path) -> list[tuple[dict[str, object], int]]:
    """What the trials that ran in ``folder`` trained with, and for how many epochs."""
    return [(config, epochs) for config, epochs in json.loads((folder / "work.json").read_text())]


def _said(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("bench: "):
            return float(line.split()[1])
    raise RuntimeError(f"Ray Tune ended with {process.wait()}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("true", "hyperband"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("trials", type=int)
    parser.add_argument("slots", type=int)
    parser.add_argument("--reuse", action="store_true")
    chosen = parser.parse_args()
    import ray

    import_module("ray.tune")  # now: it takes seconds, and is no part of the work
    ray.init(
        num_cpus=chosen.slots,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=OBJECTS,
        _node_ip_address="127.0.0.1",
    )
    print("bench: 0", flush=True)
    run = {"true": run_nothing, "hyperband": run_hyperband}[chosen.what]
    began = time.perf_counter()
    results = run(chosen.folder, chosen.trials, chosen.reuse)
    took = time.perf_counter() - began
    assert len(results) == chosen.trials
    assert results.num_errors == 0
    did = [(one.config, one.metrics["training_iteration"]) for one in results]
    (chosen.folder / "work.json").write_text(json.dumps(did))
    print(f"bench: {took}", flush=True)
    sys.stdin.read()
    ray.shutdown()


def run_nothing(folder: Path, trials: int, reuse: bool) -> Any:
    from ray import tune

    def trial(config: dict[str, Any]) -> None:  # noqa: ARG001
        done = subprocess.run(["true"], check=True)
        tune.report({"loss": float(done.returncode)})

    space = {"x": tune.randint(0, trials)}
    return _fit(folder, trial, space, num_samples=trials, reuse_actors=reuse)


def run_hyperband(folder: Path, trials: int, reuse: bool) -> Any:
    """The sweep of `benchmarks.hyperband` at R = 81. A trial that pauses goes on in another actor, from its
    checkpoint; every epoch has one, because Tune does not say where it will pause."""
    from ray import tune

    def trial(config: dict[str, Any]) -> None:
        import numpy as np
        from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]
        from training import data  # type: ignore[import-not-found]

        X, y, X_val, y_val = data()
        kept = tune.get_checkpoint()
        if kept is None:
            epoch = 0
            model = MLPClassifier(
                hidden_layer_sizes=(config["hidden"],), solver="sgd", learning_rate_init=config["lr"],
                alpha=config["l2"], momentum=config["momentum"], batch_size=config["batch"], random_state=0,
            )  # fmt: skip
        else:
            with kept.as_directory() as place:
                epoch, model = pickle.loads((Path(place) / "model").read_bytes())
        while epoch < MOST:
            model.partial_fit(X, y, classes=np.arange(10))
            epoch += 1
            with tempfile.TemporaryDirectory() as place:
                (Path(place) / "model").write_bytes(pickle.dumps((epoch, model)))
                tune.report(
                    {"error": 1.0 - model.score(X_val, y_val)},
                    checkpoint=tune.Checkpoint.from_directory(place),
                )

    scheduler = tune.schedulers.HyperBandScheduler(
        time_attr="training_iteration", metric="error", mode="min", max_t=MOST, reduction_factor=3
    )
    space = {name: _domain(tune, spec) for name, spec in SPACE.items()}
    return _fit(folder, trial, space, num_samples=trials, reuse_actors=reuse, scheduler=scheduler)


def _domain(tune: Any, spec: Any) -> Any:
    match spec["type"]:
        case "float":
            return tune.loguniform(spec["low"], spec["high"])
        case "uniform":
            return tune.uniform(spec["min_value"], spec["max_value"])
        case "choice":
            return tune.choice(spec["values"])
    raise ValueError(spec)


def _fit(folder: Path, trial: Callable[[dict[str, Any]], None], space: dict[str, Any], **config: Any) -> Any:
    from ray import tune

    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(**config),
        run_config=tune.RunConfig(name="peer", storage_path=str(folder), verbose=0),
    )
    return tuner.fit()


if __name__ == "__main__":
    main()
