"""``barrido environment list`` and ``barrido environment remove``."""

from __future__ import annotations

import os
import time
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from barrido.cli.options import in_workspace, output_option
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import Workspace
    from barrido.environments.folders import EnvironmentFolder
    from barrido.store.queries import SweepRow


@click.command("list")
@output_option
@in_workspace
def list_(output: str, workspace: Workspace) -> None:
    """List the environments that were built in the workspace, with the sweeps that used them."""
    from barrido.cli.output import painted, say, say_data, say_lines, width
    from barrido.environments.folders import built
    from barrido.sdk.addresses import hide_secrets
    from barrido.sdk.table import Column, table
    from barrido.sdk.wording import clean, duration

    now = time.time()
    users = _users(workspace)
    data, rows = [], []
    for folder, record in built(workspace.environments):
        names = [sweep.recipe.name for sweep in users.get(os.path.realpath(folder.env), ())]
        data.append({**hide_secrets(record), "key": folder.key, "folder": str(folder.root), "sweeps": names})
        age = duration(floor(now - folder.record.stat().st_mtime))
        rows.append([folder.key, clean(record["name"]), record["version"], age, ", ".join(names)])
    if output != "table":
        say_data(data, output)
        return
    if not rows:
        say(f"no environments in {workspace.root}: sweeps that ask for one build it")
        return
    columns = [Column("key"), Column("name", cut=True), Column("python"), Column("age", right=True)]
    head, *lines = table([*columns, Column("sweeps", cut=True)], rows, width=width())
    say_lines([painted(head, dim=True), *lines])


@click.command()
@click.argument("key", metavar="KEY")
@in_workspace
def remove(key: str, workspace: Workspace) -> None:
    """Take an environment away; who needs it next builds it anew.

    KEY is as `barrido environment list` shows it, or how it begins.
    """
    from barrido.cli.output import say
    from barrido.environments import folders

    folder = _find(workspace, key)
    users = _users(workspace).get(os.path.realpath(folder.env), ())
    busy = [sweep.recipe.name for sweep in users if not sweep.phase.is_terminal]
    if busy:
        raise RequestError(
            f"environment {folder.key} is used by {', '.join(busy)}",
            hint=f"wait until it is over, or end it: barrido job cancel {busy[0]}",
        )
    if not folders.remove(folder):
        raise RequestError(f"environment {folder.key} is being built, or may not be removed")
    say(f"{folder.key} is gone")


def _find(workspace: Workspace, key: str) -> EnvironmentFolder:
    from barrido.environments.folders import built

    known = [folder for folder, _ in built(workspace.environments)]
    found = [folder for folder in known if key and folder.key.startswith(key)]
    if len(found) == 1:
        return found[0]
    what = f"there is no environment {key!r} in {workspace.root}"
    if found:
        what = f"{key!r} is how {len(found)} environments begin"
    raise RequestError(what, hint="`barrido environment list` shows those there are")


def _users(workspace: Workspace) -> dict[str, list[SweepRow]]:
    """The sweeps whose trials run in an environment, by its real path: a workspace may have several names."""
    from barrido.store.queries import Reader
    from barrido.store.workspace import sweeps

    found: dict[str, list[SweepRow]] = {}
    for folder in sweeps(workspace):
        with Reader(folder) as reader:
            sweep = reader.sweep()
        if sweep.recipe.work.python is not None:
            env = os.path.realpath(Path(sweep.recipe.work.python).parents[1])
            found.setdefault(env, []).append(sweep)
    return found
