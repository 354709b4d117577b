"""A sweep as lines of text, one for each event worth telling: for logs, pipes and dumb terminals."""

from __future__ import annotations

from collections.abc import Iterator

from barrido.cli.output import say
from barrido.cli.wording import clean, clock, metric_text, one_line, params_text, took
from barrido.core.trial import Phase
from barrido.sdk.progress import Progress
from barrido.store.queries import TrialRow


class PlainView:
    """Prints what is new since the last look."""

    def __init__(self) -> None:
        self._started: set[int] = set()
        self._best: tuple[int | None, float | None] = (None, None)
        self._phase = ""

    def show(self, progress: Progress, *, at: float) -> None:
        for line in self.news(progress, at=at):
            say(line)

    def close(self) -> None:
        pass

    def news(self, progress: Progress, *, at: float) -> Iterator[str]:
        """What there is to tell about ``progress`` that was not told before."""
        stamp = f"[{clock(progress.elapsed_s)}]"
        if not self._phase:
            yield opening(progress)
        for note in progress.notes:
            whose = "" if note.trial is None else f" (trial {note.trial})"
            yield f"{stamp} note{whose}: {one_line(note.text)}"
        for trial in sorted(progress.running, key=lambda trial: trial.number):
            if trial.phase is Phase.RUNNING and trial.number not in self._started:
                self._started.add(trial.number)
                yield f"{stamp} trial {trial.number} started: {params_text(trial.params)}"
        for trial in progress.ended:
            self._started.discard(trial.number)
            yield f"{stamp} {ending(trial, progress.metric, at=at)}"
        best = progress.best
        if best is not None and self._is_news(best, at_an_end=bool(progress.ended)):
            self._best = (best.number, best.best_value)
            yield f"{stamp} best so far: {metric_text(progress.metric, best.best_value)}, trial {best.number}"
        if self._phase and progress.phase != self._phase and not progress.is_over:
            yield f"{stamp} {progress.name} is {progress.phase}: {one_line(progress.reason)}".rstrip(": ")
        self._phase = str(progress.phase)

    def _is_news(self, best: TrialRow, *, at_an_end: bool) -> bool:
        """Another trial leads; or the same, with a better value, now that some trial ended."""
        number, value = self._best
        return best.number != number or (at_an_end and best.best_value != value)


def opening(progress: Progress) -> str:
    """What the sweep is after, like ``iris: 20 trials, 4 at a time, maximize Accuracy``."""
    if progress.kind != "sweep":
        return progress.name
    count = f"{progress.total} trial{'s' * (progress.total != 1)}"
    parts = [count, f"{min(progress.limits.max_concurrent_trials, progress.total)} at a time"]
    if progress.metric is not None:
        parts.append(clean(f"{progress.goal} {progress.metric}"))
    return f"{progress.name}: {', '.join(parts)}"


def ending(trial: TrialRow, metric: str | None, *, at: float) -> str:
    """How a trial ended, with its value and the reason if there is one."""
    word = "stopped early" if trial.phase is Phase.PRUNED else str(trial.phase)
    parts = [metric_text(metric, trial.best_value)] if metric is not None else []
    parts += [params_text(trial.params), took(trial.started_at, trial.ended_at, at=at)]
    reason = f" ({one_line(trial.reason)})" if trial.reason else ""
    return f"trial {trial.number} {word}: {', '.join(part for part in parts if part)}{reason}"
