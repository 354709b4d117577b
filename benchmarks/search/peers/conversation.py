"""How a peer is spoken to: JSON, a line a message, over standard input and output.

First comes an `Opening`. Then ``{"ask": k}`` is answered with ``{"point": {name: value}, "seconds": s}`` and
``{"tell": k, "loss": y}`` with nothing. A point gives numbers for real and whole dimensions and the position
in ``values`` for the others; what it says of inactive dimensions does not matter. Runs in the peer's
environment, so it knows nothing of barrido.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Plain:
    """A dimension as every optimiser knows it."""

    name: str
    kind: Literal["real", "whole", "ordered", "unordered"]
    low: float = 0.0
    high: float = 0.0  # included
    log: bool = False
    values: tuple[Any, ...] = ()  # of ordered ones numbers, ascending; of unordered ones texts
    parent: str | None = None  # active only where this dimension takes ``values[level]``
    level: int = 0


@dataclass(frozen=True)
class Opening:
    dimensions: tuple[Plain, ...]
    seed: int
    trials: int
    in_flight: int  # points that are out at once


Point = Mapping[str, Any]


class Peer(Protocol):
    def ask(self, number: int) -> Point: ...

    def tell(self, number: int, loss: float) -> None: ...


def converse(build: Callable[[Opening], Peer]) -> None:
    """Serve until standard input ends. ``seconds`` counts a question and what was told since the last."""
    # Libraries print; what they print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    body = json.loads(sys.stdin.readline())
    dimensions = tuple(Plain(**{**one, "values": tuple(one["values"])}) for one in body.pop("dimensions"))
    peer = build(Opening(dimensions, **body))
    seconds = 0.0
    for line in sys.stdin:
        message = json.loads(line)
        began = time.perf_counter()
        if "tell" in message:
            peer.tell(message["tell"], message["loss"])
            seconds += time.perf_counter() - began
            continue
        point = peer.ask(message["ask"])
        seconds += time.perf_counter() - began
        answers.write(json.dumps({"point": point, "seconds": seconds}) + "\n")
        answers.flush()
        seconds = 0.0
