"""SMAC's facade for hyperparameters, through ask and tell; conditions through ConfigSpace."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.search.peers.conversation import Opening, Plain, Point, converse


def space_of(dimensions: tuple[Plain, ...], seed: int) -> Any:
    cs = import_module("ConfigSpace")
    space = cs.ConfigurationSpace(seed=seed)
    known: dict[str, Any] = {}
    for d in dimensions:
        match d.kind:
            case "real":
                one = cs.UniformFloatHyperparameter(d.name, d.low, d.high, log=d.log)
            case "whole":
                one = cs.UniformIntegerHyperparameter(d.name, int(d.low), int(d.high), log=d.log)
            case "ordered":
                one = cs.OrdinalHyperparameter(d.name, list(range(len(d.values))))
            case "unordered":
                one = cs.CategoricalHyperparameter(d.name, list(range(len(d.values))))
        known[d.name] = one
        space.add(one)
    for d in dimensions:
        if d.parent is not None:
            space.add(cs.EqualsCondition(known[d.name], known[d.parent], d.level))
    return space


class Facade:
    def __init__(self, opening: Opening) -> None:
        smac = import_module("smac")
        self._folder = tempfile.TemporaryDirectory(prefix="barrido-smac-")
        scenario = smac.Scenario(
            space_of(opening.dimensions, opening.seed),
            deterministic=True,
            n_trials=opening.trials,
            seed=opening.seed,
            output_directory=Path(self._folder.name),
        )
        self._value = import_module("smac.runhistory.dataclasses").TrialValue
        self._facade = smac.HyperparameterOptimizationFacade(
            scenario, _never_called, overwrite=True, logging_level=False
        )
        self._trials: dict[int, Any] = {}

    def ask(self, number: int) -> Point:
        info = self._trials[number] = self._facade.ask()
        return {name: _native(value) for name, value in dict(info.config).items()}

    def tell(self, number: int, loss: float) -> None:
        self._facade.tell(self._trials.pop(number), self._value(cost=loss))


def _never_called(config: Any, seed: int = 0) -> float:
    """The facade wants a function with these names, although it is asked and told."""
    raise NotImplementedError


def _native(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    converse(Facade)
