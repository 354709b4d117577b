from __future__ import annotations

from math import isnan

import pytest

from barrido.core.events import Cause, Exited
from barrido.core.protocols import GO_ON, Logged, Order, Signal
from barrido.executors.sim import Fault, SimWorld, VirtualClock
from barrido.testing.executors import exits, offsets, until_ended, values


def world(**options: Fault) -> SimWorld:
    """Two-step trials; ``t3=Fault(…)`` is the fault of trial 3."""
    faults = {int(name[1:]): fault for name, fault in options.items()}
    return SimWorld(
        lambda params, step: params["lr"] * step,
        steps=2,
        seconds_per_report=10.0,
        faults=lambda order: faults.get(order.trial, Fault()),
    )


def order(trial: int = 0, lr: float = 1.0) -> Order:
    return Order(trial, 1, {"lr": lr})


def test_time_passes_with_the_reports() -> None:
    clock = VirtualClock(100.0)
    sim = SimWorld(lambda params, step: step, steps=3, seconds_per_report=2.0, clock=clock)
    executor = sim.executor()
    executor.launch(order())
    signals = until_ended(executor)
    times = [point.at for signal in signals if isinstance(signal, Logged) for point in signal.points]
    assert times == [102.0, 104.0, 106.0]
    assert clock.now() == exits(signals)[0].at == 106.0


def test_events_wait_no_longer_than_asked() -> None:
    sim = world()
    executor = sim.executor()
    executor.launch(order())
    executor.events(0.0)
    before = sim.clock.now()
    assert executor.events(4.0) == []
    assert sim.clock.now() == before + 4.0


def test_waiting_for_nothing_is_an_error_instead_of_a_hang() -> None:
    with pytest.raises(RuntimeError, match="waits for ever"):
        world().executor().events(None)


def test_the_same_calls_give_the_same_events() -> None:
    def history() -> list[Signal]:
        executor = world(t2=Fault(exit_code=3), t4=Fault(nan_from=2)).executor()
        for trial in range(6):
            executor.launch(order(trial, lr=trial / 10))
        return until_ended(executor, 6)

    assert repr(history()) == repr(history())


def test_faults() -> None:
    executor = world(
        t0=Fault(exit_code=1, ends_after=1),
        t1=Fault(nan_from=2),
        t2=Fault(no_launch="no such folder"),
        t3=Fault(lost_after=1),
    ).executor()
    for trial in range(4):
        executor.launch(order(trial))
    signals = until_ended(executor, 4)
    ends = {exited.trial: exited for exited in exits(signals)}
    assert (values(signals, 0), ends[0].code) == ([1.0], 1)
    assert [isnan(value) for value in values(signals, 1)] == [False, True]
    assert (values(signals, 2), ends[2].cause, ends[2].detail) == ([], Cause.NO_LAUNCH, "no such folder")
    assert (values(signals, 3), ends[3].cause) == ([1.0], Cause.LOST)


def test_a_trial_that_never_ends_ends_when_it_is_stopped() -> None:
    sim = world(t0=Fault(never_ends=True))
    executor = sim.executor()
    executor.launch(order())
    executor.events(0.0)
    assert not any(isinstance(signal, Exited) for _ in range(5) for signal in executor.events(1000.0))
    executor.stop(0, 1, "enough")
    assert exits(until_ended(executor))[0].code == -15


def test_a_stop_is_exact() -> None:
    executor = world().executor()
    executor.launch(order())
    signals: list[Signal] = []
    while not values(signals):
        signals += executor.events(None)
    executor.stop(0, 1, "bad")
    assert values([*signals, *until_ended(executor)]) == [1.0]


def test_whoever_ignores_a_stop_goes_on_for_the_grace_period() -> None:
    sim = SimWorld(
        lambda params, step: step,
        steps=100,
        seconds_per_report=4.0,
        grace_s=10.0,
        faults=lambda order: Fault(ignores_stop=True),
    )
    executor = sim.executor()
    executor.launch(order())
    executor.events(0.0)
    executor.stop(0, 1, "bad")
    signals = until_ended(executor)
    assert values(signals) == [1.0, 2.0]
    assert exits(signals)[0].code == -9


def test_the_world_goes_on_while_no_controller_is_there() -> None:
    sim = world()
    first = sim.executor()
    first.launch(order())
    before: list[Signal] = []
    while not values(before):
        before += first.events(None)
    first.close()
    sim.advance(1000.0)
    second = sim.executor()
    second.adopt(order(), offsets(before))
    after = list(second.events(0.0))
    assert values([*before, *after]) == [1.0, 2.0]
    (exited,) = exits(after)
    assert exited.at == sim.clock.now() - 990.0


def test_answers_are_kept_for_tests_to_look_at() -> None:
    executor = world().executor()
    executor.answer(0, 1, {"report": 12}, GO_ON)
    assert executor.answers == {(0, 1): ({"report": 12}, GO_ON)}
