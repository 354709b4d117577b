"""How a sweep is getting on: the one read side of `jobs.stream`, `barrido job stream` and notebooks.

```
with Reader(folder) as reader:
    watch = Watch(reader)
    while True:
        now = watch.look(at=time.time())    # a Progress: everything there is to show
        show(now.running, now.best, now.done, now.total, now.eta_s)
        for trial in now.ended: ...         # each trial that ended, exactly once over all looks
        for note in now.notes: ...          # each note exactly once, too
        if now.is_over: break
```

`Watch` remembers what it has shown and reads only what may have changed; `summarize` is the pure
function from rows to a `Progress`. `Reader.version()` tells cheaply whether a new look is worth while.
Values are in the user's scale; times are seconds, points in time seconds since the epoch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from barrido.core.events import Outcome
from barrido.core.recipe import Goal, Limits
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.core.wire import dumps
from barrido.store.queries import NoteRow, Reader, SweepRow, TrialRow

TRIAL_STATUS: Mapping[Phase, str] = {
    Phase.QUEUED: "Queued",
    Phase.LAUNCHING: "Starting",
    Phase.RUNNING: "Running",
    Phase.PAUSING: "Running",
    Phase.PAUSED: "Paused",
    Phase.STOPPING: "CancelRequested",
    Phase.COMPLETED: "Completed",
    Phase.PRUNED: "Canceled",
    Phase.FAILED: "Failed",
    Phase.CANCELED: "Canceled",
}
"""Azure ML's word for where a trial stands."""

_SWEEP_STATUS: Mapping[SweepPhase, str] = {
    SweepPhase.CREATED: "NotStarted",
    SweepPhase.RUNNING: "Running",
    SweepPhase.PAUSED: "Paused",
    SweepPhase.ENDING: "Finalizing",
    SweepPhase.COMPLETED: "Completed",
    SweepPhase.FAILED: "Failed",
    SweepPhase.CANCELED: "Canceled",
}


def sweep_status(row: SweepRow) -> str:
    """Azure ML's word for where a sweep stands."""
    # `decide` says "canceled by …" for a person's cancel alone; the other endings have reasons of their own.
    if row.phase is SweepPhase.ENDING and row.ends_as is Outcome.CANCELED:
        return "CancelRequested"
    return _SWEEP_STATUS[row.phase]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A sweep at one moment.

    ``total`` is how many trials there will be at most: ``max_total_trials``, or the points of the search
    space, and those put in by hand, if they are fewer. ``done`` counts trials that ended, however. ``starts``
    is how many trials have started, and how many of those did so warm. ``best`` is the trial with the best
    value so far (its ``best_value``), None while nothing was reported. ``ended`` holds, oldest first, the
    trials that ended since the last look. ``eta_s`` is a guess from how long trials took so far, None while
    none has ended.
    """

    name: str
    display_name: str
    kind: str  # "sweep" or "command"
    phase: SweepPhase
    status: str
    reason: str
    metric: str | None
    goal: Goal | None
    limits: Limits
    counts: Mapping[Phase, int]
    done: int
    total: int
    starts: tuple[int, int]
    running: tuple[TrialRow, ...]
    best: TrialRow | None
    ended: tuple[TrialRow, ...]
    notes: tuple[NoteRow, ...]
    elapsed_s: float
    eta_s: float | None

    @property
    def is_over(self) -> bool:
        return self.phase.is_terminal

    @property
    def stopped(self) -> tuple[TrialRow, ...]:
        """Those of ``ended`` that did not complete: pruned, canceled or failed, each with its ``reason``."""
        return tuple(trial for trial in self.ended if trial.phase is not Phase.COMPLETED)


def summarize(
    sweep: SweepRow,
    counts: Mapping[Phase, int],
    running: Sequence[TrialRow],
    best: TrialRow | None,
    ended: Sequence[TrialRow],
    notes: Sequence[NoteRow],
    *,
    starts: tuple[int, int],
    total: int,
    mean_s: float | None,
    at: float,
) -> Progress:
    """Rows that were read together, as a `Progress`. ``mean_s``: how long a trial took on average."""
    recipe = sweep.recipe
    done = sum(count for phase, count in counts.items() if phase.is_terminal)
    until = at if sweep.ended_at is None else sweep.ended_at
    elapsed_s = 0.0 if sweep.started_at is None else max(0.0, until - sweep.started_at)
    return Progress(
        name=recipe.name,
        display_name=recipe.display_name or recipe.name,
        kind=recipe.kind,
        phase=sweep.phase,
        status=sweep_status(sweep),
        reason=sweep.reason,
        metric=recipe.objective.metric if recipe.objective else None,
        goal=recipe.objective.goal if recipe.objective else None,
        limits=sweep.limits,
        counts=dict(counts),
        done=done,
        total=max(done + len(running), done if sweep.phase.is_terminal else total),
        starts=starts,
        running=tuple(running),
        best=best,
        ended=tuple(ended),
        notes=tuple(notes),
        elapsed_s=elapsed_s,
        eta_s=_eta_s(sweep, running, total - done - len(running), mean_s, elapsed_s, at),
    )


def _eta_s(
    sweep: SweepRow,
    running: Sequence[TrialRow],
    waiting: int,
    mean_s: float | None,
    elapsed_s: float,
    at: float,
) -> float | None:
    """The work that is left at the mean duration of a trial, spread over the workers.

    None where trials get different resources: those that ended first say little of the others.
    """
    if mean_s is None or sweep.phase is not SweepPhase.RUNNING or sweep.recipe.scheduler["type"] != "fifo":
        return None
    started = (at if trial.started_at is None else trial.started_at for trial in running)
    left = [max(0.0, mean_s - (at - start)) for start in started]
    work_s = sum(left) + max(0, waiting) * mean_s
    eta_s = max(work_s / sweep.limits.max_concurrent_trials, max(left, default=0.0))
    if sweep.limits.timeout is not None:
        eta_s = min(eta_s, max(0.0, sweep.limits.timeout - elapsed_s))
    return eta_s


class Watch:
    """Looks at one sweep again and again. ``notes_after``: the last note that was already shown."""

    def __init__(self, reader: Reader, *, notes_after: int = 0) -> None:
        self._reader = reader
        self._notes_after = notes_after
        self._open: set[int] = set()  # seen, and not at their end
        self._seen: set[int] = set()
        self._took_s = 0.0
        self._took = 0

    def look(self, *, at: float) -> Progress:
        """The sweep at this moment."""
        # The sweep first: once it says that it is over, nothing that is read after it will change.
        sweep = self._reader.sweep()
        counts = self._reader.counts()
        running = self._reader.running()
        ended = self._newly_ended(sum(counts.values()), whole=sweep.phase.is_terminal)
        for trial in ended:
            if trial.started_at is not None and trial.ended_at is not None:
                self._took_s += trial.ended_at - trial.started_at
                self._took += 1
        notes = self._reader.notes(self._notes_after)
        if notes:
            self._notes_after = notes[-1].seq
        best = self._reader.trials([sweep.best_trial]) if sweep.best_trial is not None else []
        return summarize(
            sweep,
            counts,
            running,
            best[0] if best else None,
            ended,
            notes,
            starts=self._reader.starts(),
            total=most_trials(sweep, self._reader.by_hand()),
            mean_s=self._took_s / self._took if self._took else None,
            at=at,
        )

    def _newly_ended(self, count: int, *, whole: bool) -> list[TrialRow]:
        """Trials are numbered from 0 with rare gaps: a full reading finds what the gaps may hide."""
        if whole or not self._seen:
            rows = self._reader.trials()
        else:
            rows = self._reader.trials(sorted(self._open | set(range(len(self._seen), count))))
        ended = []
        for trial in rows:
            if trial.number in self._seen and trial.number not in self._open:
                continue
            self._seen.add(trial.number)
            if trial.phase.is_terminal:
                self._open.discard(trial.number)
                ended.append(trial)
            else:
                self._open.add(trial.number)
        return sorted(ended, key=lambda trial: (trial.ended_at or 0.0, trial.number))


def most_trials(sweep: SweepRow, by_hand: int) -> int:
    """How many trials there will be at most, where people have put in ``by_hand`` so far."""
    most, space = sweep.limits.max_total_trials, sweep.recipe.space
    points = _points(dumps(space), sweep.recipe.constraints) if space else None
    return most if points is None else min(most, points + sweep.queued + by_hand)


@lru_cache(maxsize=64)
def _points(space: str, constraints: tuple[str, ...]) -> int | None:
    """How many points a search space has, which is given as JSON; None if it has no end of them."""
    from barrido.space import Space

    return Space.from_json(json.loads(space), constraints=constraints).count
