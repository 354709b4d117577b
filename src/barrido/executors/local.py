"""Runs trials as processes of this machine, which outlive the controller."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from barrido.core.events import Cause, Exited, Paused, PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Logged, Offsets, Order, Signal, Step, Verdict
from barrido.core.recipe import Recipe
from barrido.core.wire import dumps
from barrido.errors import BarridoError
from barrido.executors import leader as leaders
from barrido.executors.attempt import Attempt, Key
from barrido.executors.ending import Ending, ending_of
from barrido.executors.environment import TrackerEnvironment, TrialEnvironment
from barrido.executors.leader import Birth, read_life
from barrido.executors.leftovers import strays
from barrido.executors.patterns import compiled
from barrido.executors.slots import Slots
from barrido.executors.supervisor import Supervisor
from barrido.executors.warm import Nurseries
from barrido.executors.words import argv_of
from barrido.executors.workdir import WorkFolders

GRACE_S = 10.0

ROOM = 64 << 10
"""Bytes that must be free on the disk for a trial to be started: less is a full disk."""

AGAIN_S = 0.5  # how soon a start that the machine had no room for is tried again
TRIES = 3  # to start it where the disk can be written
PASSING = frozenset(
    getattr(errno, name)
    for name in (
        "ENOSPC", "EDQUOT", "EROFS", "EPERM", "EACCES", "EMFILE", "ENFILE", "EAGAIN", "ENOMEM",
    )
)  # fmt: skip
"""Errors that may be over soon: of the disk, and of a machine that has no more files or processes to give."""


class LocalExecutor:
    """The executor of one sweep on this machine. Every method but `wake` belongs to one thread.

    After a crash, call `launch` for the trials that were to be launched and `adopt` for those that
    ran. An attempt is claimed before it starts, so a launch that is repeated never runs it twice; it
    then follows the attempt from the beginning of its journals. `Launched` is told once the claim is
    there, so an adopted attempt without a claim is lost with its machine, and `Exited` says so.

    A trial that needs GPUs waits until there are some: what was stopped, or is suspended and to be ended,
    holds its own until nothing of it is left.
    """

    def __init__(
        self,
        folder: SweepFolder,
        recipe: Recipe,
        *,
        render: Callable[[Order], str],
        environment: TrackerEnvironment | None = None,
        outer: Mapping[str, str] | None = None,
        grace_s: float = GRACE_S,
        now: Callable[[], float] = time.time,
        polls: bool = False,
        home: Path | None = None,
    ) -> None:
        """``render`` gives an order's shell command line; it may raise `BarridoError`.

        ``environment`` is the tracker's; ``outer`` the environment that trials inherit, the process's
        own if None. With ``polls``, neither pidfds nor inotify are used. ``home`` is where it keeps what
        is its own, the sweep's folder if None: each of several executors of one sweep needs another.
        """
        self._folder = SweepFolder(folder.root.absolute())
        self._folder.feed.mkdir(parents=True, exist_ok=True)
        home = self._folder.root if home is None else home
        home.mkdir(parents=True, exist_ok=True)
        self._render = render
        inherited = os.environ if outer is None else outer
        self._slots = Slots(self._folder, home, recipe.work.resources, inherited)
        self._environment = TrialEnvironment(self._folder, recipe, environment, inherited)
        self._folders = WorkFolders(
            self._folder,
            has_code=recipe.work.code is not None,
            outputs=recipe.work.outputs,
            relaunch=recipe.pausing.relaunch if recipe.is_staged else None,
            spare=home / "spare",
        )
        self._metric = recipe.objective.metric if recipe.objective else None
        self._patterns = compiled(recipe.work.metrics)
        self._has_rungs = recipe.holds_at_rungs
        self._supervisor = Supervisor(self._folder.feed, grace_s=grace_s, now=now, polls=polls)
        places, wanted = self._slots.places, recipe.limits.max_concurrent_trials
        if recipe.compute == "local" and places is not None and places < wanted:
            what = f"there are GPUs for {places} trials at a time here, and the sweep was made for {wanted}"
            self._supervisor.note(f"{what}: trials wait for one another")
        self._most = recipe.limits.max_total_trials
        self._newest = -1  # the highest number of a trial that was launched
        self._unclaimed: set[Key] = set()  # adopted, but never started
        self._waiting: dict[Key, tuple[Attempt, Order]] = {}  # for GPUs
        self._stops: dict[Key, Verdict] = {}  # told by `answer`; the order to stop is still to come
        self._unwanted = leaders.inheritable_descriptors()
        self._nurseries: Nurseries | None = None
        if recipe.work.warm != "off":
            self._nurseries = Nurseries(
                self._folder,
                home / "nursery",
                self._supervisor,
                self._environment,
                self._start,
                self._unwanted,
            )
        self._draft = os.fspath(home / ".answer")

    def launch(self, order: Order) -> None:
        key = (order.trial, order.attempt)
        attempt = self._supervisor.attempts.get(key)
        if key in self._supervisor.finished:
            return
        if attempt is None:
            attempt = self._follow(order, {}, told=False)
            if (life := read_life(attempt.life)) is not None:
                self._supervisor.take_over(attempt, life)
                return
        elif key not in self._unclaimed:
            self._supervisor.launched(attempt)
            return
        self._unclaimed.discard(key)
        self._newest = max(self._newest, order.trial)
        attempt.told = False
        self._begin(attempt, order)

    def _begin(self, attempt: Attempt, order: Order) -> None:
        key = attempt.key
        attempt.again = partial(self._later, attempt, order)
        if not self._has_room():
            self._later(attempt, order)
            return
        try:
            gpus = self._slots.take(key)
            if gpus is None:
                self._waiting[key] = attempt, order
                return
            birth = Birth(
                life=attempt.life,
                work=os.fspath(self._folders.prepare(*key).work),
                log=attempt.log,
                words=argv_of(self._render(order)),
                environment=self._environment.of(order, gpus),
            )
        except (OSError, ValueError, BarridoError) as error:
            self._not_started(attempt, error)
            return
        if self._has_rungs:
            self._write_answer(attempt, Step.GO_ON)
        if self._nurseries is None or not self._nurseries.take(attempt, birth):
            self._start(attempt, birth)

    def _later(self, attempt: Attempt, order: Order) -> bool:
        """Begin again when the disk may take it; False if that was not what kept it from starting."""
        is_protected = self._folder.feed.exists() and not os.access(self._folder.feed, os.W_OK)
        if self._has_room() and not is_protected:
            attempt.tries += 1
        if attempt.tries > TRIES:
            return False
        self._supervisor.expect(attempt, _Later(self._begin, order), AGAIN_S)
        return True

    def _has_room(self) -> bool:
        return shutil.disk_usage(self._folder.root).free >= ROOM

    def adopt(self, order: Order, offsets: Offsets) -> None:
        key = (order.trial, order.attempt)
        if key in self._supervisor.finished or key in self._supervisor.attempts:
            return
        attempt = self._follow(order, offsets, told=True)
        if (life := read_life(attempt.life)) is None:
            self._unclaimed.add(key)
        else:
            self._supervisor.take_over(attempt, life)

    def stop(self, trial: int, attempt: int, reason: str) -> None:
        key = (trial, attempt)
        if key in self._supervisor.finished:
            return
        found = self._supervisor.attempts.get(key) or self._follow(Order(*key, {}), {}, told=True)
        if found.leader is None and found.ending is None:
            # Nobody has started it here; if nobody else has, nobody ever will.
            self._unclaimed.discard(key)
            self._waiting.pop(key, None)
            self._supervisor.take_over(found, leaders.forbid(found.life))
        if found.stop_reason is None and key not in self._supervisor.finished:
            # First the signal, then the answer: a report that waits for it must not get one more step in.
            self._supervisor.stop(found, reason)
            self._stops.pop(key, None)
            self._write_answer(found, "stop", reason)

    def pause(self, trial: int, attempt: int, mode: PauseMode, reason: str) -> None:
        found = self._supervisor.attempts.get((trial, attempt))
        if found is None or found.stop_reason is not None:
            return
        if mode is PauseMode.RESTART:
            self.stop(trial, attempt, reason)
            return
        found.until, found.pause_reason = None, reason
        if mode is PauseMode.CHECKPOINT:
            self._write_answer(found, Step.PAUSE, reason)
        self._supervisor.pause(found, mode)

    def unpause(self, order: Order) -> None:
        found = self._supervisor.attempts.get((order.trial, order.attempt))
        if found is None or found.stop_reason is not None:
            return
        found.until = order.until
        self._write_answer(found, Step.GO_ON)  # before it goes on, so that it knows how far
        self._supervisor.unpause(found)

    def discard(self, trial: int) -> None:
        self._folders.discard(trial)

    def answer(self, trial: int, attempt: int, offsets: Offsets, verdict: Verdict) -> None:
        found = self._supervisor.attempts.get((trial, attempt))
        if found is None or found.ending is not None:
            return
        found.decided.update(offsets)
        found.until = verdict.until
        if found.stop_reason is not None:
            self._write_answer(found, "stop", found.stop_reason)
        elif verdict.stops:
            self._stops[found.key] = verdict
        elif found.pause is not PauseMode.SUSPEND or found.look_at is None:  # else when it is frozen
            self._write_answer(found, verdict.step, verdict.reason)

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        for key, verdict in self._stops.items():
            if (attempt := self._supervisor.attempts.get(key)) is not None:
                self._write_answer(attempt, verdict.step, verdict.reason)
        self._stops.clear()
        for key in self._unclaimed:
            self._supervisor.finish(
                self._supervisor.attempts[key], ending_of(None, None, asked=False, log="")
            )
        self._unclaimed.clear()
        if self._supervisor.attempts and self._newest + 1 < self._most:
            self._folders.make_spare()
        signals = self._supervisor.events(timeout_s)
        for number, one in enumerate(signals):
            match one:
                case Paused():
                    if self._slots.holds((one.trial, one.attempt)):
                        signals[number] = replace(one, gpu=True)
                    # Now its report is answered: whoever withholds the reply to it is free of it.
                    frozen = self._supervisor.attempts.get((one.trial, one.attempt))
                    if frozen is not None and frozen.stop_reason is None:  # else it is stopped already
                        self._write_answer(frozen, Step.PAUSE, frozen.pause_reason)
                case Logged():
                    self._see_whether_it_went_on(one)
                case Exited():
                    self._slots.release((one.trial, one.attempt))
        while self._waiting and self._slots.has_room():
            self._begin(*self._waiting.pop(next(iter(self._waiting))))
        return signals

    def close(self) -> None:
        if self._nurseries is not None:
            self._nurseries.close()
        self._supervisor.close()
        self._folders.drop_spare()

    def wake(self) -> None:
        """Make a waiting `events` return. May be called from any thread, also after `close`."""
        self._supervisor.wake()

    def listen(self, fd: int, hear: Callable[[], None]) -> None:
        """Call ``hear`` whenever there is something to read, from within `events`."""
        self._supervisor.listen(fd, hear)

    def unlisten(self, fd: int) -> None:
        self._supervisor.unlisten(fd)

    def running(self) -> list[Key]:
        """The attempts whose end was not told yet."""
        return list(self._supervisor.attempts)

    def sweep_leftovers(self, wait_s: float = 5.0, is_ours: Callable[[str], bool] = lambda _: True) -> int:
        """Kill what ended trials left running outside of their process groups; how many there were.

        Call it when the sweep ends: such processes are looked for only after stops and where a
        process group was not empty, because that takes milliseconds. ``is_ours`` tells by the stem of an
        attempt's files whether it is this executor's, where the sweep has others on this machine.
        """
        live = {attempt.stem for attempt in self._supervisor.attempts.values()}
        known = strays(os.fspath(self._folder.feed))
        found = [left for stem, left in known if stem not in live and is_ours(stem)]
        for left in found:
            left.send(signal.SIGKILL)
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline and not all(left.is_gone() for left in found):
            time.sleep(0.005)
        for left in found:
            left.close()
        return len(found)

    def _start(self, attempt: Attempt, birth: Birth) -> None:
        try:
            attempt.leader = leaders.spawn(birth, self._unwanted)
        except (OSError, ValueError) as error:
            self._not_started(attempt, error)
        else:
            self._supervisor.watch(attempt)

    def _not_started(self, attempt: Attempt, error: Exception) -> None:
        passes = isinstance(error, OSError) and error.errno in PASSING
        if not (passes and attempt.again is not None and attempt.again()):
            self._supervisor.finish(attempt, Ending(Cause.NO_LAUNCH, None, str(error)))

    def _see_whether_it_went_on(self, logged: Logged) -> None:
        """A script that logs its metric again has saved what it was to save, or never will."""
        attempt = self._supervisor.attempts.get((logged.trial, logged.attempt))
        if (
            attempt is not None
            and attempt.pause is PauseMode.CHECKPOINT
            and any(point.name == self._metric for point in logged.points)
        ):
            self._supervisor.stop(attempt, attempt.pause_reason)

    def _follow(self, order: Order, offsets: Offsets, *, told: bool) -> Attempt:
        attempt = Attempt.of(order, self._folder, offsets, told=told, patterns=self._patterns)
        self._slots.recall(attempt.key)
        self._supervisor.follow(attempt)
        return attempt

    def _write_answer(self, attempt: Attempt, step: str, reason: str = "") -> None:
        answer: dict[str, object] = {"offsets": attempt.decided, "step": step, "reason": reason}
        if self._has_rungs:
            answer |= {"until": attempt.until, "start": attempt.start}
        body = dumps(answer)
        # Drafted outside of the feed, so that it does not wake us. On a full disk the trial waits for
        # its answer in vain once, and goes on.
        with suppress(OSError):
            draft = Path(self._draft)
            draft.write_bytes(body.encode("utf-8", "replace"))
            draft.rename(f"{attempt.stem}.answer")


class _Later:
    """A `barrido.executors.attempt.Starter`: begins the attempt when its time has come."""

    def __init__(self, begin: Callable[[Attempt, Order], None], order: Order) -> None:
        self._begin = begin
        self._order = order

    def claimed(self, attempt: Attempt) -> None:
        """It was forbidden meanwhile."""

    def overdue(self, attempt: Attempt) -> None:
        attempt.starter = None
        self._begin(attempt, self._order)
