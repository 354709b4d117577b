"""Replay equals history: the same events lead to the same decisions, and to what readers were shown."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import barrido
from barrido.controller.loop import replay
from barrido.core.decide import begin
from barrido.core.events import Finish
from barrido.core.layout import SweepFolder
from barrido.core.state import SweepPhase, SweepState
from barrido.errors import HistoryMismatch
from barrido.registry import build_plan
from barrido.replay.log import Log, read_log
from barrido.store.batch import Batch
from barrido.store.memory import MemoryStore
from barrido.store.queries import SweepRow, TrialRow
from barrido.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """So many ``events`` led to the same ``decisions`` again, and to the same rows of ``trials``.

    ``phase`` is where the sweep stood: one that is not over was played as far as it had come.
    """

    name: str
    events: int
    decisions: int
    trials: int
    phase: SweepPhase


def prove(folder: SweepFolder) -> Proof:
    """Play a sweep's log again. Raises HistoryMismatch, which says where it differs and how."""
    log = read_log(folder)
    recipe, decisions = log.sweep.recipe, log.decisions
    plan = build_plan(recipe)
    state = begin(plan)
    store = MemoryStore(recipe)
    store.log = decisions
    replay(plan, state, store)
    if decisions:
        _compare(_rewritten(log, state), log)
    return Proof(
        name=recipe.name,
        events=len(decisions),
        decisions=sum(len(decision.actions) for decision in decisions),
        trials=len(log.trials),
        phase=log.sweep.phase,
    )


def _rewritten(log: Log, state: SweepState) -> Log:
    """What readers are shown of ``state``: written to an empty store, and read from there."""
    ends = [one for one in log.decisions if any(isinstance(action, Finish) for action in one.actions)]
    with TemporaryDirectory(prefix="barrido-") as path:
        folder, sweep = SweepFolder(Path(path)), log.sweep
        store = SqliteStore.create(folder, sweep.recipe, version=barrido.__version__, at=sweep.created_at)
        store.commit(Batch(decisions=ends or log.decisions[-1:], touched=set(state.trials)), state)
        store.close()
        return read_log(folder)


def _compare(led_to: Log, shown: Log) -> None:
    """Raises HistoryMismatch."""
    _compare_rows("the sweep", led_to.sweep, shown.sweep)
    numbers, shown_numbers = ({trial.number for trial in log.trials} for log in (led_to, shown))
    if odd := numbers ^ shown_numbers:
        raise _mismatch(f"trial {min(odd)} is only {'in the log' if min(odd) in numbers else 'shown'}")
    for trial, shown_trial in zip(led_to.trials, shown.trials, strict=True):
        _compare_rows(f"trial {trial.number}", trial, shown_trial)


def _compare_rows(what: str, row: SweepRow | TrialRow, shown: SweepRow | TrialRow) -> None:
    for field in fields(row):
        led_to, stands = getattr(row, field.name), getattr(shown, field.name)
        if led_to != stands:
            raise _mismatch(f"{what} is shown with {field.name} = {stands}, but the log leads to {led_to}")


def _mismatch(what: str) -> HistoryMismatch:
    return HistoryMismatch(what, hint="the log is the truth: what is shown was written by something else")
