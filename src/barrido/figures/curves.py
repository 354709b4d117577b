"""How a metric went in each trial: lines, thinned where there are more points than a chart can show."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import groupby
from math import isfinite, nan
from operator import itemgetter
from typing import Any

from barrido.core.events import PauseMode
from barrido.core.recipe import Goal
from barrido.core.wire import number_to_json
from barrido.errors import RequestError
from barrido.store.points import Point
from barrido.store.queries import Reader

POINTS = 100_000
_EARLY = 4  # points that a thinned line may have between its first two others


def curves(
    reader: Reader,
    metric: str | None = None,
    trials: Sequence[int] | None = None,
    points: int = POINTS,
) -> dict[str, Any]:
    """``metric``, or the primary one, by step: a line a trial that logged it, of about ``points`` in all.

    A line is that of the latest attempt; where attempts go on from checkpoints, that of all of them. It keeps
    its first, its last and its best point (the lowest and highest, if it is not the primary metric's), and
    more where it begins. Lines ascend: where some value has no step, or a script gave always the same, values
    are counted from 1.

    Raises RequestError for a metric that nobody logged.
    """
    recipe = reader.sweep().recipe
    objective = recipe.objective
    name = metric if metric is not None else objective.metric if objective else None
    if name is None:
        raise _no_metric(reader, None)
    is_primary = objective is not None and name == objective.metric
    series = reader.series(name, only_counting=is_primary, trials=trials)
    last = series.ends(last=True)
    if not last and not is_primary and name not in reader.metric_names():
        raise _no_metric(reader, name)
    first = series.ends(last=False)
    joins = recipe.is_staged and recipe.pausing.relaunch is PauseMode.CHECKPOINT
    latest = None if joins else {point[0]: point[1] for point in last}
    goals = [objective.goal is Goal.MAXIMIZE] if is_primary and objective else [False, True]
    extents = [series.extents(highest=highest) for highest in goals]
    shown = [one for one in extents[0] if latest is None or latest.get(one[0][0]) == one[0][1]]
    count = sum(values for _, values, _ in shown)
    every, early = _thinning(count, points, lines=len(shown), kept=2 + len(goals))
    is_counted = any(map(_is_unnumbered, first, last)) or any(steps < values for _, values, steps in shown)
    # Where nothing else was logged, the place among all is the place among these
    is_alone = len(shown) == len(last) and count == sum(point[2] + 1 for point in last)
    kept = [*first, *last, *(best for some in extents for best, *_ in some if best[4] is not None)]
    if is_alone or (every == 1 and not is_counted):
        found = series.points(every=every, early=early, is_counted=is_counted)
        more = {point[:3]: point for point in kept if point[2] % every and point[2] not in early}.values()
        found += [(*point[:3], point[2], point[4]) for point in more] if is_counted else more
        found.sort()  # no two are the same in their first three columns
    else:
        found = series.points(every=every, early=early, also=kept, is_numbered=True, is_counted=is_counted)
    lines = _lines(found, latest, is_counted=is_counted)
    return {
        "metric": name,
        "step_name": "count" if is_counted else "step",
        "is_thinned": every > 1,
        "trials": lines,
    }


def _thinning(count: int, points: int, *, lines: int, kept: int) -> tuple[int, tuple[int, ...]]:
    """Of how many values of a line one is enough, and which more are wanted before the first of those.

    A line is steepest where it begins: there the gaps grow from value to value. ``kept``: how many points a
    line has in any case, its first among them.
    """
    if count <= points:
        return 1, ()
    room = max(points - kept * lines, lines)
    more = min(_EARLY, room // (2 * lines))
    every = -(-count // (room - more * lines))
    return every, tuple({round(every ** (k / (more + 1))) for k in range(1, more + 1)} - {every})


def _is_unnumbered(first: Point, last: Point) -> bool:
    """Whether the steps of a line say nothing."""
    return last[3] == first[3] and last[2] > first[2]


def _lines(
    found: Sequence[Point], latest: Mapping[int, int] | None, *, is_counted: bool
) -> dict[str, list[Any]]:
    """Points by trial, attempt and seq as a line a trial: of its ``latest`` attempt, or of all that go on."""
    lines: dict[str, list[Any]] = {"trial": [], "steps": [], "values": []}
    for trial, points in groupby(found, itemgetter(0)):
        xs: list[int] = []
        ys: list[Any] = []
        for attempt, own in groupby(points, itemgetter(1)):
            if latest is not None and attempt != latest.get(trial):
                continue
            *_, steps, values = zip(*sorted(own, key=itemgetter(3)), strict=True)
            if is_counted:
                begin = xs[-1] + 1 if xs else 1
                steps = tuple(begin + step for step in steps)
            done = bisect_left(xs, steps[0])  # what this attempt did again counts as it did it
            xs[done:], ys[done:] = steps, _shown(values)
        if xs:
            lines["trial"].append(trial)
            lines["steps"].append(xs)
            lines["values"].append(ys)
    return lines


def _shown(values: Sequence[float | None]) -> list[float | str]:
    known = [nan if value is None else value for value in values]
    is_plain = isfinite(sum(known))
    return [*known] if is_plain else [number_to_json(value) for value in known]


def _no_metric(reader: Reader, name: str | None) -> RequestError:
    known = reader.metric_names()
    there = f"there is {', '.join(known)}" if known else "nothing was logged yet"
    if name is None:
        return RequestError(f"{reader.folder.name!r} has no primary metric: which one is it?", hint=there)
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? {there}" if close else there
    return RequestError(f"no trial of {reader.folder.name!r} has logged {name!r}", hint=hint)
