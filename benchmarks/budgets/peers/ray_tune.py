"""Ray Tune on recorded curves: its schedulers in earnest, trials that read their losses from a table.

    python -m benchmarks.budgets.peers.ray_tune hyperband|asha

reads ``{"losses": [[...], ...], "steps": n}`` from standard input and writes ``[[trial, loss], ...]``: the
first n steps in the order in which they were done. One trial runs at a time, held by resources, as
`max_concurrent_trials` keeps Tune's Hyperband from halving. Trials keep checkpoints and reuse actors;
everything else is as it comes, with a reduction factor of 3. Trial k takes row k, in order.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any


def run(kind: str, losses: list[list[float]], steps: int) -> list[tuple[int, float]]:
    ray, tune, schedulers = (import_module(name) for name in ("ray", "ray.tune", "ray.tune.schedulers"))
    most = len(losses[0])
    done: list[tuple[int, float]] = []

    class Replay(tune.Trainable):  # type: ignore[misc, name-defined]
        def setup(self, config: dict[str, Any]) -> None:
            self.at = 0

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.at = 0
            return True

        def step(self) -> dict[str, Any]:
            self.at += 1
            row = self.config["row"]
            return {"loss": losses[row][self.at - 1], "row": row, "done": self.at == most}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            (Path(checkpoint_dir) / "at").write_text(str(self.at))

        def load_checkpoint(self, checkpoint: str) -> None:
            self.at = int((Path(checkpoint) / "at").read_text())

    class Spent(tune.Stopper):  # type: ignore[misc, name-defined]
        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            done.append((result["row"], result["loss"]))
            return False

        def stop_all(self) -> bool:
            return len(done) >= steps

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    what = {"metric": "loss", "mode": "min", "max_t": most, "reduction_factor": 3}
    if kind == "asha":
        scheduler = schedulers.ASHAScheduler(grace_period=1, **what)
    else:
        scheduler = schedulers.HyperBandScheduler(**what)
    with tempfile.TemporaryDirectory(prefix="barrido-ray-") as folder:
        tune.Tuner(
            tune.with_resources(Replay, {"cpu": 1}),
            param_space={"row": tune.grid_search(list(range(len(losses))))},
            tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
            run_config=tune.RunConfig(name="replay", storage_path=folder, stop=Spent(), verbose=0),
        ).fit()
    ray.shutdown()
    return done[:steps]


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    asked = json.loads(sys.stdin.readline())
    answers.write(json.dumps(run(sys.argv[1], asked["losses"], asked["steps"])) + "\n")
    answers.flush()
