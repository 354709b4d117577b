"""``barrido job plan``: what a sweep would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from barrido.cli.create import described, load_recipe
from barrido.cli.options import in_workspace, output_option, set_option

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(short_help="Say what a sweep would do, without running it.")
@described
@set_option
@click.option(
    "--seconds-per-unit", metavar="S", type=click.FloatRange(min=0, min_open=True),
    help="How long a trial takes for one unit of resource, to say how long the sweep may take.",
)  # fmt: skip
@output_option
@in_workspace
def plan(
    file: Path,
    changes: tuple[str, ...],
    seconds_per_unit: float | None,
    output: str,
    workspace: Workspace,
) -> None:
    """Say what a sweep would do, without running it.

    For a scheduler: how many trials come to each rung, what that costs, and how they wait for each other.
    """
    from barrido.cli.output import painted, say, say_data, say_lines, width
    from barrido.sdk.planning import plan_lines, plan_sweep

    made = plan_sweep(load_recipe(file, None, changes, workspace), seconds_per_unit=seconds_per_unit)
    if output != "table":
        say_data(made.to_json(), output)
        return
    for notice in made.recipe.notices:
        say(f"note: {notice}")
    say_lines(plan_lines(made, width=width(), paint=painted))
