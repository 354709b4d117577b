"""What people ask of a sweep. A part of `decide`, which owns the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from barrido.core.endings import Actions, end, stop, take_out
from barrido.core.events import Event, Note, Outcome, Requested, Verb
from barrido.core.plan import Plan
from barrido.core.state import SweepPhase, SweepState, Wanted, move_sweep
from barrido.core.trial import Params, Phase

_BY_HAND = frozenset({Verb.ENQUEUE, Verb.RERUN})


def may_come_late(event: Event) -> bool:
    """Whether an event is to be heard in a sweep that is over: to be honoured, or refused in words."""
    return isinstance(event, Requested) and (event.verb is Verb.ANNOTATE or event.verb in _BY_HAND)


def requested(plan: Plan, state: SweepState, event: Requested) -> Actions:
    """Honour a person's wish, once."""
    if event.request in state.requests:
        return []
    state.requests.add(event.request)
    by = f" by {event.origin}" if event.origin else ""
    match event.verb:
        case Verb.CANCEL:
            if event.trial is None:
                return end(plan, state, Outcome.CANCELED, f"canceled{by}", event.at, stops=True)
            return _cancel(plan, state, event.trial, f"canceled{by}", event.at)
        case Verb.PAUSE:
            if state.phase is SweepPhase.RUNNING:
                move_sweep(state, SweepPhase.PAUSED)
                return [Note(f"paused{by}: no new trials start, running ones go on")]
        case Verb.UNPAUSE:
            if state.phase is SweepPhase.PAUSED:
                move_sweep(state, SweepPhase.RUNNING)
                return [Note(f"unpaused{by}")]
        case Verb.UPDATE:
            return [_update(state, event.changes, by)]
        case Verb.ENQUEUE:
            params = event.changes["params"]
            values = ", ".join(f"{name} = {value}" for name, value in params.items())
            which = [(params, "by hand")]
            return [_put_in(state, which, f"a point put in by hand{by}", f": {values}", event)]
        case Verb.RERUN:
            return _rerun(state, event, by)
        case Verb.ANNOTATE:
            return _annotate(state, event)
        case _:
            assert_never(event.verb)
    return []


def _cancel(plan: Plan, state: SweepState, number: int, reason: str, at: float) -> Actions:
    trial = state.live.get(number) or state.parked.get(number) or state.waiting.get(number)
    if trial is None or trial.phase is Phase.STOPPING:
        return [Note(f"trial {number} is not running: nothing to cancel")] if trial is None else []
    take_out(plan, state, trial)
    return stop(plan, state, trial, Phase.CANCELED, reason, at)


def _update(state: SweepState, changes: Mapping[str, Any], by: str) -> Note:
    state.limits = state.limits.updated(changes)
    said = ", ".join(f"{name} = {value}" for name, value in changes.items())
    return Note(f"limits changed{by}: {said}")


def _rerun(state: SweepState, event: Requested, by: str) -> Actions:
    """The points of trials once more, each in a trial of its own; of all that failed, if none is named."""
    if event.trial is None:
        again = [one for one in state.trials.values() if one.phase is Phase.FAILED and not one.is_rerun]
        if not again:
            return [Note(f"no trial has failed that was not run again since: nothing is run{by}")]
    elif event.trial in state.trials:
        again = [state.trials[event.trial]]
    else:
        return [Note(f"there is no trial {event.trial} to run again")]
    actions: Actions = []
    if state.phase.is_terminal and event.reopens:
        actions.append(_reopen(state, event.at, by))
    again.sort(key=lambda one: one.number)
    points = [(one.params, f"trial {one.number} again") for one in again]
    what = points[0][1] if len(points) == 1 else f"each of {len(points)} failed trials again"
    actions.append(_put_in(state, points, f"{what}{by}", "", event))
    for trial in again if state.phase in (SweepPhase.RUNNING, SweepPhase.PAUSED) else ():
        trial.is_rerun = True
    return actions


def _reopen(state: SweepState, at: float, by: str) -> Note:
    """Let a sweep that is over go on, with what is put in now: the sampler chooses no more of its own.

    Its timeout, and what is counted to see whether it should end, begin anew.
    """
    left = state.limits.max_total_trials - state.next_number
    said = f"opened again{by}: it was {state.phase}"
    if left > 0 and not state.exhausted:
        said += f"; {left} that it had not begun are not run, unless max_total_trials is raised"
    move_sweep(state, SweepPhase.RUNNING)
    state.reason, state.ends_as = "", None
    state.limits = replace(state.limits, max_total_trials=state.next_number)
    state.timed_from, state.down_s = at, 0.0
    state.failures, state.first_failure, state.unhelpful = 0, "", 0
    return Note(said)


def _put_in(
    state: SweepState, points: Sequence[tuple[Params, str]], what: str, which: str, event: Requested
) -> Note:
    """More trials than there were to be, before any that the sampler chooses: points with their origins."""
    if state.phase.is_terminal or state.phase is SweepPhase.ENDING:
        return Note(f"{what} came too late, when the sweep was ending, and is not run{which}")
    for params, origin in points:
        state.queue.append(Wanted(params, f"{origin}, by {event.origin}" if event.origin else origin))
    most = state.limits.max_total_trials + len(points)
    state.limits = replace(state.limits, max_total_trials=most)
    when = "when the sweep is unpaused" if state.phase is SweepPhase.PAUSED else "next"
    return Note(f"{what} is run {when}, max_total_trials = {most}{which}")


def _annotate(state: SweepState, event: Requested) -> Actions:
    if event.trial is not None and event.trial not in state.trials:
        return [Note(f"there is no trial {event.trial} to annotate")]
    state.annotations[event.trial] = state.annotation(event.trial).changed(event.changes)
    if event.trial is not None:
        state.touched.add(event.trial)
    return []
