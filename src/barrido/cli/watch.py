"""Follows a sweep from wherever it stands to its end, on a terminal or line by line."""

from __future__ import annotations

import os
import sys
import time
from typing import Protocol

from barrido import app
from barrido.cli.output import say, say_lines, width
from barrido.cli.plain import PlainView
from barrido.cli.rows import shown
from barrido.cli.show import find_trial
from barrido.cli.summary import summary
from barrido.core.layout import SweepFolder
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.errors import ControllerError, SweepFailed
from barrido.sdk.progress import Progress, Watch
from barrido.sdk.stream import stream_trial
from barrido.store.queries import Reader

LOOK_S = 0.25
"""How often the view looks for news."""

CHECK_S = 1.0
"""How often it makes sure that a controller runs the sweep, and lets its clock tick."""

INTERRUPTED = 130


class View(Protocol):
    def show(self, progress: Progress, *, at: float) -> None: ...

    def close(self) -> None: ...


def watch(folder: SweepFolder, trial: int | None = None) -> int:
    """Show a sweep, or what one trial prints, until it is over; the exit code.

    Raises SweepFailed if it failed, ControllerError if its controller died before it was over.
    """
    try:
        with Reader(folder) as reader:
            if trial is not None:
                find_trial(reader, trial)
                stream_trial(folder, trial, f"{folder.name}_{trial}")
            elif reader.sweep().recipe.kind == "command":
                stream_trial(folder, 0, folder.name)
            else:
                _watch_sweep(reader)
    except KeyboardInterrupt:
        what = "the sweep" if trial is None else "the trial"
        name = folder.name if trial is None else f"{folder.name}_{trial}"
        say(f"\n{name}: {what} goes on in the background")
        say(f"  come back with  barrido job stream {name}")
        say(f"  stop it with    barrido job cancel {name}")
        return INTERRUPTED
    return 0


def _watch_sweep(reader: Reader) -> None:
    folder = reader.folder
    view = _view()
    try:
        progress = _until_over(reader, view)
    finally:
        view.close()
    trials = reader.trials()
    say_lines(summary(progress, trials, folder, width=width(), at=time.time()))
    if progress.phase is SweepPhase.FAILED:
        failed = [trial for trial in trials if trial.phase is Phase.FAILED and trial.ended_at is not None]
        first = min(failed, key=lambda trial: (trial.ended_at, trial.number), default=None)
        raise SweepFailed(
            f"sweep {folder.name!r} failed: {progress.reason}",
            hint=f"the whole log is {shown(folder.trial(first.number).log)}" if first else "",
        )


def _view() -> View:
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from barrido.cli.live import LiveView

        return LiveView()
    return PlainView()


def _until_over(reader: Reader, view: View) -> Progress:
    look = Watch(reader)
    version, checked_at = -1, 0.0
    while True:
        now = time.time()
        is_due = not 0 <= now - checked_at < CHECK_S
        if is_due or reader.version() != version:
            # Asked before looking: a controller that is gone by then has committed all it ever will.
            is_run = app.is_running(reader.folder) if is_due else True
            version = reader.version()
            progress = look.look(at=now)
            view.show(progress, at=now)
            if progress.is_over:
                return progress
            if not is_run:
                raise ControllerError(
                    f"the controller of {reader.folder.name!r} died before the sweep was over",
                    hint=f"`barrido job resume {reader.folder.name}` goes on from here, no result is lost;"
                    f" its log is {reader.folder.log}",
                )
            if is_due:
                checked_at = now
        time.sleep(LOOK_S)
