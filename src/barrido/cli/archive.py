"""``barrido job archive`` and ``barrido job restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from barrido.cli.options import in_workspace, named

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
