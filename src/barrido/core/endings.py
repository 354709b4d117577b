"""How trials and sweeps come to their ends. A part of `decide`, which owns the state."""

from __future__ import annotations

from barrido.core.events import Action, Discard, Exited, Finish, Note, Outcome, PauseMode, Stop
from barrido.core.plan import Plan
from barrido.core.reasons import describe_silence
from barrido.core.state import SweepPhase, SweepState, move_sweep
from barrido.core.trial import Phase, Trial, move

Actions = list[Action]


def stop(plan: Plan, state: SweepState, trial: Trial, ends_as: Phase, reason: str, at: float) -> Actions:
    """End a trial. One that waits, and has no processes any more, is over at once."""
    if trial.phase is Phase.STOPPING or trial.phase.is_terminal:
        return []
    state.touched.add(trial.number)
    is_still = trial.phase is Phase.PAUSED and not (trial.is_frozen or trial.is_let_go)
    if is_still or trial.phase is Phase.QUEUED:
        move(trial, ends_as, reason=reason)
        return close(plan, state, trial, at)
    move(trial, Phase.STOPPING, reason=reason)
    trial.ends_as, trial.going_since = ends_as, None
    return [Stop(trial.number, trial.attempt, reason)]


def take_out(plan: Plan, state: SweepState, trial: Trial) -> None:
    """A trial is over for the scheduler as soon as that is decided."""
    if not trial.is_out:
        trial.is_out = True
        state.scheduler = plan.scheduler.ended(state.scheduler, trial.number, None)


def close(plan: Plan, state: SweepState, trial: Trial, at: float, event: Exited | None = None) -> Actions:
    """See to what follows from the end of ``trial``. ``event`` is the exit that brought it, if one did."""
    trial.ended_at, trial.going_since, trial.is_frozen, trial.until = at, None, False, None
    if trial.started_at is not None:  # seen late, by a controller that came after its end
        trial.started_at = min(trial.started_at, at)
    state.live.pop(trial.number, None)
    state.parked.pop(trial.number, None)
    state.waiting.pop(trial.number, None)
    if state.policy is not None:
        state.policy.ended(trial.number)
    if not trial.is_out:
        last = trial.losses[-1] if trial.phase is Phase.COMPLETED and trial.losses else None
        state.scheduler = plan.scheduler.ended(state.scheduler, trial.number, last)
    actions: Actions = []
    if trial.phase is Phase.PRUNED and trial.rungs and plan.pausing.relaunch is PauseMode.CHECKPOINT:
        actions.append(Discard(trial.number))
    return actions + _count(plan, state, trial, at, event)


def _count(plan: Plan, state: SweepState, trial: Trial, at: float, event: Exited | None) -> Actions:
    """Whether the trial that just ended means that the sweep should, too."""
    actions: Actions = []
    if trial.phase is Phase.CANCELED:
        return actions
    silent = plan.metric is not None and trial.phase is Phase.COMPLETED and not trial.reports
    if trial.phase is not Phase.FAILED and not silent:
        state.succeeded = True
    elif not state.succeeded and event is not None:
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
            reason = f"{which} {what}; {state.first_failure}"
            actions += end(plan, state, Outcome.FAILED, reason, at, stops=True)
    rule = state.limits.stop_after
    was_dropped = trial.phase is Phase.PRUNED and bool(trial.rungs)  # most are: that says nothing
    if rule is not None and state.succeeded and not was_dropped:
        # Before, there is nothing that could be improved
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
            actions += end(plan, state, Outcome.COMPLETED, reason, at, stops=False)
    return actions


def end(plan: Plan, state: SweepState, outcome: Outcome, reason: str, at: float, *, stops: bool) -> Actions:
    """Nothing new is started any more; with ``stops`` the running trials are stopped, too."""
    if state.phase is not SweepPhase.ENDING:
        move_sweep(state, SweepPhase.ENDING)
        state.ends_as, state.reason = outcome, reason
    elif stops and outcome is Outcome.CANCELED and state.ends_as is Outcome.COMPLETED:
        # A cancel or a timeout overrides an ending that waits for its last trials, but no failure.
        state.ends_as, state.reason = outcome, reason
    actions: Actions = []
    if state.queue:
        points = f"{len(state.queue)} points" if len(state.queue) > 1 else "a point"
        actions.append(Note(f"{points} put in by hand will not be run: {reason}"))
        state.queue.clear()
    for trial in list(state.live.values()) if stops else ():
        actions += stop(plan, state, trial, Phase.CANCELED, reason, at)
    for trial in list(state.parked.values()):
        actions += stop(plan, state, trial, Phase.CANCELED if stops else Phase.PRUNED, reason, at)
    for trial in list(state.waiting.values()):
        why = trial.reason.partition(": ")[2]  # as `barrido.core.retries.retry` says it
        ends_as, said = (
            (Phase.CANCELED, reason) if stops else (Phase.FAILED, f"{why}; not run again: {reason}")
        )
        actions += stop(plan, state, trial, ends_as, said, at)
    return actions


def sum_up(state: SweepState) -> tuple[Outcome, str]:
    """How a sweep ends that has nothing left to do, and why."""
    count, by_hand = len(state.trials), len(state.by_hand)
    if count and not state.succeeded and state.first_failure:
        none = f"none of {count} trials succeeded" if count > 1 else "its only trial did not succeed"
        return Outcome.FAILED, f"{none}; {state.first_failure}"
    if state.exhausted:
        drawn = count - by_hand
        points = f"all {drawn} points" if drawn > 1 else "the only point"
        reason = f"{points} of the search space {'were' if drawn > 1 else 'was'} tried"
        return Outcome.COMPLETED, f"{reason}, and {by_hand} more by hand" if by_hand else reason
    return Outcome.COMPLETED, f"all {count} trials are done" if count > 1 else "its only trial is done"


def finish(plan: Plan, state: SweepState, outcome: Outcome, reason: str) -> Actions:
    """The sweep is over."""
    actions: Actions = []
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
    return actions
