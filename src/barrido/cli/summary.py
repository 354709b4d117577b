"""What is said when a sweep is over: how it ended, its best trials, and where everything is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from barrido.cli.output import painted
from barrido.cli.rows import best_first, shown, trials_table
from barrido.cli.wording import COLORS, clean, duration, metric_text, one_line, params_text
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Recipe
from barrido.core.trial import Phase
from barrido.sdk.progress import Progress
from barrido.store.queries import TrialRow

TOP = 10


def summary(
    progress: Progress,
    recipe: Recipe,
    trials: Sequence[TrialRow],
    folder: SweepFolder,
    *,
    width: int | None,
    at: float,
) -> Iterator[str]:
    """Lines about a sweep that is over."""
    yield headline(progress)
    if trials:
        yield ""
        top = best_first(trials, progress.goal)[:TOP] if progress.metric else trials[:TOP]
        yield from trials_table(top, metric=progress.metric, at=at, width=width)
        if len(trials) > TOP:
            yield f"… {len(trials) - TOP} more: barrido job trials {progress.name}"
    if progress.best is not None:
        yield ""
        yield from best_trial(progress, folder)
    yield from mlflow_lines(recipe, workspace_of(folder))


def workspace_of(folder: SweepFolder) -> Workspace:
    return Workspace(folder.root.parent.parent)


def headline(progress: Progress) -> str:
    status = painted(str(progress.phase), COLORS.get(progress.phase), bold=True)
    trials = f"{progress.done} trial{'s' * (progress.done != 1)}"
    early = progress.counts.get(Phase.PRUNED, 0)
    parts = [trials, *([f"{early} stopped early"] if early else []), duration(progress.elapsed_s)]
    return f"{progress.name} {status}: {one_line(progress.reason)} ({', '.join(parts)})"


def best_trial(progress: Progress, folder: SweepFolder) -> Iterator[str]:
    """The best trial, its values, and where it left its files."""
    best = progress.best
    if best is None:
        return
    value = painted(clean(metric_text(progress.metric, best.best_value)), bold=True)
    yield f"best trial: {best.number}, {value}, with {params_text(best.params)}"
    place = folder.trial(best.number)
    outputs = place.work / "outputs"
    if outputs.is_dir():
        yield f"  outputs: {shown(outputs)}"
    if place.named_outputs.is_dir():
        yield f"  outputs: {shown(place.named_outputs)}"
    yield f"  log:     {shown(place.log)}"


def mlflow_lines(recipe: Recipe, workspace: Workspace) -> Iterator[str]:
    """How to see the sweep in MLflow."""
    uri = recipe.tracking_uri
    if uri is None:
        database = workspace.mlflow / "mlflow.db"
        if database.exists():
            yield f"in MLflow: mlflow ui --backend-store-uri sqlite:///{shown(database)}"
    elif uri.startswith(("http:", "https:")):
        scheme, _, rest = uri.partition("//")
        address = f"{scheme}//{rest.rpartition('@')[2]}"  # without a password in it
        yield f"in MLflow: {address}, experiment {recipe.experiment}"
    else:
        yield f"in MLflow: mlflow ui --backend-store-uri {shlex.quote(uri)}"
