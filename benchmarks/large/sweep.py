"""A sweep of many trials and reports that never ran, for what looks at sweeps: made in seconds, not in hours.

    python benchmarks/large/sweep.py WORKSPACE [--name wide] [--trials 10000] [--reports 100] [--running]

Events go through ``decide`` and the store as a controller would write them; only the processes are missing.
Losses fall as they do in training, from the parameters; some trials fail, a policy stops some.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

import barrido
from barrido.core.answer import answer
from barrido.core.decide import begin, decide
from barrido.core.events import Ask, Cause, Event, Exited, Launch, Launched, Note, Reported, Started, Stop
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Point
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.trial import Phase
from barrido.registry import build_plan, build_sampler
from barrido.store.batch import Batch, Decision, Measurement, Remark
from barrido.store.sqlite import SqliteStore

SPACE: dict[str, Any] = {
    "lr": {"type": "float", "low": 1e-5, "high": 0.3, "log": True},
    "units": {"type": "int", "low": 8, "high": 1024, "log": True},
    "dropout": {"type": "uniform", "min_value": 0.0, "max_value": 0.6},
    "activation": {"type": "choice", "values": ["relu", "gelu", "tanh"]},
    "optimizer": {
        "type": "choice",
        "values": [
            {"kind": "sgd", "momentum": {"type": "uniform", "min_value": 0.0, "max_value": 0.99}},
            {"kind": "adam"},
        ],
    },
}
CONCURRENT = 50
STEP_S = 1.0
PORTION = 20_000
"""Events that go into one transaction."""


def make(
    workspace: Workspace,
    *,
    name: str = "wide",
    trials: int = 10_000,
    reports: int = 100,
    running: bool = False,
    **settings: Any,
) -> SweepFolder:
    """A sweep that is over; with ``running`` one whose last trials are half way.

    ``settings`` take the place of what its recipe says otherwise.
    """
    recipe = Recipe(
        **{
            "name": name,
            "seed": 0,
            "space": SPACE,
            "objective": Objective("loss", Goal.MINIMIZE),
            "policy": {
                "type": "bandit",
                "slack_amount": 1.6,
                "evaluation_interval": 10,
                "delay_evaluation": 50,
            },
            "limits": Limits(
                max_total_trials=trials, max_concurrent_trials=CONCURRENT, max_failed_trials=trials
            ),
            "work": Work(command="python train.py"),
            **settings,
        }
    )
    folder = workspace.sweep(name)
    folder.requests.mkdir(parents=True)
    began = time.time() - (trials / recipe.limits.max_concurrent_trials + 1) * (reports + 3) * STEP_S
    store = SqliteStore.create(folder, recipe, version=barrido.__version__, at=began)
    writer = _Writer(recipe, store)
    writer.add(Started(began))
    for event in _events(writer, began, reports, trials if running else None):
        writer.add(event)
    writer.flush()
    store.close()
    return folder


class _Writer:
    """Decides on events and writes them, many in a transaction. ``launched`` are the trials to begin with."""

    def __init__(self, recipe: Recipe, store: SqliteStore) -> None:
        self._recipe, self._store = recipe, store
        self._plan, self._sampler = build_plan(recipe), build_sampler(recipe)
        self._batch = Batch()
        self._counts: dict[int, int] = {}
        self.state = begin(self._plan)
        self.launched: list[int] = []
        self.stopped: list[int] = []

    def add(self, event: Event) -> None:
        batch = self._batch
        actions = decide(self._plan, self.state, event)
        batch.decisions.append(Decision(event, actions))
        if (trial := getattr(event, "trial", None)) is not None:
            batch.touched.add(trial)
        if isinstance(event, Reported):
            seq = self._counts[event.trial] = self._counts.get(event.trial, -1) + 1
            point = Point("loss", event.value, event.step, event.at)
            batch.measurements.append(Measurement(event.trial, 1, seq, "report", point, True))
        for action in actions:
            match action:
                case Launch(number):
                    self.launched.append(number)
                    batch.touched.add(number)
                case Stop(number):
                    self.stopped.append(number)
                case Ask():
                    self.add(answer(self._sampler, self.state, action, self._recipe.seed, at=event.at))
                case Note(text, number):
                    batch.remarks.append(Remark(event.at, text, number))
        if len(batch.decisions) >= PORTION:
            self.flush()

    def flush(self) -> None:
        self._store.commit(self._batch, self.state)
        self._batch = Batch()


def _events(writer: _Writer, began: float, reports: int, half: int | None) -> Iterator[Event]:
    """What happens to the trials that are launched, round by round: every one of them makes a report a
    second.

    ``half``: with so many launched, the last round ends in the middle.
    """
    at, rng = began, np.random.default_rng(0)
    while writer.launched:
        batch, writer.launched = writer.launched, []
        curves = {number: _curve(writer.state.trials[number].params, reports, rng) for number in batch}
        for number in batch:
            yield Launched(number, 1, at + rng.uniform(0.1, 0.5))
        is_last = half is not None and len(writer.state.trials) >= half
        for step in range(reports // 2 if is_last else reports):
            at += STEP_S
            for number, curve in curves.items():
                if step < len(curve) and writer.state.trials[number].phase is Phase.RUNNING:
                    yield Reported(number, 1, curve[step], step + 1, at + 1e-3 * (number % 100))
            while writer.stopped:
                yield Exited(writer.stopped.pop(), 1, Cause.EXIT, -15, at + 0.5)
        if is_last:
            return
        for number, curve in curves.items():
            if not writer.state.trials[number].phase.is_terminal:
                is_whole = len(curve) == reports
                detail = "" if is_whole else "RuntimeError: the loss is not finite"
                yield Exited(number, 1, Cause.EXIT, 0 if is_whole else 1, at + rng.uniform(0.1, 1.0), detail)
        at += 2.0


def _curve(params: Any, reports: int, rng: np.random.Generator) -> list[float]:
    """Losses that fall as a power of the step to what the parameters allow; three in a hundred break off."""
    away = (log(params["lr"]) - log(3e-3)) / 3.0
    floor = (
        0.2 + 0.5 * away * away + 0.3 * abs(params["dropout"] - 0.2) + 0.08 * abs(log(params["units"] / 256))
    )
    floor += {"relu": 0.05, "gelu": 0.0, "tanh": 0.12}[params["activation"]]
    if params["optimizer"]["kind"] == "sgd":
        floor += 0.3 * (0.9 - params["optimizer"]["momentum"]) ** 2
    steps = np.arange(1, reports + 1)
    values = floor + (2.3 - min(floor, 2.0)) * steps ** -min(1.2, 0.4 + exp(-away * away))
    values += rng.normal(0.0, 0.015, reports) * (1 + floor)
    until = rng.integers(1, reports + 1) if rng.random() < 0.03 else reports
    return [float(value) for value in np.round(values[:until], 6)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--name", default="wide")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--reports", type=int, default=100)
    parser.add_argument("--running", action="store_true", help="the last trials are half way")
    given = parser.parse_args()
    began = time.perf_counter()
    folder = make(
        Workspace(given.workspace.absolute()),
        name=given.name,
        trials=given.trials,
        reports=given.reports,
        running=given.running,
    )
    print(f"{folder.root}: {given.trials:,} trials in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
