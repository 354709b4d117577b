"""Sweeps and trials as plain data, for ``--output json`` and ``yaml``.

Scripts read this: keys may be added, they are never renamed or dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Work
from barrido.core.trial import Phase
from barrido.sdk.addresses import without_secrets
from barrido.sdk.progress import TRIAL_STATUS, Progress, Watch, summarize
from barrido.sdk.stream import is_interrupted
from barrido.sdk.wording import INTERRUPTED
from barrido.store.queries import MetricRow, NoteRow, Reader, SweepRow, TrialRow


def glance(reader: Reader, *, at: float) -> tuple[SweepRow, Progress, str]:
    """A sweep without its trials, and what to call where it stands: its phase, or "interrupted"."""
    standing = INTERRUPTED if is_interrupted(reader) else None
    sweep = reader.sweep()
    if sweep.phase.is_terminal:
        best = [] if sweep.best_trial is None else reader.trials([sweep.best_trial])
        counts = reader.counts()
        done = sum(counts.values())
        progress = summarize(
            sweep, counts, (), best[0] if best else None, (), (),
            starts=reader.starts(), total=done, mean_s=None, at=at,
        )  # fmt: skip
        return sweep, progress, str(sweep.phase)
    progress = Watch(reader).look(at=at)
    return sweep, progress, standing or str(progress.phase)


def sweep_facts(sweep: SweepRow, progress: Progress, standing: str, folder: SweepFolder) -> dict[str, Any]:
    """What there is to know of a sweep in a list of them."""
    best = progress.best
    return {
        "name": progress.name,
        "display_name": progress.display_name,
        "type": progress.kind,
        "experiment_name": sweep.recipe.experiment,
        "status": "NotResponding" if standing == INTERRUPTED else progress.status,
        "phase": standing,
        "reason": progress.reason,
        "created_at": moment(sweep.created_at),
        "started_at": moment(sweep.started_at),
        "ended_at": moment(sweep.ended_at),
        "elapsed_s": round(progress.elapsed_s, 3),
        "trials": {
            "total": progress.total,
            "done": progress.done,
            "warm": progress.starts[1],
            **{str(phase): count for phase, count in progress.counts.items()},
        },
        "queued_by_hand": sweep.queued,
        "objective": None
        if progress.metric is None
        else {"primary_metric": progress.metric, "goal": str(progress.goal)},
        "best_trial": None if best is None else best_facts(progress.name, best, folder),
        "folder": str(folder.root),
    }


def recipe_facts(sweep: SweepRow) -> dict[str, Any]:
    """What was asked for."""
    recipe = sweep.recipe
    return {
        "description": recipe.description,
        "tags": dict(sweep.tags),
        "note": sweep.note,
        "command": recipe.work.command,
        "code": recipe.work.code,
        "compute": recipe.compute,
        "resources": asdict(recipe.work.resources),
        "environment": environment_facts(recipe.work),
        "warm": recipe.work.warm,
        "inputs": dict(recipe.work.inputs),
        "outputs": list(recipe.work.outputs),
        "search_space": recipe.space,
        "constraints": list(recipe.constraints),
        "sampling_algorithm": {**recipe.sampler, "seed": recipe.seed},
        "resume_from": list(recipe.resume_from),
        "early_termination": recipe.policy,
        "scheduler": dict(recipe.scheduler),
        "pausing": asdict(recipe.pausing) if recipe.scheduler["type"] != "fifo" else None,
        "limits": asdict(sweep.limits),
        "tracking_uri": None if recipe.tracking_uri is None else without_secrets(recipe.tracking_uri),
    }


def environment_facts(work: Work) -> dict[str, Any] | None:
    """None for the Python that barrido runs in. Addresses of packages lose their passwords."""
    environment = work.environment
    if environment is None:
        return None
    return {
        "name": environment.name,
        "python": work.python,
        "requirements": [without_secrets(line) for line in environment.requirements],
        "conda": None if environment.conda is None else without_secrets(environment.conda),
    }


def best_facts(sweep: str, trial: TrialRow, folder: SweepFolder) -> dict[str, Any]:
    return {
        "name": f"{sweep}_{trial.number}",
        "trial": trial.number,
        "value": trial.best_value,
        "parameters": trial.params,
        **place_facts(folder, trial.number),
    }


def place_facts(folder: SweepFolder, number: int) -> dict[str, str]:
    """Where a trial's files are."""
    place = folder.trial(number)
    return {
        "outputs": str(place.work / "outputs"),
        "named_outputs": str(place.named_outputs),
        "log": str(place.log),
    }


def trial_facts(sweep: str, trial: TrialRow, *, at: float) -> dict[str, Any]:
    until = trial.ended_at if trial.ended_at is not None else at
    return {
        "name": f"{sweep}_{trial.number}",
        "trial": trial.number,
        "status": TRIAL_STATUS[trial.phase],
        "phase": str(trial.phase),
        "parameters": trial.params,
        "value": trial.best_value,
        "last_value": trial.last_value,
        "expected": None if trial.expected is None else asdict(trial.expected),
        "reports": trial.reports,
        "last_step": trial.last_step,
        "until": trial.until,
        "rungs": {str(resource): value for resource, value in trial.rungs.items()},
        "reason": trial.reason,
        "origin": trial.origin,
        "note": trial.note,
        "tags": dict(trial.tags),
        "attempt": trial.attempt,
        "warm": trial.warm,
        "exit_code": trial.exit_code,
        "failure": trial.failure and str(trial.failure),
        "queued_at": moment(trial.queued_at),
        "started_at": moment(trial.started_at),
        "ended_at": moment(trial.ended_at),
        "duration_s": None if trial.started_at is None else round(until - trial.started_at, 3),
    }


def metric_facts(metrics: Sequence[MetricRow]) -> dict[str, list[dict[str, Any]]]:
    """The course of each metric, oldest first."""
    courses: dict[str, list[dict[str, Any]]] = {}
    for row in metrics:
        courses.setdefault(row.name, []).append(
            {"value": row.value, "step": row.step, "time": moment(row.at)}
        )
    return courses


def note_facts(notes: Sequence[NoteRow]) -> list[dict[str, Any]]:
    return [{"time": moment(note.at), "trial": note.trial, "text": note.text} for note in notes]


def counts_text(counts: Mapping[Phase, int]) -> str:
    """
    >>> counts_text({Phase.COMPLETED: 3, Phase.FAILED: 1})
    '3 completed, 1 failed'
    """
    return ", ".join(f"{count} {phase}" for phase, count in counts.items() if count)


def moment(at: float | None) -> str | None:
    """
    >>> moment(0.0)
    '1970-01-01T00:00:00Z'
    """
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
