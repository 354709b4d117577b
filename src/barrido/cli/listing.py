"""``barrido job list`` and ``barrido job trials``."""

from __future__ import annotations

import sys
import time
from functools import partial
from math import floor
from typing import TYPE_CHECKING

import click

from barrido.cli.options import find_sweep, in_workspace, named, output_option

if TYPE_CHECKING:
    from barrido.core.layout import SweepFolder, Workspace
    from barrido.errors import StoreError

MOST = 50


@click.command("list")
@click.option(
    "-p", "--parent", "--parent-job-name", "parent", metavar="NAME", help="List this sweep's trials."
)
@click.option(
    "-r", "--max-results", metavar="MAX", type=click.IntRange(min=1), default=MOST, show_default=True,
    help="How many to list at most.",
)  # fmt: skip
@output_option
@in_workspace
def list_(parent: str | None, max_results: int, output: str, workspace: Workspace) -> None:
    """List the sweeps of the workspace, newest first."""
    if parent is not None:
        _say_trials(find_sweep(workspace, parent), output, best=False, most=max_results)
        return
    from barrido.cli import facts
    from barrido.cli.output import painted, say, say_data, say_lines, width
    from barrido.sdk.rows import status_painted
    from barrido.sdk.table import Column, table
    from barrido.sdk.wording import clean, duration, metric_text
    from barrido.store.queries import Reader
    from barrido.store.workspace import sweeps

    now = time.time()
    unreadable: list[StoreError] = []
    every = sweeps(workspace, unreadable=unreadable)
    for error in unreadable:
        say(f"left out: {error}", to=sys.stderr)
    folders = list(reversed(every))[:max_results]
    data, rows = [], []
    for folder in folders:
        with Reader(folder) as reader:
            sweep, progress, standing = facts.glance(reader, at=now)
        data.append(facts.sweep_facts(sweep, progress, standing, folder))
        best = "" if progress.best is None else metric_text(progress.metric, progress.best.best_value)
        count = f"{progress.done}/{progress.total}"
        rows.append([folder.name, standing, count, clean(best), duration(floor(now - sweep.created_at))])
    if output != "table":
        say_data(data, output)
        return
    if not rows:
        say(f"no sweeps in {workspace.root}")
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
    if len(every) > len(folders):
        say(f"… {len(every) - len(folders)} more: --max-results {len(every)} shows them all")


@click.command(short_help="List the trials of a sweep.")
@named()
@click.option("--best", is_flag=True, help="The best trials first.")
@click.option(
    "-r", "--max-results", metavar="MAX", type=click.IntRange(min=1), help="How many to list at most."
)
@output_option
@in_workspace
def trials(name: str, best: bool, max_results: int | None, output: str, workspace: Workspace) -> None:
    """List the trials of a sweep with their parameters and values."""
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
