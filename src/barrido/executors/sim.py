"""Trials without processes, in virtual time: for crash tests, benchmarks of policies, and what-if runs.

A `SimWorld` holds the trials; it outlives the executors that look at it, as real trials outlive their
controller. ``world.executor()`` is what a new controller gets: it knows nothing until it launches or
adopts, and then hears again whatever lies behind the offsets it names.

Time passes only inside `SimExecutor.events`, and only when there is nothing left to tell. The same
calls give the same events in the same order.
"""

from __future__ import annotations

import heapq
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, nan

from barrido.core.events import Cause, Exited, Launched, Paused, PauseMode
from barrido.core.protocols import Logged, Offsets, Order, Point, Signal, Verdict
from barrido.core.trial import Params
from barrido.trial.journal import format_line

DOOR = "report"
Key = tuple[int, int]
Curve = Callable[[Params, int], float]
"""The value that a trial with these parameters reports at a step, counted from 1."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in a trial. Steps are counted from 1."""

    exit_code: int = 0  # what it ends with
    ends_after: int | None = None  # reports, instead of all its steps
    nan_from: int | None = None  # the step from which on it reports NaN
    never_ends: bool = False  # after its last report it goes on without a word
    ignores_stop: bool = False  # until the grace period is over
    no_launch: str = ""  # why it cannot be started
    lost_after: int | None = None  # reports after which its machine goes away


NO_FAULT = Fault()
Faults = Callable[[Order], Fault]


class VirtualClock:
    """Seconds since the epoch, which pass when told to."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def wait(self, seconds: float) -> None:
        self.advance_to(self._now + seconds)

    def advance_to(self, at: float) -> None:
        """Go on to ``at``; never back."""
        self._now = max(self._now, at)


@dataclass(slots=True)
class _Trial:
    """One attempt as the world knows it: a journal that grows, and perhaps an end."""

    order: Order
    fault: Fault
    launched: Launched | None
    lines: list[Logged] = field(default_factory=list)
    ended: Exited | None = None
    stopped: bool = False
    pauses: Paused | None = None  # while it is frozen
    wakings: int = 0  # how often it was let go on

    @property
    def key(self) -> Key:
        return (self.order.trial, self.order.attempt)

    @property
    def offset(self) -> int:
        return self.lines[-1].offset if self.lines else 0


class SimWorld:
    """
    >>> world = SimWorld(lambda params, step: 1 / step, steps=2)
    >>> executor = world.executor()
    >>> executor.launch(Order(0, 1, {}))
    >>> [type(signal).__name__ for signal in executor.events(0)]
    ['Launched']
    >>> executor.events(None)[0].points[0].value, executor.events(None)[0].points[0].value
    (1.0, 0.5)
    >>> executor.events(None)[0].code
    0
    """

    def __init__(
        self,
        curve: Curve,
        *,
        steps: int | Callable[[Params], int],
        metric: str = "loss",
        seconds_per_report: float | Callable[[Params], float] = 1.0,
        grace_s: float = 10.0,
        faults: Faults = lambda order: NO_FAULT,  # noqa: ARG005
        memory: Callable[[Params], int] = lambda params: 0,  # noqa: ARG005
        clock: VirtualClock | None = None,
    ) -> None:
        """``memory`` is what a frozen trial holds, in bytes."""
        self.clock = clock or VirtualClock()
        self._memory = memory
        self._curve = curve
        self._steps = steps
        self._metric = metric
        self._seconds = seconds_per_report
        self._grace_s = grace_s
        self._faults = faults
        self._trials: dict[Key, _Trial] = {}
        self._agenda: list[tuple[float, int, Key, str]] = []  # a heap: when, which came first, whom, what
        self._count = 0

    def executor(self) -> SimExecutor:
        """A new controller's view of this world."""
        return SimExecutor(self)

    def advance(self, seconds: float) -> None:
        """Let time pass while no controller is there."""
        end = self.clock.now() + seconds
        while self._agenda and self._agenda[0][0] <= end:
            self.happen()
        self.clock.advance_to(end)

    def launch(self, order: Order) -> _Trial:
        """Start an attempt, once."""
        key = (order.trial, order.attempt)
        if (known := self._trials.get(key)) is not None:
            return known
        fault, now = self._faults(order), self.clock.now()
        if fault.no_launch:
            trial = _Trial(order, fault, None)
            trial.ended = Exited(*key, Cause.NO_LAUNCH, None, now, fault.no_launch)
        else:
            trial = _Trial(order, fault, Launched(*key, now))
            self._plan_next(trial)
        self._trials[key] = trial
        return trial

    def has(self, key: Key) -> bool:
        """Whether an attempt was launched, or stopped before it was."""
        return key in self._trials

    def find(self, key: Key) -> _Trial:
        """An attempt that was launched; lost, if it never was."""
        if (known := self._trials.get(key)) is None:
            known = self._trials[key] = _Trial(Order(*key, {}), NO_FAULT, None)
            known.ended = Exited(*key, Cause.LOST, None, self.clock.now(), "nothing is left of it")
        return known

    def stop(self, key: Key) -> _Trial:
        """Begin to end an attempt; one that was never launched never will be."""
        if (known := self._trials.get(key)) is None:
            known = self._trials[key] = _Trial(Order(*key, {}), NO_FAULT, None)
            known.ended = Exited(*key, Cause.EXIT, None, self.clock.now(), "stopped before it started")
        elif known.ended is None and not known.stopped:
            known.stopped = True
            self._plan(self._grace_s if known.fault.ignores_stop else 0.0, key, "die")
        return known

    def pause(self, key: Key, mode: PauseMode) -> None:
        """Freeze an attempt between two steps, or end it."""
        trial = self.find(key)
        if trial.ended is not None or trial.pauses is not None or trial.stopped:
            return
        if mode is PauseMode.SUSPEND:
            memory = self._memory(trial.order.params)
            trial.pauses = Paused(*key, self.clock.now(), memory)
        else:
            self.stop(key)

    def unpause(self, key: Key) -> None:
        """Let a frozen attempt go on."""
        trial = self.find(key)
        if trial.ended is None and trial.pauses is not None:
            trial.pauses, trial.launched = None, Launched(*key, self.clock.now())
            trial.wakings += 1
            self._plan_next(trial)

    def next_at(self) -> float:
        """When the next thing happens; infinite if nothing will."""
        return self._agenda[0][0] if self._agenda else inf

    def happen(self) -> None:
        """Let the next thing happen."""
        at, _, key, what = heapq.heappop(self._agenda)
        self.clock.advance_to(at)
        trial = self._trials[key]
        if trial.ended is not None:
            return
        if what == "die":
            number = signal.SIGKILL if trial.fault.ignores_stop else signal.SIGTERM
            trial.ended = Exited(*key, Cause.EXIT, -number, at, f"killed by {number.name}")
        elif what == f"step {trial.wakings}" and trial.pauses is None and _may_step(trial):
            self._step(trial, at)

    def _step(self, trial: _Trial, at: float) -> None:
        """The next report, or the end after the last one."""
        fault, done = trial.fault, len(trial.lines)
        if fault.lost_after == done:
            trial.ended = Exited(*trial.key, Cause.LOST, None, at, "its machine went away")
        elif done < self._length(trial):
            step = trial.order.start + done + 1
            is_nan = fault.nan_from is not None and step >= fault.nan_from
            value = nan if is_nan else self._curve(trial.order.params, step)
            size = len(format_line({self._metric: value}, step=step, time=at))
            point = Point(self._metric, value, step, at)
            trial.lines.append(Logged(*trial.key, DOOR, trial.offset + size, (point,)))
            self._plan_next(trial)
        elif not fault.never_ends:
            trial.ended = Exited(*trial.key, Cause.EXIT, fault.exit_code, at, _words(fault.exit_code))

    def _plan_next(self, trial: _Trial) -> None:
        """The report after those it made, or its end."""
        done = len(trial.lines)
        is_last = done == self._length(trial) and trial.fault.lost_after != done
        self._plan(0.0 if is_last else self._seconds_of(trial.order), trial.key, f"step {trial.wakings}")

    def _length(self, trial: _Trial) -> int:
        """How many reports the attempt makes."""
        steps = self._steps if isinstance(self._steps, int) else self._steps(trial.order.params)
        steps = max(0, steps - trial.order.start)
        return steps if trial.fault.ends_after is None else min(steps, trial.fault.ends_after)

    def _seconds_of(self, order: Order) -> float:
        return self._seconds if isinstance(self._seconds, int | float) else self._seconds(order.params)

    def _plan(self, in_s: float, key: Key, what: str) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.clock.now() + in_s, self._count, key, what))


@dataclass(slots=True)
class _View:
    """How far one executor has told of an attempt."""

    trial: _Trial
    told: bool
    seen: int  # reports
    knows_pause: bool = False

    def news(self) -> Iterator[Signal]:
        if not self.told and self.trial.launched is not None:
            yield self.trial.launched
        self.told = True
        behind = self.trial.lines[self.seen :]
        self.seen += len(behind)
        yield from behind
        if self.trial.ended is not None:
            yield self.trial.ended
        elif self.trial.pauses is not None and not self.knows_pause:
            self.knows_pause = True
            yield self.trial.pauses


class SimExecutor:
    """One controller's executor over a `SimWorld`."""

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self._views: dict[Key, _View] = {}
        self._finished: set[Key] = set()
        self._unclaimed: dict[Key, Offsets] = {}  # adopted, but never launched
        self.answers: dict[Key, tuple[Offsets, Verdict]] = {}
        self.discarded: set[int] = set()
        self._woken = False

    def launch(self, order: Order) -> None:
        key = (order.trial, order.attempt)
        if key in self._finished:
            return
        offsets = self._unclaimed.pop(key, {})
        if key in self._views:
            self._views[key].told = False
        else:
            self._look_at(self._world.launch(order), offsets, told=False)

    def adopt(self, order: Order, offsets: Offsets) -> None:
        key = (order.trial, order.attempt)
        if key in self._finished or key in self._views:
            return
        if self._world.has(key):
            self._look_at(self._world.find(key), offsets, told=True)
        else:
            self._unclaimed[key] = offsets

    def stop(self, trial: int, attempt: int, reason: str) -> None:
        key = (trial, attempt)
        if key in self._finished:
            return
        stopped = self._world.stop(key)
        if key not in self._views:
            self._look_at(stopped, self._unclaimed.pop(key, {}), told=True)

    def pause(self, trial: int, attempt: int, mode: PauseMode, reason: str) -> None:
        key = (trial, attempt)
        if key in self._finished:
            return
        self._world.pause(key, mode)
        view = self._views.get(key) or self._look_at(self._world.find(key), {}, told=True)
        view.knows_pause = False

    def unpause(self, order: Order) -> None:
        key = (order.trial, order.attempt)
        if key in self._finished:
            return
        self._world.unpause(key)
        view = self._views.get(key) or self._look_at(self._world.find(key), {}, told=True)
        view.told = False

    def discard(self, trial: int) -> None:
        self.discarded.add(trial)

    def answer(self, trial: int, attempt: int, offsets: Offsets, verdict: Verdict) -> None:
        self.answers[trial, attempt] = (dict(offsets), verdict)

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        """Raises RuntimeError where a real executor would wait for ever."""
        for key, offsets in self._unclaimed.items():
            self._look_at(self._world.find(key), offsets, told=True)
        self._unclaimed.clear()
        clock = self._world.clock
        deadline = inf if timeout_s is None else clock.now() + timeout_s
        while not (news := self._news()) and not self._woken:
            if self._world.next_at() > deadline:
                clock.advance_to(deadline)
                break
            if self._world.next_at() == inf:
                raise RuntimeError("waits for ever: nothing runs that could still happen")
            self._world.happen()
        self._woken = False
        return news

    def close(self) -> None:
        self._views.clear()

    def wake(self) -> None:
        """Make the next `events` return without waiting."""
        self._woken = True

    def _look_at(self, trial: _Trial, offsets: Offsets, *, told: bool) -> _View:
        offset = offsets.get(DOOR, 0)
        seen = sum(line.offset <= offset for line in trial.lines)
        view = self._views[trial.key] = _View(trial, told, seen, knows_pause=told)
        return view

    def _news(self) -> list[Signal]:
        news: list[Signal] = []
        for key, view in tuple(self._views.items()):
            news += view.news()
            if view.trial.ended is not None:
                del self._views[key]
                self._finished.add(key)
        return news


def _may_step(trial: _Trial) -> bool:
    return not trial.stopped or trial.fault.ignores_stop


def _words(code: int) -> str:
    return "" if code == 0 else f"ended with exit code {code}"
