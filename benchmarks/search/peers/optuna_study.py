"""Optuna's samplers, through ask and tell.

``TPESampler`` as it comes, with ``constant_liar`` where points are pending, as its documentation advises.
``GPSampler`` is told that the objective is deterministic; conditional parameters it draws independently.
Ordered numbers are whole-number ranks.
"""

from __future__ import annotations

import sys
from typing import Any

import optuna
from benchmarks.search.peers.conversation import Opening, Plain, Point, converse


def sampler_of(name: str, opening: Opening) -> Any:
    if name == "gp":
        return optuna.samplers.GPSampler(seed=opening.seed, deterministic_objective=True)
    return optuna.samplers.TPESampler(seed=opening.seed, constant_liar=opening.in_flight > 1)


class Study:
    def __init__(self, opening: Opening) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._dimensions = opening.dimensions
        self._study = optuna.create_study(sampler=sampler_of(sys.argv[1], opening))
        self._trials: dict[int, Any] = {}

    def ask(self, number: int) -> Point:
        trial = self._trials[number] = self._study.ask()
        point: dict[str, Any] = {}
        for dimension in self._dimensions:
            if dimension.parent is None or point.get(dimension.parent) == dimension.level:
                point[dimension.name] = suggest(trial, dimension)
        return point

    def tell(self, number: int, loss: float) -> None:
        self._study.tell(self._trials.pop(number), loss)


def suggest(trial: Any, dimension: Plain) -> Any:
    name = dimension.name
    match dimension.kind:
        case "real":
            return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
        case "whole":
            return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
        case "ordered":
            return trial.suggest_int(name, 0, len(dimension.values) - 1)
        case "unordered":
            return dimension.values.index(trial.suggest_categorical(name, dimension.values))


if __name__ == "__main__":
    converse(Study)
