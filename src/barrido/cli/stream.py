"""``barrido job stream``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from barrido.cli.options import find, in_workspace, named

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command()
@named("sweep or trial")
@in_workspace
def stream(name: str, workspace: Workspace) -> int:
    """Watch a sweep until it is over, or what one trial prints.

    Ctrl-C ends the watching, never the sweep. Exit code 1 means that the sweep failed.
    """
    from barrido.cli.watch import watch

    return watch(*find(workspace, name))
