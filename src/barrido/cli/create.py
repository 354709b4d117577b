"""``barrido job create`` and ``barrido job validate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from barrido.cli.options import in_workspace, output_option, set_option, split_changes
from barrido.cli.web import open_page, web_option
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import SweepFolder, Workspace
    from barrido.core.pipeline import PipelineRecipe
    from barrido.core.recipe import Recipe

Command = TypeVar("Command", bound=Callable[..., Any])


def described(command: Command) -> Callable[..., Any]:
    """Adds FILE, as an argument or as ``--file``; the command gets it as ``file``."""

    @click.argument("file", required=False, metavar="FILE", type=click.Path(path_type=Path))
    @click.option(
        "-f", "--file", "file_option", metavar="FILE", type=click.Path(path_type=Path),
        help="The YAML file that describes the sweep, said this way.",
    )  # fmt: skip
    @wraps(command)
    def chosen(*args: Any, file: Path | None, file_option: Path | None, **values: Any) -> Any:
        if file is not None and file_option is not None:
            hint = f"each change has a --set of its own: --set {file}" if "=" in str(file) else ""
            raise RequestError(f"two files are given: {file} and {file_option}", hint=hint)
        one = file or file_option
        if one is None:
            raise RequestError(
                "the file that describes the sweep is missing",
                hint=f"for example `{click.get_current_context().command_path} -f sweep.yml`",
            )
        return command(*args, file=one, **values)

    return chosen


@click.command()
@described
@click.option("-n", "--name", metavar="NAME", help="What to call the sweep; made up when left out.")
@set_option
@click.option("-s", "--stream", is_flag=True, help="Watch the sweep until it is over.")
@click.option(
    "-a", "--save-as", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the sweep as it was understood, seed and all, to a YAML file.",
)  # fmt: skip
@click.option("--skip-validation", is_flag=True, expose_value=False, hidden=True)
@web_option
@output_option
@in_workspace
def create(
    file: Path,
    name: str | None,
    changes: tuple[str, ...],
    stream: bool,
    save_as: Path | None,
    web: bool,
    output: str,
    workspace: Workspace,
) -> int:
    """Start a sweep, a command or a pipeline in the background.

    It goes on when this shell is closed. Exit codes: 0 it was created (with --stream: it completed), 1 it
    failed, 2 there is something wrong with FILE, 130 the watching was ended with Ctrl-C.
    """
    if stream and output != "table":
        raise RequestError("--stream shows the sweep as it runs: it cannot be printed as " + output)
    from barrido import app
    from barrido.cli import pipelines
    from barrido.cli.output import say_progress
    from barrido.core.recipe import Recipe

    recipe = load_any_recipe(file, name, changes, workspace)
    if not isinstance(recipe, Recipe):
        if save_as is not None:
            raise RequestError("--save-as is for sweeps and commands: a pipeline is not written anew")
        code = pipelines.create(recipe, workspace, output, stream=stream)
        if web:
            open_page(workspace, recipe.name)
        return code
    if output == "table":
        _say_plan(recipe)
    folder = app.create(recipe, workspace, say=say_progress)
    if save_as is not None:
        _save(recipe, save_as)
    _say_created(folder, output, stream=stream)
    if web:
        open_page(workspace, folder.name)
    if not stream:
        return 0
    from barrido.cli.watch import watch

    return watch(folder)


@click.command(short_help="Say what is wrong with a sweep's file.")
@described
@set_option
@in_workspace
def validate(file: Path, changes: tuple[str, ...], workspace: Workspace) -> None:
    """Say everything that is wrong with a sweep's file, without running it."""
    from barrido import app
    from barrido.cli.output import say
    from barrido.core.recipe import Recipe

    recipe = load_any_recipe(file, None, changes, workspace)
    if isinstance(recipe, Recipe):
        recipe, _ = app.warm_start(recipe, workspace)
    for notice in recipe.notices:
        say(f"note: {notice}")
    say(f"{file} is right")


def _say_plan(recipe: Recipe) -> None:
    """What it is going to do, where that does not go without saying."""
    if recipe.scheduler["type"] == "fifo":
        return
    from barrido.cli.output import painted, say_lines, width
    from barrido.sdk.planning import plan_lines, plan_sweep

    say_lines(plan_lines(plan_sweep(recipe), width=width(), paint=painted))


def load_any_recipe(
    file: Path, name: str | None, changes: tuple[str, ...], workspace: Workspace
) -> Recipe | PipelineRecipe:
    """As `load_recipe`; or the pipeline that ``file`` describes."""
    from barrido.spec.load import Defaults, load_any

    return load_any(file, set_values=_values(name, changes), defaults=Defaults.here(workspace=workspace))


def load_recipe(file: Path, name: str | None, changes: tuple[str, ...], workspace: Workspace) -> Recipe:
    """The sweep, or the command, that ``file`` describes. Raises SpecError, RequestError."""
    from barrido.spec.load import Defaults, load

    return load(file, set_values=_values(name, changes), defaults=Defaults.here(workspace=workspace))


def _values(name: str | None, changes: tuple[str, ...]) -> list[tuple[str, str]]:
    values = split_changes(changes)
    if name is not None:
        values.append(("name", json.dumps(name)))
    return values


def _save(recipe: Recipe, path: Path) -> None:
    from barrido.cli.output import as_yaml
    from barrido.cli.saved import to_document

    try:
        path.write_text(as_yaml(to_document(recipe)), encoding="utf-8")
    except OSError as error:
        raise RequestError(
            f"the sweep runs, but {path} could not be written: {error.strerror}",
            hint=f"watch it with `barrido job stream {recipe.name}`",
        ) from error


def _say_created(folder: SweepFolder, output: str, *, stream: bool) -> None:
    import time

    from barrido.cli import facts
    from barrido.cli.output import say, say_data, say_lines
    from barrido.sdk.wording import shown
    from barrido.store.queries import Reader

    if output != "table":
        with Reader(folder) as reader:
            sweep, progress, standing = facts.glance(reader, at=time.time())
        say_data(facts.sweep_facts(sweep, progress, standing, folder) | facts.recipe_facts(sweep), output)
        return
    say(f"{folder.name} runs in the background, in {shown(folder.root)}")
    if stream:
        return
    with Reader(folder) as reader:
        say_lines(f"  note: {notice}" for notice in reader.sweep().recipe.notices)
    say(f"  watch it:  barrido job stream {folder.name}")
    say(f"  stop it:   barrido job cancel {folder.name}")
