"""``barrido job report``: a sweep as a page for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from barrido.cli.options import find_sweep, in_workspace, named

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(short_help="Make an HTML page of a sweep.")
@named()
@click.option(
    "-f", "--file", "path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.  [default: NAME.html]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@in_workspace
def report(name: str, path: Path | None, force: bool, workspace: Workspace) -> None:
    """Make an HTML page of a sweep: all its charts in one file that loads nothing, to be sent or kept."""
    from barrido.cli.output import say
    from barrido.cli.writing import refuse_to_overwrite, written
    from barrido.figures import page
    from barrido.sdk.wording import shown
    from barrido.store.queries import Reader

    path = path or Path(f"{name}.html")
    refuse_to_overwrite(path, force=force)  # before the work, too
    with Reader(find_sweep(workspace, name)) as reader:
        text = page.report(reader)
    file = written(path, [text], force=force)
    say(f"{name} is in {shown(file)} ({len(text.encode()) / 1e6:.1f} MB): open it in a browser")
