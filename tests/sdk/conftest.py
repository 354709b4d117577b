"""Sweeps that exist on disk without a process: events fed to `decide`, committed as a controller does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from barrido.core.decide import begin, decide
from barrido.core.events import (
    Cause,
    Event,
    Exited,
    Launched,
    Note,
    Reported,
    Requested,
    Started,
    Suggested,
    Verb,
)  # fmt: skip
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Observation
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.trial import Expectation, Params
from barrido.registry import SAMPLERS, build_plan
from barrido.space import Space
from barrido.store.batch import Batch, Decision, Remark
from barrido.store.sqlite import SqliteStore

NOTHING_EXPECTED: Mapping[int, Expectation] = {}


class Story:
    """A sweep over x = 0, 1, 2, …, told event by event. ``acc`` is to be maximised."""

    def __init__(
        self,
        workspace: Workspace,
        name: str = "iris",
        expected: Mapping[int, Expectation] = NOTHING_EXPECTED,
        **changes: Any,
    ) -> None:
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
        self._expected = expected

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
                expected = tuple(self._expected.get(n) for n in numbers)
                waiting.append(Suggested(ask, tuple({"x": n} for n in numbers), one.at, expected))
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

    def cancel(self, trial: int) -> Story:
        return self.tell(Requested(f"cancel {trial}", Verb.CANCEL, self.at, trial=trial))

    def finish(self) -> Story:
        """Run every trial that is left to a good end."""
        while self.state.live:
            number = next(iter(self.state.live))
            self.launched(number).reported(number, number / 10).exited(number, after=1)
        return self


class Echo:
    """Learns: asks for the best point so far again, and expects what it brought."""

    learns = True
    heard: ClassVar[list[list[Observation]]] = []  # at each question

    def __init__(self, space: Space) -> None:
        self._space = space

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        self.heard.append(list(observations))
        if not observations:
            return [*self._space.from_unit([[0.5] * len(self._space)] * len(numbers))]
        return [min(observations, key=lambda o: o.loss).params] * len(numbers)

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        best = min((o.loss for o in observations), default=None)
        return [None if best is None else Expectation(best, 0.1, 0.0)] * len(points)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a sampler that echoes."""
    Echo.heard.clear()
    monkeypatch.setitem(sys.modules, "of_a_third_party", cast(ModuleType, SimpleNamespace(Echo=Echo)))
    monkeypatch.setitem(cast(dict[str, str], SAMPLERS), "echo", "of_a_third_party:Echo")
    return "echo"


@pytest.fixture
def heard(echo: str) -> list[list[Observation]]:
    """What the sampler that echoes knew at each question."""
    return Echo.heard


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
