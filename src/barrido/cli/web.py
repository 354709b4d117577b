"""``--web``: a job's page in the studio."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from barrido.core.layout import Workspace

web_option = click.option("-e", "--web", is_flag=True, help="Open the job's page in the studio that runs.")


def open_page(workspace: Workspace, name: str) -> None:
    """Open the page of a sweep or a trial in a browser; where no studio runs, say how to start one."""
    from barrido.cli.output import say
    from barrido.sdk.client import MLClient

    if url := MLClient(workspace_name=str(workspace.root)).jobs.get(name).studio_url:
        click.launch(url)
    else:
        say("--web: no studio shows this; `barrido studio` starts one", to=sys.stderr)
