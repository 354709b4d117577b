"""Asynchronous successive halving: a rung never waits until all of its trials are there.

Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A system for massively parallel
hyperparameter tuning", MLSys 2020 (arXiv 1810.05934), Algorithm 2 with s = 0: the promotion variant. The
stopping variant, which pauses nobody, is described by Klein, Tiao, Lienart, Archambeau and Seeger,
"Model-based asynchronous hyperparameter and neural architecture search", 2020 (arXiv 2003.10865).

Differences from the papers: a trial that dies, or whose loss cannot be compared, counts in its rung as one
that is worse than all others, and never goes on. A trial that ended by itself takes its place in further
rungs without running. In a sweep of ``trials`` the promotion variant begins at a rung from which that many
lead to the top: with fewer than η^s_max of them nobody would come to ``max_resource``.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any, TypedDict

from barrido.core.protocols import Assignment, Idle, Promote, Sample, Step, Verdict
from barrido.errors import RequestError
from barrido.schedulers.rungs import complete, describe_place, halvings, is_usable, levels, reject

VARIANTS = ("stopping", "promotion")


class _Rung(TypedDict):
    """Pairs of loss and trial, ascending; as lists, for JSON has no tuples."""

    came: list[list[Any]]  # all that ever came there with a loss, those that went on included
    waiting: list[list[Any]]  # those of them that may still go on
    dead: int  # how many cannot be compared there


class _State(TypedDict):
    """Trials are keys, which JSON has as text."""

    rungs: list[_Rung]  # all but the top, where nothing is compared
    running: dict[str, int]  # the number of the rung that a trial is on its way to
    waiting: dict[str, list[Any]]  # [rung, loss, whether it is over and takes its places without running]


class ASHA:
    """A trial goes on from a rung if it is among the best ⌊m/η⌋ of the m that came there so far.

    ``variant="stopping"`` decides when it comes, lets the best of fewer than η go on, too, and stops the
    others. ``variant="promotion"`` pauses them: they may go on when more have come, and nothing new begins
    while there is one that may. Those that went on count: nine in a rung promote three, never seven.
    ``stop_last_trials`` ends a trial as soon as it had ``max_resource``. ``trials`` is how many the sweep has
    at most, None without a limit. ``rungs`` are those of ``all_rungs`` that are used.
    """

    def __init__(
        self,
        *,
        max_resource: int,
        min_resource: int = 1,
        reduction_factor: int = 3,
        variant: str = "stopping",
        stop_last_trials: bool = False,
        trials: int | None = None,
    ) -> None:
        if variant not in VARIANTS:
            raise RequestError(
                f"there is no variant {variant!r} of asha", hint=f"there are: {', '.join(VARIANTS)}"
            )
        self._promotes = variant == "promotion"
        self._eta = reduction_factor
        self._stops_last = stop_last_trials
        self.all_rungs = self.rungs = levels(max_resource, min_resource, reduction_factor)
        if self._promotes and trials is not None:
            self.rungs = self.rungs[-1 - halvings(trials, reduction_factor) :]

    def init(self) -> Any:
        rungs = [_Rung(came=[], waiting=[], dead=0) for _ in self.rungs[:-1]]
        return _State(rungs=rungs, running={}, waiting={})

    def next(self, state: _State, number: int | None) -> tuple[Any, Assignment]:
        if (key := self._first(state)) is not None:
            verdict = self._advance(state, key)
            return state, Promote(int(key), verdict.until, verdict.reason)
        if number is None:
            return state, Idle.WAIT if state["running"] else Idle.FINISHED
        state["running"][str(number)] = 0
        return state, Sample(self.rungs[0])

    def report(self, state: _State, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        key = str(trial)
        if key in state["running"]:
            rung = state["running"].pop(key)
            if not is_usable(loss):
                self._bury(state, rung)
                return state, reject(resource)
            if rung == len(state["rungs"]):
                return state, complete(self.rungs[-1], stops=self._stops_last)
            self._enter(state, key, rung, loss)
        elif key not in state["waiting"]:
            return state, complete(self.rungs[-1], stops=True)
        reason = self._standing(state, key)
        if self._promotes:
            return state, Verdict(Step.PAUSE, f"{reason}; it waits")
        if self._is_ahead(state, key):
            return state, self._advance(state, key)
        self._leave(state, key)
        return state, Verdict(Step.STOP, reason)

    def ended(self, state: _State, trial: int, loss: float | None) -> Any:
        key = str(trial)
        if key in state["running"]:
            rung = state["running"].pop(key)
            if not is_usable(loss):
                self._bury(state, rung)
            elif rung < len(state["rungs"]):
                self._enter(state, key, rung, loss, is_over=True)
        elif key in state["waiting"] and loss is None:
            rung, compared, _ = self._leave(state, key)
            state["rungs"][rung]["came"].remove([compared, trial])
            self._bury(state, rung)
        elif key in state["waiting"]:
            state["waiting"][key][2] = True
        while not self._promotes and key in state["waiting"]:
            if self._is_ahead(state, key):
                self._advance(state, key)
            else:
                self._leave(state, key)
        return state

    def missing(self, state: _State, trial: int) -> Any:
        state["running"].pop(str(trial), None)
        return state

    def _first(self, state: _State) -> str | None:
        """Whom to let go on: of the highest rung where anybody may, the best; None if nobody may."""
        number = len(state["rungs"]) - 1
        while number >= 0:
            waiting = state["rungs"][number]["waiting"]
            key = str(waiting[0][1]) if waiting else ""
            if not key or not self._is_ahead(state, key):
                number -= 1
            elif not state["waiting"][key][2]:
                return key
            else:
                self._advance(state, key)
                number = min(number + 1, len(state["rungs"]) - 1)  # it may be ahead up there, too
        return None

    def _quota(self, rung: _Rung) -> int:
        """How many of those that came to a rung are to go on from it."""
        quota = _count(rung) // self._eta
        return quota if self._promotes else max(1, quota)

    def _is_ahead(self, state: _State, key: str) -> bool:
        number, loss, _ = state["waiting"][key]
        rung = state["rungs"][number]
        return bisect_left(rung["came"], [loss, int(key)]) < self._quota(rung)

    def _standing(self, state: _State, key: str) -> str:
        number, loss, _ = state["waiting"][key]
        rung = state["rungs"][number]
        place = bisect_left(rung["came"], [loss, int(key)]) + 1
        return describe_place(place, _count(rung), self.rungs[number], self._quota(rung))

    def _enter(self, state: _State, key: str, number: int, loss: float, *, is_over: bool = False) -> None:
        insort(state["rungs"][number]["came"], [loss, int(key)])
        insort(state["rungs"][number]["waiting"], [loss, int(key)])
        state["waiting"][key] = [number, loss, is_over]

    def _leave(self, state: _State, key: str) -> list[Any]:
        number, loss, _ = entry = state["waiting"].pop(key)
        waiting = state["rungs"][number]["waiting"]
        del waiting[bisect_left(waiting, [loss, int(key)])]
        return entry

    def _advance(self, state: _State, key: str) -> Verdict:
        """Let a trial that waits go on to the next rung, where one that is over is already."""
        standing = self._standing(state, key)
        number, loss, is_over = self._leave(state, key)
        until = self.rungs[number + 1]
        if not is_over:
            state["running"][key] = number + 1
        elif number + 1 < len(state["rungs"]):
            self._enter(state, key, number + 1, loss, is_over=True)
        return Verdict(Step.GO_ON, f"{standing} to {until}", until)

    def _bury(self, state: _State, number: int) -> None:
        """One that cannot be compared. There is nothing to compare at the top."""
        if number < len(state["rungs"]):
            state["rungs"][number]["dead"] += 1


def _count(rung: _Rung) -> int:
    return len(rung["came"]) + rung["dead"]
