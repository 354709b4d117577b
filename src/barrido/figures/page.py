"""A sweep as one HTML file that can be mailed, opened from a disk and printed: ``barrido job report``."""

from __future__ import annotations

import time
from itertools import accumulate
from math import isfinite
from typing import Any

import barrido
from barrido.errors import RequestError
from barrido.figures.document import document, embedded
from barrido.figures.packing import packed_sweep, packed_trials, rounded
from barrido.store.queries import Reader

TABLE = 500
"""How many trials the report's table has."""
STYLES = ("studio.css", "parts.css", "charts.css", "report.css")
ENTRY = """\
import { mount } from "studio/report.js";
mount(document.getElementById("page"), JSON.parse(document.getElementById("data").textContent));
"""

_LARGEST = 4_900_000  # bytes of a page
_POINT = 16  # bytes that a point of a curve takes, its step and its value
_LONG_POINT = 24  # and if both are long
_POINTS = (20_000, 200_000)  # at least, at most
_METRICS = 8  # how many metrics' curves there are at most


def report(reader: Reader) -> str:
    """The page. It stays below 5 MB: where that takes it, curves are thinned, those of trials that are not in
    the table are left out, and then those of the last metrics.

    Raises RequestError if no trial has started yet.
    """
    from barrido.figures import importance, rungs, sweeps, timeline, trials

    overview = sweeps.overview(reader)
    table = trials.table(reader)
    if all(at is None for at in table["started_at"]):
        raise RequestError(
            f"no trial of {overview['name']!r} has started yet: there is nothing to report on",
            hint=f"see `barrido job show {overview['name']}`",
        )
    listed = _best_first(table, overview["goal"])[:TABLE]
    data = {
        "barrido": barrido.__version__,
        "made_at": round(time.time()),
        "sweep": packed_sweep(overview),
        "listed": listed,
        "trials": packed_trials(table, keep=set(listed)),
        "importance": importance.shares(reader) if overview["metric"] else None,
        "timeline": rounded(timeline.timeline(reader)),
        "rungs": rounded(rungs.rungs(reader)),
    }
    title = overview["display_name"] or overview["name"]

    def drawn(curves: list[Any]) -> str:
        return document(
            title=f"{title} · barrido", entry=ENTRY, styles=STYLES, data={**data, "curves": curves}
        )

    return drawn(_curves(reader, overview, listed, room=_LARGEST - len(drawn([]).encode())))


def _curves(reader: Reader, overview: dict[str, Any], listed: list[int], *, room: int) -> list[Any]:
    """Of each metric that was logged, the primary one first, in ``room`` bytes altogether."""
    from barrido.figures.curves import curves

    primary = overview["metric"]
    metrics = sorted(overview["metrics"], key=lambda name: name != primary)[:_METRICS]
    if not metrics:
        return []
    least, most = _POINTS
    fitting: list[Any] = []
    for trials, size in ((None, _POINT), (listed, _LONG_POINT)):
        points = max(least, min(most, room // size)) // len(metrics)
        drawn = [rounded(curves(reader, metric, trials, points)) for metric in metrics]
        ends = accumulate(len(embedded(one).encode()) + 1 for one in drawn)
        fitting = [one for one, end in zip(drawn, ends, strict=True) if end <= room]
        if len(fitting) == len(metrics):
            break
    return fitting


def _best_first(table: dict[str, Any], goal: str | None) -> list[int]:
    """The trials' numbers: those with a finite value by it, then the rest as they were numbered."""
    sign = -1.0 if goal == "maximize" else 1.0

    def place(pair: tuple[int, Any]) -> tuple[bool, float, int]:
        number, value = pair
        loss = sign * float("nan" if value is None else value)
        return (not isfinite(loss), loss if isfinite(loss) else 0.0, number)

    return [number for number, _ in sorted(zip(table["number"], table["value"], strict=True), key=place)]
