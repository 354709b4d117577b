"""Follows a job until it is over: a sweep on some view, a trial by what it prints."""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Protocol, TextIO

from barrido import app
from barrido.controller.clock import WallClock
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Clock
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.errors import ControllerError, StreamLeft, SweepFailed
from barrido.sdk.plain import PlainView
from barrido.sdk.progress import Progress, Watch
from barrido.sdk.summary import summary
from barrido.sdk.wording import Paint, ending, one_line, shown, unpainted
from barrido.store.queries import Reader, TrialRow

LOOK_S = 0.25
"""How often there is a look for news."""

CHECK_S = 1.0
"""How often it is made sure that a controller runs the sweep, and a view's clock may tick."""


class View(Protocol):
    def show(self, progress: Progress, *, at: float) -> None:
        """The sweep as it is now. Called at each change, and once in `CHECK_S`."""

    def close(self) -> None:
        """Nothing more will be shown."""


def stream_sweep(
    folder: SweepFolder,
    *,
    view: View | None = None,
    out: TextIO | None = None,
    width: int | None = None,
    paint: Paint = unpainted,
    clock: Clock | None = None,
) -> None:
    """Show what happens in a sweep as it happens, and write a summary to ``out`` at its end.

    ``width`` is how many columns ``out`` has, None for any number. Raises SweepFailed if it fails,
    StreamLeft on Ctrl-C, ControllerError if its controller dies before it is over.
    """
    out = out or sys.stdout
    clock = clock or WallClock()
    view = view or PlainView(out)
    with Reader(folder) as reader:
        with leaving(folder.name):
            try:
                progress = _follow(reader, view, clock)
            finally:
                view.close()
        trials = reader.trials()
    _write(out, *summary(progress, trials, folder, width=width, at=clock.now(), paint=paint))
    if progress.phase is SweepPhase.FAILED:
        raise SweepFailed(
            f"sweep {folder.name!r} failed: {progress.reason}", hint=_first_failure(folder, trials)
        )


def stream_trial(
    folder: SweepFolder, number: int, name: str, *, out: TextIO | None = None, clock: Clock | None = None
) -> None:
    """Copy what a trial prints, until it has ended. ``name`` is what it is called by.

    Raises as `stream_sweep` does.
    """
    out = out or sys.stdout
    clock = clock or WallClock()
    tail = _Tail(folder.trial(number).log, out)
    with Reader(folder) as reader, leaving(name):
        while True:
            found = reader.trials([number])
            sweep = reader.sweep()
            tail.copy()
            if found[0].phase.is_terminal if found else sweep.phase.is_terminal:
                break
            check_alive(reader)
            clock.wait(LOOK_S)
    if not found:
        raise SweepFailed(f"{name!r} was never started: {sweep.reason}")
    (trial,) = found
    objective = sweep.recipe.objective
    metric = objective.metric if objective else None
    if trial.phase is Phase.FAILED:
        log = shown(folder.trial(number).log)
        raise SweepFailed(f"{name!r} failed: {one_line(trial.reason)}", hint=f"the whole log is {log}")
    _write(out, f"{name} {ending(trial, metric, at=clock.now())}")


def only_trial(folder: SweepFolder) -> int | None:
    """The number of a plain command's trial, which is followed by what it prints; None for a sweep."""
    with Reader(folder) as reader:
        return 0 if reader.sweep().recipe.kind == "command" else None


def is_interrupted(reader: Reader) -> bool:
    """Whether nobody runs a sweep that is not over: waiting for it would not end."""
    if reader.sweep().phase.is_terminal or app.is_running(reader.folder):
        return False
    return not reader.sweep().phase.is_terminal  # it may just have come to its end


def check_alive(reader: Reader) -> None:
    """Raise ControllerError if the sweep is interrupted."""
    if is_interrupted(reader):
        raise _died(reader.folder)


def _follow(reader: Reader, view: View, clock: Clock) -> Progress:
    watch = Watch(reader)
    version, checked_at = -1, -inf
    while True:
        now = clock.now()
        is_due = not 0 <= now - checked_at < CHECK_S
        if is_due or reader.version() != version:
            # Asked before looking: a controller that is gone by then has committed all it ever will.
            is_gone = is_due and is_interrupted(reader)
            version = reader.version()
            progress = watch.look(at=now)
            view.show(progress, at=now)
            if progress.is_over:
                return progress
            if is_gone:
                raise _died(reader.folder)
            if is_due:
                checked_at = now
        clock.wait(LOOK_S)


@contextmanager
def leaving(name: str) -> Iterator[None]:
    """Ctrl-C ends the watching, and nothing else."""
    try:
        yield
    except KeyboardInterrupt:
        raise StreamLeft(
            f"{name!r} goes on in the background; only watching it has ended",
            hint=f"come back with ml_client.jobs.stream({name!r}),"
            f" stop it with ml_client.jobs.begin_cancel({name!r})",
        ) from None


def _died(folder: SweepFolder) -> ControllerError:
    return ControllerError(
        f"the controller of {folder.name!r} died before the sweep was over; trials that run go on",
        hint=f"take it up again with ml_client.jobs.resume({folder.name!r}), no result is lost;"
        f" its log is {shown(folder.log)}",
    )


def _first_failure(folder: SweepFolder, trials: list[TrialRow]) -> str:
    """A hint: where the first trial that failed left its log."""
    failed = [(trial.ended_at, trial.number) for trial in trials if trial.phase is Phase.FAILED]
    first = min(failed, default=None, key=lambda one: (one[0] or 0.0, one[1]))
    return f"the whole log is {shown(folder.trial(first[1]).log)}" if first else ""


def _write(out: TextIO, *lines: str) -> None:
    out.write("".join(f"{line}\n" for line in lines))
    out.flush()


class _Tail:
    """Copies what is appended to a file of text; a character may come in two pieces."""

    def __init__(self, path: Path, out: TextIO) -> None:
        self._path, self._out = path, out
        self._offset = 0
        self._decode = getincrementaldecoder("utf-8")("replace").decode

    def copy(self) -> None:
        """Write what was not written before."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return
        self._offset += len(new)
        self._out.write(self._decode(new))
        self._out.flush()
