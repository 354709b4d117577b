"""Successive halving: of all trials at a rung, the best go on to the next, where there is more resource.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016
(arXiv 1502.07943); the inner loop of Algorithm 1 in Li et al., "Hyperband: a novel bandit-based approach to
hyperparameter optimization", JMLR 18 (2018) (arXiv 1603.06560).

Differences from the paper: trials come in one by one, on any number of workers, and a worker that a bracket
leaves idle works for the next one. Trials die, and have losses that cannot be compared: they are the worst,
and never go on, so a rung lets min(⌊n·η^-i⌋, alive) of them into the next. A bracket for which there are not
enough trials halves those that there are, down to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypedDict

from barrido.core.protocols import Assignment, Drop, Idle, Promote, Sample, Step, Verdict
from barrido.errors import RequestError
from barrido.schedulers.rungs import complete, describe_place, halvings, is_usable, levels, reject, top_k


@dataclass(frozen=True, slots=True)
class Bracket:
    """``size`` trials begin together, of whom every ``reduction_factor``-th goes on from rung to rung.

    ``rungs`` are the resources r_0 < … < r_s at which they are compared, each counted from nothing.
    """

    rungs: tuple[int, ...]
    size: int
    reduction_factor: int

    @property
    def s(self) -> int:
        """How often it halves."""
        return len(self.rungs) - 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many trials come to each rung."""
        return tuple(self.quota(rung, self.size) for rung in range(len(self.rungs)))

    def quota(self, rung: int, trials: int) -> int:
        """How many of ``trials`` may come to rung number ``rung``: ⌊n·η^-i⌋, and one at least."""
        share: int = trials // self.reduction_factor**rung
        return max(1, share)

    def cut(self, trials: int) -> Bracket:
        """The same for ``trials``; those too few to be halved so often begin at a higher rung."""
        s = min(self.s, halvings(trials, self.reduction_factor))
        return Bracket(self.rungs[self.s - s :], trials, self.reduction_factor)


def share_out(brackets: Sequence[Bracket], trials: int) -> tuple[Bracket, ...]:
    """``brackets`` over and over until ``trials`` are used up; the last is cut to what there is for it."""
    shared: list[Bracket] = []
    for bracket in cycle(brackets):
        if trials < bracket.size:
            break
        shared.append(bracket)
        trials -= bracket.size
    return (*shared, bracket.cut(trials)) if trials else tuple(shared)


class _Heat(TypedDict):
    """A bracket that is under way. Trials are keys, which JSON has as text."""

    bracket: int  # its place in the order of brackets
    trials: int  # those it has sampled
    rung: int  # where they are compared next, or have been at last
    running: dict[str, None]  # on their way to it
    waiting: dict[str, float]  # came to it, with this loss, and wait for the others
    over: dict[str, float]  # ended by themselves, with this loss, and compete without running
    dead: int  # cannot be compared there
    promoted: dict[str, str]  # go on to it as soon as there is a worker, for this reason


class _State(TypedDict):
    heats: list[_Heat]
    begun: int  # brackets, those that are over included
    drops: dict[str, str]  # paused trials that are out, and why


class Tournament:
    """Brackets of successive halving one after the other, as many at a time as there are workers for.

    First the brackets of ``planned``, then those of ``repeated`` over and over, for as long as there are new
    trials. Earlier brackets come first: a free worker takes up what they promote before it begins a trial.
    At a rung every trial is paused; whoever comes last and is out is stopped at once.
    """

    def __init__(
        self, planned: Sequence[Bracket], repeated: Sequence[Bracket], *, stop_last_trials: bool
    ) -> None:
        self._planned = planned
        self._repeated = repeated
        self._stops_last = stop_last_trials
        self._max_resource = repeated[0].rungs[-1]

    def init(self) -> Any:
        return _State(heats=[], begun=0, drops={})

    def next(self, state: _State, number: int | None) -> tuple[Any, Assignment]:
        for heat in list(state["heats"]) if number is None else ():
            self._settle(state, heat, is_closed=True)
        for key in state["drops"]:
            return state, Drop(int(key), state["drops"].pop(key))
        for heat in state["heats"]:
            for key in heat["promoted"]:
                reason, until = heat["promoted"].pop(key), self._resource(heat)
                heat["running"][key] = None
                return state, Promote(int(key), until, reason)
        if number is None:
            return state, Idle.WAIT if state["heats"] else Idle.FINISHED
        heat = next(filter(self._wants_more, state["heats"]), None) or self._begin(state)
        heat["trials"] += 1
        heat["running"][str(number)] = None
        return state, Sample(self._resource(heat))

    def report(self, state: _State, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        key, heat = str(trial), _find(state, trial)
        verdict = None
        if heat is not None and key in heat["running"]:
            del heat["running"][key]
            if not is_usable(loss):
                heat["dead"] += 1
                verdict = reject(resource)
            elif heat["rung"] == self._bracket(heat).s:
                verdict = complete(self._max_resource, stops=self._stops_last)
            else:
                heat["waiting"][key] = loss
            self._settle(state, heat)
        if verdict is not None:
            return state, verdict
        if key in state["drops"]:
            return state, Verdict(Step.STOP, state["drops"].pop(key))
        if heat is None:
            return state, complete(self._max_resource, stops=True)
        where = f"rung {heat['rung']} of bracket {self._bracket(heat).s}: waits at {resource}"
        return state, Verdict(Step.PAUSE, heat["promoted"].get(key, where))

    def ended(self, state: _State, trial: int, loss: float | None) -> Any:
        key, heat = str(trial), _find(state, trial)
        state["drops"].pop(key, None)
        if heat is not None:
            heat["running"].pop(key, None)
            heat["promoted"].pop(key, None)
            compared = heat["waiting"].pop(key, loss)
            if loss is not None and is_usable(compared):
                heat["over"][key] = compared
            else:
                heat["dead"] += 1
            self._settle(state, heat)
        return state

    def missing(self, state: _State, trial: int) -> Any:
        if (heat := _find(state, trial)) is not None:
            del heat["running"][str(trial)]
            heat["trials"] -= 1
            self._settle(state, heat)
        return state

    def _bracket(self, heat: _Heat) -> Bracket:
        number = heat["bracket"]
        if number < len(self._planned):
            return self._planned[number]
        return self._repeated[(number - len(self._planned)) % len(self._repeated)]

    def _resource(self, heat: _Heat) -> int:
        return self._bracket(heat).rungs[heat["rung"]]

    def _begin(self, state: _State) -> _Heat:
        heat = _Heat(
            bracket=state["begun"], trials=0, rung=0, running={}, waiting={}, over={}, dead=0, promoted={}
        )
        state["begun"] += 1
        state["heats"].append(heat)
        return heat

    def _wants_more(self, heat: _Heat) -> bool:
        return heat["rung"] == 0 and heat["trials"] < self._bracket(heat).size

    def _settle(self, state: _State, heat: _Heat, *, is_closed: bool = False) -> None:
        """Decide who goes on, if all that will ever come to the rung are there.

        If none of those runs, the same at the next rung; if there is none, the bracket is over.
        ``is_closed``: there are no new trials.
        """
        bracket = self._bracket(heat)
        while not (heat["running"] or heat["promoted"] or (self._wants_more(heat) and not is_closed)):
            if heat["rung"] == bracket.s or not (heat["waiting"] or heat["over"]):
                state["heats"] = [other for other in state["heats"] if other is not heat]
                return
            self._halve(state, heat, bracket)

    def _halve(self, state: _State, heat: _Heat, bracket: Bracket) -> None:
        waiting, over = heat["waiting"], heat["over"]
        came = {**waiting, **over}
        keys = sorted(came, key=int)
        ranking = top_k(keys, [came[key] for key in keys], len(keys))
        count = len(ranking) + heat["dead"]
        here, there = bracket.rungs[heat["rung"] : heat["rung"] + 2]
        going_on = min(bracket.quota(heat["rung"] + 1, heat["trials"]), len(ranking))
        heat["rung"] += 1
        heat["waiting"], heat["over"], heat["dead"] = {}, {}, 0
        for place, key in enumerate(ranking, start=1):
            reason = describe_place(place, count, here, going_on)
            if place > going_on:
                if key in waiting:
                    state["drops"][key] = reason
            elif key in over:
                heat["over"][key] = over[key]
            else:
                heat["promoted"][key] = f"{reason} to {there}"


def _find(state: _State, trial: int) -> _Heat | None:
    """The heat in which ``trial`` still takes part."""
    key = str(trial)
    for heat in state["heats"]:
        if key in heat["running"] or key in heat["waiting"] or key in heat["promoted"]:
            return heat
    return None


class SuccessiveHalving:
    """Brackets of ``n`` trials, one after the other, until ``trials`` are used up (None: there is no limit).

    They begin at the lowest rung from which they can be halved up to ``max_resource`` with one left.
    ``stop_last_trials`` ends a trial as soon as it had ``max_resource``.
    """

    def __init__(
        self,
        *,
        n: int,
        max_resource: int,
        min_resource: int = 1,
        reduction_factor: int = 3,
        stop_last_trials: bool = False,
        trials: int | None = None,
    ) -> None:
        if n < 1:
            raise RequestError(
                f"a bracket needs 1 trial or more (got {n})", hint="27 can be halved three times"
            )
        self.rungs = levels(max_resource, min_resource, reduction_factor)
        self.full = self.fitting = (Bracket(self.rungs, n, reduction_factor).cut(n),)
        self.planned = () if trials is None else share_out(self.fitting, trials)
        self._tournament = Tournament(self.planned, self.full, stop_last_trials=stop_last_trials)

    def init(self) -> Any:
        return self._tournament.init()

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        return self._tournament.next(state, number)

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        return self._tournament.report(state, trial, resource, loss)

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        return self._tournament.ended(state, trial, loss)

    def missing(self, state: Any, trial: int) -> Any:
        return self._tournament.missing(state, trial)
