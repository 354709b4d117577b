"""``barrido job export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from barrido.cli.options import find_sweep, in_workspace, named

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(short_help="Write a sweep for other programs.")
@named()
@click.option(
    "-o", "--output", type=click.Choice(["csv", "json"], case_sensitive=False), default="csv",
    help="A table of the trials, or everything.  [default: csv]",
)  # fmt: skip
@click.option(
    "-f", "--file", "path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.  [default: print it]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@in_workspace
def export(name: str, output: str, path: Path | None, force: bool, workspace: Workspace) -> None:
    """Write a sweep for other programs: its trials as CSV; or all of it, every value too, as JSON."""
    from barrido.cli.output import say
    from barrido.cli.writing import written
    from barrido.figures.export import to_csv, to_json
    from barrido.sdk.wording import shown
    from barrido.store.queries import Reader

    with Reader(find_sweep(workspace, name)) as reader:
        pieces = to_csv(reader) if output == "csv" else to_json(reader)
        if path is not None:
            say(f"{name} is in {shown(written(path, pieces, force=force))}")
            return
        # As it is: the text layer would change line ends on some systems.
        for piece in pieces:
            sys.stdout.buffer.write(piece.encode())
        sys.stdout.flush()
