"""``barrido job stream``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from barrido.cli.options import find, in_workspace, named
from barrido.cli.pipelines import find_pipeline

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command()
@named("job or trial")
@in_workspace
def stream(name: str, workspace: Workspace) -> int:
    """Watch a sweep or a pipeline until it is over, or what one trial prints.

    Ctrl-C ends the watching, never the sweep. Exit code 1 means that the sweep failed.
    """
    from barrido.cli.watch import watch

    if (pipeline := find_pipeline(workspace, name)) is not None:
        from barrido.cli import pipelines

        return pipelines.watch(pipeline)
    return watch(*find(workspace, name))
