"""What happened, and what to do about it. Both are plain frozen data.

Events come in (from executors, metric journals, people and clocks); actions go out (to samplers
and executors). Nothing else crosses the controller's border. Both are written to the log as JSON
objects with a ``kind`` (see ``barrido.core.wire``); `VERSION` changes when a shape does.

Every event carries ``at``, seconds since the epoch: time reaches ``decide`` as data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from barrido.core.trial import Expectation, Params

VERSION = 6


class Verb(StrEnum):
    """What people may ask of a sweep. Unknown verbs are refused, never ignored.

    A sweep that is over can be annotated, and it is opened again to run trials once more; nothing else.
    """

    CANCEL = "cancel"  # the sweep, or one trial
    PAUSE = "pause"  # start no new trials
    UNPAUSE = "unpause"
    UPDATE = "update"  # limits
    ENQUEUE = "enqueue"  # a point by hand: one trial more than there was to be
    RERUN = "rerun"  # the point of a trial once more, in a trial of its own; or of all that failed
    ANNOTATE = "annotate"  # the sweep, or one trial: a note and tags


class Outcome(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class Cause(StrEnum):
    """Why a process is gone."""

    EXIT = "exit"  # it ended by itself, or was killed; ``code`` says how
    OUT_OF_MEMORY = "out_of_memory"  # the kernel killed it for want of memory; not in logs before version 6
    NO_LAUNCH = "no_launch"  # it could never be started
    LOST = "lost"  # its machine was restarted: nobody's fault, the trial is run again


class PauseMode(StrEnum):
    """How a trial that is to go on later is taken off its worker."""

    SUSPEND = "suspend"  # its processes are frozen
    CHECKPOINT = "checkpoint"  # it is ended, and later goes on from what it saved
    RESTART = "restart"  # it is ended, and later begins anew


# What comes in ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The sweep begins."""

    at: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """A controller took the sweep up after another one died; for ``down_s`` seconds there was none."""

    at: float
    down_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Suggested:
    """The sampler's answer to question ``ask``: a point per trial number, None where it has none left.

    ``expected`` says of each point what the sampler's model expected of it, in losses; it is empty where
    the sampler does not say, as in all logs before version 3.
    """

    ask: int
    points: tuple[Params | None, ...]
    at: float
    expected: tuple[Expectation | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Launched:
    """The trial's process is there. ``warm``: it came from an interpreter that had imported already.

    Logs of version 1 do not say ``warm``: all their trials started cold.
    """

    trial: int
    attempt: int
    at: float
    warm: bool = False


@dataclass(frozen=True, slots=True)
class Reported:
    """One report of the primary metric, in the user's scale. ``step`` is None if the script gave none."""

    trial: int
    attempt: int
    value: float
    step: int | None
    at: float


@dataclass(frozen=True, slots=True)
class Paused:
    """All processes of a suspended trial are frozen. They hold ``memory`` bytes, and perhaps a GPU."""

    trial: int
    attempt: int
    at: float
    memory: int = 0
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Exited:
    """The trial's processes are gone, all of them. A negative ``code`` is the signal that ended it."""

    trial: int
    attempt: int
    cause: Cause
    code: int | None
    at: float
    detail: str = ""  # the last lines of its log, or why it could not start
    logged: tuple[str, ...] = ()  # the metrics it logged, if the primary one was not among them


@dataclass(frozen=True, slots=True)
class Ticked:
    """A deadline (`barrido.core.decide.next_deadline`) has passed."""

    at: float


@dataclass(frozen=True, slots=True)
class Requested:
    """A person's wish. ``request`` identifies it: a wish that is delivered twice counts once.

    ``changes`` are for UPDATE new values by limit name, for ENQUEUE the point's values by name under
    ``params``, for ANNOTATE a ``note``, or ``tags`` of which null removes one, or both. RERUN without a trial
    is for all that failed. ``reopens``: it opens a sweep that is over; nothing did before version 6.
    """

    request: str
    verb: Verb
    at: float
    trial: int | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    origin: str = ""  # who asked: "cli", "sdk", "studio"
    reopens: bool = False


Event = Started | Resumed | Suggested | Launched | Reported | Paused | Exited | Ticked | Requested


# What goes out ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the sampler for the points of these trial numbers. ``ask`` numbers the question.

    ``draws`` are the numbers that the sampler is asked by: those of the trials without the by-hand trials
    before them, so that none of its points is lost to one. Empty, as in logs before version 5: the same.
    """

    ask: int
    numbers: tuple[int, ...]
    draws: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Launch:
    """``until`` and ``start``: see `barrido.core.protocols.Order`. Logs before version 4 have none."""

    trial: int
    attempt: int
    until: int | None = None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """Take a trial off its worker."""

    trial: int
    attempt: int
    mode: PauseMode
    reason: str


@dataclass(frozen=True, slots=True)
class Unpause:
    """Let a suspended trial go on."""

    trial: int
    attempt: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove what a trial kept to go on from: it will not."""

    trial: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask, wait, kill, until every process of the trial is gone; then an `Exited` follows."""

    trial: int
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should read: a notice or a warning."""

    text: str
    trial: int | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    outcome: Outcome
    reason: str


Action = Ask | Launch | Pause | Unpause | Stop | Discard | Note | Finish
