"""``barrido job importance``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from barrido.cli.options import find_sweep, in_workspace, named, output_option

if TYPE_CHECKING:
    from barrido.core.layout import Workspace

BAR = 30
"""As long as the whole would be, in characters."""


@click.command(short_help="Say which parameters mattered.")
@named()
@output_option
@in_workspace
def importance(name: str, output: str, workspace: Workspace) -> None:
    """Say which parameters mattered to the results of a sweep.

    A parameter's share is how much of the results' variance over the search space it explains alone, under a
    model of the trials that completed. What is left is due to parameters that act together.
    """
    from barrido.cli.output import painted, say_data, say_lines, width
    from barrido.sdk.importance import importance_of
    from barrido.sdk.table import Column, table
    from barrido.sdk.wording import clean
    from barrido.store.queries import Reader

    folder = find_sweep(workspace, name)
    with Reader(folder) as reader:
        shares = importance_of(reader)
    together = max(0.0, 1.0 - sum(shares.values()))
    if output != "table":
        say_data({"name": folder.name, "importance": shares, "together": together}, output)
        return
    columns = [Column("parameter", cut=True), Column("share", right=True), Column("")]
    rows = [[clean(key), f"{one:.2f}", "█" * round(one * BAR)] for key, one in shares.items()]
    rows.append(["together", f"{together:.2f}", "░" * round(together * BAR)])
    head, *lines = table(columns, rows, width=width())
    say_lines([painted(head, dim=True), *lines])
