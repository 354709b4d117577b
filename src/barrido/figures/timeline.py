"""When trials ran, and on which of the sweep's slots."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

from barrido.core.recipe import Recipe
from barrido.core.trial import Phase
from barrido.store.queries import Reader, TrialRow


class _Span(NamedTuple):
    """``until`` is None for what still lasts; ``end`` the phase that a trial came to with it, or ""."""

    since: float
    until: float | None
    trial: int
    kind: str  # "run" or "wait"
    end: str


Rows = Sequence[tuple[int, int, str, float | None, float | None]]
"""As `Reader.spans` gives them."""


def timeline(reader: Reader) -> dict[str, Any]:
    """Bars as columns, one entry a span in which a trial ran, or waited to go on; oldest first.

    Each attempt has bars of its own. A bar lies on the lowest slot that is free when it begins; what waits is
    on none: its slot is None. ``slots`` is how many were used at a time, ``end`` None for a sweep that is not
    over.
    """
    sweep = reader.sweep()
    rows = reader.spans()
    found = _straight(rows) if _is_simple(sweep.recipe, rows) else _interrupted(reader, rows)
    spans = sorted(found, key=lambda span: (span.since, span.trial))
    slots, count = _slots(spans)
    return {
        "slots": count,
        "start": sweep.created_at if sweep.started_at is None else sweep.started_at,
        "end": sweep.ended_at,
        "bars": {
            "trial": [span.trial for span in spans],
            "slot": slots,
            "from": [span.since for span in spans],
            "to": [span.until for span in spans],
            "kind": [span.kind for span in spans],
            "end": [span.end for span in spans],
        },
    }


def running_s(reader: Reader, row: TrialRow) -> float | None:
    """How long a trial has run, in all its attempts; None if it has not started."""
    if row.started_at is None and row.attempt == 1:
        return None
    own = (row.number, row.attempt, str(row.phase), row.started_at, row.ended_at)
    spans = list(
        _straight([own]) if _is_simple(reader.sweep().recipe, [own]) else _interrupted(reader, [own])
    )
    now = time.time()
    ran = (max(0.0, (now if s.until is None else s.until) - s.since) for s in spans if s.kind == "run")
    return sum(ran)


def _is_simple(recipe: Recipe, rows: Rows) -> bool:
    """Whether each trial runs from its start to its end."""
    goes_straight = not recipe.is_staged or recipe.scheduler.get("variant") == "stopping"
    return goes_straight and all(attempt == 1 for _, attempt, *_ in rows)


def _straight(rows: Rows) -> Iterator[_Span]:
    """Trials that run from their start to their end."""
    for number, _, phase, started, ended in rows:
        if started is not None:
            yield _Span(started, ended, number, "run", phase if ended is not None else "")


def _interrupted(reader: Reader, rows: Rows) -> Iterator[_Span]:
    """Trials that may stand still, by what the log says of their processes."""
    marks: dict[int, list[tuple[float, bool]]] = {}  # by trial: when it came on, and went off
    for event in reader.moves(rows[0][0] if len(rows) == 1 else None):
        kind = event["kind"]
        if kind in ("launched", "paused", "exited"):
            own = marks.setdefault(event["trial"], [])
            # A controller that took over tells again what runs; what was frozen may be ended later
            if (own[-1][1] if own else False) != (kind == "launched"):
                own.append((event["at"], kind == "launched"))
    for number, _, phase, _, ended in rows:
        own = marks.get(number, [])
        last = ended if ended is not None else inf
        if own and (own[-1][1] or own[-1][0] < last):
            own.append((last, False))
        for (since, runs), (until, _) in pairwise(own):
            is_last = until == last < inf
            yield _Span(
                since,
                None if until == inf else until,
                number,
                "run" if runs else "wait",
                phase if is_last and Phase(phase).is_terminal else "",
            )


def _slots(spans: list[_Span]) -> tuple[list[int | None], int]:
    """The slot of each span, and how many there are. ``spans`` are ordered by when they begin."""
    slots: list[int | None] = []
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    count = 0
    for span in spans:
        if span.kind != "run":
            slots.append(None)
            continue
        while busy and busy[0][0] <= span.since:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            slot = heapq.heappop(free)
        else:
            slot, count = count, count + 1
        slots.append(slot)
        heapq.heappush(busy, (inf if span.until is None else span.until, slot))
    return slots, count
