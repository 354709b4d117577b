"""The options that commands have in common, and how a name on the command line finds its sweep."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from barrido.cli.completion import offer_folders, offer_names
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import SweepFolder, Workspace

Command = TypeVar("Command", bound=Callable[..., Any])


def in_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--workspace``; the command gets the `Workspace`. Azure's addresses are taken and ignored."""

    @click.option(
        "-w",
        "--workspace",
        "workspace_path",
        metavar="FOLDER",
        envvar="BARRIDO_WORKSPACE",
        show_envvar=True,
        shell_complete=offer_folders,
        help="Where sweeps are kept.  [default: .barrido]",
    )
    @click.option(
        "-g", "--resource-group", "--subscription", "--workspace-name", expose_value=False, hidden=True
    )
    @wraps(command)
    def found(*args: Any, workspace_path: str | None, **values: Any) -> Any:
        from barrido import app

        return command(*args, workspace=app.workspace(workspace_path), **values)

    return found


def named(what: str = "sweep") -> Callable[[Command], Callable[..., Any]]:
    """Adds NAME, as an argument or as ``--name``; the command gets it as ``name``."""

    def decorate(command: Command) -> Callable[..., Any]:
        @click.argument("name", required=False, metavar="NAME", shell_complete=offer_names)
        @click.option(
            "-n", "--name", "name_option", metavar="NAME", shell_complete=offer_names,
            help=f"The {what}'s name, said this way.",
        )  # fmt: skip
        @wraps(command)
        def chosen(*args: Any, name: str | None, name_option: str | None, **values: Any) -> Any:
            if name is not None and name_option is not None and name != name_option:
                raise RequestError(f"two names are given: {name!r} and {name_option!r}")
            one = name if name is not None else name_option
            if not one:
                raise RequestError(
                    f"the name of the {what} is missing", hint="`barrido job list` shows those there are"
                )
            return command(*args, name=one, **values)

        return chosen

    return decorate


output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"], case_sensitive=False),
    default="table",
    help="How to print it.  [default: table]",
)

set_option = click.option(
    "--set",
    "changes",
    metavar="PATH=VALUE",
    multiple=True,
    help="Give the value at PATH, as in --set limits.max_total_trials=5; may be repeated. "
    "A value is read as YAML: lists like [0.1, 1] are values, too.",
)


def split_changes(changes: tuple[str, ...]) -> list[tuple[str, str]]:
    """The (path, value) of each ``--set``.

    >>> split_changes(("limits.timeout=60", "trial.command=a=b"))
    [('limits.timeout', '60'), ('trial.command', 'a=b')]
    """
    pairs = []
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not path.strip():
            raise RequestError(
                f"--set takes PATH=VALUE (got {change!r})",
                hint="for example --set limits.max_total_trials=10",
            )
        pairs.append((path.strip(), value.strip()))
    return pairs


def find_sweep(workspace: Workspace, name: str) -> SweepFolder:
    from barrido import app

    return app.find(workspace, name)


def find(workspace: Workspace, name: str) -> tuple[SweepFolder, int | None]:
    """The sweep called ``name``; or, where ``name`` is ``SWEEP_N``, the sweep and the number of its trial.

    Raises SweepNotFound. Whether the sweep has such a trial is not looked at.
    """
    from barrido.sdk.job import find_job

    return find_job(workspace, name)
