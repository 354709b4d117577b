"""What people write on a sweep that is over: nothing runs, and nothing is started for it.

Its log is not played again, which takes a while where it is long: all that is decided on is whether there
is such a trial, and what was written on it before.
"""

from __future__ import annotations

from barrido.controller import requests
from barrido.core.decide import decide
from barrido.core.events import Note
from barrido.core.layout import SweepFolder
from barrido.core.plan import Plan
from barrido.core.recipe import Recipe
from barrido.core.state import SweepState
from barrido.core.trial import Trial
from barrido.store.batch import Batch, Decision, Remark
from barrido.store.sqlite import SqliteStore


def reopens(folder: SweepFolder, recipe: Recipe, *, at: float) -> bool:
    """Whether somebody wants trials run again, for which a sweep that is over is opened by a controller."""
    return any(map(_reopens, requests.take(folder, recipe, at=at)))


def _reopens(one: requests.Taken) -> bool:
    return one.event is not None and one.event.reopens


def take_late(folder: SweepFolder, recipe: Recipe, plan: Plan, store: SqliteStore, *, at: float) -> None:
    """Take in what was asked, in one transaction, but for what opens the sweep again. Raises StoreError."""
    taken = [one for one in requests.take(folder, recipe, at=at) if not _reopens(one)]
    if not taken:
        return
    state = SweepState(limits=recipe.limits, phase=store.phase())
    batch = Batch(durable=True)
    for one in taken:
        event = one.event
        if event is None:
            batch.remarks.append(Remark(at, one.refusal))
        elif not store.has_taken(event.request):
            number = event.trial
            if number not in state.annotations and (known := store.annotation(number)) is not None:
                state.annotations[number] = known
                if number is not None:
                    state.trials[number] = Trial(number=number, params={})
            actions = decide(plan, state, event)
            batch.decisions.append(Decision(event, actions))
            notes = (action for action in actions if isinstance(action, Note))
            batch.remarks += (Remark(at, note.text, note.trial) for note in notes)
    store.annotate(batch, state.annotations)
    requests.drop(taken)
