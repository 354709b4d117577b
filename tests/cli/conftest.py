from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from barrido.cli.main import run
from barrido.controller.lock import SweepLock
from barrido.core.decide import begin, decide
from barrido.core.events import Ask, Cause, Event, Exited, Launched, Note, Reported, Started, Suggested
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Point
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.trial import Expectation
from barrido.registry import build_plan
from barrido.store.batch import Batch, Decision, Measurement, Remark
from barrido.store.sqlite import SqliteStore

BEGAN = 1_700_000_000.0


class Tale:
    """A sweep as a controller would have written it, told event by event; each takes a second."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        points: Sequence[dict[str, Any]],
        *,
        began: float = BEGAN,
        expected: Mapping[int, Expectation] | None = None,
        **settings: Any,
    ) -> None:
        limits = Limits(max_total_trials=len(points), max_concurrent_trials=len(points))
        self.recipe = Recipe(
            **{
                "name": name,
                "experiment": "iris",
                "seed": 7,
                "space": {key: {"type": "uniform", "min_value": 0, "max_value": 1} for key in points[0]},
                "objective": Objective("Accuracy", Goal.MAXIMIZE),
                "limits": limits,
                "work": Work(command="python train.py --lr ${{search_space.lr}}"),
                **settings,
            }
        )
        self.folder = workspace.sweep(name)
        self.folder.root.mkdir(parents=True)
        self._store = SqliteStore.create(self.folder, self.recipe, version="0", at=began)
        self._plan = build_plan(self.recipe)
        self._points = list(points)
        self._expected = expected or {}
        self._state = begin(self._plan)
        self._at = began
        self._told = 0
        self.tell(Started(self._at))

    def tell(self, event: Event) -> None:
        batch = Batch(durable=True)
        events = [event]
        while events:
            now = events.pop(0)
            actions = decide(self._plan, self._state, now)
            batch.decisions.append(Decision(now, actions))
            for action in actions:
                if isinstance(action, Ask):
                    answer = [self._points[number] for number in action.numbers]
                    expected = tuple(self._expected.get(number) for number in action.numbers)
                    events.append(Suggested(action.ask, tuple(answer), now.at, expected))
                elif isinstance(action, Note):
                    batch.remarks.append(Remark(now.at, action.text, action.trial))
        batch.touched.update(self._state.trials)
        if isinstance(event, Reported):
            self._told += 1
            metric = self._plan.metric or ""
            point = Point(metric, event.value, event.step, event.at)
            batch.measurements.append(
                Measurement(event.trial, event.attempt, self._told, "report", point, True)
            )
        self._store.commit(batch, self._state)
        self._at += 1

    def launch(self, trial: int, *, warm: bool = False) -> None:
        self.tell(Launched(trial, 1, self._at, warm))

    def report(self, trial: int, *values: float) -> None:
        for value in values:
            self.tell(Reported(trial, 1, value, None, self._at))

    def end(self, trial: int, code: int = 0, detail: str = "") -> None:
        self.tell(Exited(trial, 1, Cause.EXIT, code, self._at, detail))


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The one that commands find without being told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BARRIDO_WORKSPACE", raising=False)
    monkeypatch.delenv("BARRIDO_DEBUG", raising=False)
    return Workspace(tmp_path / ".barrido")


@pytest.fixture
def barrido(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command line in this process."""

    def _barrido(*args: str) -> Said:
        capfd.readouterr()
        code = run(args)
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return _barrido


@pytest.fixture
def tale(workspace: Workspace) -> Callable[..., Tale]:
    def _tale(name: str = "iris", points: Sequence[dict[str, Any]] = ({"lr": 0.1},), **settings: Any) -> Tale:
        return Tale(workspace, name, points, **settings)

    return _tale


@pytest.fixture
def finished(tale: Callable[..., Tale]) -> SweepFolder:
    """A sweep of three trials: one is the best, one worse, one failed."""
    told = tale(
        points=[{"lr": 0.1, "solver": "adam"}, {"lr": 0.01, "solver": "sgd"}, {"lr": 1, "solver": "sgd"}]
    )
    for trial in range(3):
        told.launch(trial)
    told.report(0, 0.7, 0.8)
    told.report(1, 0.9, 0.95, 0.93)
    told.end(0)
    told.end(1)
    told.end(2, 3, "Traceback:\nValueError: no such solver")
    return told.folder


@pytest.fixture
def running(tale: Callable[..., Tale]) -> Any:
    """A sweep that a controller holds, with one trial over and one under way."""
    told = tale(points=[{"lr": 0.1}, {"lr": 0.01}, {"lr": 1.0}])
    told.launch(0)
    told.launch(1)
    told.report(0, 0.7)
    told.end(0)
    told.report(1, 0.5)
    with SweepLock(told.folder):
        yield told
