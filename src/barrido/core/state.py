"""The state of a sweep: what ``decide`` knows, rebuilt from the log by feeding it the same events."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from barrido.core.annotation import PLAIN, Annotation
from barrido.core.events import Ask, Outcome
from barrido.core.protocols import Fate, Observation, Policy
from barrido.core.recipe import Limits
from barrido.core.trial import WORST, Params, Phase, Trial
from barrido.errors import IllegalTransition


class SweepPhase(StrEnum):
    """Where a sweep stands.

    ```
    CREATED ─▶ RUNNING ⇄ PAUSED
                  │         │
                  ├─────────┴▶ ENDING ─▶ COMPLETED | FAILED | CANCELED
                  └──────────▶ COMPLETED | FAILED
    ```

    PAUSED: no new trials start, running ones go on. ENDING: its outcome is known, trials still run. From
    COMPLETED, FAILED and CANCELED it is RUNNING again when somebody wants trials of it run once more.
    """

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    ENDING = "ending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return self in _OVER


_OVER = frozenset({SweepPhase.COMPLETED, SweepPhase.FAILED, SweepPhase.CANCELED})
_ENDS = frozenset({SweepPhase.ENDING, SweepPhase.COMPLETED, SweepPhase.FAILED})
SWEEP_TRANSITIONS: Mapping[SweepPhase, frozenset[SweepPhase]] = {
    SweepPhase.CREATED: frozenset({SweepPhase.RUNNING}),
    SweepPhase.RUNNING: frozenset({SweepPhase.PAUSED}) | _ENDS,
    SweepPhase.PAUSED: frozenset({SweepPhase.RUNNING}) | _ENDS,
    SweepPhase.ENDING: _OVER,
    **dict.fromkeys(_OVER, frozenset({SweepPhase.RUNNING})),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A point that somebody put in by hand, and that waits for a worker."""

    params: Params
    origin: str


@dataclass(slots=True, kw_only=True)
class SweepState:
    """Mutable, and owned by ``decide`` alone. ``policy`` is a cache of the reports it was fed."""

    limits: Limits
    scheduler: Any = None
    policy: Policy | None = None
    phase: SweepPhase = SweepPhase.CREATED
    reason: str = ""
    ends_as: Outcome | None = None  # while ENDING
    trials: dict[int, Trial] = field(default_factory=dict)
    live: dict[int, Trial] = field(default_factory=dict)  # those that hold a slot
    parked: dict[int, Trial] = field(default_factory=dict)  # paused, or paused and being ended: no slot
    waiting: dict[int, Trial] = field(default_factory=dict)  # failed, and to be run again: no slot
    questions: dict[int, tuple[int, ...]] = field(default_factory=dict)  # asked, not yet answered
    untils: dict[int, int | None] = field(default_factory=dict)  # by number, of those asked for
    queue: deque[Wanted] = field(default_factory=deque)  # oldest first
    by_hand: list[int] = field(default_factory=list)  # trials that were put in by hand, by number
    annotations: dict[int | None, Annotation] = field(default_factory=dict)  # by trial; None: the sweep's
    asked: int = 0
    next_number: int = 0
    exhausted: bool = False
    best: int | None = None
    best_loss: float = WORST
    succeeded: bool = False  # some trial ended with something to show
    failures: int = 0  # trials that ended without, while none had succeeded
    first_failure: str = ""
    judged: bool = False  # the policy was applied at least once
    touched: set[int] = field(default_factory=set)  # trials that changed though no event was about them
    spilled: bool = False  # a suspended trial had to be let go
    unhelpful: int = 0  # trials in a row that did not improve the best (limits.stop_after)
    helped_loss: float = WORST
    started_at: float = 0.0
    timed_from: float = 0.0  # when its timeout began: as it started, or was opened again
    down_s: float = 0.0  # time without a controller since then
    requests: set[str] = field(default_factory=set)

    def find(self, number: int, attempt: int) -> Trial | None:
        """The trial whose attempt this is, if it is the latest and not over."""
        trial = self.live.get(number) or self.parked.get(number)
        return trial if trial is not None and trial.attempt == attempt else None

    def under_way(self) -> list[Trial]:
        """All trials that may have processes."""
        return [*self.live.values(), *self.parked.values()]

    def question(self, ask: int, numbers: Sequence[int]) -> Ask:
        """The sampler asked for these trials."""
        draws = (number - bisect_left(self.by_hand, number) for number in numbers) if self.by_hand else ()
        return Ask(ask, tuple(numbers), tuple(draws))

    def annotation(self, trial: int | None) -> Annotation:
        """Of a trial; of the sweep, if None."""
        return self.annotations.get(trial, PLAIN)

    @property
    def free(self) -> int:
        """Slots with neither a trial nor a question for one."""
        waiting = sum(map(len, self.questions.values())) if self.questions else 0
        return self.limits.max_concurrent_trials - len(self.live) - waiting


def move_sweep(state: SweepState, phase: SweepPhase) -> None:
    """Change the sweep's phase. The only place where that happens."""
    if phase not in SWEEP_TRANSITIONS[state.phase]:
        raise IllegalTransition(f"a sweep cannot go from {state.phase} to {phase}")
    state.phase = phase


FATES = {
    Phase.COMPLETED: Fate.COMPLETED,
    Phase.PRUNED: Fate.STOPPED,
    Phase.CANCELED: Fate.STOPPED,
    Phase.FAILED: Fate.FAILED,
}
"""How a trial that ended is observed."""


def observations(state: SweepState) -> list[Observation]:
    """What a sampler may learn from: every trial that reported something or ended."""
    return [
        Observation(
            t.number,
            t.params,
            tuple(t.losses),
            max(t.last_step, t.reports),
            FATES.get(t.phase, Fate.RUNNING),
            t.rungs,
        )
        for t in state.trials.values()
        if t.reports or t.rungs or t.phase.is_terminal
    ]


def pending(state: SweepState) -> list[Params]:
    """The points that are being evaluated, or are to be once more."""
    return [t.params for t in (*state.live.values(), *state.waiting.values())]
