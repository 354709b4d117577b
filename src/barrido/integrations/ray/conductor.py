"""A barrido sweep whose trials Tune runs: Tune's calls become events of `decide`, its actions answers.

The plan, the schedulers, the policies and the samplers are those of any sweep. What is told here is written
to the journal before anything follows from it, so that `rebuilt` comes to where this one was.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, cast

from barrido.core import wire
from barrido.core.answer import answer
from barrido.core.decide import begin, decide
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Launch,
    Note,
    Paused,
    Reported,
    Requested,
    Started,
    Suggested,
    Verb,
)  # fmt: skip
from barrido.core.protocols import Step
from barrido.core.recipe import Limits, Recipe
from barrido.core.trial import Params, Phase, Trial
from barrido.integrations.ray.journal import RECIPE, Journal, Line
from barrido.registry import build_plan, build_sampler

NO_TIME = 0.0
"""Nothing here waits for a clock: no limit is a time."""

ENDLESS = 100_000
"""So many trials are asked for where Tune has no end of them."""

_GOES = {
    Phase.PAUSING: Step.PAUSE,
    Phase.PAUSED: Step.PAUSE,
    Phase.LAUNCHING: Step.GO_ON,
    Phase.RUNNING: Step.GO_ON,
}
"""What a trial is to do by where it stands; else it is to stop."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last that was told of a trial: Tune's result, and the last one that came with a checkpoint."""

    result: Mapping[str, Any]
    saved: Mapping[str, Any] | None = None
    checkpoint: str | None = None  # the path of its folder


def limits(trials: int) -> Limits:
    """Of a sweep of at most ``trials``, as many at a time as there is room for: see `Conductor.widen`."""
    most = sys.maxsize
    return Limits(max_total_trials=trials, max_concurrent_trials=0, max_failed_trials=most)


class Conductor:
    """A new sweep. Trials are known by Tune's id, and by their number.

    With ``suggests`` the recipe's sampler chooses the points, else Tune does, and `add` tells them.
    ``most`` is how many trials may run at a time, None if nobody says so; ``run`` tells runs of Tune apart.
    """

    def __init__(
        self,
        recipe: Recipe,
        journal: Journal,
        *,
        suggests: bool,
        most: int | None = None,
        run: str = "",
        begins: bool = True,
    ) -> None:
        self.recipe = recipe
        self.journal = journal
        self.most = most
        self._plan = build_plan(recipe)
        self._sampler = build_sampler(recipe) if suggests else None
        self.state = begin(self._plan)
        self._ids: dict[str, int] = {}
        self._unseen: dict[int, None] = {}  # those that Tune does not have, or has forgotten
        self._known: dict[int, Known] = {}
        self._requests = 0
        if begins:
            head = {RECIPE: recipe.to_json(), "suggests": suggests, "most": most, "run": run}
            journal.write(head, is_safe=True)
            self._tell(Started(NO_TIME))

    def find(self, trial_id: str) -> Trial | None:
        """The trial that Tune calls so."""
        return self.state.trials.get(self._ids.get(trial_id, -1))

    def knows(self, trial: Trial) -> Known | None:
        return self._known.get(trial.number)

    @property
    def slots(self) -> int:
        """How many trials may run at a time as things stand."""
        return self.state.limits.max_concurrent_trials

    @property
    def wanted(self) -> int:
        """How many trials Tune is to give, new ones and those that it has forgotten."""
        return len(self.state.questions) + len(self._unseen)

    @property
    def is_finished(self) -> bool:
        """Whether there are no more trials to be had."""
        state = self.state
        is_last = state.exhausted or state.next_number >= state.limits.max_total_trials
        return not self.wanted and (is_last or state.phase.is_terminal)

    def widen(self, by: int = 1) -> None:
        """Let one trial more run at a time, or one less."""
        self._request(Verb.UPDATE, changes={"max_concurrent_trials": self.slots + by})

    @property
    def lost(self) -> Trial | None:
        """The first trial that Tune does not have, or has forgotten."""
        number = next(iter(self._unseen), None)
        return None if number is None else self.state.trials[number]

    def claim(self, trial_id: str) -> Trial | None:
        """A trial for which there is a point, and that Tune calls ``trial_id`` from now on."""
        lost = self.lost
        return None if lost is None else self._bind(trial_id, lost.number)

    def add(self, trial_id: str, params: Params) -> Trial | None:
        """A trial that Tune has chosen itself; None if the sweep is over, and nobody decides on it.

        After a restart it may be one that Tune had forgotten: the next with the same parameters. If it is
        none of those, Tune chooses others than it did, and those that it has forgotten do not come back.
        """
        for number in self._unseen:
            if self.state.trials[number].params == params:
                return self._bind(trial_id, number)
        self.forget()
        number = self.state.next_number
        while not self.state.questions and not self.state.free and not self.state.phase.is_terminal:
            self.widen()
        if self.state.questions:
            ask, (number,) = next(iter(self.state.questions.items()))
            self._tell(Suggested(ask, (params,), NO_TIME))
        else:  # one more than there was to be
            self._request(Verb.ENQUEUE, changes={"params": params})
            while number not in self.state.trials and not self.state.phase.is_terminal:
                self.widen()
        return self._bind(trial_id, number) if number in self.state.trials else None

    def see(self, trial: Trial) -> None:
        """Tune has this trial, after a restart."""
        self._unseen.pop(trial.number, None)

    def forget(self) -> None:
        """Those trials that Tune has forgotten do not come back."""
        for number in list(self._unseen):
            del self._unseen[number]
            self.ended(self.state.trials[number], failed=True)

    def exhaust(self) -> None:
        """Tune has no more points."""
        for ask, numbers in list(self.state.questions.items()):
            self._tell(Suggested(ask, (None,) * len(numbers), NO_TIME))

    def report(
        self,
        trial: Trial,
        value: Any,
        iteration: int,
        *,
        result: Mapping[str, Any] | None = None,
        checkpoint: str | None = None,
    ) -> Step:
        """What a trial is to do after its report number ``iteration``, counted from 1.

        One that goes on from an older checkpoint reports again what is known: that changes nothing.
        """
        if iteration > trial.last_step and trial.phase in (Phase.LAUNCHING, Phase.RUNNING):
            event = Reported(trial.number, trial.attempt, _number(value), iteration, NO_TIME)
            self._tell(event, **({} if result is None else {"result": result, "checkpoint": checkpoint}))
            if self._goes_on_at_once(trial):
                self.paused(trial)
        elif iteration < trial.last_step and not trial.phase.is_terminal:
            return Step.GO_ON
        return _GOES.get(trial.phase, Step.STOP)

    def paused(self, trial: Trial) -> None:
        """Tune has taken it off its worker."""
        self._tell(Paused(trial.number, trial.attempt, NO_TIME))

    def ended(self, trial: Trial, *, failed: bool = False) -> None:
        """Tune has ended it."""
        if trial.phase is Phase.PAUSED:
            self._request(Verb.CANCEL, trial=trial.number)
        if not trial.phase.is_terminal:
            self._tell(Exited(trial.number, trial.attempt, Cause.EXIT, int(failed), NO_TIME))

    @staticmethod
    def _goes_on_at_once(trial: Trial) -> bool:
        """Whether it was to be paused, and was promoted with the same report."""
        return trial.phase is Phase.PAUSING and trial.until is not None

    def _bind(self, trial_id: str, number: int) -> Trial:
        self._ids[trial_id] = number
        self._unseen.pop(number, None)
        self.journal.write({"trial": number, "id": trial_id})
        return self.state.trials[number]

    def _request(
        self, verb: Verb, *, trial: int | None = None, changes: dict[str, Any] | None = None
    ) -> None:
        self._requests += 1
        self._tell(Requested(str(self._requests), verb, NO_TIME, trial=trial, changes=changes or {}))

    def _tell(self, event: Event, **more: Any) -> None:
        actions = self._take_in(event, more)
        decides = any(not isinstance(action, Note) for action in actions)
        self.journal.write({"event": wire.encode(event), **more}, is_safe=decides)
        self._answer(actions)

    def _take_in(self, event: Event, more: Mapping[str, Any]) -> Sequence[Action]:
        actions = decide(self._plan, self.state, event)
        if isinstance(event, Reported) and "result" in more:
            result, checkpoint = more["result"], more["checkpoint"]
            before = self._known.get(event.trial, Known({}))
            known = Known(result, result, checkpoint) if checkpoint else replace(before, result=result)
            self._known[event.trial] = known
        if self._sampler is not None:
            self._unseen |= {one.trial: None for one in actions if isinstance(one, Launch)}
        return actions

    def _answer(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Ask) and self._sampler is not None:
                self._tell(answer(self._sampler, self.state, action, self.recipe.seed, at=NO_TIME))

    def _replay(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if "id" in line:
                self._ids[line["id"]] = line["trial"]
            elif "event" in line:
                event = cast("Event", wire.decode(line["event"]))
                self._take_in(event, line)
                self._requests += isinstance(event, Requested)
        self._unseen = dict.fromkeys(self.state.trials)
        self._answer([self.state.question(*asked) for asked in self.state.questions.items()])


def rebuilt(lines: Sequence[Line], journal: Journal) -> Conductor:
    """The sweep of these lines, where it was when the last was written. ``journal`` has them already.

    Tune has none of its trials until `Conductor.see` says so.
    """
    head = lines[0]
    recipe = Recipe.from_json(head[RECIPE])
    conductor = Conductor(recipe, journal, suggests=head["suggests"], most=head["most"], begins=False)
    conductor._replay(lines[1:])
    return conductor


def _number(value: Any) -> float:
    """NaN for what is no number."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return nan
