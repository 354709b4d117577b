"""The heart: ``decide(plan, state, event) -> actions``. No I/O, no clock, no randomness.

``decide`` owns the state and changes it; what must happen outside it returns as actions. The same
events give the same actions, so a log of events is the sweep: feeding it again is how a sweep is
resumed, proven (replay equals history) and asked "what if".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from math import isfinite
from typing import Any, assert_never

from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Finish,
    Launch,
    Launched,
    Note,
    Outcome,
    Reported,
    Requested,
    Resumed,
    Started,
    Stop,
    Suggested,
    Ticked,
    Verb,
)  # fmt: skip
from barrido.core.protocols import Idle, Policy, Scheduler
from barrido.core.reasons import describe_exit, describe_silence
from barrido.core.recipe import Goal, Limits
from barrido.core.state import SweepPhase, SweepState, move_sweep
from barrido.core.trial import WORST, Phase, Trial, move

MAX_ATTEMPTS = 3
"""How often a trial is run when its machine is restarted under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What ``decide`` needs to know of a sweep. ``policy`` makes an empty one."""

    metric: str | None  # None: nothing is compared, every point is run
    goal: Goal
    limits: Limits
    scheduler: Scheduler
    policy: Callable[[], Policy] | None = None


Actions = list[Action]


def begin(plan: Plan) -> SweepState:
    """The state before the first event."""
    return SweepState(
        limits=plan.limits,
        scheduler=plan.scheduler.init(),
        policy=plan.policy() if plan.policy else None,
    )


def decide(plan: Plan, state: SweepState, event: Event) -> Actions:
    """Take ``event`` in; what must be done about it. Late and repeated events change nothing."""
    if state.phase.is_terminal:
        return []
    actions: Actions = []
    match event:
        case Reported():
            _reported(plan, state, event, actions)
        case Launched():
            _launched(state, event)
        case Exited():
            _exited(plan, state, event, actions)
        case Suggested():
            _suggested(state, event, actions)
        case Ticked():
            _ticked(state, event, actions)
        case Requested():
            _requested(state, event, actions)
        case Started():
            state.started_at = event.at
            move_sweep(state, SweepPhase.RUNNING)
        case Resumed():
            state.down_s += event.down_s
        case _:
            assert_never(event)
    if len(state.live) < state.limits.max_concurrent_trials or state.phase is SweepPhase.ENDING:
        _fill(plan, state, actions)
    return actions


def reconcile(state: SweepState) -> Actions:
    """What a controller that takes over ``state`` must do again.

    Each of these may already have been carried out before the crash; executors and samplers treat a
    repetition as no news.
    """
    actions: Actions = [Ask(ask, numbers) for ask, numbers in state.questions.items()]
    for trial in state.live.values():
        if trial.phase is Phase.LAUNCHING:
            actions.append(Launch(trial.number, trial.attempt))
        elif trial.phase is Phase.STOPPING:
            actions.append(Stop(trial.number, trial.attempt, trial.reason))
    return actions


def next_deadline(state: SweepState) -> float | None:
    """When a `Ticked` is due, in seconds since the epoch.

    Time in which no controller ran does not count towards the sweep's timeout: nothing could be
    started then. It counts towards a trial's, for the trial went on.
    """
    deadlines = []
    if state.limits.timeout is not None and _has_something_to_stop(state):
        deadlines.append(state.started_at + state.down_s + state.limits.timeout)
    if state.limits.trial_timeout is not None:
        deadlines.extend(
            trial.started_at + state.limits.trial_timeout
            for trial in state.live.values()
            if trial.started_at is not None and trial.phase is not Phase.STOPPING
        )
    return min(deadlines, default=None)


def _has_something_to_stop(state: SweepState) -> bool:
    """An ending sweep may still wait for trials that nobody has asked to stop."""
    if state.phase is SweepPhase.ENDING:
        return any(trial.phase is not Phase.STOPPING for trial in state.live.values())
    return state.phase in (SweepPhase.RUNNING, SweepPhase.PAUSED)


def _reported(plan: Plan, state: SweepState, event: Reported, actions: Actions) -> None:
    trial = state.live.get(event.trial)
    if trial is None or event.attempt != trial.attempt or trial.phase is Phase.STOPPING:
        return
    if trial.phase is Phase.LAUNCHING:
        _start(trial, event.at)
    loss = event.value * plan.goal.sign if isfinite(event.value) else WORST
    trial.losses.append(loss)
    n = len(trial.losses)
    trial.last_step = max(trial.last_step, event.step if event.step is not None else n)
    if loss < trial.best:
        trial.best = loss
        better = loss < state.best_loss
        if better or (loss == state.best_loss and state.best is not None and trial.number < state.best):
            state.best, state.best_loss = trial.number, loss
    state.scheduler, verdict = plan.scheduler.report(state.scheduler, trial.number, trial.last_step, loss)
    policy = state.policy
    if policy is not None:
        policy.observe(trial.number, n, loss)
        if not verdict.stops and n % policy.evaluation_interval == 0 and n >= policy.delay_evaluation:
            state.judged = True
            verdict = policy.judge(trial.number, n)
    if verdict.stops:
        _stop(trial, Phase.PRUNED, verdict.reason, actions)


def _start(trial: Trial, at: float) -> None:
    move(trial, Phase.RUNNING)
    trial.started_at = at


def _launched(state: SweepState, event: Launched) -> None:
    trial = state.live.get(event.trial)
    if trial is None or event.attempt != trial.attempt:
        return
    if trial.phase is Phase.LAUNCHING:
        _start(trial, event.at)
    elif trial.started_at is None:
        trial.started_at = event.at
    # Told again by a controller that adopted the trial, who may not know how it was started
    trial.warm |= event.warm


def _suggested(state: SweepState, event: Suggested, actions: Actions) -> None:
    numbers = state.questions.pop(event.ask, ())
    if state.phase is SweepPhase.ENDING:
        return
    expectations = event.expected or repeat(None)
    for number, params, expected in zip(numbers, event.points, expectations, strict=False):
        if params is None:
            state.exhausted = True
            continue
        trial = Trial(number=number, params=params, expected=expected, queued_at=event.at)
        state.trials[number] = state.live[number] = trial
        move(trial, Phase.LAUNCHING)
        actions.append(Launch(number, trial.attempt))


def _exited(plan: Plan, state: SweepState, event: Exited, actions: Actions) -> None:
    trial = state.live.get(event.trial)
    if trial is None or event.attempt != trial.attempt:
        return
    if event.cause is Cause.LOST and trial.phase is not Phase.STOPPING and trial.attempt < MAX_ATTEMPTS:
        _again(trial, event, actions)
        return
    trial.exit_code, trial.ended_at = event.code, event.at
    if trial.phase is Phase.STOPPING:
        move(trial, trial.ends_as or Phase.CANCELED)
    elif event.cause is Cause.EXIT and event.code == 0:
        move(trial, Phase.COMPLETED)
    else:
        move(trial, Phase.FAILED, reason=describe_exit(event))
    del state.live[trial.number]
    if state.policy is not None:
        state.policy.ended(trial.number)
    failed = trial.phase is Phase.FAILED
    state.scheduler = plan.scheduler.ended(state.scheduler, trial.number, None if failed else trial.best)
    _count(plan, state, trial, event, actions)


def _again(trial: Trial, event: Exited, actions: Actions) -> None:
    move(trial, Phase.QUEUED)
    trial.attempt += 1
    trial.started_at = None
    trial.warm = False
    trial.last_step = 0
    del trial.losses[:]
    move(trial, Phase.LAUNCHING, reason=f"attempt {trial.attempt}: {event.detail}")
    actions.append(Note(f"attempt {trial.attempt} follows: {event.detail}", trial.number))
    actions.append(Launch(trial.number, trial.attempt))


def _count(plan: Plan, state: SweepState, trial: Trial, event: Exited, actions: Actions) -> None:
    """Whether the trial that just ended means that the sweep should, too."""
    if trial.phase is Phase.CANCELED:
        return
    silent = plan.metric is not None and trial.phase is Phase.COMPLETED and not trial.reports
    if trial.phase is not Phase.FAILED and not silent:
        state.succeeded = True
    elif not state.succeeded:
        if silent:
            trial.reason = describe_silence(plan.metric, event)
            actions.append(Note(trial.reason, trial.number))
        if not state.first_failure:
            more = f"\n{event.detail}" if "\n" in event.detail else ""
            state.first_failure = f"trial {trial.number}: {trial.reason}{more}"
        state.failures += 1
        if state.failures >= state.limits.max_failed_trials:
            which = "the first trial" if state.failures == 1 else f"the first {state.failures} trials"
            what = "ended with nothing to show" if silent else "failed"
            _end(state, Outcome.FAILED, f"{which} {what}; {state.first_failure}", actions, stop=True)
    rule = state.limits.stop_after
    if rule is not None and state.succeeded:  # before, there is nothing that could be improved
        if state.best_loss < state.helped_loss - rule.min_improvement:
            state.unhelpful, state.helped_loss = 0, state.best_loss
        else:
            state.unhelpful += 1
        if state.unhelpful >= rule.trials and state.phase is not SweepPhase.ENDING:
            reason = (
                f"the last {rule.trials} trials did not improve the best (trial {state.best})"
                f" by {rule.min_improvement:g} or more"
                if state.best is not None
                else f"the last {rule.trials} trials brought no value that could be compared"
            )
            _end(state, Outcome.COMPLETED, reason, actions, stop=False)


def _ticked(state: SweepState, event: Ticked, actions: Actions) -> None:
    limits = state.limits
    if limits.trial_timeout is not None:
        for trial in list(state.live.values()):
            started = trial.started_at
            if started is not None and event.at >= started + limits.trial_timeout:
                _stop(trial, Phase.CANCELED, f"ran longer than {limits.trial_timeout:g} s", actions)
    if limits.timeout is not None and event.at >= state.started_at + state.down_s + limits.timeout:
        _end(state, Outcome.CANCELED, f"timeout of {limits.timeout:g} s reached", actions, stop=True)


def _requested(state: SweepState, event: Requested, actions: Actions) -> None:
    if event.request in state.requests:
        return
    state.requests.add(event.request)
    by = f" by {event.origin}" if event.origin else ""
    match event.verb:
        case Verb.CANCEL:
            if event.trial is None:
                _end(state, Outcome.CANCELED, f"canceled{by}", actions, stop=True)
            elif (trial := state.live.get(event.trial)) is not None:
                _stop(trial, Phase.CANCELED, f"canceled{by}", actions)
            else:
                actions.append(Note(f"trial {event.trial} is not running: nothing to cancel"))
        case Verb.PAUSE:
            if state.phase is SweepPhase.RUNNING:
                move_sweep(state, SweepPhase.PAUSED)
                actions.append(Note(f"paused{by}: no new trials start, running ones go on"))
        case Verb.UNPAUSE:
            if state.phase is SweepPhase.PAUSED:
                move_sweep(state, SweepPhase.RUNNING)
                actions.append(Note(f"unpaused{by}"))
        case Verb.UPDATE:
            _update(state, event.changes, by, actions)
        case _:
            assert_never(event.verb)


def _update(state: SweepState, changes: Mapping[str, Any], by: str, actions: Actions) -> None:
    state.limits = state.limits.updated(changes)
    said = ", ".join(f"{name} = {value}" for name, value in changes.items())
    actions.append(Note(f"limits changed{by}: {said}"))


def _stop(trial: Trial, ends_as: Phase, reason: str, actions: Actions) -> None:
    if trial.phase is Phase.STOPPING:
        return
    move(trial, Phase.STOPPING, reason=reason)
    trial.ends_as = ends_as
    actions.append(Stop(trial.number, trial.attempt, reason))


def _end(state: SweepState, outcome: Outcome, reason: str, actions: Actions, *, stop: bool) -> None:
    """Nothing new is started any more; with ``stop`` the running trials are stopped, too."""
    if state.phase is not SweepPhase.ENDING:
        move_sweep(state, SweepPhase.ENDING)
        state.ends_as, state.reason = outcome, reason
    elif stop and outcome is Outcome.CANCELED and state.ends_as is Outcome.COMPLETED:
        # A cancel or a timeout overrides an ending that waits for its last trials, but no failure.
        state.ends_as, state.reason = outcome, reason
    if stop:
        for trial in list(state.live.values()):
            _stop(trial, Phase.CANCELED, reason, actions)


def _fill(plan: Plan, state: SweepState, actions: Actions) -> None:
    """Give free slots work; finish when there is none left to give and none under way."""
    finished = False
    if state.phase is SweepPhase.RUNNING and (free := state.free) > 0:
        numbers: list[int] = []
        while len(numbers) < free:
            if state.exhausted or state.next_number >= state.limits.max_total_trials:
                finished = True
                break
            state.scheduler, work = plan.scheduler.next(state.scheduler, state.next_number)
            if isinstance(work, Idle):
                finished = work is Idle.FINISHED
                break
            numbers.append(state.next_number)
            state.next_number += 1
        if numbers:
            state.questions[state.asked] = tuple(numbers)
            actions.append(Ask(state.asked, tuple(numbers)))
            state.asked += 1
    if state.live or state.questions:
        return
    if state.phase is SweepPhase.ENDING:
        _finish(plan, state, state.ends_as or Outcome.COMPLETED, state.reason, actions)
    elif finished:
        outcome, reason = _sum_up(state)
        _finish(plan, state, outcome, reason, actions)


def _sum_up(state: SweepState) -> tuple[Outcome, str]:
    count = len(state.trials)
    if count and not state.succeeded and state.first_failure:
        none = f"none of {count} trials succeeded" if count > 1 else "its only trial did not succeed"
        return Outcome.FAILED, f"{none}; {state.first_failure}"
    if state.exhausted:
        points = f"all {count} points" if count > 1 else "the only point"
        return Outcome.COMPLETED, f"{points} of the search space {'were' if count > 1 else 'was'} tried"
    return Outcome.COMPLETED, f"all {count} trials are done" if count > 1 else "its only trial is done"


def _finish(plan: Plan, state: SweepState, outcome: Outcome, reason: str, actions: Actions) -> None:
    if state.policy is not None and not state.judged and state.trials:
        most = max((t.reports for t in state.trials.values()), default=0)
        actions.append(
            Note(
                "early termination never applied: it starts at report"
                f" {max(state.policy.delay_evaluation, state.policy.evaluation_interval)},"
                f" and no trial logged {plan.metric!r} more than {most} time{'s' * (most != 1)}"
            )
        )
    move_sweep(state, SweepPhase(outcome))
    state.reason = reason
    actions.append(Finish(outcome, reason))
