"""``barrido job archive``, ``restore`` and ``delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from barrido.cli.options import in_workspace, named
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(short_help="Leave a job that is over out of the lists.")
@named("sweep or pipeline")
@in_workspace
def archive(name: str, workspace: Workspace) -> None:
    """Leave a sweep, or a pipeline, that is over out of the lists. Nothing of it is removed."""
    from barrido.cli.output import say
    from barrido.sdk import archive

    archive.archive(workspace, name)
    say(f"{name} is archived: `barrido job restore {name}` takes it back into the lists")


@click.command(short_help="Take an archived job back into the lists.")
@named("sweep or pipeline")
@in_workspace
def restore(name: str, workspace: Workspace) -> None:
    """Take a sweep, or a pipeline, that was archived back into the lists."""
    from barrido.cli.output import say
    from barrido.sdk import archive

    archive.restore(workspace, name)
    say(f"{name} is in the lists again")


@click.command(short_help="Remove a job that is over for good.")
@named("sweep or pipeline")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@in_workspace
def delete(name: str, yes: bool, workspace: Workspace) -> None:
    """Remove a sweep, or a pipeline with its steps, that is over: logs, outputs and all. Its runs stay in
    MLflow."""
    import sys

    from barrido.cli.output import say
    from barrido.sdk import archive, deletion

    folder = archive.over(workspace, name, "deleted")
    if not yes:
        if not sys.stdin.isatty():
            raise RequestError(
                f"{name!r} would be removed for good, and nobody can be asked", hint="add --yes"
            )
        if not click.confirm(f"remove {folder.root} for good?"):
            return
    for gone in deletion.delete(workspace, name):
        say(f"{gone} is removed")
