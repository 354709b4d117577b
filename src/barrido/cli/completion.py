"""`barrido completion`, and what the shell is offered for the names of jobs.

While somebody types nothing may be slow: names are read from folders, and nothing else is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_BARRIDO_COMPLETE"


@click.command(short_help="Print what makes a shell complete commands and names.")
@click.argument("shell", type=click.Choice(SHELLS, case_sensitive=False), required=False)
def completion(shell: str | None) -> None:
    """Print what makes a shell complete commands, options, files and the names of jobs.

    \b
    bash, in ~/.bashrc:                 eval "$(barrido completion bash)"
    zsh, in ~/.zshrc:                   eval "$(barrido completion zsh)"
    fish, in ~/.config/fish/config.fish: barrido completion fish | source

    SHELL is that of $SHELL if it is not given.
    """
    from click.shell_completion import get_completion_class

    from barrido.cli.commands import barrido
    from barrido.cli.output import say
    from barrido.errors import RequestError

    chosen = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(chosen)
    if found is None or chosen not in SHELLS:
        raise RequestError(
            f"which shell is not known (SHELL is {chosen!r})", hint=f"one of {', '.join(SHELLS)}"
        )
    say(found(barrido, {}, "barrido", VARIABLE).source())


def offer_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The jobs whose names begin so; behind the name of a sweep and a ``_``, its trials."""
    from click.shell_completion import CompletionItem

    root = context.params.get("workspace_path") or os.environ.get("BARRIDO_WORKSPACE") or ".barrido"
    home = Path(os.path.expanduser(root))  # noqa: PTH111 (unlike Path's, never raises)
    names = [*_names(home / "sweeps"), *_names(home / "pipelines")]
    sweep, has_number, number = incomplete.rpartition("_")
    if has_number and sweep in names and (not number or number.isdecimal()):
        trials = filter(str.isdecimal, _names(home / "sweeps" / sweep / "trials"))
        names += (f"{sweep}_{trial}" for trial in sorted(trials, key=int))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def offer_folders(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def _names(folder: Path) -> Iterator[str]:
    try:
        found = sorted(path.name for path in folder.iterdir())
    except OSError:
        return
    # A folder that somebody else put there may be called what a shell, which does not quote it, would run.
    yield from filter(re.compile(r"[\w-]+", re.ASCII).fullmatch, found)
