"""``barrido job show``: one sweep, or one of its trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import floor
from typing import TYPE_CHECKING, Any

import click

from barrido.cli.options import find, in_workspace, named, output_option
from barrido.cli.pipelines import find_pipeline
from barrido.cli.web import open_page, web_option
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import SweepFolder, Workspace
    from barrido.store.queries import Reader, TrialRow


@click.command()
@named("sweep or trial")
@click.option(
    "--plot", is_flag=True, help="Draw the best so far and the best trials' curves; a trial's metrics."
)
@web_option
@output_option
@in_workspace
def show(name: str, plot: bool, web: bool, output: str, workspace: Workspace) -> None:
    """Show a sweep, one trial of it, or a pipeline with its steps.

    NAME is a sweep's name; with _N behind it, that of its trial N: iris shows the sweep, iris_3 its trial 3.
    """
    if plot and output != "table":
        raise RequestError(f"--plot draws for people, and -o {output} is for programs: one of them")
    from barrido.sdk.job import find_trial
    from barrido.store.queries import Reader

    if web:
        open_page(workspace, name)
    if (pipeline := find_pipeline(workspace, name)) is not None:
        from barrido.cli import pipelines

        pipelines.show(pipeline, output, plot=plot)
        return
    folder, number = find(workspace, name)
    with Reader(folder) as reader:
        if number is None:
            _show_sweep(reader, output)
        else:
            _show_trial(reader, find_trial(reader, number), output)
        if plot:
            from barrido.cli.output import say_lines
            from barrido.cli.plot import pictures

            say_lines(pictures(reader, number))


def _show_sweep(reader: Reader, output: str) -> None:
    from barrido.cli import facts
    from barrido.cli.output import painted, say, say_data, say_lines, say_pairs
    from barrido.cli.saved import scheduler_document
    from barrido.sdk.spending import spending, spending_lines
    from barrido.sdk.summary import best_trial, mlflow_lines
    from barrido.sdk.wording import INTERRUPTED, counted, duration, note_text, warm_text

    now = time.time()
    folder = reader.folder
    sweep, progress, standing = facts.glance(reader, at=now)
    notes = reader.notes()
    if output != "table":
        data = facts.sweep_facts(sweep, progress, standing, folder) | facts.recipe_facts(sweep)
        say_data({**data, "notes": facts.note_facts(notes)}, output)
        return
    recipe = sweep.recipe
    spent = spending(reader) if progress.is_over else None
    asked = facts.recipe_facts(sweep)
    limits, needs = asked["limits"], asked["resources"]
    counts, warm = facts.counts_text(progress.counts), warm_text(progress.starts)
    done = f"{progress.done}/{progress.total} done" + (f": {counts}" if counts else "")
    say_pairs(
        [
            ("name", folder.name),
            ("display name", recipe.display_name if recipe.display_name != folder.name else ""),
            ("status", standing),
            ("reason", progress.reason),
            ("description", recipe.description),
            ("tags", _inline(sweep.tags)),
            ("note", sweep.note),
            ("experiment", recipe.experiment),
            ("command", recipe.work.command),
            ("environment", _environment(asked["environment"])),
            ("compute", recipe.compute if recipe.compute != "local" else ""),
            ("each needs", _inline({key: one for key, one in needs.items() if one not in (None, {})})),
            ("search space", "\n".join(f"{key}: {_inline(one)}" for key, one in recipe.space.items())),
            ("constraints", "\n".join(recipe.constraints)),
            ("sampling", _inline({**recipe.sampler, "seed": recipe.seed}) if recipe.space else ""),
            ("resumes from", " ".join(recipe.resume_from)),
            ("objective", "" if progress.metric is None else f"{progress.goal} {progress.metric}"),
            ("early stop", _inline(recipe.policy or {})),
            ("scheduler", _inline(scheduler_document(recipe) or {})),
            ("limits", _inline({key: one for key, one in limits.items() if one is not None})),
            ("warm", recipe.work.warm if recipe.work.warm != "auto" else ""),
            ("trials", f"{done}; {warm}" if warm else done),
            ("queued", f"{counted(sweep.queued, 'point')} put in by hand" if sweep.queued else ""),
            ("spent", "" if spent is None else "\n".join(spending_lines(spent))),
            ("created", f"{duration(floor(now - sweep.created_at))} ago"),
            ("took" if progress.is_over else "runs for", duration(progress.elapsed_s)),
            ("folder", str(folder.root)),
        ]
    )
    if notes:
        say_lines(map(note_text, notes))
    say_lines(best_trial(progress, folder, painted))
    say_lines(mlflow_lines(folder))
    if standing == INTERRUPTED:
        say(f"its controller died: `barrido job resume {folder.name}` goes on from here")


def _show_trial(reader: Reader, trial: TrialRow, output: str) -> None:
    from barrido.cli import facts
    from barrido.cli.output import say, say_data, say_pairs
    from barrido.sdk.wording import (
        FAILURES,
        clean,
        expectation_text,
        number,
        params_text,
        shown,
        sparkline,
        took,
    )  # fmt: skip

    now = time.time()
    folder: SweepFolder = reader.folder
    metrics = reader.metrics(trial.number)
    courses = facts.metric_facts(metrics)
    if output != "table":
        data = facts.trial_facts(folder.name, trial, at=now) | facts.place_facts(folder, trial.number)
        say_data({**data, "metrics": courses}, output)
        return
    objective = reader.sweep().recipe.objective
    place = folder.trial(trial.number)
    say_pairs(
        [
            ("name", f"{folder.name}_{trial.number}"),
            ("status", str(trial.phase)),
            ("reason", trial.reason),
            ("origin", trial.origin),
            ("tags", _inline(trial.tags)),
            ("note", trial.note),
            ("parameters", params_text(trial.params)),
            (f"expected {objective.metric}" if objective else "", expectation_text(trial.expected)),
            (f"best {objective.metric}" if objective else "", number(trial.best_value)),
            ("reports", str(trial.reports)),
            ("rungs", _rungs(trial)),
            ("attempt", str(trial.attempt) if trial.attempt > 1 else ""),
            ("failure", "" if trial.failure is None else FAILURES[trial.failure]),
            ("started", "warm" if trial.warm else ""),
            ("exit code", "" if trial.exit_code is None else str(trial.exit_code)),
            ("time", took(trial.started_at, trial.ended_at, at=now)),
            ("folder", shown(place.root)),
            ("log", shown(place.log)),
        ]
    )
    if courses:
        say("metrics")
        for name, course in courses.items():
            values = [point["value"] for point in course]
            say(f"  {clean(name)}  {number(values[-1])}  {sparkline(values, 40)}".rstrip())


def _rungs(trial: TrialRow) -> str:
    """By which values a trial was compared, at which resources, and where it is compared next."""
    from barrido.sdk.wording import number

    values = [f"{number(value)} at {resource}" for resource, value in trial.rungs.items()]
    return ", ".join([*values, *([] if trial.until is None else [f"on its way to {trial.until}"])])


def _environment(facts: Mapping[str, Any] | None) -> str:
    """Its name and its interpreter, and what was installed."""
    if facts is None:
        return ""
    lines = [f"{facts['name']}: {facts['python']}", ", ".join(facts["requirements"])]
    return "\n".join(line for line in lines if line)


def _inline(value: Any) -> str:
    """
    >>> _inline({"type": "bandit", "slack_factor": 0.1})
    'type=bandit slack_factor=0.1'
    """
    from barrido.sdk.wording import params_text

    return params_text(value)
