"""How a sweep looks in MLflow: names, tags, parameters and states of its runs. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from barrido.core.events import Cause, Exited
from barrido.core.reasons import describe_exit, failure_of
from barrido.core.recipe import Recipe
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.tracking.protocol import PARAM_CHARS, TAG_CHARS, Invalid, Pair, check_name

ALIAS = "barrido.alias"
PARENT = "mlflow.parentRunId"
NAME = "mlflow.runName"
SCRIPT_NAME = "barrido.script_run_name"


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One row of the store's table ``trials``. Times are seconds since the epoch."""

    number: int
    attempt: int
    phase: Phase
    params: str  # JSON
    reason: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    failure: str | None = None

    @property
    def was_launched(self) -> bool:
        """Whether an attempt of it was made, if only to fail at once."""
        if self.phase is Phase.QUEUED:
            return self.failure is not None  # and is to be run again
        return self.started_at is not None or self.phase not in (Phase.CANCELED, Phase.PRUNED)


@dataclass(frozen=True, slots=True)
class SweepRow:
    """The store's table ``sweep``."""

    recipe: Recipe
    phase: SweepPhase
    reason: str = ""
    best_trial: int | None = None
    best_value: float | None = None
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def is_search(self) -> bool:
        """False for a plain command job: its only trial is shown as one run, without a parent."""
        return self.recipe.kind == "sweep"

    def run_name(self, trial: int | None = None) -> str:
        if trial is None or not self.is_search:
            return self.recipe.name
        return f"{self.recipe.name}_{trial}"


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Parameters as MLflow shows them: text by name, a nested choice's own parameters by dotted names.

    >>> flat({"lr": 0.1, "model": {"kind": "tree", "depth": 3}, "bias": True})
    {'lr': '0.1', 'model.kind': 'tree', 'model.depth': '3', 'bias': 'True'}
    """
    texts: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            texts.update(flat(value, f"{prefix}{name}."))
        else:
            texts[prefix + name] = str(value)
    return texts


def loggable(params: Mapping[str, str]) -> list[Pair]:
    """Those that MLflow takes: a search space may use names that it does not."""
    pairs = []
    for name, value in params.items():
        try:
            pairs.append((check_name(name), value[:PARAM_CHARS]))
        except Invalid:
            continue
    return pairs


def sweep_tags(sweep: SweepRow, user: str) -> list[Pair]:
    recipe = sweep.recipe
    tags = {
        **{str(name): str(value) for name, value in recipe.tags.items()},
        **_origin(recipe, user),
        NAME: sweep.run_name(),
        "barrido.sweep": recipe.name,
    }
    if sweep.is_search:
        tags["barrido.sampler"] = str(recipe.sampler.get("type", ""))
    if recipe.display_name:
        tags["barrido.display_name"] = recipe.display_name
    if recipe.description:
        tags["mlflow.note.content"] = recipe.description
    if recipe.work.environment is not None:
        tags["barrido.environment"] = recipe.work.environment.name
    if recipe.objective is not None:
        tags["primary_metric_config"] = json.dumps(
            {"name": recipe.objective.metric, "goal": recipe.objective.goal.value}
        )
    return tag_pairs(tags)


def trial_tags(sweep: SweepRow, trial: int, attempt: int, parent: str | None, user: str) -> list[Pair]:
    """``parent`` is the real id of the sweep's run."""
    if parent is None:
        return sweep_tags(sweep, user)
    tags = {
        **_origin(sweep.recipe, user),
        NAME: sweep.run_name(trial),
        PARENT: parent,
        "barrido.sweep": sweep.recipe.name,
        "barrido.trial": str(trial),
    }
    if attempt > 1:
        tags["barrido.attempt"] = str(attempt)
    return tag_pairs(tags)


def end_tags(trial: TrialRow) -> list[Pair]:
    """What is known of a trial when it is over."""
    tags = {"barrido.phase": trial.phase.value}
    if trial.reason:
        tags["barrido.reason"] = trial.reason
    if trial.exit_code is not None:
        tags["barrido.exit_code"] = str(trial.exit_code)
    if trial.failure is not None:
        tags["barrido.failure"] = trial.failure
    return tag_pairs(tags)


def earlier_attempt(trial: TrialRow, attempt: int, ended: Exited | None) -> TrialRow:
    """An attempt of ``trial`` that another one followed, as if it were a trial."""
    what, then = f"attempt {attempt}", f"attempt {attempt + 1} followed"
    if ended is None or ended.cause is Cause.LOST:
        reason = f"{what} was lost; {then}"
        at = trial.started_at if ended is None else ended.at
        return TrialRow(trial.number, attempt, Phase.CANCELED, trial.params, reason, ended_at=at)
    reason, kind = f"{what} failed; {then}: {describe_exit(ended)}", failure_of(ended)
    return TrialRow(
        trial.number, attempt, Phase.FAILED, trial.params, reason, None, ended.at, ended.code, kind
    )


def trial_status(phase: Phase) -> str | None:
    """MLflow's word for a trial that is over, None for one that is not."""
    match phase:
        case Phase.COMPLETED:
            return "FINISHED"
        case Phase.FAILED:
            return "FAILED"
        case Phase.PRUNED | Phase.CANCELED:
            return "KILLED"
        case Phase.QUEUED | Phase.LAUNCHING | Phase.RUNNING | Phase.PAUSING | Phase.PAUSED | Phase.STOPPING:
            return None
        case _:
            assert_never(phase)


def sweep_status(phase: SweepPhase) -> str | None:
    match phase:
        case SweepPhase.COMPLETED:
            return "FINISHED"
        case SweepPhase.FAILED:
            return "FAILED"
        case SweepPhase.CANCELED:
            return "KILLED"
        case SweepPhase.CREATED | SweepPhase.RUNNING | SweepPhase.PAUSED | SweepPhase.ENDING:
            return None
        case _:
            assert_never(phase)


def tag_pairs(tags: Mapping[str, str]) -> list[Pair]:
    """Tags that MLflow takes, cut to its length; an empty one says nothing, and is left out."""
    pairs = []
    for name, value in tags.items():
        try:
            pairs.append((check_name(name), value[:TAG_CHARS]))
        except Invalid:
            continue
    return [(name, value) for name, value in pairs if value]


def run_json(info: Mapping[str, Any], params: Sequence[Pair], tags: Sequence[Pair]) -> dict[str, Any]:
    """A run as ``runs/get`` answers it, for a run that MLflow does not have yet."""
    return {
        "info": dict(info),
        "data": {
            "params": [{"key": key, "value": value} for key, value in params],
            "tags": [{"key": key, "value": value} for key, value in tags],
            "metrics": [],
        },
        "inputs": {},
        "outputs": {},
    }


def info_json(
    run_id: str, experiment_id: str, *, name: str, user: str, start_time: int, artifacts: str
) -> dict[str, Any]:
    """A run's ``info``. ``start_time`` in milliseconds, ``artifacts`` is a URI."""
    return {
        "run_id": run_id,
        "run_uuid": run_id,
        "run_name": name,
        "experiment_id": experiment_id,
        "user_id": user,
        "status": "RUNNING",
        "start_time": start_time,
        "artifact_uri": artifacts,
        "lifecycle_stage": "active",
    }


def _origin(recipe: Recipe, user: str) -> dict[str, str]:
    """What MLflow's client would add by itself to a run that it creates."""
    return {
        "mlflow.user": user,
        "mlflow.source.name": recipe.work.command.strip(),
        "mlflow.source.type": "LOCAL",
    }
