"""Sweeps that really ran, through the controller and the store on disk, with trials in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.controller.impatience import Enough, Impatient

from barrido.controller.loop import Controller
from barrido.core.layout import Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.executors.sim import SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore


def recipe_of(name: str = "iris", **settings: Any) -> Recipe:
    return Recipe(
        **{
            "name": name,
            "seed": 1,
            "space": {"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
            "objective": Objective("loss", Goal.MINIMIZE),
            "limits": Limits(max_total_trials=8, max_concurrent_trials=2),
            "work": Work(command="true"),
            **settings,
        }
    )


def loss(params: Any, step: int) -> float:
    return float(params["x"]) + 1.0 / step


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    """Runs a sweep to its end, and gives a reader of it.

    ``turns``: after so many looks of the controller nobody runs it any more. ``world`` are settings of the
    trials' world, the others those of the recipe.
    """
    with ExitStack() as readers:

        def play(
            name: str = "iris", *, turns: int | None = None, world: Any = None, **settings: Any
        ) -> Reader:
            recipe = recipe_of(name, **settings)
            folder = Workspace(tmp_path / "ws").sweep(name)
            folder.requests.mkdir(parents=True)
            store = SqliteStore.create(folder, recipe, version="0", at=1_700_000_000.0)
            given = {"steps": recipe.scheduler.get("max_resource", 4), "curve": loss, **(world or {})}
            scene = SimWorld(given.pop("curve"), **given)
            executor = scene.executor() if turns is None else Impatient(scene, turns)
            controller = Controller(
                recipe, build_plan(recipe), build_sampler(recipe), executor, store, scene.clock
            )
            controller.begin()
            with suppress(Enough):
                controller.run()
            store.close()
            return readers.enter_context(Reader(folder))

        yield play
