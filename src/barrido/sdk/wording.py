"""Numbers, times, parameters and what happened, in the words that all views share. Text in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import floor, isfinite
from pathlib import Path
from typing import Any, Protocol

from barrido.core.state import SweepPhase
from barrido.core.trial import Expectation, Failure, Phase
from barrido.store.queries import NoteRow, TrialRow

NOTHING = "-"
INTERRUPTED = "interrupted"
"""What a sweep is whose controller died: not over, and nobody runs it."""

FAILURES: Mapping[Failure, str] = {
    Failure.EXIT_CODE: "exit code",
    Failure.SIGNAL: "killed by a signal",
    Failure.OUT_OF_MEMORY: "out of memory",
    Failure.TIMEOUT: "ran too long",
    Failure.LOST: "lost with its machine",
    Failure.NO_LAUNCH: "could not be started",
}

COLORS: Mapping[str, str] = {
    Phase.COMPLETED: "green",
    Phase.RUNNING: "cyan",
    Phase.LAUNCHING: "cyan",
    Phase.STOPPING: "yellow",
    Phase.PAUSED: "yellow",
    Phase.QUEUED: "yellow",
    Phase.PRUNED: "yellow",
    Phase.CANCELED: "yellow",
    Phase.FAILED: "red",
    SweepPhase.ENDING: "yellow",
    INTERRUPTED: "red",
}


class Paint(Protocol):
    """Gives text a colour or a weight, where it is shown on something that has them."""

    def __call__(
        self, text: str, color: str | None = None, *, bold: bool = False, dim: bool = False
    ) -> str: ...


def unpainted(text: str, color: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
    """For files, pipes and notebooks."""
    del color, bold, dim
    return text


def number(value: float | None) -> str:
    """
    >>> number(0.9666666667), number(12), number(None), number(float("nan")), number(1.5e-7)
    ('0.966667', '12', '-', 'nan', '1.5e-07')
    """
    if value is None:
        return NOTHING
    return f"{value:.6g}"


def metric_text(metric: str | None, value: float | None) -> str:
    """
    >>> metric_text("Accuracy", 0.5), metric_text("Accuracy", None)
    ('Accuracy 0.5', 'no Accuracy')
    """
    if metric is None:
        return ""
    return f"no {metric}" if value is None else f"{metric} {number(value)}"


def expectation_text(expected: Expectation | None) -> str:
    """What a sampler expected of a trial, beside which the value that came is to be seen.

    >>> expectation_text(Expectation(0.91, 0.02, 0.004)), expectation_text(None)
    ('0.91 ± 0.02', '')
    """
    return "" if expected is None else f"{number(expected.mean)} ± {expected.spread:.2g}"


def value_text(value: Any) -> str:
    """One parameter's value.

    >>> value_text(0.30000000000000004), value_text("adam"), value_text(True), value_text({"depth": 3})
    ('0.3', 'adam', 'true', '{"depth": 3}')
    """
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case float():
            return number(value)
        case str():
            return clean(value)
        case Mapping() | list() | tuple():
            return clean(json.dumps(value, ensure_ascii=False))
        case _:
            return str(value)


def params_text(params: Mapping[str, Any]) -> str:
    """
    >>> params_text({"lr": 0.01, "solver": "adam"})
    'lr=0.01 solver=adam'
    """
    return " ".join(f"{clean(name)}={value_text(value)}" for name, value in params.items())


def rung_text(trial: TrialRow) -> str:
    """At which resource a trial was compared last, and to which it is on its way: like ``3→9``."""
    last = max(trial.rungs, default=None)
    texts = ["" if last is None else str(last), "" if trial.until is None else str(trial.until)]
    return "→".join(texts) if texts[1] else texts[0]


def duration(seconds: float | None) -> str:
    """
    >>> [duration(s) for s in (None, 0.42, 7, 7.25, 75.5, 3600, 200000)]
    ['-', '0.4s', '7s', '7.2s', '1m 15s', '1h 00m', '2d 07h']
    """
    if seconds is None:
        return NOTHING
    whole = int(seconds)
    if seconds < 10 and seconds != whole:
        return f"{seconds:.1f}s"
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def took(started_at: float | None, ended_at: float | None, *, at: float) -> str:
    """How long something took; in whole seconds, how long it has taken so far."""
    if started_at is None:
        return NOTHING
    return duration(max(0, floor(at - started_at)) if ended_at is None else max(0.0, ended_at - started_at))


def clock(seconds: float) -> str:
    """A duration that ticks.

    >>> clock(7.9), clock(3725)
    ('0:07', '1:02:05')
    """
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def printable(text: str) -> str:
    """``text`` with a space for each character that would steer the terminal, line ends among them."""
    return "".join(char if char.isprintable() else " " for char in text)


def clean(text: str) -> str:
    """``text`` in one line, without what would steer the terminal: scripts log anything.

    >>> clean("loss\\n\\x1b[31m 3")
    'loss [31m 3'
    """
    return " ".join(printable(text).split())


def one_line(text: str) -> str:
    """The first line of ``text`` that says something."""
    return next((line for line in map(clean, text.splitlines()) if line), "")


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "trial"), counted(3, "trial")
    ('1 trial', '3 trials')
    """
    return f"{count} {noun}{'s' * (count != 1)}"


def warm_text(starts: tuple[int, int]) -> str:
    """How many trials started warm, if any did.

    >>> warm_text((30, 28)), warm_text((30, 0))
    ('28 of 30 started warm', '')
    """
    started, warm = starts
    return f"{warm} of {started} started warm" if warm else ""


def paused_text(counts: Mapping[Phase, int]) -> str:
    """How many trials wait for others, or to be run again, if any do.

    >>> paused_text({Phase.PAUSED: 3}), paused_text({Phase.PAUSED: 1, Phase.QUEUED: 2}), paused_text({})
    ('3 paused', '1 paused, 2 to be run again', '')
    """
    waiting = ((Phase.PAUSED, "paused"), (Phase.QUEUED, "to be run again"))
    return ", ".join(f"{counts[phase]} {word}" for phase, word in waiting if counts.get(phase))


def note_text(note: NoteRow) -> str:
    """Like ``note (trial 3): attempt 2 follows``."""
    whose = "" if note.trial is None else f" (trial {note.trial})"
    return f"note{whose}: {one_line(note.text)}"


def ended_as(trial: TrialRow) -> str:
    """How a trial ended, in a word."""
    return "stopped" if trial.phase is Phase.PRUNED else str(trial.phase)


def ending(trial: TrialRow, metric: str | None, *, at: float) -> str:
    """Like ``stopped: acc 0.71, lr=0.1, 8s (below the median of 4 trials)``."""
    parts = [clean(metric_text(metric, trial.best_value)), params_text(trial.params)]
    parts.append(took(trial.started_at, trial.ended_at, at=at))
    reason = f" ({one_line(trial.reason)})" if trial.reason else ""
    return f"{ended_as(trial)}: {', '.join(part for part in parts if part)}{reason}"


def shown(path: Path) -> str:
    """A path as people type it: from the current folder, if it lies in there."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """The course of ``values`` in at most ``width`` characters; each stands for the last of its share.

    >>> sparkline([1, 2, 3, 4], 4), sparkline([5, 5], 8), sparkline([], 8), sparkline(range(100), 4)
    ('▁▃▆█', '▄▄', '', '▁▃▆█')
    """
    known = [value for value in values if isfinite(value)]
    if len(known) > width:
        known = [known[(n + 1) * len(known) // width - 1] for n in range(width)]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    if span == 0:
        return "▄" * len(known)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in known)
