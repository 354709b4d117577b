"""Ax through its client, as it comes; conditions through ``dependent_parameters``."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from benchmarks.search.peers.conversation import Opening, Plain, Point, converse


def config_of(dimension: Plain, below: dict[str, list[str]]) -> Any:
    """``below``: the parameters that each value of this one brings with it."""
    ax = import_module("ax")
    match dimension.kind:
        case "real" | "whole":
            return ax.RangeParameterConfig(
                name=dimension.name,
                parameter_type="float" if dimension.kind == "real" else "int",
                bounds=(dimension.low, dimension.high),
                scaling="log" if dimension.log else "linear",
            )
        case "ordered":
            return ax.ChoiceParameterConfig(
                name=dimension.name,
                parameter_type="float",
                values=[float(value) for value in dimension.values],
                is_ordered=True,
            )
        case "unordered":
            return ax.ChoiceParameterConfig(
                name=dimension.name,
                parameter_type="str",
                values=list(dimension.values),
                is_ordered=False,
                dependent_parameters=below or None,
            )


class Client:
    def __init__(self, opening: Opening) -> None:
        logging.disable(logging.WARNING)
        self._dimensions = {dimension.name: dimension for dimension in opening.dimensions}
        self._client = import_module("ax").Client(random_seed=opening.seed)
        self._client.configure_experiment(
            parameters=[config_of(dimension, self._below(dimension)) for dimension in opening.dimensions]
        )
        self._client.configure_optimization(objective="-loss")
        self._trials: dict[int, int] = {}

    def ask(self, number: int) -> Point:
        ((self._trials[number], values),) = self._client.get_next_trials(max_trials=1).items()
        return {name: self._plain(name, value) for name, value in values.items()}

    def tell(self, number: int, loss: float) -> None:
        self._client.complete_trial(trial_index=self._trials.pop(number), raw_data={"loss": loss})

    def _below(self, parent: Plain) -> dict[str, list[str]]:
        below: dict[str, list[str]] = {}
        for dimension in self._dimensions.values():
            if dimension.parent == parent.name:
                below.setdefault(parent.values[dimension.level], []).append(dimension.name)
        return below

    def _plain(self, name: str, value: Any) -> Any:
        values = self._dimensions[name].values
        return values.index(value) if values else value


if __name__ == "__main__":
    converse(Client)
