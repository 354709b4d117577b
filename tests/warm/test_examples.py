"""The repository's own examples, cold and warm, at random points of their own spaces."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.faults.processes import end_server, finish

from barrido import app
from barrido.core.layout import Workspace
from barrido.core.recipe import Recipe
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.spec.load import Defaults, load
from barrido.store.queries import Reader
from barrido.store.workspace import sweeps

pytestmark = pytest.mark.slow

PATIENCE_S = 300.0
TUTORIAL = Path(__file__).parents[2] / "examples/tutorial"


@dataclass(frozen=True)
class Told:
    """What a sweep's readers are told of one trial."""

    params: dict[str, Any]
    phase: Phase
    code: int | None
    reports: int
    metrics: Sequence[tuple[str, int | None, float | None]]
    log: str


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = Workspace(tmp_path_factory.mktemp("examples"))
    yield place
    end_server(place)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tracking server of the developer's own."""
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "BARRIDO_")):
            monkeypatch.delenv(name)


def run(recipe: Recipe, workspace: Workspace, *, is_seeded: bool) -> tuple[list[Told], list[bool]]:
    """Create the sweep, wait for its end; what was told of its trials, and which were warm."""
    folder = app.create(recipe, workspace)
    finish(folder)
    with Reader(folder) as reader:
        assert reader.sweep().phase is SweepPhase.COMPLETED
        trials = reader.trials()
        told = [
            Told(
                dict(trial.params),
                trial.phase,
                trial.exit_code,
                trial.reports,
                [(m.name, m.step, m.value if is_seeded else None) for m in reader.metrics(trial.number)],
                folder.trial(trial.number).log.read_text(),
            )
            for trial in trials
        ]
        return told, [trial.warm for trial in trials]


def check(recipe: Recipe, workspace: Workspace, *, is_seeded: bool) -> None:
    """One trial after another, so that policies see the same reports in the same order."""
    seed = random.Random(recipe.name).randrange(1 << 30)
    limits = replace(recipe.limits, max_concurrent_trials=1)
    sampler = {"type": "random"}
    both = []
    for warm in ("off", "on"):
        both.append(
            run(
                replace(
                    recipe,
                    name=f"{recipe.name}-{warm}",
                    seed=seed,
                    sampler=sampler,
                    limits=limits,
                    work=replace(recipe.work, warm=warm),
                ),
                workspace,
                is_seeded=is_seeded,
            )
        )
    (cold, were_cold), (warm_ones, were_warm) = both
    assert not any(were_cold)
    assert all(were_warm)
    assert len(cold) > 1
    assert all(told.reports for told in cold)
    assert warm_ones == cold


@pytest.mark.parametrize(
    ("name", "is_seeded"),
    [
        ("sweep.yml", False),  # splits its data anew in each run
        ("sweep_epochs_bandit.yml", True),
        ("sweep_epochs_median.yml", True),
        ("sweep_epochs_truncation.yml", True),
    ],
)
def test_an_example_from_a_file(name: str, is_seeded: bool, workspace: Workspace) -> None:
    recipe = load(TUTORIAL / name, defaults=Defaults.here())
    check(replace(recipe, name=Path(name).stem), workspace, is_seeded=is_seeded)


def test_an_example_from_python_with_a_continuous_space(workspace: Workspace) -> None:
    environment = {**os.environ, "BARRIDO_WORKSPACE": str(workspace.root)}
    subprocess.run(
        [sys.executable, "sweep_random.py"], cwd=TUTORIAL, env=environment, check=True, timeout=PATIENCE_S,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (made,) = (folder for folder in sweeps(workspace) if not folder.name.endswith(("-on", "-off")))
    with Reader(made) as reader:
        recipe = reader.sweep().recipe
    check(replace(recipe, work=replace(recipe.work, code=str(TUTORIAL / "src"))), workspace, is_seeded=True)
