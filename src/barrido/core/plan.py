"""What `decide` needs to know of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from barrido.core.protocols import Policy, Scheduler
from barrido.core.recipe import Goal, Limits, Pausing


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``policy`` makes an empty one. ``pausing`` says how trials pause, and what their resource counts.

    ``tags`` are those that the sweep has from the start; ``seed`` is the sweep's.
    """

    metric: str | None  # None: nothing is compared, every point is run
    goal: Goal
    limits: Limits
    scheduler: Scheduler
    policy: Callable[[], Policy] | None = None
    pausing: Pausing = field(default_factory=Pausing)
    tags: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
