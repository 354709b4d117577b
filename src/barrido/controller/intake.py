"""From metric journals to reports: which door counts, what is kept, how far was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from barrido.core.events import Reported
from barrido.core.layout import DOORS, LOG
from barrido.core.protocols import Logged, Offsets
from barrido.store.batch import Attempt, Batch, Feed, Measurement, Remark

COMPLAINTS = 3
"""How many unreadable lines of one attempt are told about."""


@dataclass(slots=True)
class _Feed:
    """What is known of one attempt while it lives."""

    offsets: dict[str, int] = field(default_factory=dict)
    owner: str | None = None  # the door that delivered the primary metric first
    rivals: set[str] = field(default_factory=set)  # other doors that delivered it, told about once
    measurements: int = 0
    names: set[str] = field(default_factory=set)
    complaints: int = 0


class Intake:
    """Turns `Logged` into reports of the primary metric and rows to keep.

    The first door that delivers the primary metric owns it for that attempt: a script that both calls
    ``barrido.report`` and ``mlflow.log_metric`` reports once.
    """

    def __init__(self, metric: str | None) -> None:
        self._metric = metric
        self._feeds: dict[tuple[int, int], _Feed] = {}

    def restore(self, trial: int, attempt: int, known: Attempt) -> None:
        feed = _Feed(measurements=known.measurements, names=set(known.names))
        for row in known.feeds:
            feed.offsets[row.door] = row.offset
            if row.owns:
                feed.owner = row.door
        self._feeds[trial, attempt] = feed

    def offsets(self, trial: int, attempt: int) -> Offsets:
        feed = self._feeds.get((trial, attempt))
        return dict(feed.offsets) if feed else {}

    def take(self, logged: Logged, batch: Batch, *, at: float) -> list[Reported]:
        """Add what ``logged`` brings to ``batch``; the reports that are to be decided on.

        They bear the time ``at`` which they are taken in: what a script calls the time of a metric may
        be anything, and timeouts must not depend on it.
        """
        key = (logged.trial, logged.attempt)
        feed = self._feeds.setdefault(key, _Feed())
        if logged.offset <= feed.offsets.get(logged.door, -1):
            return []  # delivered again after a crash
        reports = []
        for point in logged.points:
            counts = point.name == self._metric and self._owns(feed, logged, at, batch)
            batch.measurements.append(Measurement(*key, feed.measurements, logged.door, point, counts))
            feed.measurements += 1
            feed.names.add(point.name)
            if counts:
                reports.append(Reported(*key, point.value, point.step, at))
        feed.offsets[logged.door] = logged.offset
        row = Feed(*key, logged.door, logged.offset, feed.owner == logged.door)
        batch.feeds[(*key, logged.door)] = row
        for text in logged.complaints[: COMPLAINTS - feed.complaints]:
            feed.complaints += 1
            where = "log" if logged.door == LOG else f"{logged.door} journal"
            remark = f"a line of its {where} could not be read: {text}"
            batch.remarks.append(Remark(at, remark, logged.trial))
        return reports

    def close(self, trial: int, attempt: int) -> tuple[str, ...]:
        """Forget an attempt that ended; the names it logged, if the primary metric was not among them."""
        feed = self._feeds.pop((trial, attempt), None)
        if feed is None or feed.owner is not None:
            return ()
        return tuple(sorted(feed.names))

    def _owns(self, feed: _Feed, logged: Logged, at: float, batch: Batch) -> bool:
        if feed.owner is None:
            feed.owner = logged.door
        elif feed.owner != logged.door and logged.door not in feed.rivals:
            feed.rivals.add(logged.door)
            text = (
                f"{self._metric!r} comes through two doors, {DOOR_NAMES[feed.owner]} and"
                f" {DOOR_NAMES[logged.door]}; only the first counts"
            )
            batch.remarks.append(Remark(at, text, logged.trial))
        return feed.owner == logged.door


DOOR_NAMES = dict(zip(DOORS, ("barrido.report", "MLflow", "the BARRIDO_METRICS file"), strict=True)) | {
    LOG: "patterns in the log"
}
