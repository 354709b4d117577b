"""Sampling algorithms and early termination policies, as said in Python.

Values only: constructors are Azure's, whether they make sense is said when the job is submitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


class SamplingAlgorithm:
    """Which points of the search space are tried."""

    type: ClassVar[str]

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return {"type": self.type, **vars(self)}


@dataclass(kw_only=True)
class RandomSamplingAlgorithm(SamplingAlgorithm):
    """Independent draws; ``rule="sobol"`` spreads them evenly. ``seed`` makes them the same each time.

    ``logbase`` is what the exponents of Log* distributions are counted to: a number, or "e".
    """

    type: ClassVar[str] = "random"

    rule: str | None = None
    seed: int | None = None
    logbase: float | str | None = None


@dataclass(kw_only=True)
class SobolSamplingAlgorithm(SamplingAlgorithm):
    """``RandomSamplingAlgorithm(rule="sobol")`` by its own name."""

    type: ClassVar[str] = "sobol"

    seed: int | None = None
    logbase: float | str | None = None


@dataclass(kw_only=True)
class GridSamplingAlgorithm(SamplingAlgorithm):
    """Every combination once, the last parameter fastest."""

    type: ClassVar[str] = "grid"


@dataclass(kw_only=True)
class BayesianSamplingAlgorithm(SamplingAlgorithm):
    """Points from which a Gaussian process expects most. Takes every distribution, and any policy."""

    type: ClassVar[str] = "bayesian"

    seed: int | None = None


@dataclass(kw_only=True)
class TPESamplingAlgorithm(SamplingAlgorithm):
    """Points like the best so far and unlike the others. Takes every distribution, and any policy."""

    type: ClassVar[str] = "tpe"

    seed: int | None = None


class EarlyTerminationPolicy:
    """Which trials are stopped before their end.

    A policy looks at a trial's n-th report of the primary metric if n is a multiple of
    ``evaluation_interval`` (0 counts as 1) and at least ``delay_evaluation``.
    """

    type: ClassVar[str]

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return {"type": self.type, **vars(self)}


@dataclass(kw_only=True)
class BanditPolicy(EarlyTerminationPolicy):
    """Stops what falls too far behind the best: by a ratio, or by an amount. 0 is "not given"."""

    type: ClassVar[str] = "bandit"

    delay_evaluation: int = 0
    evaluation_interval: int = 0
    slack_amount: float = 0
    slack_factor: float = 0

    def to_document(self) -> dict[str, Any]:
        """As in YAML, where a slack that is not meant is not there."""
        body = super().to_document()
        return {name: value for name, value in body.items() if value or not name.startswith("slack")}


@dataclass(kw_only=True)
class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Stops a trial whose best is worse than the median of the trials' averages."""

    type: ClassVar[str] = "median_stopping"

    delay_evaluation: int = 0
    evaluation_interval: int = 1


@dataclass(kw_only=True)
class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Stops the worst ``truncation_percentage`` percent of the trials at each interval.

    ``exclude_finished_jobs``: compare with the trials that still run only.
    """

    type: ClassVar[str] = "truncation_selection"

    delay_evaluation: int = 0
    evaluation_interval: int = 0
    truncation_percentage: int = 0
    exclude_finished_jobs: bool = False


SAMPLING = {
    cls.type: cls
    for cls in (
        RandomSamplingAlgorithm,
        SobolSamplingAlgorithm,
        GridSamplingAlgorithm,
        BayesianSamplingAlgorithm,
        TPESamplingAlgorithm,
    )
}
POLICIES = {cls.type: cls for cls in (BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy)}
