"""``barrido job list`` and ``barrido job trials``."""

from __future__ import annotations

import sys
import time
from functools import partial
from math import floor
from typing import TYPE_CHECKING

import click

from barrido.cli import pipelines
from barrido.cli.completion import offer_names
from barrido.cli.options import find_sweep, in_workspace, named, output_option
from barrido.cli.pipelines import find_pipeline
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import SweepFolder, Workspace
    from barrido.errors import StoreError

MOST = 50


@click.command("list")
@click.option(
    "-p", "--parent", "--parent-job-name", "parent", metavar="NAME", shell_complete=offer_names,
    help="List this sweep's trials.",
)  # fmt: skip
@click.option(
    "-r", "--max-results", metavar="MAX", type=click.IntRange(min=1), default=MOST, show_default=True,
    help="How many to list at most.",
)  # fmt: skip
@click.option("--all-results", is_flag=True, help="List them all.")
@click.option("--archived-only", is_flag=True, help="List those that were archived.")
@click.option("--include-archived", is_flag=True, help="List those that were archived, too.")
@output_option
@in_workspace
def list_(
    parent: str | None,
    max_results: int | None,
    all_results: bool,
    archived_only: bool,
    include_archived: bool,
    output: str,
    workspace: Workspace,
) -> None:
    """List the sweeps and pipelines of the workspace, newest first."""
    if all_results:
        max_results = None
    if parent is not None and (pipeline := find_pipeline(workspace, parent)) is not None:
        pipelines.list_steps(pipeline, output, most=max_results)
        return
    if parent is not None:
        _say_trials(find_sweep(workspace, parent), output, best=False, most=max_results)
        return
    from barrido.cli import facts
    from barrido.cli.output import painted, say, say_data, say_lines, width
    from barrido.constants import ListViewType
    from barrido.sdk.archive import is_shown
    from barrido.sdk.rows import status_painted
    from barrido.sdk.table import Column, table
    from barrido.sdk.wording import clean, duration, metric_text
    from barrido.store.queries import Reader
    from barrido.store.workspace import sweeps

    if archived_only and include_archived:
        raise RequestError("--archived-only and --include-archived exclude each other", hint="leave one out")
    view = ListViewType.ARCHIVED_ONLY if archived_only else ListViewType.ACTIVE_ONLY
    view = ListViewType.ALL if include_archived else view
    now = time.time()
    unreadable: list[StoreError] = []
    every = [folder for folder in sweeps(workspace, unreadable=unreadable) if is_shown(folder, view)]
    listed, others = pipelines.rows(workspace, view, most=max_results, at=now, unreadable=unreadable)
    for error in unreadable:
        say(f"left out: {error}", to=sys.stderr)
    folders = list(reversed(every))[:max_results]
    for folder in folders:
        with Reader(folder) as reader:
            sweep, progress, standing = facts.glance(reader, at=now)
        best = "" if progress.best is None else metric_text(progress.metric, progress.best.best_value)
        count = f"{progress.done}/{progress.total}"
        row = [folder.name, standing, count, clean(best), duration(floor(now - sweep.created_at))]
        listed.append((sweep.created_at, facts.sweep_facts(sweep, progress, standing, folder), row))
    listed.sort(key=lambda one: -one[0])
    data, rows = [one[1] for one in listed[:max_results]], [one[2] for one in listed[:max_results]]
    if output != "table":
        say_data(data, output)
        return
    if not rows:
        say(f"no {'archived ' if archived_only else ''}sweeps in {workspace.root}")
        return
    columns = [
        Column("name", cut=True),
        Column("status", paint=partial(status_painted, paint=painted)),
        Column("trials", right=True),
        Column("best", cut=True),
        Column("age", right=True),
    ]
    head, *lines = table(columns, rows, width=width())
    say_lines([painted(head, dim=True), *lines])
    if (total := len(every) + others) > len(rows):
        say(f"… {total - len(rows)} more: --max-results {total} shows them all")


@click.command(short_help="List the trials of a sweep.")
@named()
@click.option("--best", is_flag=True, help="The best trials first.")
@click.option(
    "-r", "--max-results", metavar="MAX", type=click.IntRange(min=1), help="How many to list at most."
)
@output_option
@in_workspace
def trials(name: str, best: bool, max_results: int | None, output: str, workspace: Workspace) -> None:
    """List the trials of a sweep with their parameters and values; the steps of a pipeline."""
    if (pipeline := find_pipeline(workspace, name)) is not None:
        pipelines.list_steps(pipeline, output, most=max_results)
        return
    _say_trials(find_sweep(workspace, name), output, best=best, most=max_results)


def _say_trials(folder: SweepFolder, output: str, *, best: bool, most: int | None) -> None:
    from barrido.cli import facts
    from barrido.cli.output import painted, say, say_data, say_lines, width
    from barrido.sdk.rows import best_first, trials_table
    from barrido.store.queries import Reader

    now = time.time()
    with Reader(folder) as reader:
        objective = reader.sweep().recipe.objective
        rows = reader.trials()
    chosen = (best_first(rows, objective.goal if objective else None) if best else rows)[:most]
    if output != "table":
        say_data([facts.trial_facts(folder.name, trial, at=now) for trial in chosen], output)
        return
    if not chosen:
        say(f"{folder.name} has no trials yet")
        return
    metric = objective.metric if objective else None
    say_lines(trials_table(chosen, metric=metric, at=now, width=width(), paint=painted))
    if len(rows) > len(chosen):
        say(f"… {len(rows) - len(chosen)} more")
