"""How a peer is spoken to: JSON, a line a message, over standard input and output.

First comes an `Opening`. ``{"next": true}`` is answered with ``{"job": [trial, point, until]}``: the point
(as in `benchmarks.search.peers.conversation`) is null for a trial that goes on, the job is null if nothing
can be done before something else ends. ``{"report": [trial, step, loss]}``, for peers that listen only, is
answered with ``{"goes_on": true}``. Answers carry the ``seconds`` that were thought since the last one.
``{"ended": [trial, step, loss]}`` has none. Runs in the peer's environment, so it knows nothing of barrido.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchmarks.search.peers.conversation import Plain, Point


@dataclass(frozen=True)
class Opening:
    dimensions: tuple[Plain, ...]
    seed: int
    workers: int
    least: int  # steps before the first comparison
    most: int  # steps of a full training


Job = tuple[int, Point | None, int]


class Peer(Protocol):
    def next(self) -> Job | None: ...

    def report(self, trial: int, step: int, loss: float) -> bool: ...

    def ended(self, trial: int, step: int, loss: float) -> None: ...


def converse(build: Callable[[Opening], Peer]) -> None:
    """Serve until standard input ends. ``seconds`` counts what was thought since the last answer."""
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
        if "ended" in message:
            peer.ended(*message["ended"])
            seconds += time.perf_counter() - began
            continue
        answer = {"goes_on": peer.report(*message["report"])} if "report" in message else {"job": peer.next()}
        seconds += time.perf_counter() - began
        answers.write(json.dumps({**answer, "seconds": seconds}) + "\n")
        answers.flush()
        seconds = 0.0
