"""Sweeps that exist on disk without a process: events fed to `decide`, committed as a controller does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido.core.decide import begin, decide
from barrido.core.events import Cause, Event, Exited, Launched, Note, Reported, Started, Suggested
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.registry import build_plan
from barrido.store.batch import Batch, Decision, Remark
from barrido.store.sqlite import SqliteStore


class Story:
    """A sweep over x = 0, 1, 2, …, told event by event. ``acc`` is to be maximised."""

    def __init__(self, workspace: Workspace, name: str = "iris", **changes: Any) -> None:
        settings: dict[str, Any] = {
            "space": {"x": {"type": "choice", "values": list(range(10))}},
            "objective": Objective("acc", Goal.MAXIMIZE),
            "limits": Limits(max_total_trials=3, max_concurrent_trials=2),
            "work": Work(command="true ${{search_space.x}}", outputs=("model",)),
        }
        self.recipe = Recipe(name=name, **{**settings, **changes})
        self.folder: SweepFolder = workspace.sweep(name)
        self.folder.requests.mkdir(parents=True)
        self._store = SqliteStore.create(self.folder, self.recipe, version="0", at=100.0)
        self._plan = build_plan(self.recipe)
        self.state = begin(self._plan)
        self.at = 100.0

    def close(self) -> None:
        self._store.close()

    def tell(self, event: Event) -> Story:
        """Decide on ``event``, at its time, and commit; a question is answered with the next values of x."""
        self.at = max(self.at, event.at)
        batch = Batch(durable=True)
        waiting = [event]
        while waiting:
            one = waiting.pop(0)
            actions = decide(self._plan, self.state, one)
            batch.decisions.append(Decision(one, actions))
            for action in actions:
                if isinstance(action, Note):
                    batch.remarks.append(Remark(one.at, action.text, action.trial))
            for ask, numbers in list(self.state.questions.items()):
                waiting.append(Suggested(ask, tuple({"x": n} for n in numbers), one.at))
        batch.touched = set(self.state.trials)
        self._store.commit(batch, self.state)
        return self

    def start(self) -> Story:
        return self.tell(Started(self.at))

    def launched(self, trial: int, *, after: float = 0.0, warm: bool = False) -> Story:
        return self.tell(Launched(trial, 1, self.at + after, warm))

    def reported(self, trial: int, value: float, *, after: float = 0.0) -> Story:
        return self.tell(Reported(trial, 1, value, None, self.at + after))

    def exited(self, trial: int, code: int = 0, *, after: float = 0.0, detail: str = "") -> Story:
        return self.tell(Exited(trial, 1, Cause.EXIT, code, self.at + after, detail=detail))

    def finish(self) -> Story:
        """Run every trial that is left to a good end."""
        while self.state.live:
            number = next(iter(self.state.live))
            self.launched(number).reported(number, number / 10).exited(number, after=1)
        return self


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def story(workspace: Workspace, request: pytest.FixtureRequest) -> Callable[..., Story]:
    """Makes stories in ``workspace``."""

    def make(name: str = "iris", **changes: Any) -> Story:
        made = Story(workspace, name, **changes)
        request.addfinalizer(made.close)
        return made

    return make
