"""Test functions from their textbook definitions, to be minimised.

Surjanovic and Bingham, "Virtual library of simulation experiments: test functions and datasets" (2013)
has the formulas and their optima; `mixed_ackley` and `branches` are made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_STEEPNESS = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x: Array) -> float:
    """On [0, 1]^6; optimum -3.32237."""
    return -float(_WEIGHTS @ np.exp(-(_STEEPNESS * (x - _CENTRES) ** 2).sum(axis=1)))


def ackley(x: Array) -> float:
    """Optimum 0 at the origin."""
    waves = np.exp(np.cos(2 * np.pi * x).mean())
    return float(20 + np.e - 20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - waves)


def levy(x: Array) -> float:
    """Optimum 0 where every coordinate is 1."""
    w = 1 + (x - 1) / 4
    inner = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return float(np.sin(np.pi * w[0]) ** 2 + inner.sum() + last)


def michalewicz(x: Array) -> float:
    """On [0, pi]^d; in five dimensions the optimum is -4.687658."""
    i = np.arange(1, len(x) + 1)
    return -float((np.sin(x) * np.sin(i * x**2 / np.pi) ** 20).sum())


def styblinski(x: Array) -> float:
    """Styblinski and Tang's; optimum -39.16617 a dimension, where every coordinate is -2.903534."""
    return float((x**4 - 16 * x**2 + 5 * x).sum() / 2)


def mixed_ackley(params: Mapping[str, Any]) -> float:
    """Ackley's function of three switches (off is 0, on is 1), two whole and three real numbers.

    Moved: some optimisers try the middle of the space first, and no optimum ought to lie there.
    """
    switches = [float(params[f"switch{i}"] == "on") for i in range(3)]
    numbers = [params[name] - at for name, at in _MOVED.items()]
    return ackley(np.array([*switches, *numbers]))


_MOVED = {"k0": 2, "k1": -1, "x0": 0.37, "x1": -0.52, "x2": 0.18}


def branches(params: Mapping[str, Any]) -> float:
    """Two models with parameters of their own: the easier one ends at 0.12, the narrower one at 0.05."""
    model = params["model"]
    loss: float
    if model["algo"] == "svm":
        loss = 0.12 + 0.01 * (log10(model["C"]) - 1.3) ** 2 + 0.02 * (log10(model["gamma"]) + 3.2) ** 2
    else:
        rate = 0.06 * (log10(model["lr"]) + 3.1) ** 2
        loss = 0.05 + rate + 0.02 * abs(model["layers"] - 4) + 0.03 * log2(model["width"] / 128) ** 2
    return loss
