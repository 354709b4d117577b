"""What the controller and the hosts on a cluster's nodes say to each other: a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from barrido.core import wire
from barrido.core.events import Exited, Launched, Note, Paused
from barrido.core.protocols import Logged, Order, Point, Signal

LOGGED = "logged"


def line(body: Mapping[str, Any]) -> bytes:
    return wire.dumps(body).encode() + b"\n"


def read(raw: bytes) -> dict[str, Any]:
    return dict(json.loads(raw))


def signal_to_json(signal: Signal) -> dict[str, Any]:
    """
    >>> logged = Logged(3, 1, "file", 80, (Point("loss", float("nan"), None, 7.5),))
    >>> signal_from_json(signal_to_json(logged)).points[0].step is None
    True
    >>> signal_from_json(signal_to_json(Launched(3, 1, 7.5, warm=True)))
    Launched(trial=3, attempt=1, at=7.5, warm=True)
    """
    if not isinstance(signal, Logged):
        return wire.encode(signal)
    points = [(p.name, wire.number_to_json(p.value), p.step, p.at) for p in signal.points]
    return {
        "kind": LOGGED,
        "trial": signal.trial,
        "attempt": signal.attempt,
        "door": signal.door,
        "offset": signal.offset,
        "points": points,
        "complaints": signal.complaints,
    }


def signal_from_json(body: Mapping[str, Any]) -> Signal:
    if body["kind"] != LOGGED:
        return cast("Launched | Paused | Exited | Note", wire.decode(body))
    points = tuple(Point(name, float(value), step, at) for name, value, step, at in body["points"])
    key = body["trial"], body["attempt"]
    return Logged(*key, body["door"], body["offset"], points, tuple(body["complaints"]))


def order_to_json(order: Order) -> dict[str, Any]:
    return asdict(order)


def order_from_json(body: Mapping[str, Any]) -> Order:
    return Order(**body)


def read_placed(stem: str) -> dict[str, Any] | None:
    """Which agent was given the attempt whose files begin with ``stem``, and where; None if none was."""
    try:
        return dict(json.loads(Path(f"{stem}.placed").read_text()))
    except (FileNotFoundError, ValueError):
        return None


def write_placed(stem: str, body: Mapping[str, Any]) -> None:
    draft = Path(f"{stem}.placed.draft")
    draft.write_text(json.dumps(body))
    draft.replace(f"{stem}.placed")
