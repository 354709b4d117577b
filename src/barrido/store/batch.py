"""What is committed together, and what is found again: the words of the `Store` seam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from barrido.core.events import Action, Event
from barrido.core.protocols import Point
from barrido.core.recipe import Recipe
from barrido.core.state import SweepState


@dataclass(frozen=True, slots=True)
class Decision:
    """One event with what was decided on it."""

    event: Event
    actions: Sequence[Action]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric value as it is kept. ``counts``: it was a report of the primary metric."""

    trial: int
    attempt: int
    seq: int
    door: str
    point: Point
    counts: bool


@dataclass(frozen=True, slots=True)
class Feed:
    """How far one door's journal of one attempt has been taken in."""

    trial: int
    attempt: int
    door: str
    offset: int
    owns: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """A note as it is kept."""

    at: float
    text: str
    trial: int | None = None


@dataclass(slots=True)
class Batch:
    """One transaction. ``durable``: it must survive a power cut before anything is done about it."""

    decisions: list[Decision] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    feeds: dict[tuple[int, int, str], Feed] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)  # trials whose row changes
    durable: bool = False

    def __bool__(self) -> bool:
        return bool(self.decisions or self.measurements or self.feeds or self.remarks)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of the feed of one attempt."""

    feeds: tuple[Feed, ...]
    measurements: int
    names: frozenset[str]


class Store(Protocol):
    """Remembers a sweep. A batch is committed whole, or not at all."""

    def recipe(self) -> Recipe: ...

    def decisions(self) -> Iterator[Decision]:
        """The whole log, oldest first."""

    def attempt(self, trial: int, attempt: int) -> Attempt: ...

    def commit(self, batch: Batch, state: SweepState) -> None:
        """Write ``batch``; ``state`` is what it led to, for the rows that readers look at."""

    def close(self) -> None: ...
