"""Sweeps that really ran, through the controller and the store on disk, with trials in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.controller.impatience import Enough, Impatient

from barrido.controller.loop import Controller
from barrido.controller.requests import Taken
from barrido.core.events import Requested
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.executors.sim import SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.store.batch import Batch
from barrido.store.sqlite import SqliteStore

STEPS = 12


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


def accuracy(params: Any, step: int) -> float:
    """Rises with the steps, fastest where x is small; in the end it is highest where x is 0.7."""
    x = params["x"]
    return float(round((1 - (x - 0.7) ** 2) * (1 - 0.5 ** (step / (0.5 + 3 * x))), 4))


class _Wishing(Controller):
    wishes: list[tuple[int, Requested]]

    def _look(self, batch: Batch) -> Sequence[Taken]:
        for trials, wish in list(self.wishes):
            if len(self.state.trials) >= trials or self.state.phase.is_terminal:
                self.wishes.remove((trials, wish))
                self._decide(replace(wish, at=self._clock.now()), batch)
        return super()._look(batch)


@pytest.fixture
def ran(workspace: Workspace) -> Callable[..., SweepFolder]:
    """Runs a sweep over x; ``looks`` bounds how often its controller looks, None to its end.

    ``wishes`` are asked for when so many trials have begun; those of more than ever begin, after the end.
    """

    def run(
        name: str = "iris",
        *,
        looks: int | None = None,
        world: Any = None,
        wishes: Sequence[tuple[int, Requested]] = (),
        **settings: Any,
    ) -> SweepFolder:
        recipe = Recipe(
            **{
                "name": name,
                "seed": 3,
                "space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}},
                "objective": Objective("acc", Goal.MAXIMIZE),
                "limits": Limits(max_total_trials=17, max_concurrent_trials=3),
                "work": Work(command="true ${{search_space.x}}"),
                **settings,
            }
        )
        folder = workspace.sweep(name)
        folder.requests.mkdir(parents=True)
        store = SqliteStore.create(folder, recipe, version="0", at=1_700_000_000.0)
        world = world or SimWorld(
            accuracy, steps=STEPS, metric="acc", seconds_per_report=lambda params: 1 + params["x"]
        )
        executor = world.executor() if looks is None else Impatient(world, looks)
        controller = _Wishing(recipe, build_plan(recipe), build_sampler(recipe), executor, store, world.clock)
        controller.wishes = list(wishes)
        controller.begin()
        with suppress(Enough):
            controller.run()
            controller.look()
        store.close()
        return folder

    return run
