"""What is trained: recorded and modelled learning curves, each with the space of its configurations.

All are minimised and deterministic. DEVELOPMENT problems may be looked at while a sampler or a scheduler is
written; nothing is ever chosen by a HELD_OUT one. `reference.json` keeps what losses are measured by.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.budgets import live
from benchmarks.search.environments import ROOT
from benchmarks.search.problems import BY_NAME as SEARCHED
from numpy.typing import NDArray

from barrido.space import Space

Array = NDArray[np.float64]
RECORDED = Path(__file__).parent / "recorded"
_SHARED = ROOT.parent / "shared" / "bench"


@dataclass(frozen=True)
class Training:
    """One configuration trained to its end."""

    losses: Array  # (most,): one a step
    seconds: float  # that a step takes


Train = Callable[[Mapping[str, Any]], Training]


@dataclass(frozen=True)
class Problem:
    name: str
    family: str
    form: Callable[[], Mapping[str, Any]]  # the space in barrido's JSON form
    build: Callable[[Space], Train]  # loads what training needs
    most: int  # steps of a full training
    least: int  # the fewest after which a loss says something
    best: Callable[[], float]  # the least loss that is known

    @cached_property
    def space(self) -> Space:
        return Space.from_json(self.form())

    @cached_property
    def train(self) -> Train:
        return self.build(self.space)

    @property
    def is_there(self) -> bool:
        if self.family == "live":
            return (RECORDED / f"{self.name}.npz").exists()
        return _SHARED.is_dir()


def nearest(space: Space, points: Array, losses: Array, seconds: Array) -> Train:
    """Training by heart: the recorded configuration that is nearest in the unit cube.

    ``points`` (n, d), ``losses`` (n, steps), ``seconds`` (n,) a step.
    """

    def train(params: Mapping[str, Any]) -> Training:
        i = int(np.argmin(((points - space.to_unit([params])) ** 2).sum(axis=1)))
        return Training(losses[i], float(seconds[i]))

    return train


def _loader(name: str) -> Any:
    if str(_SHARED) not in sys.path:
        sys.path.insert(0, str(_SHARED))
    return import_module(name)


def _taskset_form() -> dict[str, Any]:
    axes = _loader("load_taskset").space()
    return {
        name: {"type": "float", "low": a["low"], "high": a["high"], "log": True} for name, a in axes.items()
    }


def _taskset(task: str) -> Problem:
    """Real curves of 1,000 configurations, without the first of 51 points: the network is untrained there."""

    def build(space: Space) -> Train:
        loader = _loader("load_taskset")
        pool = loader.pool(task)
        losses = np.array([loader.curve(task, {"index": i})[0][1:] for i in range(len(pool))])
        inside = [
            {k: min(max(point[k], a["low"]), a["high"]) for k, a in loader.space().items()} for point in pool
        ]
        return nearest(space, space.to_unit(inside), losses, np.ones(len(pool)))

    def best() -> float:
        return float(_loader("load_taskset").best_anytime(task))

    return Problem(f"taskset-{task}", "taskset", _taskset_form, build, 50, 1, best)


def _lcbench(task: str) -> Problem:
    """A surrogate, with seconds. Its first epoch is that of a network that is almost untrained."""

    def build(_: Space) -> Train:
        surrogate = _loader("load_lcbench")

        def train(params: Mapping[str, Any]) -> Training:
            losses, seconds = surrogate.curve_batch(task, [params])
            return Training(losses[0], float(seconds[0, -1]) / losses.shape[1])

        return train

    def best() -> float:
        return float(_loader("load_lcbench").best(task))

    return Problem(f"lcbench-{task}", "lcbench", SEARCHED["lcbench-126026"].form, build, 52, 3, best)


def _live(name: str) -> Problem:
    def build(space: Space) -> Train:
        with np.load(RECORDED / f"{name}.npz") as kept:
            return nearest(space, kept["points"], kept["losses"].astype(float), kept["seconds"])

    def best() -> float:
        with np.load(RECORDED / f"{name}.npz") as kept:
            return float(kept["losses"].min())

    return Problem(name, "live", lambda: live.MODELS[name].form, build, live.EPOCHS, 1, best)


DEVELOPMENT = (
    _taskset("patch128_LSTM128_avg_bs64"),
    _taskset("patch32_GRU64_avg_bs128"),
    _taskset("patch32_IRNN64_relu_last_bs128"),
    _taskset("patch32_LSTM128_bs128"),
    _lcbench("126026"),
    _lcbench("167149"),
    _lcbench("189908"),
    _lcbench("34539"),
    _live("mlp-digits"),
    _live("sgd-cancer"),
)
HELD_OUT = (
    _taskset("patch128_LSTM128_embed128_bs64"),
    _taskset("patch32_VRNN64_relu_avg_bs128"),
    _lcbench("168868"),
    _lcbench("3945"),
    _lcbench("146212"),
    _live("mlp-diabetes"),
    _live("sgd-digits"),
)
BY_NAME: Mapping[str, Problem] = {problem.name: problem for problem in (*DEVELOPMENT, *HELD_OUT)}
