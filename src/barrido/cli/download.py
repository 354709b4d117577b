"""``barrido job download``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from barrido.cli.options import in_workspace, named

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(short_help="Copy what a job made.")
@named("sweep or trial")
@click.option(
    "-p", "--download-path", "to", metavar="PATH", type=click.Path(path_type=Path, file_okay=False),
    default=Path(), help="The folder to copy to.  [default: the current one]",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Named outputs as well.")
@click.option("--output-name", metavar="X", help="The output called X, and nothing else.")
@in_workspace
def download(name: str, to: Path, everything: bool, output_name: str | None, workspace: Workspace) -> None:
    """Copy what a job made: a pipeline, the best trial of a sweep, or the trial called NAME (iris_3).

    Outputs, logs and what was logged to MLflow go to artifacts/, named outputs to named-outputs/.
    """
    from barrido.cli.output import say
    from barrido.sdk.jobs import JobOperations
    from barrido.sdk.wording import shown

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        JobOperations(workspace).download(name, download_path=to, output_name=output_name, all=everything)
    for warning in caught:
        say(f"note: {warning.message}")
    say(f"{name} is in {shown(to.absolute())}")
