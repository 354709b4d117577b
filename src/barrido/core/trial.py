"""A trial: one point of the search space, and where it is in its life."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf
from typing import Any

from barrido.errors import IllegalTransition

Params = Mapping[str, Any]
"""Values by parameter name: str, int, float, bool, or a dict for a nested choice. JSON-able."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a sampler's model expected of a point before it was tried, in the objective's unit.

    ``mean`` is the loss it predicted, ``spread`` that prediction's standard deviation, ``improvement`` how
    much better than the best loss so far it expected the point to be (the mean of what is gained, where
    being worse counts as 0). Python floats; ``spread`` and ``improvement`` are not negative.
    """

    mean: float
    spread: float
    improvement: float

    def signed(self, sign: float) -> Expectation:
        """The same with its mean times ``sign``: `Goal.sign` leads to the user's scale, and back."""
        return replace(self, mean=sign * self.mean)


class Failure(StrEnum):
    """What became of a trial that failed, or of its latest attempt."""

    EXIT_CODE = "exit_code"  # its command said so
    SIGNAL = "signal"  # it was killed
    OUT_OF_MEMORY = "out_of_memory"  # the kernel killed it for want of memory
    TIMEOUT = "timeout"  # it ran longer than a trial may: it counts as canceled, and is not run again
    LOST = "lost"  # with its machine, too often
    NO_LAUNCH = "no_launch"  # it could never be started


class Phase(StrEnum):
    """Where a trial stands.

    ```
    QUEUED ─▶ LAUNCHING ─▶ RUNNING ─▶ COMPLETED | FAILED
      ▲ │         │         │   │
      │ │         │         │   └▶ PAUSING ─▶ PAUSED ─▶ LAUNCHING | STOPPING | COMPLETED | PRUNED | CANCELED
      │ │         └─────────┴────▶ STOPPING ─▶ PRUNED | CANCELED | COMPLETED | FAILED
      │ └▶ CANCELED | FAILED
      └── from LAUNCHING, RUNNING: the attempt failed, or was lost with its machine, and a new one follows
    ```

    PRUNED: stopped by a policy or a scheduler. CANCELED: stopped by a person or a limit. A PAUSED trial holds
    no worker; its processes are frozen, or gone. Nor does a QUEUED one, which waits until it is run again.
    """

    QUEUED = "queued"
    LAUNCHING = "launching"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return not TRANSITIONS[self]

    @property
    def holds_slot(self) -> bool:
        """Whether a trial in this phase occupies one of the sweep's workers."""
        return self in HOLDS_SLOT


TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.LAUNCHING, Phase.CANCELED, Phase.FAILED}),
    Phase.LAUNCHING: frozenset({Phase.RUNNING, Phase.STOPPING, Phase.COMPLETED, Phase.FAILED, Phase.QUEUED}),
    Phase.RUNNING: frozenset({Phase.PAUSING, Phase.STOPPING, Phase.COMPLETED, Phase.FAILED, Phase.QUEUED}),
    Phase.PAUSING: frozenset({Phase.PAUSED, Phase.STOPPING, Phase.COMPLETED, Phase.FAILED}),
    Phase.PAUSED: frozenset({Phase.LAUNCHING, Phase.STOPPING, Phase.COMPLETED, Phase.PRUNED, Phase.CANCELED}),
    Phase.STOPPING: frozenset({Phase.PRUNED, Phase.CANCELED, Phase.COMPLETED, Phase.FAILED}),
    Phase.COMPLETED: frozenset(),
    Phase.PRUNED: frozenset(),
    Phase.FAILED: frozenset(),
    Phase.CANCELED: frozenset(),
}

HOLDS_SLOT = frozenset({Phase.LAUNCHING, Phase.RUNNING, Phase.PAUSING, Phase.STOPPING})
WORST = inf
"""What NaN, inf, None and a crash count as. Inside, lower is better."""


_NO_RUNGS: Mapping[int, float] = {}  # one for all: most trials of most sweeps have none


@dataclass(slots=True, kw_only=True)
class Trial:
    """The state of one trial. Mutable: ``decide`` alone owns it.

    ``losses`` holds what was reported in this attempt, sign-converted so that lower is better;
    its n-th entry is the n-th report. ``best`` is the lowest that was ever reported, in attempts that
    were lost, too. ``warm`` says how this attempt was started: see `barrido.core.events.Launched`.
    ``expected`` is what the sampler's model expected of it, if there was one; ``origin`` says who wanted it,
    "" if the sampler chose it.

    ``until`` is the resource at which the scheduler is asked about it, ``rungs`` the losses that it was
    compared by, by resource. An attempt that goes on from a checkpoint keeps the losses of the one before;
    ``start`` says how many it began with. ``spent_s`` are its seconds of running before ``going_since``.
    """

    number: int
    params: Params
    expected: Expectation | None = None
    origin: str = ""
    phase: Phase = Phase.QUEUED
    attempt: int = 1
    reason: str = ""
    losses: array[float] = field(default_factory=lambda: array("d"))
    best: float = WORST
    last_step: int = 0
    queued_at: float = 0.0
    started_at: float | None = None
    warm: bool = False
    ended_at: float | None = None
    exit_code: int | None = None
    ends_as: Phase | None = None  # while STOPPING: what the trial will be once it is gone
    until: int | None = None
    rungs: Mapping[int, float] = field(default_factory=lambda: _NO_RUNGS)
    start: int = 0
    lost: int = 0  # attempts that were lost with their machine
    retries: int = 0  # attempts that failed, and that another one followed
    due_at: float = 0.0  # while QUEUED: when it may be run again
    failure: Failure | None = None  # how it failed, or its latest attempt, if it did
    is_rerun: bool = False  # its point was run again in another trial
    spent_s: float = 0.0
    going_since: float | None = None  # None while it does not run
    is_frozen: bool = False  # PAUSED, LAUNCHING: there are processes to let go on
    is_let_go: bool = False  # its frozen processes are being ended for want of memory
    is_out: bool = False  # the scheduler need not be told of its end
    memory: int = 0  # bytes that its frozen processes hold

    @property
    def reports(self) -> int:
        return len(self.losses)

    def ran_s(self, at: float) -> float:
        """Its seconds of running up to ``at``, seconds since the epoch."""
        return self.spent_s + (0.0 if self.going_since is None else max(0.0, at - self.going_since))


def move(trial: Trial, phase: Phase, *, reason: str = "") -> None:
    """Change a trial's phase. The only place where that happens."""
    if phase not in TRANSITIONS[trial.phase]:
        allowed = ", ".join(sorted(TRANSITIONS[trial.phase])) or "nothing, it is finished"
        raise IllegalTransition(
            f"trial {trial.number} cannot go from {trial.phase} to {phase}",
            hint=f"from {trial.phase} a trial may go to: {allowed}",
        )
    trial.phase = phase
    if reason:
        trial.reason = reason
