"""Follows a job in plain lines, until it is over."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from barrido import app
from barrido.controller.clock import WallClock
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Clock
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.errors import ControllerError, StreamLeft, SweepFailed
from barrido.sdk.progress import Progress, Watch
from barrido.store.queries import Reader, TrialRow

LOOK_S = 0.2
PULSE_S = 30.0
"""How often a line says that all is well while nothing else happens."""


def stream_sweep(folder: SweepFolder, *, out: TextIO | None = None, clock: Clock | None = None) -> None:
    """Print what happens in a sweep as it happens, and a summary at its end.

    Raises SweepFailed if it fails, StreamLeft on Ctrl-C, ControllerError if its controller is gone.
    """
    say = _Printer(out or sys.stdout)
    clock = clock or WallClock()
    with Reader(folder) as reader:
        watch = Watch(reader)
        try:
            say(f"RunId: {folder.name}", f"Folder: {folder.root}", "")
            now = _follow(reader, watch, say, clock)
        except KeyboardInterrupt:
            raise _left(folder.name) from None
    say("", "Execution Summary", "=================", *summary(now))
    if now.phase is SweepPhase.FAILED:
        raise SweepFailed(f"sweep {now.name!r} failed: {now.reason}")


def stream_trial(
    folder: SweepFolder, number: int, name: str, *, out: TextIO | None = None, clock: Clock | None = None
) -> None:
    """Print what a trial prints, until it has ended. ``name`` is what it is called by.

    Raises as `stream_sweep` does.
    """
    say = _Printer(out or sys.stdout)
    clock = clock or WallClock()
    shown = 0
    with Reader(folder) as reader:
        try:
            say(f"RunId: {name}", f"Folder: {folder.trial(number).root}", "")
            while True:
                found = reader.trials([number])
                sweep = reader.sweep()
                over = found[0].phase.is_terminal if found else sweep.phase.is_terminal
                shown = _copy(folder, number, shown, say.out)
                if over:
                    break
                check_alive(reader)
                clock.wait(LOOK_S)
        except KeyboardInterrupt:
            raise _left(name) from None
    if not found:
        raise SweepFailed(f"{name!r} was never started: {sweep.reason}")
    trial = found[0]
    why = f" ({trial.reason})" if trial.reason else ""
    say("", "Execution Summary", "=================", f"RunId: {name}", f"Status: {trial.phase}{why}")
    if trial.phase is Phase.FAILED:
        raise SweepFailed(f"{name!r} failed: {trial.reason}", hint=f"its log is {folder.trial(number).log}")


def _follow(reader: Reader, watch: Watch, say: _Printer, clock: Clock) -> Progress:
    version, best, pulse_at, count = -1, None, clock.now() + PULSE_S, ""
    while True:
        if (newest := reader.version()) != version or clock.now() >= pulse_at:
            version = newest
            now = watch.look(at=clock.now())
            for note in now.notes:
                say(f"{f'trial {note.trial}: ' if note.trial is not None else ''}{note.text}")
            for trial in now.ended:
                say(ending(trial, now.metric))
            if now.ended or clock.now() >= pulse_at:
                if now.best is not None and (now.best.number, now.best.best_value) != best:
                    best = (now.best.number, now.best.best_value)
                    say(f"best so far: {described(now.best, now.metric)}")
                if (line := headway(now)) != count and not now.is_over:
                    count = line
                    say(line)
                pulse_at = clock.now() + PULSE_S
            if now.is_over:
                return now
        check_alive(reader)
        clock.wait(LOOK_S)


def check_alive(reader: Reader) -> None:
    """Raise ControllerError if no controller runs a sweep that is not over: waiting for it would not end."""
    folder, row = reader.folder, reader.sweep()
    if row.started_at is None or row.phase.is_terminal or app.is_running(folder):
        return
    if not reader.sweep().phase.is_terminal:
        raise ControllerError(
            f"the controller of {folder.name!r} is gone; trials that run go on",
            hint=f"take the sweep up again with ml_client.jobs.resume({folder.name!r});"
            f" what happened is in {folder.log}",
        )


def ending(trial: TrialRow, metric: str | None) -> str:
    """How a trial ended, in one line.

    Like ``trial 3 stopped: below the median of 4 trials (Accuracy = 0.71; reg_rate = 0.1)``.
    """
    word = {Phase.PRUNED: "stopped", Phase.FAILED: "failed", Phase.CANCELED: "canceled"}.get(
        trial.phase, "completed"
    )
    reason = f": {trial.reason.splitlines()[0]}" if trial.reason else ""
    return f"trial {trial.number} {word}{reason} ({details(trial, metric)})"


def described(trial: TrialRow, metric: str | None) -> str:
    """Like ``trial 2 (Accuracy = 0.95; reg_rate = 0.1)``."""
    return f"trial {trial.number} ({details(trial, metric)})"


def details(trial: TrialRow, metric: str | None) -> str:
    value = "nothing logged" if trial.best_value is None else f"{metric or 'value'} = {trial.best_value:.6g}"
    return "; ".join(part for part in (value, parameters(trial.params)) if part)


def parameters(params: Mapping[str, Any]) -> str:
    """Like ``lr = 0.01, batch_size = 32``."""
    return ", ".join(
        f"{name} = {f'{value:.6g}' if isinstance(value, float) else value}" for name, value in params.items()
    )


def headway(now: Progress) -> str:
    """Like ``3 of 8 trials done, 2 running, about 20 s left``."""
    left = "" if now.eta_s is None else f", about {duration(now.eta_s)} left"
    paused = ", paused" if now.phase is SweepPhase.PAUSED else ""
    return f"{now.done} of {now.total} trials done, {len(now.running)} running{paused}{left}"


def duration(seconds: float) -> str:
    """
    >>> duration(4.2), duration(75), duration(7260)
    ('4 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def summary(now: Progress) -> list[str]:
    """The last lines."""
    counts = ", ".join(f"{count} {phase}" for phase, count in sorted(now.counts.items()))
    lines = [
        f"RunId: {now.name}",
        f"Status: {now.status}{f' ({now.reason.splitlines()[0]})' if now.reason else ''}",
        f"Trials: {sum(now.counts.values())}{f' ({counts})' if counts else ''}",
    ]
    if now.best is not None:
        lines.append(f"Best: {described(now.best, now.metric)}")
    return [*lines, f"Duration: {duration(now.elapsed_s)}"]


class _Printer:
    def __init__(self, out: TextIO) -> None:
        self.out = out

    def __call__(self, *lines: str) -> None:
        self.out.write("".join(f"{line}\n" for line in lines))
        self.out.flush()


def _copy(folder: SweepFolder, number: int, shown: int, out: TextIO) -> int:
    """Write what the trial's log holds beyond byte ``shown``, in whole lines; how far that was."""
    try:
        with folder.trial(number).log.open("rb") as log:
            log.seek(shown)
            new = log.read()
    except FileNotFoundError:
        return shown
    out.write(new.decode(errors="replace"))
    out.flush()
    return shown + len(new)


def _left(name: str) -> StreamLeft:
    return StreamLeft(
        f"{name!r} goes on; only watching it has ended",
        hint=f"watch it again with ml_client.jobs.stream({name!r}),"
        f" stop it with ml_client.jobs.begin_cancel({name!r})",
    )
