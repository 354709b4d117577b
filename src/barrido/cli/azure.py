"""``barrido azure``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from barrido.cli.options import in_workspace

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(
    short_help="Run a Python script that was written for Azure ML, as it is.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@in_workspace
@click.argument("script", metavar="SCRIPT", type=click.Path(path_type=Path))
@click.argument("args", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def run(script: Path, args: tuple[str, ...], workspace: Workspace) -> int:
    """Run SCRIPT as `python SCRIPT ARGS` does, with this machine in the place of Azure.

    Its MLClient is the workspace here, its credentials ask nobody. What else it imports from azure.ai.ml is
    Microsoft's package if that is installed, else what barrido has under the same names. Nothing is sent
    anywhere.

    Exit codes: the script's own; 2 if there is no such script.
    """
    from barrido.integrations.azure.script import run_script

    os.environ["BARRIDO_WORKSPACE"] = str(workspace.root)
    return run_script(script, args)
