"""Trials that leave their workers at a rung, and come back. A part of `decide`, which owns the state.

A rung compares losses at one resource. When a trial has come to where it was to come (``trial.until``) the
scheduler is asked, and may pause it; later it is promoted, and goes on, or dropped. A paused trial holds no
worker. What it goes on from are its frozen processes, its checkpoint, or nothing: see `PauseMode`.
"""

from __future__ import annotations

from barrido.core.endings import Actions, stop
from barrido.core.events import Launch, Note, Pause, Paused, PauseMode, Stop, Unpause
from barrido.core.plan import Plan
from barrido.core.protocols import Drop, Promote, Step, Verdict
from barrido.core.recipe import Unit
from barrido.core.state import SweepState
from barrido.core.trial import WORST, Phase, Trial, move


def is_due(plan: Plan, trial: Trial, at: float) -> bool:
    """Whether a trial that runs has come to where it was to come."""
    until = trial.until
    if until is None:
        return False
    match plan.pausing.unit:
        case Unit.REPORT:
            return len(trial.losses) >= until
        case Unit.SECONDS:
            return trial.ran_s(at) >= until
        case Unit.INPUT:
            return False  # it is there when it has ended


def compare(plan: Plan, state: SweepState, trial: Trial) -> Verdict:
    """Tell the scheduler that ``trial`` has come to where it was to come; what it says.

    What counts is the loss at that very resource, not later ones of a trial that was not held in time.
    """
    until = trial.until
    assert until is not None
    if plan.pausing.unit is Unit.REPORT:
        loss = trial.losses[until - 1]
    else:
        loss = trial.losses[-1] if trial.losses else WORST
    trial.rungs = {**trial.rungs, until: loss}
    state.succeeded |= loss < WORST
    state.scheduler, verdict = plan.scheduler.report(state.scheduler, trial.number, until, loss)
    trial.until = verdict.until if verdict.step is Step.GO_ON else None
    return verdict


def arrive(plan: Plan, state: SweepState, trial: Trial, at: float) -> Actions:
    """Do what the scheduler says of a running trial, if it is to be asked."""
    while is_due(plan, trial, at):
        verdict = compare(plan, state, trial)
        match verdict.step:
            case Step.GO_ON:
                continue
            case Step.PAUSE:
                move(trial, Phase.PAUSING, reason=verdict.reason)
                return [Pause(trial.number, trial.attempt, plan.pausing.mode, verdict.reason)]
            case Step.STOP:
                return stop(plan, state, trial, Phase.PRUNED, verdict.reason, at)
            case Step.FINISH:
                return stop(plan, state, trial, Phase.COMPLETED, verdict.reason, at)
    return []


def paused(plan: Plan, state: SweepState, event: Paused) -> Actions:
    """A trial's processes are frozen."""
    trial = state.find(event.trial, event.attempt)
    if trial is None or trial.phase is not Phase.PAUSING:
        return []
    trial.is_frozen, trial.memory = True, event.memory
    park(state, trial, event.at)
    if trial.until is not None:
        return go_on(plan, state, trial)
    if event.gpu and plan.pausing.spares_gpus:
        return _let_go(plan, state, trial, "trials that hold a GPU are not kept suspended")
    return _make_room(plan, state)


def park(state: SweepState, trial: Trial, at: float) -> None:
    """A trial that is PAUSING has left its worker."""
    move(trial, Phase.PAUSED)
    trial.spent_s, trial.going_since = trial.ran_s(at), None
    state.parked[trial.number] = state.live.pop(trial.number)


def _make_room(plan: Plan, state: SweepState) -> Actions:
    """End frozen processes until the others hold no more memory than they may.

    The first to go are those that lost least and are least likely to be promoted: of the lowest rung, the
    one with the highest loss.
    """
    most = plan.pausing.memory
    frozen = [trial for trial in state.parked.values() if trial.is_frozen]
    held = sum(trial.memory for trial in frozen)
    if most is None or held <= most:
        return []
    actions: Actions = []
    for trial in sorted(frozen, key=lambda t: (max(t.rungs), -t.rungs[max(t.rungs)], -t.number)):
        if held <= most:
            break
        held -= trial.memory
        why = f"suspended trials would hold more than {most / 2**20:,.0f} MiB of memory"
        actions += _let_go(plan, state, trial, why)
    return actions


def _let_go(plan: Plan, state: SweepState, trial: Trial, why: str) -> Actions:
    then = "go on from their checkpoints" if plan.pausing.spill is PauseMode.CHECKPOINT else "begin anew"
    trial.is_frozen, trial.is_let_go, trial.memory = False, True, 0
    actions: Actions = [Stop(trial.number, trial.attempt, why)]
    if not state.spilled:
        state.spilled = True
        actions.append(Note(f"some paused trials are ended and {then} when they are promoted: {why}"))
    return actions


def promote(plan: Plan, state: SweepState, work: Promote, at: float) -> Actions:
    """Let a paused trial go on; it holds a worker from now on.

    One that was not held in time may be there already; one that is only to be paused goes on when it is.
    """
    trial = state.parked.get(work.trial) or state.live[work.trial]
    state.touched.add(trial.number)
    trial.until = work.until
    while plan.pausing.unit is Unit.REPORT and is_due(plan, trial, at):
        match compare(plan, state, trial):
            case Verdict(Step.PAUSE, reason):
                trial.reason = reason
                return []
            case Verdict(Step.STOP, reason):
                return stop(plan, state, trial, Phase.PRUNED, reason, at)
            case Verdict(Step.FINISH, reason):
                return stop(plan, state, trial, Phase.COMPLETED, reason, at)
    trial.reason = work.reason
    return [] if trial.phase is Phase.PAUSING else go_on(plan, state, trial)


def go_on(plan: Plan, state: SweepState, trial: Trial) -> Actions:
    """Let a trial that is PAUSED, and promoted, go on."""
    state.live[trial.number] = state.parked.pop(trial.number)
    move(trial, Phase.LAUNCHING)
    if trial.is_frozen:
        return [Unpause(trial.number, trial.attempt, trial.until)]
    # What is being let go of is gone in a moment: then it is launched
    return [] if trial.is_let_go else relaunch(plan, trial)


def relaunch(plan: Plan, trial: Trial) -> Actions:
    """The next attempt of a trial that is LAUNCHING, from its checkpoint or anew."""
    trial.attempt += 1
    trial.started_at, trial.going_since = None, None
    trial.warm = trial.is_frozen = False
    if plan.pausing.relaunch is PauseMode.CHECKPOINT:
        trial.start = len(trial.losses) if plan.pausing.unit is Unit.REPORT else max(trial.rungs, default=0)
    else:
        del trial.losses[:]
        trial.start, trial.last_step, trial.spent_s = 0, 0, 0.0
    return [launch(trial)]


def launch(trial: Trial) -> Launch:
    return Launch(trial.number, trial.attempt, trial.until, trial.start)


def drop(plan: Plan, state: SweepState, work: Drop, at: float) -> Actions:
    """A paused trial will not go on."""
    trial = state.parked.get(work.trial) or state.live[work.trial]
    trial.is_out = True
    return stop(plan, state, trial, Phase.PRUNED, work.reason, at)
