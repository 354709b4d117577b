"""Watches over attempts: reads their journals, sees them end, ends them, and tells about it.

One thread, one wait: a selector over the session leaders (pidfds), the folder in which trials write
their metrics (inotify), and a socket that wakes it. Nothing is looked at while nothing happens. Where
the system has no pidfds or no inotify, everything is looked at every 50 ms.

What it tells of one attempt comes in this order: `Launched`, `Logged` …, `Exited`; when it was suspended,
`Paused` and then `Launched` again come between.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from barrido.core.events import Exited, Launched, Note, Paused, PauseMode
from barrido.core.layout import DOORS, LOG
from barrido.core.protocols import Signal
from barrido.executors import halts
from barrido.executors import leader as leaders
from barrido.executors.attempt import Attempt, Finished, Key, Starter
from barrido.executors.ending import Ending, ending_of
from barrido.executors.kills import Kills
from barrido.executors.leader import CLAIM_FAILED, Life, machine_id, read_life
from barrido.executors.leftovers import Leftover, leftovers
from barrido.inotify import WRITTEN, watch_over

POLL_S = 0.05
LOOK_S = 0.001  # how soon it is looked again whether all of an attempt is frozen; ever later
PATIENCE_S = 60.0
"""How long a script may take to save what it is to go on from, if it neither logs nor hears SIGTERM."""

CLAIM_S = 2.0  # a claim that is not wholly written by then never will be


class Supervisor:
    """Every method but `wake` belongs to one thread."""

    def __init__(self, feed: Path, *, grace_s: float, now: Callable[[], float], polls: bool) -> None:
        """With ``polls``, neither pidfds nor inotify are used."""
        self.attempts: dict[Key, Attempt] = {}
        self.finished = Finished()
        self._grace_s = grace_s
        self._now = now
        self._timed: dict[Key, Attempt] = {}
        self._unread: dict[Key, Ending] = {}  # nothing is left of them but logs that are still being read
        self._signals: list[Signal] = []
        self._kills = Kills()
        self._woken = self._reads_logs = False
        self._selector = selectors.DefaultSelector()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ, self._on_bell)
        self._watch = None if polls else watch_over(feed, WRITTEN)
        self._polls = self._watch is None or not hasattr(os, "pidfd_open")
        if self._watch is not None:
            self._selector.register(self._watch, selectors.EVENT_READ, self._on_feed)

    def follow(self, attempt: Attempt) -> None:
        self.attempts[attempt.key] = attempt
        self._reads_logs = self._reads_logs or LOG in attempt.tails
        attempt.kills = self._kills.untold()

    def expect(self, attempt: Attempt, starter: Starter, within_s: float) -> None:
        """``starter`` was asked to start it: its claim is waited for."""
        attempt.starter, attempt.awaited_until = starter, time.monotonic() + within_s
        self._timed[attempt.key] = attempt

    def look(self, attempt: Attempt) -> None:
        """See now whether it has been claimed."""
        self._see_claim(attempt)

    def listen(self, fd: int, hear: Callable[[], None]) -> None:
        """Call ``hear`` when there is something to read."""
        self._selector.register(fd, selectors.EVENT_READ, hear)

    def unlisten(self, fd: int) -> None:
        self._unwatch(fd)

    def note(self, text: str) -> None:
        """Tell people something about the sweep."""
        self._signals.append(Note(text))

    def take_over(self, attempt: Attempt, life: Life) -> None:
        """Go on with an attempt that somebody else claimed: alive, ended, or just being claimed."""
        if attempt.starter is not None:
            starter, attempt.starter = attempt.starter, None
            attempt.is_warm = not life.is_void
            starter.claimed(attempt)
        attempt.is_adopted = True
        if life.pid is None:
            attempt.unclear_until = time.monotonic() + CLAIM_S
            self._timed[attempt.key] = attempt
            return
        if not life.is_void and life.code is None and life.machine == machine_id():
            attempt.leader = leaders.find(life.pid, attempt.life)
        if attempt.leader is not None:
            attempt.is_adopted = not attempt.is_warm  # a nursery's are as good as our own
            self._claimed(attempt)
            self.watch(attempt)
            self._read_all(attempt)
            return
        # It may have written its record and gone between our reading and our looking for it.
        attempt.claimed = not life.is_void
        self._settle(attempt, read_life(attempt.life), None)

    def watch(self, attempt: Attempt) -> None:
        """Wait for the end of an attempt's leader."""
        leader = attempt.leader
        if leader is not None and not self._polls:
            if leader.fd is None:  # out of file descriptors
                self._polls = True
            else:
                gone = partial(self._leader_gone, attempt)
                self._selector.register(leader.fd, selectors.EVENT_READ, gone)
        if attempt.stop_reason is not None:
            self._ask(attempt)

    def stop(self, attempt: Attempt, reason: str) -> None:
        """Ask it to stop; kill it when the grace period is over. Once is enough."""
        if attempt.stop_reason is None:
            attempt.stop_reason = reason
            self._ask(attempt)

    def pause(self, attempt: Attempt, mode: PauseMode) -> None:
        """SUSPEND: freeze it, `Paused` follows. CHECKPOINT: stop it, when it had time to save."""
        if attempt.stop_reason is not None or (attempt.pause is mode and attempt.look_at is not None):
            return
        attempt.pause, attempt.look_at, attempt.look_s = mode, time.monotonic(), LOOK_S
        self._timed[attempt.key] = attempt
        if mode is PauseMode.SUSPEND or halts.catches(attempt, signal.SIGTERM):
            self._go_on_pausing(attempt)
        else:
            attempt.look_at += PATIENCE_S

    def unpause(self, attempt: Attempt) -> None:
        """Let it go on, and tell that it was launched."""
        attempt.pause = attempt.look_at = None
        halts.thaw(attempt)
        self.launched(attempt)

    def launched(self, attempt: Attempt) -> None:
        """Tell that it was launched, as soon as it has claimed its attempt."""
        attempt.told = False
        if attempt.claimed:
            self._tell_launched(attempt)

    def finish(self, attempt: Attempt, ending: Ending) -> None:
        """Nothing of it is left: tell what remains to be told."""
        if attempt.claimed:
            self._tell_launched(attempt)
        self._read_all(attempt, final=True)
        if attempt.is_behind():  # piece by piece: others want to be heard, and memory has an end
            self._unread[attempt.key] = ending
            return
        self._unread.pop(attempt.key, None)
        self._release(attempt)
        del self.attempts[attempt.key]
        self._timed.pop(attempt.key, None)
        self.finished.add(attempt.key)
        at = self._now()
        if ending.at is not None and attempt.launched_at is None:
            at = min(at, ending.at)  # it ended while nobody watched
        self._signals.append(Exited(*attempt.key, ending.cause, ending.code, at, ending.detail))

    def events(self, timeout_s: float | None) -> list[Signal]:
        """What happened; waits for it. Returns with nothing only if woken, or if the time is over."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._wait(0.0 if self._signals else deadline)
            if self._signals or self._woken or (deadline is not None and time.monotonic() >= deadline):
                break
        self._woken = False
        signals, self._signals = self._signals, []
        return signals

    def wake(self) -> None:
        """Make a waiting `events` return. May be called from any thread, also after `close`."""
        with suppress(OSError):  # full: it is awake already; closed: nobody sleeps
            self._bell.send(b"\0")

    def close(self) -> None:
        """Let go of everything; the attempts run on."""
        for attempt in self.attempts.values():
            self._release(attempt)
        self.attempts.clear()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._selector.close()
        self._ear.close()
        self._bell.close()

    def _wait(self, deadline: float | None) -> None:
        """Wait for one thing to happen, until ``deadline`` (monotonic seconds), and see to it."""
        timers = [at for attempt in self._timed.values() if (at := attempt.next_timer()) is not None]
        ends = timers if deadline is None else [*timers, deadline]
        wait_s = max(0.0, min(ends) - time.monotonic()) if ends else None
        if self._polls or (self._reads_logs and self.attempts):
            wait_s = POLL_S if wait_s is None else min(wait_s, POLL_S)
        for key, _ in self._selector.select(0.0 if self._unread else wait_s):
            key.data()
        if self._polls:
            self._look_at_all()
        elif self._reads_logs:  # they lie in the folders of the trials: nobody tells when they grow
            for attempt in tuple(self.attempts.values()):
                self._read(attempt, LOG)
        for unread, ending in tuple(self._unread.items()):
            self.finish(self.attempts[unread], ending)
        if timers:
            self._on_timers(time.monotonic())

    def _on_bell(self) -> None:
        with suppress(BlockingIOError):
            while self._ear.recv(4096):
                self._woken = True

    def _on_feed(self) -> None:
        names = self._watch.names() if self._watch is not None else None
        if names is None:
            self._look_at_all()
            return
        for name in names:
            match name.split("."):
                case [trial, number, what] if trial.isdecimal() and number.isdecimal():
                    key = (int(trial), int(number))
                    if key in self.attempts:  # whoever writes has claimed it by then
                        self._see_claim(self.attempts[key])
                    if key in self.attempts and what in DOORS:
                        self._read(self.attempts[key], what)

    def _look_at_all(self) -> None:
        for attempt in tuple(self.attempts.values()):
            self._see_claim(attempt)
            self._read_all(attempt)
            if attempt.ending is not None:
                for left in [left for left in attempt.left if left.is_gone()]:
                    self._left_gone(attempt, left)
            elif attempt.leader is not None and attempt.leader.is_gone():
                self._leader_gone(attempt)

    def _on_timers(self, now: float) -> None:
        for attempt in tuple(self._timed.values()):
            at = attempt.next_timer()
            if at is None or now < at:
                continue
            if attempt.starter is not None:
                attempt.starter.overdue(attempt)
                continue
            if attempt.unclear_until is not None:
                attempt.unclear_until = None
                self._settle(attempt, read_life(attempt.life), attempt.status)
                continue
            if attempt.stop_reason is None:
                self._go_on_pausing(attempt)
                continue
            if attempt.ask_again_at is not None:
                halts.ask_again(attempt, now)
                continue
            attempt.killed = True
            if attempt.ending is not None:
                self._hunt(attempt)
            elif attempt.leader is not None:
                attempt.leader.signal_group(signal.SIGKILL)

    def _see_claim(self, attempt: Attempt) -> None:
        if attempt.claimed or (life := read_life(attempt.life)) is None or life.pid is None:
            return
        if attempt.unclear_until is not None or attempt.starter is not None:
            attempt.unclear_until = None
            self.take_over(attempt, life)
        elif attempt.leader is not None and attempt.leader.pid == life.pid:
            self._claimed(attempt)

    def _claimed(self, attempt: Attempt) -> None:
        attempt.claimed = True
        self._tell_launched(attempt)

    def _tell_launched(self, attempt: Attempt) -> None:
        if not attempt.told:
            attempt.told = True
            attempt.launched_at = self._now()
            self._signals.append(Launched(*attempt.key, attempt.launched_at, attempt.is_warm))

    def _read(self, attempt: Attempt, door: str, *, final: bool = False) -> None:
        logged = attempt.read(door, self._now(), final=final)
        if logged:
            self._tell_launched(attempt)  # whoever writes has claimed it, even if we did not see that yet
            self._signals += logged

    def _read_all(self, attempt: Attempt, *, final: bool = False) -> None:
        for door in attempt.tails:
            self._read(attempt, door, final=final)

    def _ask(self, attempt: Attempt) -> None:
        if attempt.leader is not None and attempt.ending is None:
            attempt.kill_at = time.monotonic() + self._grace_s
            self._timed[attempt.key] = attempt
            halts.ask_to_end(attempt)

    def _go_on_pausing(self, attempt: Attempt) -> None:
        if attempt.pause is not PauseMode.SUSPEND:
            self.stop(attempt, attempt.pause_reason)
        elif (pids := halts.freeze(attempt)) is not None:
            attempt.look_at = None
            self._read_all(attempt)
            self._signals.append(Paused(*attempt.key, self._now(), *halts.weigh(pids)))
        else:
            attempt.look_s = min(2 * attempt.look_s, POLL_S)
            attempt.look_at = time.monotonic() + attempt.look_s

    def _leader_gone(self, attempt: Attempt) -> None:
        leader = attempt.leader
        if leader is None or attempt.ending is not None:
            return
        self._unwatch(leader.fd)
        # What shares its group ends with it; in a stop, with what is left of the grace period.
        if not self._is_graceful(attempt):
            leader.signal_group(signal.SIGKILL)
        status = leader.reap()
        life = read_life(attempt.life)
        if life is not None and leader.is_child and life.pid != leader.pid and not life.is_void:
            # Another launch of this attempt was quicker.
            leader.close()
            attempt.leader, attempt.status = None, status
            self.take_over(attempt, life)
            return
        attempt.claimed = life is not None and life.pid == leader.pid
        self._settle(attempt, life, status)

    def _settle(self, attempt: Attempt, life: Life | None, status: int | None) -> None:
        """Its leader is gone: note how it ended, and see that nothing is left of it."""
        asked = attempt.stop_reason is not None
        if status == CLAIM_FAILED and life is None and not asked and attempt.again and attempt.again():
            self._release(attempt)
            return
        ending = ending_of(life, status, asked=asked, log=attempt.log)
        attempt.ending = ending if asked else self._kills.explained(ending, attempt.kills)
        attempt.look_at = None
        leader = attempt.leader
        paused = attempt.pause is not None  # what it froze would stay for ever
        if asked or paused or attempt.is_adopted or (leader is not None and leader.may_have_left_some()):
            self._hunt(attempt)
        else:
            self.finish(attempt, attempt.ending)

    def _hunt(self, attempt: Attempt) -> None:
        """Wait for every process of the attempt to be gone; kill them unless they have time left."""
        for left in attempt.left:
            self._unwatch(left.fd)
            left.close()
        leader = attempt.leader
        attempt.left = leftovers(
            attempt.stem, leader.group() if leader else None, dying=leader.pid if leader else None
        )
        if not attempt.left and attempt.ending is not None:
            self.finish(attempt, attempt.ending)
            return
        if not self._is_graceful(attempt):
            for left in attempt.left:
                left.send(signal.SIGKILL)
        for left in attempt.left:
            if left.fd is not None and not self._polls:
                gone = partial(self._left_gone, attempt, left)
                self._selector.register(left.fd, selectors.EVENT_READ, gone)

    def _left_gone(self, attempt: Attempt, left: Leftover) -> None:
        if left not in attempt.left:
            return
        self._unwatch(left.fd)
        left.close()
        attempt.left.remove(left)
        if not attempt.left:
            self._hunt(attempt)  # it may have forked meanwhile

    def _is_graceful(self, attempt: Attempt) -> bool:
        return attempt.kill_at is not None and time.monotonic() < attempt.kill_at

    def _release(self, attempt: Attempt) -> None:
        for left in attempt.left:
            self._unwatch(left.fd)
            left.close()
        attempt.left = []
        if attempt.leader is not None:
            self._unwatch(attempt.leader.fd)
            attempt.leader.close()
            attempt.leader = None

    def _unwatch(self, fd: int | None) -> None:
        if fd is not None:
            with suppress(KeyError):
                self._selector.unregister(fd)
