"""The controller: one thread that waits, decides, commits and acts."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from barrido.controller import requests
from barrido.controller.intake import Intake
from barrido.controller.lock import SweepLock
from barrido.core import wire
from barrido.core.answer import answer
from barrido.core.decide import begin, decide, next_deadline, reconcile
from barrido.core.events import (
    Action,
    Ask,
    Discard,
    Event,
    Exited,
    Finish,
    Launch,
    Launched,
    Note,
    Outcome,
    Pause,
    Reported,
    Resumed,
    Started,
    Stop,
    Ticked,
    Unpause,
)  # fmt: skip
from barrido.core.layout import SweepFolder
from barrido.core.plan import Plan
from barrido.core.protocols import Clock, Executor, Logged, Order, Sampler, Signal, Step, Tracker, Verdict
from barrido.core.recipe import Recipe
from barrido.core.state import SweepState
from barrido.core.trial import Phase, Trial
from barrido.errors import HistoryMismatch, StoreError
from barrido.executors.local import ROOM
from barrido.store.batch import Batch, Decision, Remark, Store

log = logging.getLogger(__name__)

LOOK_S = 0.25
"""How long a person's request may wait for the controller to look."""

RETRY_S = 2.0
"""How long a batch waits to be written again when the disk did not take it."""

PORTION = 10_000
"""Metric values after which a turn is committed although there is more to take in."""


class Controller:
    """Runs one sweep, from wherever its log stands to its end.

    ``folder`` is where requests come in, None for none. ``tracker`` is looked after, and never waited for.
    ``lock`` is what makes it the only controller; without one, time never passes while none is there.
    """

    def __init__(
        self,
        recipe: Recipe,
        plan: Plan,
        sampler: Sampler,
        executor: Executor,
        store: Store,
        clock: Clock,
        *,
        folder: SweepFolder | None = None,
        tracker: Tracker | None = None,
        lock: SweepLock | None = None,
    ) -> None:
        self._recipe = recipe
        self._plan = plan
        self._sampler = sampler
        self._executor = executor
        self._store = store
        self._clock = clock
        self._folder = folder
        self._tracker = tracker
        self._lock = lock
        self._intake = Intake(plan.metric)
        self._looked_at = 0.0
        self._waiting: list[Launch] = []  # decided and committed, but there is no room on the disk
        self._answered: dict[tuple[int, int], int] = {}  # by attempt: the last rung that was answered
        self._undropped: set[Path] = set()  # requests that were taken in and could not be removed
        self._held = Batch()  # what waits for the next transaction
        self._is_up = False
        self._is_full = False
        self.state = begin(plan)

    def begin(self) -> None:
        """Take the sweep up: replay its log, adopt what runs, repeat what may not have been done.

        Raises HistoryMismatch; StoreError if not even this can be written.
        """
        self._take_up()
        self._is_up = True

    def _take_up(self) -> None:
        if not replay(self._plan, self.state, self._store):
            remarks = [Remark(self._clock.now(), text) for text in self._recipe.notices]
            self._turn([Started(self._clock.now())], Batch(remarks=remarks))
            return
        if self._is_over():
            self.look()
            return
        for trial in self.state.under_way():
            if trial.phase is Phase.PAUSED and not (trial.is_frozen or trial.is_let_go):
                continue  # nothing of it is left to adopt
            self._intake.restore(
                trial.number, trial.attempt, self._store.attempt(trial.number, trial.attempt)
            )
            self._executor.adopt(_order(trial), self._intake.offsets(trial.number, trial.attempt))
        batch = Batch()
        again = reconcile(self._plan, self.state)
        for action in again:
            if isinstance(action, Ask):
                self._answer_question(action, batch)
        resumed = Resumed(self._clock.now(), self._lock.silent_s if self._lock else 0.0)
        self._turn([resumed], batch, [a for a in again if not isinstance(a, Ask)])
        for trial in self.state.under_way():
            self._answer(trial.number, trial.attempt)  # the last controller may not have come to it

    def run(self) -> Outcome:
        """Until the sweep is over. To be called again when it was opened again since."""
        while not self._is_over():
            for portion in _portions(self._executor.events(self._wait_s())):
                if not self._is_over():
                    batch, self._held = self._held, Batch()
                    self._turn(portion, batch)
        return Outcome(self.state.phase.value)

    def look(self) -> None:
        """Take in what people ask once the sweep is over: it can be annotated, or opened again."""
        self._turn((), Batch())

    def _is_over(self) -> bool:
        return self.state.phase.is_terminal

    def _wait_s(self) -> float | None:
        deadline = next_deadline(self._plan, self.state)
        wait = None if deadline is None else max(0.0, deadline - self._clock.now())
        if self._folder is None:
            return wait
        return LOOK_S if wait is None else min(wait, LOOK_S)

    def _turn(self, news: Sequence[Signal | Event], batch: Batch, again: Sequence[Action] = ()) -> None:
        """One turn of the loop: everything that is new becomes one transaction, then is acted on."""
        heard: dict[tuple[int, int], None] = {}  # attempts that logged something
        for one in news:
            match one:
                case Logged():
                    heard[one.trial, one.attempt] = None
                    for report in self._intake.take(one, batch, at=self._clock.now()):
                        self._decide(report, batch)
                case Exited():
                    logged = self._intake.close(one.trial, one.attempt)
                    self._decide(replace(one, logged=logged) if logged else one, batch)
                case Note():
                    batch.remarks.append(Remark(self._clock.now(), one.text, one.trial))
                case _:
                    self._decide(one, batch)
        taken = self._look(batch)
        deadline = next_deadline(self._plan, self.state)
        if deadline is not None and (now := self._clock.now()) >= deadline:
            self._decide(Ticked(now), batch)
        if self._may_wait(batch) and not any(self._is_waited_for(*one) for one in heard):
            self._held = batch
            return
        if batch:
            self._commit(batch)
        for decision in batch.decisions:
            for action in decision.actions:
                self._act(action)
        for action in again:
            self._act(action)
        self._launch()
        for number, attempt in heard:
            self._answer(number, attempt)
        self._undropped.update(requests.drop(taken))
        if self._lock is not None:
            self._lock.beat()

    def _may_wait(self, batch: Batch) -> bool:
        """Whether trials only came up, or only reported: that goes with the next transaction.

        Nothing is done about it, and a controller that dies with it hears it again. Readers see it
        half a second later at most.
        """
        return (
            self._folder is not None
            and bool(batch.decisions)
            and self._clock.now() < batch.decisions[0].event.at + LOOK_S
            and {type(d.event) for d in batch.decisions} in ({Launched}, {Reported})
            and not any(d.actions for d in batch.decisions)
            and len(batch.measurements) < PORTION
            and not (batch.remarks or batch.durable)
        )

    def _decide(self, event: Event, batch: Batch) -> None:
        actions = decide(self._plan, self.state, event)
        batch.decisions.append(Decision(event, actions))
        if (trial := getattr(event, "trial", None)) is not None and trial in self.state.trials:
            batch.touched.add(trial)
        batch.touched |= self.state.touched
        self.state.touched.clear()
        for action in actions:
            match action:
                case Launch() | Pause() | Unpause() | Stop() | Discard():
                    batch.touched.add(action.trial)
                    batch.durable = True
                case Note():
                    batch.remarks.append(Remark(event.at, action.text, action.trial))
                case Finish():
                    batch.durable = True
                case Ask():
                    # Asked and answered in one transaction: nobody ever sees the question alone.
                    self._answer_question(action, batch)
                case _:
                    assert_never(action)

    def _answer_question(self, question: Ask, batch: Batch) -> None:
        seed = self._recipe.seed
        self._decide(answer(self._sampler, self.state, question, seed, at=self._clock.now()), batch)

    def _look(self, batch: Batch) -> Sequence[requests.Taken]:
        """Take in what people asked for and what the edges have to say, a few times a second."""
        now = self._clock.now()
        if self._folder is None or now < self._looked_at + LOOK_S:
            return ()
        self._looked_at = now
        taken = requests.take(self._folder, self._recipe, at=now, but=self._undropped)
        batch.durable |= bool(taken)  # their files are removed
        for one in taken:
            if one.event is None:
                batch.remarks.append(Remark(now, one.refusal))
            else:
                self._decide(one.event, batch)
        if self._tracker is not None:
            self._tracker.check()
            batch.remarks.extend(Remark(now, note.text, note.trial) for note in self._tracker.warnings())
        return taken

    def _commit(self, batch: Batch) -> None:
        """Write the batch, however long the disk takes to accept it. Nothing is done before.

        A controller that has yet to come up gives up at once: somebody waits for it.
        """
        while True:
            try:
                self._store.commit(batch, self.state)
            except StoreError as error:
                if not self._is_up:
                    raise
                log.error("%s\n  trials go on; trying again every %g s", error, RETRY_S)
                self._clock.wait(RETRY_S)
            else:
                return

    def _act(self, action: Action) -> None:
        match action:
            case Launch():
                self._waiting.append(action)
            case Stop(number, attempt, reason):
                self._executor.stop(number, attempt, reason)
            case Pause(number, attempt, mode, reason):
                self._executor.pause(number, attempt, mode, reason)
            case Unpause(number):
                self._executor.unpause(_order(self.state.trials[number]))
            case Discard(number):
                self._executor.discard(number)
            case Ask() | Note() | Finish():
                pass
            case _:
                assert_never(action)

    def _launch(self) -> None:
        """Launch what is to be launched, as soon as the disk has room for it: a trial that cannot write
        would fail, and it is not its fault."""
        # Whoever takes a sweep up repeats its launches at once: what is adopted and not launched counts as
        # lost. The executor, too, waits for room.
        if not self._waiting or (self._is_up and not self._has_room()):
            return
        waiting, self._waiting = self._waiting, []
        for launch in waiting:
            trial = self.state.trials[launch.trial]
            if trial.attempt == launch.attempt and trial.phase in (Phase.LAUNCHING, Phase.RUNNING):
                self._executor.launch(_order(trial))

    def _has_room(self) -> bool:
        was_full = self._is_full
        self._is_full = self._folder is not None and shutil.disk_usage(self._folder.root).free < ROOM
        if self._is_full and not was_full:
            log.error("the disk is full\n  trials go on; new ones start when there is room")
        return not self._is_full

    def _is_waited_for(self, number: int, attempt: int) -> bool:
        """Whether a trial may wait to hear how far it was heard: at a policy's points, and at rungs.

        Whether it does is not known here: one of its processes may count otherwise than the sweep does, or
        report through a door that does not count. One that goes on from a checkpoint may count what it does
        again.
        """
        trial = self.state.find(number, attempt)
        if trial is None or trial.phase is Phase.STOPPING or trial.is_let_go:
            return False
        pauses = trial.phase in (Phase.PAUSING, Phase.PAUSED)
        is_new_rung = max(trial.rungs, default=0) > self._answered.get((number, attempt), 0)
        return pauses or is_new_rung or trial.start > 0 or self.state.policy is not None

    def _answer(self, number: int, attempt: int) -> None:
        """Tell a trial how far it was heard; `stop` tells those that must stop."""
        offsets = self._intake.offsets(number, attempt)
        if offsets and self._is_waited_for(number, attempt):
            trial = self.state.trials[number]
            self._answered[number, attempt] = max(trial.rungs, default=0)
            pauses = trial.phase in (Phase.PAUSING, Phase.PAUSED)
            step, reason = (Step.PAUSE, trial.reason) if pauses else (Step.GO_ON, "")
            self._executor.answer(number, attempt, offsets, Verdict(step, reason, trial.until))


def _order(trial: Trial) -> Order:
    return Order(trial.number, trial.attempt, trial.params, trial.until, trial.start)


def _portions(news: Sequence[Signal]) -> Iterator[Sequence[Signal]]:
    """In transactions of bearable size: a trial that nobody listened to may have a million reports."""
    portion: list[Signal] = []
    points = 0
    for one in news:
        portion.append(one)
        points += len(one.points) if isinstance(one, Logged) else 0
        if points >= PORTION:
            yield portion
            portion, points = [], 0
    yield portion


def replay(plan: Plan, state: SweepState, store: Store) -> bool:
    """Feed the log to ``state``; whether there was one. Raises `HistoryMismatch` if it decides otherwise.

    Another version may put a reason differently: then the words on record stay. A question that was never
    answered is not asked of the sampler here: `reconcile` does that.
    """
    any_event = False
    for position, decision in enumerate(store.decisions()):
        any_event = True
        actions = decide(plan, state, decision.event)
        if actions == list(decision.actions):
            continue
        if list(map(_wordless, actions)) != list(map(_wordless, decision.actions)):
            raise HistoryMismatch(
                f"event {position} ({wire.kind_of(decision.event)}) leads to other decisions than it did:"
                f" then {list(decision.actions)}, now {actions}",
                hint="the sweep was run by another version of barrido; resume it with that one",
            )
        for action in decision.actions:
            if isinstance(action, Stop | Pause):
                state.trials[action.trial].reason = action.reason
            elif isinstance(action, Finish):
                state.reason = action.reason
    return any_event


def _wordless(action: Action) -> Action:
    match action:
        case Stop() | Pause() | Finish():
            return replace(action, reason="")
        case Note():
            return replace(action, text="")
        case _:
            return action
