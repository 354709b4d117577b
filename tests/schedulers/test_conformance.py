from __future__ import annotations

from typing import Any

import pytest

from barrido.core.protocols import GO_ON, Assignment, Idle, Sample, Scheduler, Verdict
from barrido.schedulers.asha import ASHA
from barrido.schedulers.halving import SuccessiveHalving
from barrido.schedulers.hyperband import Hyperband
from barrido.testing.schedulers import Rehearsal, SchedulerSuite, draw_losses


class TestSuccessiveHalving(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return SuccessiveHalving(n=9, max_resource=27, trials=trials)


class TestHyperband(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return Hyperband(max_resource=27, trials=trials)


class TestHyperbandOfTheTableThatStopsItsLastTrials(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return Hyperband(
            max_resource=16, reduction_factor=4, variant="table", stop_last_trials=True, trials=trials
        )


class TestHyperbandWithoutALimit(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return Hyperband(max_resource=9)


class TestASHAThatStops(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return ASHA(max_resource=27, trials=trials)


class TestASHAThatPromotes(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return ASHA(max_resource=27, variant="promotion", trials=trials)


class TestASHAOfOneRung(SchedulerSuite):
    def scheduler(self, trials: int) -> Scheduler:
        return ASHA(max_resource=5, min_resource=5, variant="promotion", stop_last_trials=True)


class Forgetful:
    """Lets everybody run without end, and waits for what cannot come."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def init(self) -> Any:
        return self._state

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        return state, Idle.WAIT if number is None else Sample(1)

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        return state, GO_ON

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        return state

    def missing(self, state: Any, trial: int) -> Any:
        return state


@pytest.mark.parametrize(
    ("state", "trials", "said"),
    [
        ({1: "a number for a key"}, 2, "the state is not JSON's"),
        ({}, 1, "0 runs for ever"),
        ({}, 0, "it waits for nothing"),
    ],
)
def test_a_rehearsal_tells_on_a_scheduler_that_breaks_its_contract(
    state: Any, trials: int, said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        Rehearsal(lambda: Forgetful(state), draw_losses(0), trials=trials, workers=1).run()
