"""What is said when a sweep is over: how it ended, its best trials, and where everything is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from barrido.core.layout import SweepFolder
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.sdk.addresses import without_secrets
from barrido.sdk.progress import Progress
from barrido.sdk.rows import best_first, trials_table
from barrido.sdk.spending import spending, spending_lines
from barrido.sdk.wording import (
    COLORS,
    Paint,
    clean,
    counted,
    duration,
    metric_text,
    one_line,
    params_text,
    shown,
    unpainted,
    warm_text,
)
from barrido.store.queries import Reader, TrialRow
from barrido.tracking.config import Config
from barrido.tracking.status import Status

TOP = 10


def summary(
    progress: Progress,
    trials: Sequence[TrialRow],
    folder: SweepFolder,
    *,
    width: int | None,
    at: float,
    paint: Paint = unpainted,
) -> Iterator[str]:
    """Lines about a sweep that is over, and was watched until then."""
    yield headline(progress, paint)
    with Reader(folder) as reader:
        if (spent := spending(reader)) is not None:
            yield from spending_lines(spent)
    if trials:
        yield ""
        top = best_first(trials, progress.goal)[:TOP] if progress.metric else trials[:TOP]
        yield from trials_table(top, metric=progress.metric, at=at, width=width, paint=paint)
        if len(trials) > TOP:
            yield f"… {len(trials) - TOP} more: barrido job trials {progress.name}"
    if progress.best is not None:
        yield ""
        yield from best_trial(progress, folder, paint)
    yield from mlflow_lines(folder)


def headline(progress: Progress, paint: Paint) -> str:
    """Like ``iris completed: all 3 trials are done (3 trials, 1 stopped, 15s)``."""
    status = paint(str(progress.phase), COLORS.get(progress.phase), bold=True)
    stopped, warm = progress.counts.get(Phase.PRUNED, 0), warm_text(progress.starts)
    parts = [counted(progress.done, "trial"), *([f"{stopped} stopped"] if stopped else [])]
    parts += [*([warm] if warm else []), duration(progress.elapsed_s)]
    # A failure's reason is long, and is the error that follows.
    reason = "" if progress.phase is SweepPhase.FAILED else f": {one_line(progress.reason)}"
    return f"{progress.name} {status}{reason} ({', '.join(parts)})"


def best_trial(progress: Progress, folder: SweepFolder, paint: Paint = unpainted) -> Iterator[str]:
    """The best trial, its values, and where it left its files."""
    best = progress.best
    if best is None:
        return
    value = paint(clean(metric_text(progress.metric, best.best_value)), bold=True)
    yield f"best trial: {best.number}, {value}, with {params_text(best.params)}"
    place = folder.trial(best.number)
    for outputs in (place.work / "outputs", place.named_outputs):
        if outputs.is_dir() and any(outputs.iterdir()):
            yield f"  outputs: {shown(outputs)}"
    yield f"  log:     {shown(place.log)}"


def mlflow_lines(folder: SweepFolder) -> Iterator[str]:
    """How to see the sweep in MLflow, if anything of it is there."""
    try:
        config = Config.read(folder.tracking)
    except FileNotFoundError:
        return
    status = Status.read(folder.tracking / "status.json")
    if status.run_id is None:
        return
    if config.backend is not None:
        store = without_secrets(config.backend.store_uri)
        yield f"in MLflow: mlflow ui --backend-store-uri {shlex.quote(store)}"
    elif status.url is not None:
        yield f"in MLflow: {without_secrets(status.url)}"
