"""A sweep as lines of text, one for each event worth telling: for logs, pipes, notebooks, dumb terminals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.sdk.progress import Progress
from barrido.sdk.wording import (
    clean,
    clock,
    counted,
    ending,
    metric_text,
    note_text,
    one_line,
    params_text,
    paused_text,
    warm_text,
)
from barrido.store.queries import TrialRow

PULSE_S = 60.0
"""How often a line says how far the sweep is while nothing else is told."""


class PlainView:
    """Writes what is new since the last look."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._started: set[int] = set()
        self._best: tuple[int | None, float | None] = (None, None)
        self._phase: SweepPhase | None = None
        self._told_at = 0.0

    def show(self, progress: Progress, *, at: float) -> None:
        """Write it at once: whoever reads a log wants to see it as it comes."""
        lines = list(self.news(progress, at=at))
        if not lines and at - self._told_at >= PULSE_S:
            lines = [f"[{clock(progress.elapsed_s)}] {headway(progress)}"]
        if lines:
            self._told_at = at
            self._out.write("".join(f"{line}\n" for line in lines))
            self._out.flush()

    def close(self) -> None:
        """Nothing is left to write."""

    def news(self, progress: Progress, *, at: float) -> Iterator[str]:
        """What there is to tell about ``progress`` that was not told before."""
        stamp = f"[{clock(progress.elapsed_s)}]"
        if self._phase is None:
            yield opening(progress)
        for note in progress.notes:
            yield f"{stamp} {note_text(note)}"
        for trial in sorted(progress.running, key=lambda trial: trial.number):
            if trial.phase is Phase.RUNNING and trial.number not in self._started:
                self._started.add(trial.number)
                yield f"{stamp} trial {trial.number} started: {params_text(trial.params)}"
        for trial in progress.ended:
            yield f"{stamp} trial {trial.number} {ending(trial, progress.metric, at=at)}"
        best = progress.best
        if best is not None and self._is_news(best, at_an_end=bool(progress.ended)):
            self._best = (best.number, best.best_value)
            value = clean(metric_text(progress.metric, best.best_value))
            yield f"{stamp} best so far: {value}, trial {best.number}"
        if progress.is_over:
            return
        if self._phase is not None and progress.phase is not self._phase:
            yield f"{stamp} {progress.name} is {progress.phase}: {one_line(progress.reason)}".rstrip(": ")
        if progress.ended:
            yield f"{stamp} {headway(progress)}"
        self._phase = progress.phase

    def _is_news(self, best: TrialRow, *, at_an_end: bool) -> bool:
        """Another trial leads; or the same, with a better value, now that some trial ended."""
        number, value = self._best
        return best.number != number or (at_an_end and best.best_value != value)


def opening(progress: Progress) -> str:
    """What the sweep is after, like ``iris: 20 trials, 4 at a time, maximize Accuracy``."""
    parts = [counted(progress.total, "trial")]
    parts.append(f"{min(progress.limits.max_concurrent_trials, progress.total)} at a time")
    if progress.metric is not None:
        parts.append(clean(f"{progress.goal} {progress.metric}"))
    return f"{progress.name}: {', '.join(parts)}"


def headway(progress: Progress) -> str:
    """Like ``3 of 8 trials done, 2 running, 4 of 5 started warm, about 0:42 left``."""
    parts = (
        f"{progress.done} of {counted(progress.total, 'trial')} done",
        f"{len(progress.running)} running",
        paused_text(progress.counts),
        warm_text(progress.starts),
        "" if progress.eta_s is None else f"about {clock(progress.eta_s)} left",
    )
    return ", ".join(part for part in parts if part)
