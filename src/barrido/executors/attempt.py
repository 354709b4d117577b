"""What the local executor knows of one attempt. Plain state: the executor alone changes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from barrido.core.events import PauseMode
from barrido.core.layout import DOORS, LOG, SweepFolder
from barrido.core.protocols import Logged, Offsets, Order
from barrido.executors.ending import Ending
from barrido.executors.leader import Leader
from barrido.executors.leftovers import Leftover
from barrido.executors.patterns import LogTail, Patterns
from barrido.executors.tail import Tail

Key = tuple[int, int]


class Finished:
    """Which attempts have ended. Those of one trial end in their order: the latest stands for all, and a
    sweep of 100,000 trials keeps a number for each."""

    def __init__(self) -> None:
        self._latest: dict[int, int] = {}

    def add(self, key: Key) -> None:
        trial, attempt = key
        self._latest[trial] = max(attempt, self._latest.get(trial, 0))

    def __contains__(self, key: Key) -> bool:
        return key[1] <= self._latest.get(key[0], 0)


class Starter(Protocol):
    """Somebody else who starts attempts. Their claims tell the supervisor that they are there."""

    def claimed(self, attempt: Attempt) -> None:
        """The attempt needs nobody to start it any more."""

    def overdue(self, attempt: Attempt) -> None:
        """The attempt was waited for in vain."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """
    ```
    launched or adopted ─▶ claimed (Launched) ─▶ leader gone (`ending`) ─▶ nothing left (Exited)
                           `pause` ⇄ frozen (Paused)
    ```
    """

    key: Key
    stem: str
    log: str
    tails: dict[str, Tail | LogTail]
    decided: dict[str, int]  # by door: the offsets the controller has answered
    told: bool  # whether `Launched` was told, or need not be
    until: int | None = None  # the report at which the scheduler is asked about it
    start: int = 0  # reports that earlier attempts made for it
    is_adopted: bool = False
    claimed: bool = False
    launched_at: float | None = None  # when `Launched` was told
    unclear_until: float | None = None  # somebody began to claim it; monotonic seconds
    starter: Starter | None = None  # was asked to have it started; until it is claimed
    awaited_until: float = 0.0  # its claim; monotonic seconds
    is_warm: bool = False  # the starter did it
    again: Callable[[], bool] | None = None  # begins it anew where its claim could not be written, if it may
    tries: int = 0
    leader: Leader | None = None
    status: int | None = None  # how our own leader ended, where it was not the one that claimed
    pause: PauseMode | None = None  # it is being frozen, or is; or it may save, and then is asked to end
    pause_reason: str = ""
    look_at: float | None = None  # while the pause is under way; monotonic seconds
    look_s: float = 0.0
    is_scattered: bool = True  # some of its processes may have left its group
    stop_reason: str | None = None
    ask_again_at: float | None = None  # it may have been too young to hear; monotonic seconds
    kill_at: float | None = None  # end of the grace period, monotonic seconds
    killed: bool = False
    kills: int = 0  # for want of memory, before it began, that explain nothing: see `Kills`
    ending: Ending | None = None
    left: list[Leftover] = field(default_factory=list)  # what must be gone before it counts as ended

    @classmethod
    def of(
        cls,
        order: Order,
        folder: SweepFolder,
        offsets: Offsets,
        *,
        told: bool,
        patterns: Patterns | None = None,
    ) -> Attempt:
        """``patterns`` are looked for in its log."""
        key = order.trial, order.attempt
        stem, log = folder.feed_stem(*key), os.fspath(folder.trial(key[0]).log)
        tails: dict[str, Tail | LogTail] = {d: Tail(f"{stem}.{d}", offsets.get(d, 0)) for d in DOORS}
        if patterns:
            tails[LOG] = LogTail(log, patterns, offsets.get(LOG, 0))
        return cls(
            key=key,
            stem=stem,
            log=log,
            tails=tails,
            decided=dict(offsets),
            told=told,
            until=order.until,
            start=order.start,
        )

    @property
    def life(self) -> str:
        return f"{self.stem}.life"

    @property
    def is_frozen(self) -> bool:
        """Whether all its processes stand still: it was suspended."""
        return self.pause is PauseMode.SUSPEND and self.look_at is None

    def next_timer(self) -> float | None:
        """When this attempt needs attention although nothing happened; monotonic seconds."""
        if self.unclear_until is not None:
            return self.unclear_until
        if self.starter is not None:
            return self.awaited_until
        if self.stop_reason is None:
            return self.look_at
        return None if self.killed else (self.ask_again_at or self.kill_at)

    def read(self, door: str, now: float, *, final: bool) -> list[Logged]:
        """What was written at a door since the last time; of its log, the next piece: it may grow faster than
        it is read. It may be another attempt's until this one began."""
        tail = self.tails[door]
        if door == LOG and not self.claimed:
            return []
        logged = []
        while (news := tail.read(now, final=final)) is not None:
            points, complaints = news
            logged.append(Logged(*self.key, door, tail.offset, tuple(points), tuple(complaints)))
            if door == LOG:
                break
        return logged

    def is_behind(self) -> bool:
        """Whether there is more in its log than was read."""
        tail = self.tails.get(LOG)
        return self.claimed and isinstance(tail, LogTail) and tail.is_behind()
