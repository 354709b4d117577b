"""A job that was submitted, as it stood when it was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Limits, Recipe
from barrido.core.trial import Expectation
from barrido.errors import SweepNotFound
from barrido.sdk.asked import Asked
from barrido.sdk.inputs import Names
from barrido.sdk.progress import TRIAL_STATUS, sweep_status
from barrido.sdk.stream import is_interrupted
from barrido.sdk.studio_link import link_to
from barrido.store.queries import Reader, SweepRow, TrialRow

if TYPE_CHECKING:
    from barrido.figures.notebook import Plots


@dataclass(frozen=True, slots=True)
class Service:
    """Where a job can be looked at; "" where there is nothing to look at yet."""

    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class CreationContext:
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Job(Asked):
    """A sweep, a command, or one trial of a sweep (named ``<sweep>_<n>``).

    ``status`` is Azure ML's word, ``reason`` says why. ``properties`` holds, for a sweep,
    ``best_child_run_id`` and ``score``, once there is a best trial. ``value`` is the best value of the
    primary metric, ``expected`` what the sampler's model expected of a trial before it was tried, in the
    same scale; None where no model was asked. ``note`` and ``tags`` are what people wrote on it,
    ``origin`` says who put a trial in by hand. ``outputs`` says where each of its outputs lies: of a sweep,
    the best trial's. ``trials`` and ``metrics`` are read when they are asked for.
    """

    name: str
    type: str
    status: str
    reason: str
    display_name: str = field(repr=False)
    experiment_name: str
    description: str = field(repr=False)
    tags: Mapping[str, str] = field(repr=False)
    properties: Mapping[str, str] = field(repr=False)
    parameters: Mapping[str, Any]
    value: float | None
    parent_job_name: str | None = field(repr=False)
    number: int | None = field(repr=False)
    folder: Path
    notices: tuple[str, ...] = field(repr=False)
    creation_context: CreationContext = field(repr=False)
    _recipe: Recipe | None = field(repr=False)
    _limits: Limits | None = field(repr=False)
    _measured: tuple[SweepFolder, int | None] = field(repr=False)  # whose metrics are its own
    expected: Expectation | None = field(default=None, repr=False)
    note: str = field(default="", repr=False)
    origin: str = field(default="", repr=False)
    outputs: Mapping[str, Path] = field(default_factory=Names, repr=False)
    compute: str = field(default="local", repr=False)

    @property
    def id(self) -> str:
        return str(self.folder)

    @property
    def studio_url(self) -> str:
        """Its page in the studio that serves the workspace now, with the studio's token; "" if none does."""
        folder = self._measured[0]
        page = f"s/{quote(folder.name, safe='')}"
        if self.number is not None:
            page += f"/t/{self.number}"
        return link_to(Workspace(folder.root.parent.parent), page)

    @property
    def services(self) -> Mapping[str, Service]:
        return {"Studio": Service(self.studio_url), "Tracking": Service()}

    @cached_property
    def trials(self) -> list[Job]:
        """The trials of a sweep, by number; none for a trial."""
        if self.parent_job_name is not None:
            return []
        with Reader(SweepFolder(self.folder)) as reader:
            return [trial_job(reader, trial) for trial in reader.trials()]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The latest value of each metric that a trial, or a command, logged; of a sweep's best trial."""
        folder, number = self._measured
        if number is None:
            return {}
        with Reader(folder) as reader:
            return {row.name: row.value for row in reader.metrics(number)}

    @property
    def plot(self) -> Plots:
        """Charts for notebooks: ``sweep.plot.curves()``. Those of a trial show it among the others."""
        from barrido.figures.notebook import Plots

        return Plots(self._measured[0], self.number)

    @property
    def log_files(self) -> dict[str, str]:
        """Where its logs lie."""
        if self.parent_job_name is not None:
            return {"user_logs/std_log.txt": str(self.folder / "logs" / "std_log.txt")}
        logs = {"controller.log": str(SweepFolder(self.folder).log)}
        if self.type == "command":
            logs["user_logs/std_log.txt"] = str(SweepFolder(self.folder).trial(0).log)
        return logs


def find_job(workspace: Workspace, name: str) -> tuple[SweepFolder, int | None]:
    """The sweep called ``name``, and None; or the sweep and the number of its trial, for ``<sweep>_<n>``.

    Raises SweepNotFound. Whether the sweep has such a trial is not looked at.
    """
    try:
        return app.find(workspace, name), None
    except SweepNotFound:
        sweep, _, number = name.rpartition("_")
        if sweep and number.isascii() and number.isdigit() and workspace.sweep(sweep).db.exists():
            return app.find(workspace, sweep), int(number)
        raise


def find_trial(reader: Reader, number: int) -> TrialRow:
    """Raises TrialNotFound."""
    if found := reader.trials([number]):
        return found[0]
    raise app.no_trial(reader, number)


def sweep_job(reader: Reader) -> Job:
    """The sweep, or the command, that ``reader`` reads."""
    is_dead = is_interrupted(reader)
    row = reader.sweep()
    status = "NotResponding" if is_dead and row.started_at is not None else sweep_status(row)
    recipe = row.recipe
    best = reader.trials([row.best_trial]) if row.best_trial is not None else []
    return Job(
        name=recipe.name,
        type=recipe.kind,
        status=status,
        reason=row.reason,
        display_name=recipe.display_name or recipe.name,
        experiment_name=recipe.experiment,
        description=recipe.description,
        tags=dict(row.tags),
        note=row.note,
        properties=_properties(row),
        parameters=dict(best[0].params) if best else {},
        value=row.best_value,
        parent_job_name=None,
        number=None,
        folder=reader.folder.root,
        _measured=(reader.folder, 0 if recipe.kind == "command" else row.best_trial),
        notices=recipe.notices,
        creation_context=CreationContext(datetime.fromtimestamp(row.created_at, UTC)),
        compute=recipe.compute,
        outputs=_outputs(reader.folder, recipe, 0 if recipe.kind == "command" else row.best_trial),
        _recipe=recipe,
        _limits=row.limits,
    )


def trial_job(reader: Reader, trial: TrialRow) -> Job:
    """One trial of the sweep that ``reader`` reads."""
    sweep = reader.sweep()
    recipe = sweep.recipe
    name = f"{recipe.name}_{trial.number}"
    properties = {} if trial.exit_code is None else {"exit_code": str(trial.exit_code)}
    if trial.failure is not None:
        properties["failure"] = str(trial.failure)
    return Job(
        name=name,
        type="command",
        status=TRIAL_STATUS[trial.phase],
        reason=trial.reason,
        display_name=name,
        experiment_name=recipe.experiment,
        description="",
        tags=dict(trial.tags),
        note=trial.note,
        origin=trial.origin,
        properties=properties,
        parameters=dict(trial.params),
        value=trial.best_value,
        expected=trial.expected,
        parent_job_name=recipe.name,
        number=trial.number,
        folder=reader.folder.trial(trial.number).root,
        _measured=(reader.folder, trial.number),
        notices=(),
        creation_context=CreationContext(datetime.fromtimestamp(trial.queued_at, UTC)),
        compute=recipe.compute,
        outputs=_outputs(reader.folder, recipe, trial.number),
        _recipe=recipe,
        _limits=sweep.limits,
    )


def _outputs(folder: SweepFolder, recipe: Recipe, number: int | None) -> Names[Path]:
    if number is None:
        return Names()
    place = folder.trial(number).named_outputs
    return Names({name: place / name for name in recipe.work.outputs})


def _properties(row: SweepRow) -> dict[str, str]:
    recipe = row.recipe
    properties = {"runTemplate": "HyperDrive"} if recipe.kind == "sweep" else {}
    if recipe.objective is not None:
        config = {"name": recipe.objective.metric, "goal": str(recipe.objective.goal)}
        properties["primary_metric_config"] = json.dumps(config)
    if row.best_trial is not None:
        properties["best_child_run_id"] = f"{recipe.name}_{row.best_trial}"
        properties["score"] = repr(row.best_value)
    return properties
