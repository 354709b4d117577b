"""One picture of a running sweep, drawn to the size of the terminal. A function of what is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from barrido.cli.output import painted
from barrido.core.recipe import Goal
from barrido.core.trial import Phase
from barrido.sdk.progress import Progress
from barrido.sdk.table import Column, cut, display_width, table
from barrido.sdk.wording import (
    COLORS,
    NOTHING,
    clean,
    clock,
    ended_as,
    metric_text,
    number,
    one_line,
    params_text,
    paused_text,
    rung_text,
    sparkline,
    took,
    warm_text,
)
from barrido.store.queries import TrialRow

STOPS = 3
"""How many of the latest trials that stopped are shown with their reasons."""


@dataclass(slots=True)
class Past:
    """What a view remembers of earlier looks: the best value after each trial, and the latest stops."""

    course: list[float] = field(default_factory=list)
    stops: list[TrialRow] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        sign = progress.goal.sign if progress.goal else Goal.MINIMIZE.sign
        for trial in progress.ended:
            if trial.best_value is not None:
                seen = [*self.course[-1:], trial.best_value]
                self.course.append(min(seen, key=lambda value: sign * value))
        self.stops = [*self.stops, *progress.stopped][-STOPS:]


def frame(progress: Progress, past: Past, *, at: float, width: int, height: int) -> list[str]:
    """The lines of the picture, none longer than ``width``, no more than ``height`` of them."""
    head = [_title(progress, width), _bar(progress, width)]
    best = list(_best(progress, past, width))
    stops = [_stop(trial, width) for trial in past.stops]
    room = height - len(head) - sum(len(part) + 1 for part in (best, stops) if part)
    if room < 4 and stops:
        room, stops = room + len(stops) + 1, []
    running = _running(progress, at=at, width=width, most=room - 2)
    lines = head
    for part in (best, running, stops):
        if part:
            lines = [*lines, "", *part]
    return lines[:height]


def _title(progress: Progress, width: int) -> str:
    goal = clean(f"{progress.goal} {progress.metric}") if progress.metric is not None else ""
    phase = str(progress.phase)
    reason = f": {one_line(progress.reason)}" if progress.reason else ""
    left = cut(progress.name, width - len(phase) - 2)
    middle = cut(goal, max(0, width - display_width(left) - len(phase) - 4))
    text = painted(left, bold=True) if left else ""
    used = display_width(left)
    if len(middle) > 1:
        text, used = f"{text}  {middle}", used + 2 + display_width(middle)
    right = cut(phase + reason, width - used - 2 if used else width)
    gap = "  " if text and right else ""
    return f"{text}{gap}{painted(right, COLORS.get(progress.phase))}"


def _bar(progress: Progress, width: int) -> str:
    count = f"{progress.done}/{progress.total}"
    left = "" if progress.eta_s is None else f"  about {clock(progress.eta_s)} left"
    more = "".join(f"  {one}" for one in (paused_text(progress.counts), warm_text(progress.starts)) if one)
    text = f" {count}  {clock(progress.elapsed_s)}{left}{more}"
    cells = min(width, max(4, min(40, width - len(text))))
    full = round(cells * progress.done / progress.total) if progress.total else 0
    return (
        f"{painted('━' * full, 'green')}{painted('─' * (cells - full), dim=True)}{cut(text, width - cells)}"
    )


def _best(progress: Progress, past: Past, width: int) -> Iterator[str]:
    best = progress.best
    if progress.metric is None:
        return
    if best is None:
        yield cut(f"best     no {clean(progress.metric)} yet", width)
        return
    text = f"best     {clean(metric_text(progress.metric, best.best_value))}  trial {best.number}"
    yield painted(cut(text, width), bold=True)
    yield cut(f"         {params_text(best.params)}", width)
    if len(past.course) > 1 and width > 10:
        yield f"         {painted(sparkline(past.course, min(40, width - 9)), 'green')}"


def _running(progress: Progress, *, at: float, width: int, most: int) -> list[str]:
    trials = progress.running
    if not trials or most < 1:
        return []
    shown = trials if len(trials) <= most else trials[: most - 1]
    columns = [Column("running"), Column("parameters", cut=True)]
    if progress.metric is not None:
        columns += [Column("last", right=True), Column("best", right=True), Column("reports", right=True)]
    has_rungs = any(trial.until is not None for trial in shown)
    if has_rungs:
        columns.append(Column("rung", right=True))
    columns.append(Column("time", right=True))
    rows = [_row(trial, progress.metric, at, has_rungs=has_rungs) for trial in shown]
    lines = table(columns, rows, width=width)
    head, *below = (cut(line, width) for line in lines)
    lines = [painted(head, dim=True), *below]
    if len(shown) < len(trials):
        lines.append(cut(f"… and {len(trials) - len(shown)} more", width))
    return lines


def _row(trial: TrialRow, metric: str | None, at: float, *, has_rungs: bool) -> Sequence[str]:
    doing = {Phase.LAUNCHING: " starting", Phase.STOPPING: " stopping"}.get(trial.phase, "")
    cells = [f"{trial.number:>7}{doing}", params_text(trial.params)]
    if metric is not None:
        last = number(trial.last_value) if trial.reports else NOTHING
        cells += [last, number(trial.best_value), str(trial.reports)]
    if has_rungs:
        cells.append(rung_text(trial) or NOTHING)
    return [*cells, took(trial.started_at, None, at=at)]


def _stop(trial: TrialRow, width: int) -> str:
    lead = f"{ended_as(trial):<8} {trial.number}"
    reason = cut(one_line(trial.reason), max(1, width - len(lead) - 2))
    return f"{painted(lead, COLORS.get(trial.phase))}  {reason}"
