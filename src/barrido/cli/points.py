"""What people add to a sweep: points by hand, trials once more, notes and tags."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from barrido.cli.control import PATIENCE_S
from barrido.cli.options import find, find_sweep, in_workspace, named, split_changes
from barrido.errors import ControllerError, RequestError

if TYPE_CHECKING:
    from barrido.core.events import Verb
    from barrido.core.layout import SweepFolder, Workspace


@click.command(short_help="Put a point into a sweep by hand.")
@named()
@click.option(
    "--set",
    "values",
    metavar="PARAMETER=VALUE",
    multiple=True,
    help="A parameter's value, read as YAML, as in --set lr=0.1; for each parameter of the search space. "
    "--set opt.lr=0.1 sets one inside a nested choice.",
)
@in_workspace
def enqueue(name: str, values: tuple[str, ...], workspace: Workspace) -> None:
    """Run a point of your own next, as in barrido job enqueue iris --set lr=0.1 --set layers=3.

    There will be one trial more than there was to be: none that is sampled is left out for it.
    """
    from barrido.core.events import Verb

    folder = find_sweep(workspace, name)
    _ask(folder, Verb.ENQUEUE, changes={"params": _point(values)})


@click.command(short_help="Run a trial once more, or all that failed.")
@named("trial or sweep")
@click.option("-t", "--trial", type=click.IntRange(min=0), metavar="N", help="The trial, if NAME is a sweep.")
@click.option("--failed", is_flag=True, help="All trials of the sweep NAME that failed.")
@in_workspace
def rerun(name: str, trial: int | None, failed: bool, workspace: Workspace) -> None:
    """Run the parameters of a trial once more, in a trial of its own: barrido job rerun iris_3.

    With --failed all trials of a sweep that failed, each once: barrido job rerun iris --failed. There will be
    as many trials more than there were to be. A sweep that is over is opened again for it.
    """
    from barrido.core.events import Verb

    folder, number = find(workspace, name) if trial is None else (find_sweep(workspace, name), trial)
    if failed and number is not None:
        raise RequestError(f"--failed is for a sweep, not for trial {number}", hint="leave one of them out")
    if number is None and not failed:
        hint = f"say which: `barrido job rerun {name}_3`, or `--failed` for all that failed"
        raise RequestError(f"{name!r} is no trial", hint=hint)
    _ask(folder, Verb.RERUN, trial=number)


@click.command(short_help="Write a note and tags on a sweep or a trial.")
@named("sweep or trial")
@click.option(
    "--note", metavar="TEXT", help="The note; it takes the place of the one before, empty removes it."
)
@click.option(
    "--tag", "tags", metavar="KEY=TEXT", multiple=True, help="A tag; may be repeated. KEY= removes it."
)
@in_workspace
def annotate(name: str, note: str | None, tags: tuple[str, ...], workspace: Workspace) -> None:
    """Write a note and tags on a sweep, or on a trial of it, also when it is over.

    What is not said stays as it is.
    """
    from barrido.core.events import Verb

    changes: dict[str, Any] = {} if note is None else {"note": note}
    if tags:
        changes["tags"] = dict(map(_tag, tags))
    if not changes:
        raise RequestError("nothing to annotate", hint="say what, as in --note TEXT or --tag keep=yes")
    folder, number = find(workspace, name)
    _ask(folder, Verb.ANNOTATE, trial=number, changes=changes, then=f"{name} is annotated")


def _point(values: tuple[str, ...]) -> dict[str, Any]:
    """The point of (name=value) options; ``a.b=1`` is ``{"a": {"b": 1}}``."""
    from barrido.spec import document

    point: dict[str, Any] = {}
    for path, text in split_changes(values):
        read = document.parse(text, name=f"--set {path}")
        if read.findings.problems:
            raise RequestError(
                f"--set {path}: {text!r} is not YAML", hint="put a text with signs in quotes: '\"…\"'"
            )
        *branches, leaf = path.split(".")
        inside = point
        for branch in branches:
            inside = inside.setdefault(branch, {})
            if not isinstance(inside, dict):
                raise RequestError(f"--set {path}: {branch} has a value already")
        inside[leaf] = read.value
    return point


def _tag(text: str) -> tuple[str, str | None]:
    """
    >>> _tag("keep=a=b"), _tag("keep=")
    (('keep', 'a=b'), ('keep', None))
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RequestError(f"--tag takes KEY=TEXT (got {text!r})", hint="for example --tag keep=yes")
    return key, value or None


def _ask(
    folder: SweepFolder,
    verb: Verb,
    *,
    trial: int | None = None,
    changes: Mapping[str, Any] | None = None,
    then: str = "",
) -> None:
    """Put the request in, and say what the controller said to it, or ``then`` if that was nothing.

    Raises ControllerError if nobody decides.
    """
    from barrido import app
    from barrido.cli.output import say
    from barrido.controller.requests import is_waiting
    from barrido.sdk.wording import clean
    from barrido.store.queries import Reader

    with Reader(folder) as reader:
        after = reader.last_event()
        request = app.request(folder, verb, trial=trial, changes=changes, origin="cli")
        deadline = time.monotonic() + PATIENCE_S
        while (said := reader.answer_to(request, after)) is None:
            if not is_waiting(folder, request) and reader.answer_to(request, after) is None:
                raise RequestError(f"{folder.name!r} refused to {verb}", hint="its notes say why")
            if time.monotonic() > deadline:
                raise ControllerError(
                    f"{folder.name!r} was asked to {verb}, and has not answered for {PATIENCE_S:g} s",
                    hint=f"it may still do so; see {folder.log}",
                )
            time.sleep(0.05)
    for text in said or [then]:
        say(f"{folder.name}: {clean(text)}" if said else text)
