"""How a sweep went, or would have gone, and what one of them saves against the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from barrido.core.recipe import Objective
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase


@dataclass(frozen=True, slots=True)
class Run:
    """One trial. ``best_value`` is None if it reported no value that can be compared."""

    trial: int
    phase: Phase
    reports: int
    best_value: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A sweep from its begin to its end, or as far as it came. Values are in the user's scale.

    ``reports`` were made in all, those that were made again included. ``seconds`` is its wall time.
    """

    runs: tuple[Run, ...]
    reports: int
    seconds: float
    best_trial: int | None
    best_value: float | None
    phase: SweepPhase
    reason: str

    @property
    def stopped(self) -> tuple[Run, ...]:
        """The trials that a policy or a scheduler ended."""
        return tuple(run for run in self.runs if run.phase is Phase.PRUNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The recorded trials of a sweep under another policy or scheduler, beside what happened.

    ``cut`` of them came to the end of their record and would have gone on: nobody knows how.
    """

    name: str
    objective: Objective
    policy: Mapping[str, Any] | None
    scheduler: Mapping[str, Any]
    history: Course
    course: Course
    cut: int

    @property
    def saved(self) -> int:
        """Reports that would not have been made."""
        return self.history.reports - self.course.reports

    @property
    def saved_percent(self) -> float:
        return 100 * self.saved / self.history.reports

    @property
    def best_run(self) -> Run | None:
        """What would have become of the trial that was the best; None if it would not have been begun."""
        return next((run for run in self.course.runs if run.trial == self.history.best_trial), None)

    @property
    def survives(self) -> bool:
        """Whether the trial that was the best would have been begun, and not been stopped."""
        run = self.best_run
        return run is not None and run.phase is not Phase.PRUNED

    @property
    def rank(self) -> int | None:
        """The place of the best value among those of the trials that ran; 1: as good as the best of them."""
        value, sign = self.course.best_value, self.objective.goal.sign
        if value is None:
            return None
        known = (run.best_value for run in self.history.runs)
        return 1 + sum(sign * one < sign * value for one in known if one is not None)
