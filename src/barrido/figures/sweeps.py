"""A sweep in a list of sweeps, and at the head of its own page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from barrido import app
from barrido.core.layout import Workspace
from barrido.core.recipe import Recipe
from barrido.core.wire import number_to_json
from barrido.errors import StoreError
from barrido.figures.caching import Kept
from barrido.figures.dimensions import names_of
from barrido.figures.links import sweep_link
from barrido.sdk.addresses import hide_secrets, without_secrets
from barrido.sdk.planning import plan_sweep
from barrido.sdk.progress import Progress, most_trials, summarize
from barrido.sdk.spending import spending
from barrido.store.queries import Reader, SweepRow, Tally
from barrido.store.workspace import sweeps

_plans: Kept[dict[str, Any]] = Kept(32)
_spent: Kept[dict[str, Any] | None] = Kept(32)


def listing(workspace: Workspace) -> dict[str, Any]:
    """The sweeps and command jobs of a workspace, newest first; why others could not be read."""
    failed: list[StoreError] = []
    found = []
    for folder in reversed(sweeps(workspace, unreadable=failed)):
        try:
            with Reader(folder) as reader:
                found.append(summary(reader))
        except StoreError as error:
            failed.append(error)
    return {"workspace": str(workspace.root), "sweeps": found, "unreadable": [str(error) for error in failed]}


def summary(reader: Reader) -> dict[str, Any]:
    """What there is to know of a sweep without its trials."""
    at = time.time()
    # Asked before looking: a controller that is gone by then has committed all that it ever will
    is_running = app.is_running(reader.folder)
    sweep, tally = reader.sweep(), reader.tally()
    recipe = sweep.recipe
    progress = _progress(reader, sweep, tally, at)
    is_interrupted = not (sweep.phase.is_terminal or is_running)
    best = progress.best
    return {
        "name": reader.folder.name,
        "display_name": progress.display_name,
        "kind": progress.kind,
        "status": "NotResponding" if is_interrupted else progress.status,
        "phase": str(sweep.phase),
        "reason": sweep.reason,
        "metric": progress.metric,
        "goal": None if progress.goal is None else str(progress.goal),
        "experiment": recipe.experiment,
        "description": recipe.description,
        "tags": dict(sweep.tags),
        "note": sweep.note,
        "sampler": recipe.sampler["type"],
        "scheduler": recipe.scheduler["type"],
        "policy": recipe.policy["type"] if recipe.policy else None,
        "created_at": sweep.created_at,
        "started_at": sweep.started_at,
        "ended_at": sweep.ended_at,
        "elapsed_s": progress.elapsed_s,
        "eta_s": None if is_interrupted else progress.eta_s,
        "counts": {str(phase): count for phase, count in tally.counts.items()},
        "done": progress.done,
        "total": progress.total,
        "warm": {"started": tally.starts[0], "warm": tally.starts[1]},
        "best": None
        if best is None or best.best_value is None
        else {"trial": best.number, "value": number_to_json(best.best_value), "params": best.params},
        "is_archived": reader.folder.archived.exists(),
        "is_running": is_running and not sweep.phase.is_terminal,
    }


def overview(reader: Reader) -> dict[str, Any]:
    """The summary, what was asked for, and what the sweep had to say.

    Of environment variables the names alone are given: many hold keys and tokens.
    """
    head = summary(reader)
    sweep = reader.sweep()
    return {
        **head,
        "limits": asdict(sweep.limits),
        "space": names_of(sweep.recipe.space).to_json(),
        "recipe": _recipe(sweep.recipe),
        "notices": list(sweep.recipe.notices),
        "notes": notes(reader),
        "metrics": reader.metric_names(),
        "plan": _plan(reader, sweep),
        "spending": _spending(reader, sweep),
        "mlflow": sweep_link(reader.folder),
        "folder": str(reader.folder.root),
    }


def notes(reader: Reader, after: int = 0) -> list[dict[str, Any]]:
    """What people should read, newer than note number ``after``."""
    return [asdict(note) for note in reader.notes(after)]


def _progress(reader: Reader, sweep: SweepRow, tally: Tally, at: float) -> Progress:
    has_running = any(phase.holds_slot for phase in tally.counts)
    best = [] if sweep.best_trial is None else reader.trials([sweep.best_trial])
    return summarize(
        sweep,
        tally.counts,
        reader.running() if has_running else (),
        best[0] if best else None,
        (),
        (),
        starts=tally.starts,
        total=most_trials(sweep, tally.by_hand),
        mean_s=tally.mean_s,
        at=at,
    )


def _recipe(recipe: Recipe) -> dict[str, Any]:
    body = recipe.to_json()
    if body["tracking_uri"] is not None:
        body["tracking_uri"] = without_secrets(body["tracking_uri"])
    work: Mapping[str, Any] = body["work"]
    shown = {
        "environment": None if work["environment"] is None else hide_secrets(work["environment"]),
        "environment_variables": dict.fromkeys(work["environment_variables"], "***"),
    }
    return {**body, "work": {**work, **shown}}


def _plan(reader: Reader, sweep: SweepRow) -> dict[str, Any] | None:
    """None where no scheduler makes one."""
    if not sweep.recipe.is_staged:
        return None
    return _plans.get(reader, sweep.created_at, lambda: plan_sweep(sweep.recipe).to_json())


def _spending(reader: Reader, sweep: SweepRow) -> dict[str, Any] | None:
    """Of a sweep that is over: the whole log has to be read for it."""
    if not sweep.phase.is_terminal or not sweep.recipe.is_staged:
        return None

    def count() -> dict[str, Any] | None:
        spent = spending(reader)
        if spent is None:
            return None
        return {"reports": spent.reports, "beyond": spent.beyond, "full": spent.full}

    return _spent.get(reader, sweep.ended_at, count)
