"""`barrido schema`: what may be written in a file, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(short_help="Print the JSON schema of the files, for editors.")
@click.option(
    "-f", "--file", "path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.  [default: print it]",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def schema(path: Path | None, force: bool) -> None:
    """Print the JSON schema of sweeps, commands and pipelines.

    An editor that has it completes keys, explains them, and marks mistakes while you write.
    """
    from barrido.cli.output import say
    from barrido.cli.writing import written
    from barrido.sdk.wording import shown
    from barrido.spec.schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if path is None:
        say(text)
        return
    file = shown(written(path, [text, "\n"], force=force))
    say(f"{file} is written; say so in the first line of a file: # yaml-language-server: $schema={file}")
