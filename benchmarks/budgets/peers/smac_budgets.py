"""SMAC's facade for budgets: Hyperband (eta = 3) whose configurations come from a random forest.

Everything as it comes. Its budgets are fractions; they are rounded to steps. A configuration that is asked
for again goes on where it stood.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.budgets.peers.conversation import Job, Opening, converse
from benchmarks.search.peers.smac_facade import space_of

_ENDLESS = 1_000_000


class Facade:
    def __init__(self, opening: Opening) -> None:
        smac = import_module("smac")
        self._folder = tempfile.TemporaryDirectory(prefix="barrido-smac-")
        scenario = smac.Scenario(
            space_of(opening.dimensions, opening.seed),
            deterministic=True,
            n_trials=_ENDLESS,
            min_budget=opening.least,
            max_budget=opening.most,
            seed=opening.seed,
            output_directory=Path(self._folder.name),
        )
        self._value = import_module("smac.runhistory.dataclasses").TrialValue
        self._facade = smac.MultiFidelityFacade(scenario, _never_called, overwrite=True, logging_level=False)
        self._numbers: dict[Any, int] = {}  # by configuration
        self._asked: dict[int, Any] = {}

    def next(self) -> Job:
        info = self._facade.ask()
        is_new = info.config not in self._numbers
        number = self._numbers.setdefault(info.config, len(self._numbers))
        self._asked[number] = info
        point = {
            name: getattr(value, "item", lambda v=value: v)() for name, value in dict(info.config).items()
        }
        return number, point if is_new else None, round(info.budget)

    def report(self, number: int, step: int, loss: float) -> bool:
        raise NotImplementedError

    def ended(self, number: int, step: int, loss: float) -> None:
        self._facade.tell(self._asked.pop(number), self._value(cost=loss))


def _never_called(config: Any, seed: int = 0, budget: float = 0) -> float:
    """The facade wants a function with these names, although it is asked and told."""
    raise NotImplementedError


if __name__ == "__main__":
    converse(Facade)
