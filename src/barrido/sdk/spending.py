"""What a sweep whose trials are compared at rungs has spent, counted from its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from barrido.core.events import PauseMode
from barrido.core.layout import LOG
from barrido.core.recipe import Unit
from barrido.sdk.wording import counted, number
from barrido.store.queries import Reader

UNHELD = frozenset({"file", LOG})
_GOES_ON = frozenset({"unpause", "launch"})
_MOVES = _GOES_ON | {"pause", "stop"}


@dataclass(frozen=True, slots=True)
class Spending:
    """``reports`` were made in all, ``beyond`` of them where a trial was to pause or to end already.

    ``is_unheld``: those were all written to files or printed, where nobody can make a trial wait. ``full`` is
    how many reports a full training makes.
    """

    reports: int
    beyond: int
    is_unheld: bool
    full: int


def spending(reader: Reader) -> Spending | None:
    """None for a sweep whose resource is not reports.

    Each report comes before or after the decision that its trial pauses or ends. What a trial does after it
    is not lost if it goes on from there later: then it would have done it anyway.
    """
    recipe = reader.sweep().recipe
    if recipe.scheduler["type"] == "fifo" or recipe.pausing.unit is not Unit.REPORT:
        return None
    made: Counter[int] = Counter()  # by trial: its reports in this attempt, and in those it goes on from
    late: dict[int, int] = {}  # by trial that is to pause or to end: its reports since
    reports, lost = 0, Counter[int]()
    for _, event, actions in reader.events():
        decided = {(one["kind"], one["trial"]) for one in actions if one["kind"] in _MOVES}
        if event["kind"] == "reported":
            trial = event["trial"]
            reports += 1
            made[trial] += 1
            if trial in late:
                late[trial] += 1
            elif decided & {("pause", trial), ("stop", trial)}:
                late[trial] = 0
        for kind, trial in decided:
            if kind not in _GOES_ON:
                continue
            since = late.pop(trial, 0)
            if kind == "launch" and recipe.pausing.relaunch is PauseMode.RESTART:
                lost[trial] += since
                made[trial] = 0
    for row in reader.trials(sorted(late)):
        # It may have come to more than one rung before it stood still
        lost[row.number] += min(late[row.number], made[row.number] - max(row.rungs, default=0))
    beyond = {trial for trial, count in lost.items() if count > 0}
    metric = recipe.objective.metric if recipe.objective else None
    doors = {row.door for trial in beyond for row in reader.metrics(trial, name=metric) if row.counts}
    full = int(recipe.scheduler["max_resource"])
    return Spending(reports, sum(lost[trial] for trial in beyond), bool(doors) and doors <= UNHELD, full)


def spending_lines(spent: Spending) -> Iterator[str]:
    """In words: what was spent, and what of it was more than it had to be."""
    full = number(round(spent.reports / spent.full, 1))
    yield f"{counted(spent.reports, 'report')}, as much as {full} full trainings of {spent.full}"
    if spent.beyond:
        why = "what is printed, or written to BARRIDO_METRICS," if spent.is_unheld else "not every report"
        why += " holds no trial" if spent.is_unheld else " was decided in time"
        yield f"{counted(spent.beyond, 'report')} more than the rungs needed: {why}"
