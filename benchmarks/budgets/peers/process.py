"""A peer as the benchmark sees it: an `Optimiser` that is a process in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from benchmarks.budgets.peers.conversation import Opening
from benchmarks.budgets.play import Job
from benchmarks.budgets.problems import Problem
from benchmarks.search.environments import ROOT, python_of, surroundings, version_of
from benchmarks.search.peers.process import plain

from barrido.space import Choice


@dataclass(frozen=True)
class Kind:
    """How a peer is started. One that listens hears of every step, and may stop there."""

    environment: str
    module: str
    argument: str = ""
    listens: bool = False

    @property
    def version(self) -> str:
        return version_of(self.environment)


PEERS: dict[str, Kind] = {
    "optuna-tpe-hyperband": Kind("optuna", "optuna_pruned", "hyperband", listens=True),
    "optuna-tpe-halving": Kind("optuna", "optuna_pruned", "halving", listens=True),
    "smac-hyperband": Kind("smac", "smac_budgets"),
    "ray-hyperband": Kind("ray", "ray_tune", "hyperband"),
    "ray-asha": Kind("ray", "ray_tune", "asha"),
}
"""From cheap to dear. Those of Ray are no conversation: see `benchmarks.budgets.peers.replay`."""


class Process:
    """A context manager that ends the process."""

    def __init__(self, name: str, problem: Problem, seed: int, workers: int) -> None:
        kind = PEERS[name]
        self.seconds = 0.0
        self._problem = problem
        self._listens = kind.listens
        self._points: dict[int, dict[str, Any]] = {}
        self._process = subprocess.Popen(
            [
                python_of(kind.environment),
                *("-m", f"benchmarks.budgets.peers.{kind.module}"),
                *filter(None, [kind.argument]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**surroundings(), "PYTHONWARNINGS": "ignore"},
        )
        self._say(asdict(Opening(plain(problem.space), seed, workers, problem.least, problem.most)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # its end: it tidies up and leaves
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def next(self) -> Job | None:
        if (job := self._ask({"next": True})["job"]) is None:
            return None
        trial, point, until = job
        if point is not None:
            self._points[trial] = self._params(point)
        return Job(trial, self._points[trial], until)

    def report(self, trial: int, step: int, loss: float) -> bool:
        return not self._listens or bool(self._ask({"report": [trial, step, loss]})["goes_on"])

    def ended(self, trial: int, step: int, loss: float) -> None:
        self._say({"ended": [trial, step, loss]})

    def _ask(self, message: Any) -> dict[str, Any]:
        self._say(message)
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the peer ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        self.seconds += answer["seconds"]
        return answer

    def _say(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _params(self, said: dict[str, Any]) -> dict[str, Any]:
        """The peer's point in the terms of the space: positions become options, the rest is values."""
        dimensions = self._problem.space.dimensions
        u = np.full((1, len(dimensions)), np.nan)
        for name, value in said.items():
            column = int(name[1:])
            domain = dimensions[column].domain
            if isinstance(domain, Choice):
                u[:, column] = domain.ladder.middle(np.array([value]))
            else:
                u[:, column] = domain.to_unit([value])
        (point,) = self._problem.space.from_unit(u)
        return point
