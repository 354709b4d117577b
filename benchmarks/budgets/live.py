"""Models of scikit-learn that learn epoch by epoch, on data that it ships, recorded once.

    python -m benchmarks.budgets.live [NAME ...]

trains `POINTS` configurations of each for `EPOCHS` epochs and writes ``recorded/NAME.npz``, so that every
optimiser meets the same curves and the same seconds.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EPOCHS = 27
POINTS = 1_000
_WORST = 5.0  # of a loss that starts near 1 or 2: what diverged is that bad


@dataclass(frozen=True)
class Model:
    form: Mapping[str, Any]  # the space in barrido's JSON form
    losses: Callable[[Mapping[str, Any]], Iterator[float]]  # the validation loss after each epoch


@dataclass(frozen=True)
class _Split:
    """Standardised inputs, and targets: a third of the rows validates."""

    x: Array
    y: Array
    x_valid: Array
    y_valid: Array


def _split(name: str) -> _Split:
    data = getattr(import_module("sklearn.datasets"), name)()
    x, y = data.data, data.target
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    third = len(x) // 3
    return _Split(x[third:], y[third:], x[:third], y[:third])


def _cross_entropy(model: Any, split: _Split) -> float:
    chances = model.predict_proba(split.x_valid)
    column = np.searchsorted(model.classes_, split.y_valid)
    return -float(np.log(np.clip(chances[np.arange(len(column)), column], 1e-6, None)).mean())


def _squared_error(model: Any, split: _Split) -> float:
    return float(((model.predict(split.x_valid) - split.y_valid) ** 2).mean())


def _network(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (params["width"],) * params["layers"],
        "activation": params["activation"],
        "solver": params["solver"],
        "learning_rate_init": params["rate"],
        "alpha": params["decay"],
        "batch_size": params["batch"],
        "momentum": 1 - params["friction"],
        "beta_1": 1 - params["friction"],
        "random_state": 0,
    }


def _epochs(model: Any, split: _Split, loss: Callable[[Any, _Split], float], **first: Any) -> Iterator[float]:
    """One pass over the data an epoch. What overflows has the worst loss from there on."""
    is_lost = False
    for _ in range(EPOCHS):
        if not is_lost:
            try:
                model.partial_fit(split.x, split.y, **first)
                value = loss(model, split)
            except ValueError:  # scikit-learn's word for weights that are not finite any more
                value = _WORST
            is_lost = not value < _WORST
        yield _WORST if is_lost else value


def _mlp_digits(params: Mapping[str, Any]) -> Iterator[float]:
    split = _split("load_digits")
    model = import_module("sklearn.neural_network").MLPClassifier(**_network(params))
    return _epochs(model, split, _cross_entropy, classes=np.unique(split.y))


def _mlp_diabetes(params: Mapping[str, Any]) -> Iterator[float]:
    split = _split("load_diabetes")
    mean, deviation = split.y.mean(), split.y.std()
    split = _Split(split.x, (split.y - mean) / deviation, split.x_valid, (split.y_valid - mean) / deviation)
    model = import_module("sklearn.neural_network").MLPRegressor(**_network(params))
    return _epochs(model, split, _squared_error)


def _sgd(data: str) -> Callable[[Mapping[str, Any]], Iterator[float]]:
    def losses(params: Mapping[str, Any]) -> Iterator[float]:
        split = _split(data)
        model = import_module("sklearn.linear_model").SGDClassifier(
            loss=params["loss"],
            penalty="elasticnet",
            alpha=params["alpha"],
            l1_ratio=params["share"],
            learning_rate=params["schedule"],
            eta0=params["rate"],
            power_t=params["power"],
            average=params["average"] == "yes",
            random_state=0,
        )
        return _epochs(model, split, _cross_entropy, classes=np.unique(split.y))

    return losses


def _log(low: float, high: float) -> dict[str, Any]:
    return {"type": "float", "low": low, "high": high, "log": True}


def _choice(*values: str) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


_NETWORK: dict[str, Any] = {
    "solver": _choice("adam", "sgd"),
    "activation": _choice("relu", "tanh", "logistic"),
    "rate": _log(1e-5, 1.0),
    "friction": _log(1e-2, 1.0),
    "decay": _log(1e-6, 10.0),
    "batch": {"type": "int", "low": 8, "high": 256, "log": True},
    "width": {"type": "int", "low": 4, "high": 64, "log": True},
    "layers": {"type": "int", "low": 1, "high": 3},
}
_LINEAR: dict[str, Any] = {
    "loss": _choice("log_loss", "modified_huber"),
    "schedule": _choice("constant", "invscaling"),
    "average": _choice("no", "yes"),
    "alpha": _log(1e-7, 1.0),
    "share": {"type": "uniform", "min_value": 0.0, "max_value": 1.0},
    "rate": _log(1e-6, 10.0),
    "power": {"type": "uniform", "min_value": 0.05, "max_value": 1.0},
}
MODELS: Mapping[str, Model] = {
    "mlp-digits": Model(_NETWORK, _mlp_digits),
    "sgd-cancer": Model(_LINEAR, _sgd("load_breast_cancer")),
    "mlp-diabetes": Model(_NETWORK, _mlp_diabetes),
    "sgd-digits": Model(_LINEAR, _sgd("load_digits")),
}


def record(name: str, path: Path) -> None:
    """Train the configurations of a scrambled Sobol sequence: they fill the space evenly."""
    from barrido.samplers.sobol import SobolSampler
    from barrido.space import Space

    model = MODELS[name]
    space = Space.from_json(model.form)
    points = [point for point in SobolSampler(space).ask([], [], range(POINTS), 0) if point is not None]
    losses = np.empty((len(points), EPOCHS), np.float32)
    seconds = np.empty(len(points))
    for i, point in enumerate(points):
        began = time.process_time()
        losses[i] = list(model.losses(point))
        seconds[i] = (time.process_time() - began) / EPOCHS
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, points=space.to_unit(points), losses=losses, seconds=seconds)
    print(f"{name}: {len(points)} configurations in {seconds.sum() * EPOCHS:.0f} s", flush=True)


def main() -> None:
    warnings.simplefilter("ignore")  # of weights that overflow: the loss says it
    np.seterr(all="ignore")
    for name in sys.argv[1:] or MODELS:
        record(name, Path(__file__).parent / "recorded" / f"{name}.npz")


if __name__ == "__main__":
    main()
