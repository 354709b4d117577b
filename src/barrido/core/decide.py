"""The heart: ``decide(plan, state, event) -> actions``. No I/O, no clock, no randomness.

``decide`` owns the state and changes it; what must happen outside it returns as actions. The same
events give the same actions, so a log of events is the sweep: feeding it again is how a sweep is
resumed, proven (replay equals history) and asked "what if".
"""

from __future__ import annotations

from itertools import repeat
from math import isfinite
from typing import assert_never

from barrido.core.annotation import Annotation
from barrido.core.endings import Actions, close, end, finish, stop, sum_up, take_out
from barrido.core.events import (
    Cause,
    Discard,
    Event,
    Exited,
    Launch,
    Launched,
    Note,
    Outcome,
    Pause,
    Paused,
    PauseMode,
    Reported,
    Requested,
    Resumed,
    Started,
    Stop,
    Suggested,
    Ticked,
    Unpause,
)  # fmt: skip
from barrido.core.pausing import arrive, compare, drop, go_on, is_due, launch, park, paused, promote, relaunch
from barrido.core.plan import Plan
from barrido.core.protocols import Drop, Idle, Promote, Sample, Step
from barrido.core.reasons import describe_exit, failure_of
from barrido.core.recipe import Unit
from barrido.core.retries import is_doubtful, may_retry, next_due, relaunch_due, retry
from barrido.core.state import SweepPhase, SweepState, move_sweep
from barrido.core.trial import WORST, Failure, Phase, Trial, move
from barrido.core.wishes import may_come_late, requested

MAX_ATTEMPTS = 3
"""How often a trial is run when its machine is restarted under it."""


def begin(plan: Plan) -> SweepState:
    """The state before the first event."""
    return SweepState(
        limits=plan.limits,
        scheduler=plan.scheduler.init(),
        policy=plan.policy() if plan.policy else None,
        annotations={None: Annotation(tags=plan.tags)} if plan.tags else {},
    )


def decide(plan: Plan, state: SweepState, event: Event) -> Actions:
    """Take ``event`` in; what must be done about it. Late and repeated events change nothing."""
    if state.phase.is_terminal and not may_come_late(event):
        return []
    actions: Actions = []
    match event:
        case Reported():
            actions += _reported(plan, state, event)
        case Launched():
            _launched(state, event)
        case Exited():
            actions += _exited(plan, state, event)
        case Paused():
            actions += paused(plan, state, event)
        case Suggested():
            actions += _suggested(plan, state, event)
        case Ticked():
            actions += _ticked(plan, state, event)
        case Requested():
            actions += requested(plan, state, event)
        case Started():
            state.started_at = state.timed_from = event.at
            move_sweep(state, SweepPhase.RUNNING)
        case Resumed():
            state.down_s += event.down_s
        case _:
            assert_never(event)
    if len(state.live) < state.limits.max_concurrent_trials or state.phase is SweepPhase.ENDING:
        actions += _fill(plan, state, event.at)
    return actions


def reconcile(plan: Plan, state: SweepState) -> Actions:
    """What a controller that takes over ``state`` must do again.

    Each of these may already have been carried out before the crash; executors and samplers treat a
    repetition as no news.
    """
    actions: Actions = [state.question(*asked) for asked in state.questions.items()]
    for trial in state.under_way():
        number, attempt = trial.number, trial.attempt
        if trial.is_let_go:
            actions.append(Stop(number, attempt, trial.reason))
        match trial.phase:
            case Phase.LAUNCHING if trial.is_frozen:
                actions.append(Unpause(number, attempt, trial.until))
            case Phase.LAUNCHING if not trial.is_let_go:
                actions.append(launch(trial))
            case Phase.PAUSING:
                actions.append(Pause(number, attempt, plan.pausing.mode, trial.reason))
            case Phase.STOPPING if not trial.is_let_go:
                actions.append(Stop(number, attempt, trial.reason))
    if plan.pausing.relaunch is PauseMode.CHECKPOINT:
        out = (trial for trial in state.trials.values() if trial.phase is Phase.PRUNED and trial.rungs)
        actions += [Discard(trial.number) for trial in out]
    return actions


def next_deadline(plan: Plan, state: SweepState) -> float | None:
    """When a `Ticked` is due, in seconds since the epoch.

    Time in which no controller ran does not count towards the sweep's timeout: nothing could be
    started then. It counts towards a trial's, for the trial went on.
    """
    deadlines = []
    limits = state.limits
    if limits.timeout is not None and _has_something_to_stop(state):
        deadlines.append(state.timed_from + state.down_s + limits.timeout)
    if (due_at := next_due(state)) is not None:
        deadlines.append(due_at)
    in_seconds = plan.pausing.unit is Unit.SECONDS
    if limits.trial_timeout is not None or in_seconds:
        for trial in state.live.values():
            if trial.going_since is not None and trial.phase is not Phase.PAUSING:
                bounds = (limits.trial_timeout, trial.until if in_seconds else None)
                began = trial.going_since - trial.spent_s
                deadlines += [began + bound for bound in bounds if bound is not None]
    return min(deadlines, default=None)


def _has_something_to_stop(state: SweepState) -> bool:
    """An ending sweep may still wait for trials that nobody has asked to stop."""
    if state.phase is SweepPhase.ENDING:
        return any(trial.phase is not Phase.STOPPING for trial in state.under_way())
    return state.phase in (SweepPhase.RUNNING, SweepPhase.PAUSED)


def _reported(plan: Plan, state: SweepState, event: Reported) -> Actions:
    trial = state.find(event.trial, event.attempt)
    if trial is None or trial.phase is Phase.STOPPING or _is_repeated(plan, trial, event):
        return []
    if trial.phase is Phase.LAUNCHING and not trial.is_let_go:
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
    policy = state.policy
    if policy is not None:
        policy.observe(trial.number, n, loss)
        if n % policy.evaluation_interval == 0 and n >= policy.delay_evaluation:
            state.judged = True
            verdict = policy.judge(trial.number, n)
            if verdict.stops:
                take_out(plan, state, trial)
                return stop(plan, state, trial, Phase.PRUNED, verdict.reason, event.at)
    if trial.phase is Phase.RUNNING and plan.pausing.unit is Unit.REPORT:
        return arrive(plan, state, trial, event.at)
    return []


def _is_repeated(plan: Plan, trial: Trial, event: Reported) -> bool:
    """Whether an attempt that goes on from a checkpoint does once more what was done before it was paused.

    Scripts that do not count their steps log all of them as 0.
    """
    if plan.pausing.unit is not Unit.REPORT or trial.start == 0 or event.step is None:
        return False
    return 0 < trial.last_step >= event.step


def _start(trial: Trial, at: float) -> None:
    move(trial, Phase.RUNNING)
    if trial.started_at is None:
        trial.started_at = at
    trial.going_since = at
    trial.is_frozen, trial.memory = False, 0


def _launched(state: SweepState, event: Launched) -> None:
    trial = state.live.get(event.trial)
    if trial is None or event.attempt != trial.attempt or trial.is_let_go:
        return
    if trial.phase is Phase.LAUNCHING:
        _start(trial, event.at)
    elif trial.started_at is None:
        trial.started_at = event.at
    # Told again by a controller that adopted the trial, who may not know how it was started
    trial.warm |= event.warm


def _suggested(plan: Plan, state: SweepState, event: Suggested) -> Actions:
    numbers = state.questions.pop(event.ask, ())
    untils = [state.untils.pop(number, None) for number in numbers]
    if state.phase is SweepPhase.ENDING:
        return []
    actions: Actions = []
    expectations = event.expected or repeat(None)
    for number, until, params, expected in zip(numbers, untils, event.points, expectations, strict=False):
        if params is None:
            state.exhausted = True
            state.scheduler = plan.scheduler.missing(state.scheduler, number)
            continue
        trial = Trial(number=number, params=params, expected=expected, queued_at=event.at, until=until)
        actions.append(_begin(state, trial))
    return actions


def _begin(state: SweepState, trial: Trial) -> Launch:
    """The first attempt of a trial, which holds a worker from now on."""
    state.trials[trial.number] = state.live[trial.number] = trial
    move(trial, Phase.LAUNCHING)
    return launch(trial)


def _exited(plan: Plan, state: SweepState, event: Exited) -> Actions:
    trial = state.find(event.trial, event.attempt)
    if trial is None:
        return []
    if trial.phase is Phase.PAUSED or (trial.phase is Phase.LAUNCHING and _lost_its_frozen(trial, event)):
        # What it would go on from is gone: let go of, or killed while it was frozen
        trial.is_let_go = trial.is_frozen = False
        return relaunch(plan, trial) if trial.phase is Phase.LAUNCHING else []
    is_lost = event.cause is Cause.LOST
    if trial.phase is Phase.PAUSING and (is_lost or plan.pausing.mode is not PauseMode.SUSPEND):
        park(state, trial, event.at)
        return [] if trial.until is None else go_on(plan, state, trial)
    if is_lost and trial.phase is not Phase.STOPPING and trial.lost + 1 < MAX_ATTEMPTS:
        return _again(plan, trial, event)
    is_done = event.cause is Cause.EXIT and event.code == 0
    if not is_done and trial.phase is not Phase.STOPPING and may_retry(state, trial, event):
        if trial.phase is Phase.PAUSING:  # it had come to its rung: there is nothing to do again
            trial.retries += 1
            park(state, trial, event.at)
            return [] if trial.until is None else go_on(plan, state, trial)
        return retry(plan, state, trial, event)
    came = is_done and trial.phase is Phase.RUNNING and plan.pausing.unit is Unit.INPUT
    if came and trial.until is not None and trial.losses:
        return _came_to_its_input(plan, state, trial, event)
    trial.exit_code = event.code
    if trial.phase is Phase.STOPPING:
        move(trial, trial.ends_as or Phase.CANCELED)
    elif is_done:
        if trial.phase is Phase.PAUSING:
            trial.reason = ""  # it was to wait, and ended instead
        move(trial, Phase.COMPLETED)
    else:
        trial.failure = failure_of(event)
        move(trial, Phase.FAILED, reason=describe_exit(event))
    return close(plan, state, trial, event.at, event)


def _lost_its_frozen(trial: Trial, event: Exited) -> bool:
    """Whether what ended are processes that were to be let go on, and never were."""
    return trial.is_let_go or (trial.is_frozen and event.code is not None and event.code < 0)


def _came_to_its_input(plan: Plan, state: SweepState, trial: Trial, event: Exited) -> Actions:
    """A script that was told how far to go has gone there, and ended."""
    trial.exit_code = event.code
    verdict = compare(plan, state, trial)
    if verdict.step is Step.PAUSE:
        move(trial, Phase.PAUSING, reason=verdict.reason)
        park(state, trial, event.at)
        return []
    if verdict.step is Step.STOP:
        move(trial, Phase.STOPPING, reason=verdict.reason)
    move(trial, Phase.PRUNED if verdict.step is Step.STOP else Phase.COMPLETED)
    return close(plan, state, trial, event.at, event)


def _again(plan: Plan, trial: Trial, event: Exited) -> Actions:
    """The machine was restarted under a trial: the next attempt."""
    trial.lost += 1
    move(trial, Phase.QUEUED)
    why = f"attempt {trial.attempt + 1}: {event.detail}"
    move(trial, Phase.LAUNCHING, reason=why)
    return [
        Note(f"attempt {trial.attempt + 1} follows: {event.detail}", trial.number),
        *relaunch(plan, trial),
    ]


def _ticked(plan: Plan, state: SweepState, event: Ticked) -> Actions:
    limits, at = state.limits, event.at
    actions: Actions = []
    for trial in list(state.live.values()) if plan.pausing.unit is Unit.SECONDS else ():
        if trial.phase is Phase.RUNNING and is_due(plan, trial, at):
            actions += arrive(plan, state, trial, at)
    if (most := limits.trial_timeout) is not None:
        for trial in list(state.live.values()):
            if trial.going_since is not None and at >= trial.going_since - trial.spent_s + most:
                trial.failure = Failure.TIMEOUT
                take_out(plan, state, trial)
                actions += stop(plan, state, trial, Phase.CANCELED, f"ran longer than {most:g} s", at)
    if limits.timeout is not None and at >= state.timed_from + state.down_s + limits.timeout:
        reason = f"timeout of {limits.timeout:g} s reached"
        actions += end(plan, state, Outcome.CANCELED, reason, at, stops=True)
    return actions


def _fill(plan: Plan, state: SweepState, at: float) -> Actions:
    """Give free slots work; finish when there is none left to give and none under way."""
    actions: Actions = []
    is_finished = False
    if state.phase is SweepPhase.RUNNING and state.free > 0:
        actions += relaunch_due(plan, state, at)
        is_finished = not is_doubtful(state) and _give_work(plan, state, at, actions)
    elif state.phase is SweepPhase.ENDING:
        for trial in list(state.parked.values()):  # those that came to a rung since it began to end
            actions += stop(plan, state, trial, Phase.PRUNED, state.reason, at)
    if state.live or state.parked or state.waiting or state.questions:
        return actions
    if state.phase is SweepPhase.ENDING:
        return actions + finish(plan, state, state.ends_as or Outcome.COMPLETED, state.reason)
    if is_finished:
        return actions + finish(plan, state, *sum_up(state))
    return actions


def _give_work(plan: Plan, state: SweepState, at: float, actions: Actions) -> bool:
    """Whether there is nothing left to be given, now or later."""
    numbers: list[int] = []
    work: Idle | None = None
    while work is None and state.free > len(numbers) and state.phase is SweepPhase.RUNNING:
        number = state.next_number
        has_more = bool(state.queue) or (not state.exhausted and number < state.limits.max_total_trials)
        state.scheduler, assignment = plan.scheduler.next(state.scheduler, number if has_more else None)
        match assignment:
            case Sample(until) if state.queue:
                state.next_number += 1
                state.by_hand.append(number)
                wanted = state.queue.popleft()
                trial = Trial(
                    number=number, params=wanted.params, origin=wanted.origin, queued_at=at, until=until
                )
                actions.append(_begin(state, trial))
            case Sample(until):
                numbers.append(number)
                state.untils[number] = until
                state.next_number += 1
            case Promote():
                actions += promote(plan, state, assignment, at)
            case Drop():
                actions += drop(plan, state, assignment, at)
            case Idle():
                work = assignment
    if numbers:
        state.questions[state.asked] = tuple(numbers)
        actions.append(state.question(state.asked, numbers))
        state.asked += 1
    if work is None or state.live or state.waiting or state.questions or _is_leaving(state):
        return False
    # Nothing is under way: a scheduler that waits now would wait for ever
    for trial in list(state.parked.values()):
        actions += stop(plan, state, trial, Phase.PRUNED, "no trial goes on any more", at)
    return True


def _is_leaving(state: SweepState) -> bool:
    return any(trial.phase is Phase.STOPPING for trial in state.parked.values())
