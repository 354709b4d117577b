"""Follows a sweep from wherever it stands to its end, on a terminal or line by line."""

from __future__ import annotations

import os
import sys

from barrido.cli.main import in_shell_words
from barrido.cli.output import painted, say, styled, width
from barrido.core.layout import SweepFolder
from barrido.errors import StreamLeft
from barrido.sdk.job import find_trial
from barrido.sdk.stream import View, only_trial, stream_sweep, stream_trial
from barrido.sdk.wording import unpainted
from barrido.store.queries import Reader


def watch(folder: SweepFolder, trial: int | None = None) -> int:
    """Show a sweep, or what one trial prints, until it is over; the exit code.

    Raises SweepFailed if it failed, ControllerError if its controller died before it was over.
    """
    try:
        if trial is not None:
            with Reader(folder) as reader:
                find_trial(reader, trial)
            stream_trial(folder, trial, f"{folder.name}_{trial}")
        elif (only := only_trial(folder)) is not None:
            stream_trial(folder, only, folder.name)
        else:
            paint = painted if styled(sys.stdout) else unpainted
            stream_sweep(folder, view=_view(), width=width(), paint=paint)
    except StreamLeft as left:
        say(f"\n{left.message}\n  {in_shell_words(left.hint)}", to=sys.stderr)
        return left.exit_code
    return 0


def _view() -> View | None:
    """The picture, where it can be drawn; else the lines that the stream writes by itself."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from barrido.cli.live import LiveView

        return LiveView()
    return None
