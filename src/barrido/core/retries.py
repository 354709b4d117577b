"""Second chances: after an attempt that failed comes another one. A part of `decide`, which owns the state.

A trial that waits for its next attempt is QUEUED. It holds no worker; for the scheduler, the policy and the
sampler it still runs. When its time has come it takes the next free worker, before any new trial.
"""

from __future__ import annotations

from hashlib import blake2b

from barrido.core.endings import Actions
from barrido.core.events import Cause, Exited, Note
from barrido.core.pausing import relaunch
from barrido.core.plan import Plan
from barrido.core.reasons import describe_exit, failure_of
from barrido.core.recipe import Limits
from barrido.core.state import SweepPhase, SweepState
from barrido.core.trial import Phase, Trial, move

LONGEST_S = 60.0
"""What waiting before another attempt grows to, unless its first is longer."""

SPREAD = 0.25
"""By up to this share the wait is shorter, so that trials that failed together do not come back together."""


def may_retry(state: SweepState, trial: Trial, event: Exited) -> bool:
    """Whether an attempt that failed is followed by another one. One that was lost is none of these."""
    return (
        event.cause is not Cause.LOST
        and trial.retries < state.limits.max_retries
        and state.phase is not SweepPhase.ENDING
    )


def retry(plan: Plan, state: SweepState, trial: Trial, event: Exited) -> Actions:
    """Let a trial whose attempt failed wait for the next one."""
    trial.retries += 1
    wait_s = backoff_s(state.limits, plan.seed, trial)
    why = describe_exit(event)
    after = "" if wait_s < 0.05 else f" in {wait_s:.1f} s"
    said = f"attempt {trial.attempt} failed, attempt {trial.attempt + 1} follows{after}: {why}"
    move(trial, Phase.QUEUED, reason=said)
    trial.due_at = event.at + wait_s
    trial.going_since = None
    trial.exit_code, trial.failure = event.code, failure_of(event)
    state.waiting[trial.number] = state.live.pop(trial.number)
    return [Note(said, trial.number)]


def backoff_s(limits: Limits, seed: int, trial: Trial) -> float:
    """Seconds from the failure of a trial's latest attempt to the next one.

    >>> from barrido.core.recipe import Limits
    >>> limits = Limits(max_total_trials=1, max_concurrent_trials=1, max_retries=9, retry_backoff=2.0)
    >>> [round(backoff_s(limits, 7, Trial(number=3, params={}, attempt=n, retries=n)), 1) for n in (1, 2, 9)]
    [1.6, 3.9, 51.0]
    """
    longest = max(LONGEST_S, limits.retry_backoff)
    wait_s = min(limits.retry_backoff * 2.0 ** min(trial.retries - 1, 60), longest)
    digest = blake2b(f"{seed} {trial.number} {trial.attempt}".encode(), digest_size=4).digest()
    return wait_s * (1.0 - SPREAD * int.from_bytes(digest) / 2**32)


def relaunch_due(plan: Plan, state: SweepState, at: float) -> Actions:
    """The next attempts of those whose time has come, as far as there are workers, the longest due first."""
    actions: Actions = []
    while state.waiting and state.free > 0:
        trial = min(state.waiting.values(), key=lambda one: (one.due_at, one.number))
        if trial.due_at > at:
            break
        state.live[trial.number] = state.waiting.pop(trial.number)
        why = trial.reason.partition(": ")[2]
        move(trial, Phase.LAUNCHING, reason=f"attempt {trial.attempt + 1}, as the one before failed: {why}")
        trial.exit_code = trial.failure = None
        state.touched.add(trial.number)
        actions += relaunch(plan, trial)
    return actions


def next_due(state: SweepState) -> float | None:
    """When a trial is to be run again for which there is a worker."""
    if not state.waiting or state.free <= 0 or state.phase is not SweepPhase.RUNNING:
        return None
    return min(trial.due_at for trial in state.waiting.values())


def is_doubtful(state: SweepState) -> bool:
    """Whether so many trials wait to be run again that, should they fail, the sweep fails.

    As long as nothing has succeeded, nothing new is begun meanwhile: all may fail for the same reason.
    """
    failed = state.failures + len(state.waiting)
    return bool(state.waiting) and not state.succeeded and failed >= state.limits.max_failed_trials
