"""The seams of the house. Everything on the far side of one can be faked, or brought by a third party."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from barrido.core.events import Exited, Launched, Note, Paused, PauseMode
from barrido.core.trial import Expectation, Params


class Fate(StrEnum):
    """How an observation came to its end; RUNNING while it has not."""

    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"  # pruned or canceled: what it reached, not what it would have reached
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one trial. Lower is better: the sign was converted at the border.

    A paused trial is RUNNING: nobody knows yet how it would end.
    """

    number: int
    params: Params
    curve: Sequence[float]  # one loss per report, NaN and infinities as they were
    resource: int  # the highest step, or the number of reports where steps were not given
    outcome: Fate
    rungs: Mapping[int, float] = field(default_factory=dict)  # its loss at each resource it was compared at

    @property
    def loss(self) -> float:
        """The lowest loss it ever reported; infinite if none."""
        return min((v for v in self.curve if v == v), default=float("inf"))


class Sampler(Protocol):
    """Proposes points. A function of its arguments: no memory, no global generator."""

    learns: bool  # False: ``observations`` and ``pending`` do not matter, and may be left empty

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        """A point for each number in ``numbers``; None where the space has none left.

        They count the trials, but for those that people put in by hand; an observation's number is its
        trial's, and tells observations apart. The same arguments give the same points. The point of number
        k is drawn with ``numpy.random.default_rng((seed, k))`` or an equal function of ``seed`` and k, so
        that samplers that do not learn give the same points at any concurrency.
        """


@runtime_checkable
class Explainer(Protocol):
    """What a sampler may be, too: one that can say what it expected."""

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        """What is expected of each of ``points``, which `Sampler.ask` has just given for the same arguments.

        They are in the order of the numbers that were asked for. None for a point that no model chose,
        as those of an initial design. A function of its arguments, as `Sampler.ask` is.
        """


class Step(StrEnum):
    GO_ON = "go on"
    PAUSE = "pause"
    STOP = "stop"
    FINISH = "finish"  # it had all that it was to get: ended, it counts as completed


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a report, with its reason in words that a user will read.

    ``until`` is the resource at which a trial that goes on is asked about next; None: never again.
    """

    step: Step = Step.GO_ON
    reason: str = ""
    until: int | None = None

    @property
    def stops(self) -> bool:
        return self.step is Step.STOP or self.step is Step.FINISH


GO_ON = Verdict()


class Policy(Protocol):
    """Early termination. Fed with every report in order; ``judge`` is asked at the policy's points only.

    Holds running statistics so that a verdict costs O(log trials); they are a cache of the reports it
    was fed, rebuilt on resume by feeding them again. Losses: lower is better, infinite is worst.
    """

    evaluation_interval: int
    delay_evaluation: int

    def observe(self, trial: int, n: int, loss: float) -> None:
        """Trial ``trial`` made its ``n``-th report (from 1).

        A second report 1 says that its process was lost and runs again: what it reported before is void.
        """

    def ended(self, trial: int) -> None:
        """Trial ``trial`` will not report again."""

    def judge(self, trial: int, n: int) -> Verdict:
        """Whether ``trial`` should go on after its ``n``-th report, which was already observed."""


class Idle(StrEnum):
    WAIT = "wait"  # nothing now; ask again after the next event
    FINISHED = "finished"  # nothing as things stand; trials that are still paused will not go on


@dataclass(frozen=True, slots=True)
class Sample:
    """Start a new trial. ``until`` is the resource at which it is asked about; None: it runs to its end."""

    until: int | None = None


@dataclass(frozen=True, slots=True)
class Promote:
    """Let a paused trial go on, up to the resource ``until``."""

    trial: int
    until: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """End a paused trial: it will not go on. That takes no worker."""

    trial: int
    reason: str = ""


Assignment = Sample | Promote | Drop | Idle


class Scheduler(Protocol):
    """Decides how far each trial goes. State in, state out; the state is JSON-able.

    The state belongs to whoever calls: a method may change the one it is given and give it back. A trial's
    resource is a whole number in the unit of the sweep: reports, seconds, or what an input counts. Losses:
    lower is better, infinite is worst. All answers follow from the order of the calls alone.
    """

    def init(self) -> Any: ...

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        """Work for a free worker; asked again and again while there is one.

        ``number`` is what a sampled trial would be called; None if there are no new trials to be had.
        """

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        """``trial`` has come to the ``resource`` it was to come to, where its loss was ``loss``."""

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        """``trial`` is over without `Drop`. ``loss`` is its last if it ran to its end by itself and cannot go
        further; None if it failed, or was stopped."""

    def missing(self, state: Any, trial: int) -> Any:
        """There was no point for ``trial``, which `next` sampled: it never was."""


@dataclass(frozen=True, slots=True)
class Order:
    """All that an executor needs to run one attempt of a trial.

    ``until`` is the resource at which it will be asked about, None if it never will; ``start`` the resource
    that it has already, by the checkpoint of an earlier attempt.
    """

    trial: int
    attempt: int
    params: Params
    until: int | None = None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One metric value as a script logged it."""

    name: str
    value: float
    step: int | None
    at: float


@dataclass(frozen=True, slots=True)
class Logged:
    """What a trial logged through one door, read up to byte ``offset`` of that door's journal.

    Identified by (trial, attempt, door, offset): delivered again after a crash, it is recognised.
    """

    trial: int
    attempt: int
    door: str  # "report", "mlflow" or "file"
    offset: int
    points: tuple[Point, ...]
    complaints: tuple[str, ...] = ()  # lines that could not be read


Signal = Launched | Logged | Paused | Exited | Note
"""What an executor tells. A `Note` is for people: it is kept, and nothing is decided on it."""

Offsets = Mapping[str, int]
"""How far each door's journal of one attempt has been taken in, in bytes."""


class Executor(Protocol):
    """Runs trials. Every method but ``events`` returns at once; results arrive as events, at least once."""

    def launch(self, order: Order) -> None:
        """Start an attempt. Repeated for the same attempt, it runs once."""

    def adopt(self, order: Order, offsets: Offsets) -> None:
        """Take over an attempt that an earlier controller launched, reading on from ``offsets``.

        Alive, ended or lost meanwhile: what happened arrives as events. Never starts anything.
        """

    def stop(self, trial: int, attempt: int, reason: str) -> None:
        """Ask, wait a grace period, kill; `Exited` follows when nothing is left. May be repeated."""

    def pause(self, trial: int, attempt: int, mode: PauseMode, reason: str) -> None:
        """Take it off its worker. SUSPEND: freeze all of its processes; `Paused` follows. CHECKPOINT and
        RESTART: end it, having let it save what it is to go on from; `Exited` follows. May be repeated.
        """

    def unpause(self, order: Order) -> None:
        """Let a suspended attempt go on, up to ``order.until``; `Launched` follows. May be repeated."""

    def discard(self, trial: int) -> None:
        """Remove what a trial that is over kept to go on from. May be repeated."""

    def answer(self, trial: int, attempt: int, offsets: Offsets, verdict: Verdict) -> None:
        """Tell the trial that its reports up to ``offsets`` are decided, and how the last one was."""

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        """What happened since the last call; waits for it up to ``timeout_s`` seconds."""

    def close(self) -> None:
        """Let go of everything without touching the trials that run."""


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch. Never runs backward."""

    def wait(self, seconds: float) -> None:
        """Let that much time pass."""


class Tracker(Protocol):
    """Shows the sweep in a tracking system. It reads the store by itself; a failure of it stops nothing."""

    def environment(self, trial: int, attempt: int) -> Mapping[str, str]:
        """The environment variables through which a trial's script finds its run."""

    def check(self) -> None:
        """Look after it, now and then; returns at once."""

    def warnings(self) -> Sequence[Note]:
        """What people should read, since the last call."""

    def close(self, timeout_s: float) -> bool:
        """Wait until everything has arrived, at most ``timeout_s``; whether it has."""
