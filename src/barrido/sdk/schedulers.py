"""Schedulers, as said in Python: which trials get how much of a resource.

Values only: whether they make sense is said when the job is submitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


class Scheduler:
    """How far each trial goes before it is compared with others."""

    type: ClassVar[str]

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return {"type": self.type, **vars(self)}


@dataclass(kw_only=True)
class FIFOScheduler(Scheduler):
    """Every trial runs to its end, unless a policy stops it. What there is without a scheduler."""

    type: ClassVar[str] = "fifo"


@dataclass(kw_only=True)
class RungScheduler(Scheduler):
    """What those have in common that compare trials at rungs, and let the best go on to the next.

    ``max_resource`` is what the best get, ``min_resource`` what all get. One of ``reduction_factor`` trials
    goes on. The ``resource`` counts a "report" of the primary metric, "seconds" of running, or what the input
    of that name says. ``pause`` says how trials leave their workers until they go on: "suspend",
    "checkpoint", "restart", or "auto", which takes what the command allows. Suspended trials may hold
    ``memory`` in all ("2GB", or bytes). With ``stop_last_trials`` a trial is ended as soon as it had
    ``max_resource``, else it may come to its own end.
    """

    max_resource: int
    min_resource: int = 1
    reduction_factor: int = 3
    resource: str = "report"
    pause: str = "auto"
    memory: str | int | None = None
    stop_last_trials: bool = False


@dataclass(kw_only=True)
class HyperbandScheduler(RungScheduler):
    """Brackets of successive halving side by side, from many short trials to few long ones.

    ``variant`` "algorithm" has brackets of the sizes of the paper's Algorithm 1, "table" of its Table 1.
    """

    type: ClassVar[str] = "hyperband"

    variant: str = "algorithm"


@dataclass(kw_only=True)
class BOHBScheduler(HyperbandScheduler):
    """Hyperband with a sampling algorithm of its own, which learns from the rungs."""

    type: ClassVar[str] = "bohb"


@dataclass(kw_only=True)
class SuccessiveHalvingScheduler(RungScheduler):
    """All trials at a rung are compared when the last has come. A bracket begins with ``trials`` of them,
    unless given with all that the sweep has."""

    type: ClassVar[str] = "successive_halving"

    trials: int | None = None


@dataclass(kw_only=True)
class ASHAScheduler(RungScheduler):
    """Successive halving that waits for nobody: trials are compared with those that came to the rung so far.

    The ``variant`` "promotion" lets them wait there until they may go on, "stopping" stops them.
    """

    type: ClassVar[str] = "asha"

    variant: str = "promotion"


SCHEDULERS: dict[str, type[Scheduler]] = {
    cls.type: cls
    for cls in (
        HyperbandScheduler,
        SuccessiveHalvingScheduler,
        ASHAScheduler,
        BOHBScheduler,
        FIFOScheduler,
    )
}
