"""A peer as the benchmark sees it: a process in an environment of its own that is asked and told."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from benchmarks.search.environments import ROOT, python_of, surroundings, version_of
from benchmarks.search.peers.conversation import Opening, Plain

from barrido.space import Choice, Dimension, Space
from barrido.space.continuous import Float, Uniform
from barrido.space.discrete import Int


@dataclass(frozen=True)
class Kind:
    """How a peer is started."""

    environment: str
    module: str
    argument: str = ""

    @property
    def version(self) -> str:
        return version_of(self.environment)


PEERS: dict[str, Kind] = {
    "optuna-tpe": Kind("optuna", "optuna_study", "tpe"),
    "optuna-gp": Kind("optuna", "optuna_study", "gp"),
    "smac": Kind("smac", "smac_facade"),
    "ax": Kind("ax", "ax_client"),
}
"""From cheap to dear."""


def plain(space: Space) -> tuple[Plain, ...]:
    """The columns of a space for optimisers that know nothing of it, named by their numbers."""
    return tuple(_plain(f"x{column}", dimension) for column, dimension in enumerate(space.dimensions))


def _plain(name: str, dimension: Dimension) -> Plain:
    condition = dimension.condition
    under: dict[str, Any] = (
        {} if condition is None else {"parent": f"x{condition.parent}", "level": condition.level}
    )
    match dimension.domain:
        case Choice() as choice if dimension.kind == "ordered":
            values = tuple(choice.options[position] for position in choice.order)
            return Plain(name, "ordered", values=values, **under)
        case Choice() as choice:
            return Plain(
                name, "unordered", values=tuple(f"v{i}" for i in range(len(choice.options))), **under
            )
        case Int() as whole:
            return Plain(name, "whole", whole.low, whole.high, whole.log, **under)
        case Float() as real:
            return Plain(name, "real", real.low, real.high, real.log, **under)
        case Uniform() as real:
            return Plain(name, "real", real.min_value, real.max_value, **under)
    raise NotImplementedError(f"no peer was taught {dimension.domain}")


class Process:
    """An `Optimiser`; a context manager that ends the process."""

    def __init__(self, name: str, space: Space, seed: int, trials: int, in_flight: int) -> None:
        kind = PEERS[name]
        module = f"benchmarks.search.peers.{kind.module}"
        self._space = space
        self.seconds: list[float] = []
        self._process = subprocess.Popen(
            [python_of(kind.environment), "-m", module, *filter(None, [kind.argument])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**surroundings(), "PYTHONWARNINGS": "ignore"},
        )
        self._say(asdict(Opening(plain(space), seed, trials, in_flight)))

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

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, number: int) -> dict[str, Any]:
        self._say({"ask": number})
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the peer ended with {self._process.wait()}")
        answer = json.loads(line)
        self.seconds.append(answer["seconds"])
        return self._point(answer["point"])

    def tell(self, number: int, loss: float) -> None:
        self._say({"tell": number, "loss": loss})

    def _say(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _point(self, said: dict[str, Any]) -> dict[str, Any]:
        """The peer's point in the terms of the space: positions become levels, the rest is values."""
        u = np.full((1, len(self._space)), np.nan)
        for name, value in said.items():
            column = int(name[1:])
            domain = self._space.dimensions[column].domain
            if isinstance(domain, Choice):
                u[:, column] = domain.ladder.middle(np.array([value]))
            else:
                u[:, column] = domain.to_unit([value])
        (point,) = self._space.from_unit(u)
        return point
