"""Curves drawn with characters: what ``barrido job show NAME --plot`` adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, isfinite, log
from typing import TYPE_CHECKING

from barrido.cli.output import painted, width
from barrido.core.recipe import Objective
from barrido.sdk.rows import best_first
from barrido.sdk.table import cut
from barrido.sdk.wording import clean, metric_text, number

if TYPE_CHECKING:
    from barrido.store.queries import MetricRow, Reader

HEIGHT = 13
WIDTH = 80
"""Of a picture that does not go to a terminal."""
LINES = 6
"""How many trials' curves are drawn at most."""
METRICS = 4
"""Of how many metrics of one trial there are pictures."""

_COLORS = ("cyan", "magenta", "green", "yellow", "blue", "red")
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column of its dots."""
_LOG_FROM = 1000.0
"""Positive values that differ by this factor are drawn on a log scale."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """``points`` by x; those that are not finite break it. ``is_joined``: a line, else dots alone."""

    points: Points
    color: str | None = None
    is_joined: bool = True


def pictures(reader: Reader, trial: int | None) -> Iterator[str]:
    """Lines of text: of a sweep, the best so far and the best trials' curves; of a trial, its metrics.

    A job that compares nothing has its first trial's: a command has no other.
    """
    recipe = reader.sweep().recipe
    objective = recipe.objective
    across = min(width() or WIDTH, 160)
    if trial is not None or objective is None:
        yield from _trial(reader, trial or 0, objective, across)
    else:
        yield from _sweep(reader, objective, across)


def _trial(reader: Reader, trial: int, objective: Objective | None, across: int) -> Iterator[str]:
    courses: dict[str, list[MetricRow]] = {}
    for row in reader.metrics(trial):
        courses.setdefault(row.name, []).append(row)
    if not courses:
        yield ""
        yield f"nothing to draw: trial {trial} has logged no metric"
    primary = objective.metric if objective else None
    for name in sorted(courses, key=lambda name: name != primary)[:METRICS]:
        yield ""
        yield from plot([Line(_course(courses[name]), _COLORS[0])], title=clean(name), width=across)


def _sweep(reader: Reader, objective: Objective, across: int) -> Iterator[str]:
    trials = reader.trials()
    values = [(float(t.number), t.best_value) for t in trials if t.best_value is not None]
    if not any(isfinite(value) for _, value in values):
        yield ""
        yield f"nothing to draw: no trial has a value of {clean(objective.metric)} yet"
        return
    sign = objective.goal.sign
    best: list[tuple[float, float]] = []
    for at, value in values:
        if isfinite(value) and (not best or sign * value < sign * best[-1][1]):
            best += [(at, best[-1][1]), (at, value)] if best else [(at, value)]
    best.append((values[-1][0], best[-1][1]))
    yield ""
    title = f"best {clean(objective.metric)} so far, and each trial's, by trial"
    yield from plot([Line(values, "cyan", is_joined=False), Line(best, "green")], title=title, width=across)
    chosen = [t for t in best_first(trials, objective.goal) if t.best_value is not None][:LINES]
    courses = [reader.metrics(t.number, name=objective.metric) for t in chosen]
    if max(map(len, courses)) < 2:
        return
    yield ""
    lines = [Line(_course(rows), color) for rows, color in zip(courses, _COLORS, strict=False)]
    yield from plot(lines, title=f"{clean(objective.metric)} of the best trials, by step", width=across)
    for trial, color in zip(chosen, _COLORS, strict=False):
        text = f"trial {trial.number}: {clean(metric_text(objective.metric, trial.best_value))}"
        yield f"  {painted('━━', color)} {cut(text, across - 5)}"


def _course(rows: Sequence[MetricRow]) -> Points:
    """By step; by the order in which they came, if a step is missing or comes twice."""
    steps = [row.step for row in rows]
    has_steps = None not in steps and len(set(steps)) == len(steps)
    return sorted(
        (float(row.step) if has_steps and row.step is not None else float(n), row.value)
        for n, row in enumerate(rows, start=1)
    )


def plot(lines: Sequence[Line], *, title: str, width: int, height: int = HEIGHT) -> list[str]:
    """``lines`` beside an axis with numbers, ``height`` rows high and no wider than ``width``.

    Where lines cross, the later one has the colour. Positive values that differ much have a log scale.
    """
    finite = [(x, y) for line in lines for x, y in line.points if isfinite(y)]
    if not finite:
        return [cut(f"{title}: no finite values", width)]
    across = _Axis(min(x for x, _ in finite), max(x for x, _ in finite))
    low, high = min(y for _, y in finite), max(y for _, y in finite)
    up = _Axis(low, high, is_log=low > 0 and high / low >= _LOG_FROM)
    labels = {row: number(float(f"{up.at(1 - row / (height - 1)):.4g}")) for row in _labelled(height)}
    margin = max(map(len, labels.values()))
    columns = max(10, width - margin - 2)
    cells: dict[tuple[int, int], tuple[int, str | None]] = {}
    for line in lines:
        for x, y in _dots(line, across, up, 2 * columns, 4 * height):
            place = y // 4, x // 2
            cells[place] = cells.get(place, (0, None))[0] | _DOTS[y % 4][x % 2], line.color
    drawn = [cut(f"{title}, log scale" if up.is_log else title, width)]
    for row in range(height):
        bar = painted("┤" if row in labels else "│", dim=True)
        drawn.append(f"{labels.get(row, ''):>{margin}} {bar}{_row(cells, row, columns)}")
    ends = number(across.low), number(across.high) if across.high > across.low else ""
    drawn.append(f"{'':>{margin}} {painted('└' + '─' * columns, dim=True)}")
    return [*drawn, f"{'':>{margin}}  {ends[0]}{ends[1]:>{columns - len(ends[0])}}".rstrip()]


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis, from 0 to 1; the middle where it has no length."""
        if self.high == self.low:
            return 0.5
        low, high, value = (log(one) if self.is_log else one for one in (self.low, self.high, value))
        if isfinite(high - low):
            return (value - low) / (high - low)
        return (value / 2 - low / 2) / (high / 2 - low / 2)

    def at(self, share: float) -> float:
        if self.is_log:
            return exp(log(self.low) * (1 - share) + log(self.high) * share)
        return self.low * (1 - share) + self.high * share


def _labelled(height: int) -> set[int]:
    """The rows that have a number: the first, the last, and some between."""
    return {round(n * (height - 1) / 3) for n in range(4)}


def _dots(line: Line, across: _Axis, up: _Axis, width: int, height: int) -> Iterator[tuple[int, int]]:
    """The dots of a line, counted from the upper left corner; values that are not finite leave a gap."""
    before: tuple[int, int] | None = None
    for x, y in line.points:
        if not isfinite(y):
            before = None
            continue
        now = round(across.share(x) * (width - 1)), round((1 - up.share(y)) * (height - 1))
        from_x, from_y = now if before is None or not line.is_joined else before
        steps = max(abs(now[0] - from_x), abs(now[1] - from_y), 1)
        for n in range(steps + 1):
            yield from_x + round(n * (now[0] - from_x) / steps), from_y + round(n * (now[1] - from_y) / steps)
        before = now


def _row(cells: Mapping[tuple[int, int], tuple[int, str | None]], row: int, columns: int) -> str:
    """A row of braille characters, neighbours of a colour painted together."""
    filled = [cells.get((row, at)) for at in range(columns)]
    while filled and filled[-1] is None:
        filled.pop()
    runs = groupby(filled, key=lambda cell: None if cell is None else cell[1])
    return "".join(
        painted("".join(chr(0x2800 + cell[0]) if cell else " " for cell in run), color) for color, run in runs
    )
