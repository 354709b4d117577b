"""A Tune driver as people write it, and the training that it runs: a file gets a line for each iteration.

As a program, ``driver.py FOLDER SLOTS SEARCH KILL RAY`` is killed after KILL results, or restores what was.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}

import ray
from ray import tune

from barrido import HyperbandScheduler
from barrido.integrations.ray import BarridoScheduler, BarridoSearch

SPACE = {"x": tune.uniform(0, 1)}


def start(folder: str) -> None:
    """A Ray of two CPUs; ``folder`` is short, for sockets have short names."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
        object_store_memory=100 * 2**20,
        _temp_dir=folder,
    )


def training(executed: Path, loss: Callable[[float, int], float], length: int = 9) -> Callable[[Any], None]:
    """``loss`` of x and the iteration; it may raise."""

    def train(config: dict[str, Any]) -> None:
        first = 1
        if (checkpoint := tune.get_checkpoint()) is not None:
            with checkpoint.as_directory() as folder:
                first += int(Path(folder, "iteration").read_text())
        for n in range(first, length + 1):
            with executed.open("a") as file:
                file.write(f"{config['x']} {n}\n")
            value = loss(config["x"], n)
            with tempfile.TemporaryDirectory() as made:
                Path(made, "iteration").write_text(str(n))
                tune.report({"loss": value}, checkpoint=tune.Checkpoint.from_directory(made))

    return train


def smooth(x: float, n: int) -> float:
    return x + 1 / n


def run(
    folder: Path,
    scheduler: BarridoScheduler | None,
    *,
    search: Any = None,
    slots: int | None = None,
    trials: int = 17,
    loss: Callable[[float, int], float] = smooth,
    callbacks: Any = None,
    space: Any = None,
    length: int = 9,
) -> Any:
    """The results of a Tuner."""
    return tune.Tuner(
        training(folder / "executed", loss, length),
        param_space=SPACE if space is None else space,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=trials,
            reuse_actors=True,
            max_concurrent_trials=slots,
            search_alg=search,
            scheduler=scheduler,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), name="run", verbose=0, callbacks=callbacks),
    ).fit()


class Kill(tune.Callback):  # type: ignore[misc]
    """kill -9 of the driver, when it was told so many results."""

    def __init__(self, after: int) -> None:
        self._left = after

    def on_trial_result(self, **_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, slots: int, search: str, kill: int, ray_folder: str) -> None:
    start(ray_folder)
    if kill:
        chosen = BarridoSearch(sampling_algorithm="sobol") if search == "ours" else None
        given = BarridoScheduler(HyperbandScheduler(max_resource=9))
        run(folder, given, search=chosen, slots=slots, callbacks=[Kill(kill)])
        return
    tuner = tune.Tuner.restore(str(folder / "run"), training(folder / "executed", smooth))
    tuner._local_tuner._run_config.callbacks = None  # it was saved with its killer
    lengths = sorted(one.metrics["training_iteration"] for one in tuner.fit())
    (folder / "lengths").write_text(" ".join(map(str, lengths)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
