"""How far a job may go, and what it is after, as said in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

MAX_TOTAL_TRIALS = 1000
"""What Azure ML documents for a sweep in Python that does not say."""


@dataclass
class Objective:
    """The metric that the trials log under the name ``primary_metric``, to "minimize" or "maximize"."""

    goal: str | None
    primary_metric: str | None = None

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return dict(vars(self))


@dataclass(kw_only=True)
class SweepJobLimits:
    """Bounds of a sweep; times in seconds.

    ``max_failed_trials``: the sweep fails when its first trials fail, this many in a row.
    ``stop_after``: ``{"trials": 20, "min_improvement": 0.001}`` ends the sweep when 20 trials in a row
    did not improve the best by that much.
    ``max_retries``: how often a trial that failed is run again, ``retry_backoff`` seconds later, which
    double each time.
    """

    max_concurrent_trials: int | None = None
    max_total_trials: int | None = None
    timeout: float | None = None
    trial_timeout: float | None = None
    max_failed_trials: int | None = None
    stop_after: Mapping[str, float] | None = None
    max_retries: int | None = None
    retry_backoff: float | None = None

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        total = MAX_TOTAL_TRIALS if self.max_total_trials is None else self.max_total_trials
        return dict(vars(self)) | {"max_total_trials": total}


class NewLimits(TypedDict, total=False):
    """What may be changed of them while a sweep runs; None for "as it is"."""

    max_total_trials: int | None
    max_concurrent_trials: int | None
    timeout: float | None
    trial_timeout: float | None
    max_failed_trials: int | None
    stop_after: Mapping[str, float] | None
    max_retries: int | None
    retry_backoff: float | None


@dataclass(kw_only=True)
class CommandJobLimits:
    """Bounds of a plain command; ``timeout`` in seconds."""

    timeout: float | None = None

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return dict(vars(self))
