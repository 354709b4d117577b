"""What every executor must do: a conformance suite for pytest.

Subclass `ExecutorSuite` in a module that pytest collects, and give it a fixture ``world``:

    class TestMine(ExecutorSuite):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

A world outlives its executors, as trials outlive their controller. Its trials do what their parameters
say (`behaviour`): report ``loss`` = 1, 2, 3, … and end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from barrido.core.events import Cause, Exited, Launched, Note, Paused, PauseMode
from barrido.core.protocols import Executor, Logged, Order, Signal, Step, Verdict
from barrido.core.trial import Params

PATIENCE_S = 60.0


def behaviour(
    reports: int = 3,
    *,
    code: int = 0,
    every_s: float = 0.0,
    endless: bool = False,
    deaf: bool = False,
) -> Params:
    """Parameters of a trial that makes ``reports`` reports, ``every_s`` seconds apart, and then ends
    with exit code ``code``; or stays until it is stopped (``endless``), which takes force (``deaf``)."""
    return {"reports": reports, "code": code, "every_s": every_s, "endless": endless, "deaf": deaf}


class World(Protocol):
    def executor(self) -> Executor:
        """What a new controller gets. The grace period should be short: well under a second."""

    def wait_until_ended(self, trial: int, attempt: int) -> None:
        """Until an attempt is over, while perhaps no executor watches."""


def collect(executor: Executor, is_enough: Callable[[Sequence[Signal]], bool]) -> list[Signal]:
    """Everything that happens until it is enough. Fails after a minute."""
    signals: list[Signal] = []
    deadline = time.monotonic() + PATIENCE_S
    while not is_enough(signals):
        assert time.monotonic() < deadline, f"still waiting, after {signals!r}"
        signals += executor.events(0.5)
    return signals


def until_ended(executor: Executor, count: int = 1) -> list[Signal]:
    return collect(executor, lambda signals: len(exits(signals)) >= count)


def until_reports(executor: Executor, count: int) -> list[Signal]:
    return collect(executor, lambda signals: len(values(signals)) >= count)


def exits(signals: Iterable[Signal]) -> list[Exited]:
    return [signal for signal in signals if isinstance(signal, Exited)]


def values(signals: Iterable[Signal], trial: int | None = None) -> list[float]:
    """The losses that were reported, in order."""
    logged = [signal for signal in signals if isinstance(signal, Logged)]
    return [
        point.value
        for one in logged
        if trial in (None, one.trial)
        for point in one.points
        if point.name == "loss"
    ]


def offsets(signals: Iterable[Signal]) -> dict[str, int]:
    """How far the journals of one attempt were told."""
    return {signal.door: signal.offset for signal in signals if isinstance(signal, Logged)}


def is_paused(signals: Sequence[Signal]) -> bool:
    return any(isinstance(signal, Paused) for signal in signals)


class ExecutorSuite:
    def test_a_trial_is_launched_reports_in_order_and_ends(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=3)))
        signals = until_ended(executor)
        assert isinstance(signals[0], Launched)
        assert values(signals) == [1.0, 2.0, 3.0]
        assert [(e.cause, e.code) for e in exits(signals)] == [(Cause.EXIT, 0)]
        assert isinstance(signals[-1], Exited)
        executor.close()

    def test_a_failure_has_its_exit_code(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=1, code=3)))
        signals = until_ended(executor)
        assert values(signals) == [1.0]
        assert [(e.cause, e.code) for e in exits(signals)] == [(Cause.EXIT, 3)]
        executor.close()

    def test_points_carry_step_and_time_and_offsets_grow(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=3, every_s=0.01)))
        logged = [signal for signal in until_ended(executor) if isinstance(signal, Logged)]
        points = [point for one in logged for point in one.points]
        assert [point.step for point in points] == [1, 2, 3]
        assert [point.at for point in points] == sorted(point.at for point in points)
        reached = [one.offset for one in logged]
        assert reached == sorted(set(reached))
        assert reached[0] > 0
        executor.close()

    def test_launched_twice_it_runs_once(self, world: World) -> None:
        executor = world.executor()
        order = Order(0, 1, behaviour(reports=3))
        executor.launch(order)
        executor.launch(order)
        signals = until_ended(executor)
        executor.launch(order)
        assert values([*signals, *executor.events(0.1)]) == [1.0, 2.0, 3.0]
        executor.close()

    def test_launched_again_by_the_next_controller_it_runs_once(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=3))
        first = world.executor()
        first.launch(order)
        first.close()
        second = world.executor()
        second.launch(order)
        signals = until_ended(second)
        assert isinstance(signals[0], Launched)
        assert values(signals) == [1.0, 2.0, 3.0]
        assert exits(signals)[0].code == 0
        second.close()

    def test_a_stop_ends_it_and_may_be_repeated(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=2, endless=True)))
        until_reports(executor, 2)
        executor.stop(0, 1, "enough")
        executor.stop(0, 1, "enough")
        signals = until_ended(executor)
        assert [(e.cause, e.code) for e in exits(signals)] == [(Cause.EXIT, -15)]
        executor.stop(0, 1, "enough")
        assert exits(executor.events(0.1)) == []
        executor.close()

    def test_who_does_not_listen_is_killed(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=1, endless=True, deaf=True)))
        until_reports(executor, 1)
        executor.stop(0, 1, "enough")
        assert exits(until_ended(executor))[0].code == -9
        executor.close()

    def test_stopped_before_it_was_launched_it_never_runs(self, world: World) -> None:
        first = world.executor()
        first.stop(0, 1, "changed my mind")
        assert exits(until_ended(first))[0].cause is Cause.EXIT
        first.close()
        second = world.executor()
        second.launch(Order(0, 1, behaviour(reports=3)))
        signals = until_ended(second)
        assert values(signals) == []
        second.close()

    def test_the_next_controller_reads_on_where_the_first_one_was(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=20, every_s=0.02))
        first = world.executor()
        first.launch(order)
        before = until_reports(first, 5)
        first.close()
        second = world.executor()
        second.adopt(order, offsets(before))
        after = until_ended(second)
        assert values([*before, *after]) == [float(n) for n in range(1, 21)]
        assert exits(after)[0].code == 0
        second.close()

    def test_what_happened_while_nobody_watched_is_told(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=5, code=4))
        first = world.executor()
        first.launch(order)
        before = until_reports(first, 1)
        first.close()
        world.wait_until_ended(0, 1)
        second = world.executor()
        second.adopt(order, offsets(before))
        after = until_ended(second)
        assert values([*before, *after]) == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert [(e.cause, e.code) for e in exits(after)] == [(Cause.EXIT, 4)]
        second.close()

    def test_told_again_from_the_beginning_it_is_the_same(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=4))
        first = world.executor()
        first.launch(order)
        before = until_ended(first)
        first.close()
        second = world.executor()
        second.adopt(order, {})
        after = until_ended(second)
        assert values(after) == values(before)
        assert offsets(after) == offsets(before)
        second.close()

    def test_adopted_without_ever_having_run_it_is_lost(self, world: World) -> None:
        executor = world.executor()
        executor.adopt(Order(0, 1, behaviour()), {})
        signals = until_ended(executor)
        assert [e.cause for e in exits(signals)] == [Cause.LOST]
        executor.close()

    def test_adopted_without_ever_having_run_it_may_still_be_launched(self, world: World) -> None:
        executor = world.executor()
        order = Order(0, 1, behaviour(reports=1))
        executor.adopt(order, {})
        executor.launch(order)
        signals = until_ended(executor)
        assert values(signals) == [1.0]
        assert exits(signals)[0].cause is Cause.EXIT
        executor.close()

    def test_an_adopted_trial_can_be_stopped(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=1, endless=True))
        first = world.executor()
        first.launch(order)
        before = until_reports(first, 1)
        first.close()
        second = world.executor()
        second.adopt(order, offsets(before))
        second.stop(0, 1, "enough")
        signals = until_ended(second)
        assert exits(signals)[0].code == -15
        second.close()

    def test_attempts_of_a_trial_are_separate(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=2, code=1)))
        until_ended(executor)
        executor.launch(Order(0, 2, behaviour(reports=3)))
        signals = until_ended(executor)
        assert {signal.attempt for signal in signals if not isinstance(signal, Note)} == {2}
        assert values(signals) == [1.0, 2.0, 3.0]
        executor.close()

    def test_many_at_once_are_kept_apart(self, world: World) -> None:
        executor = world.executor()
        for trial in range(10):
            executor.launch(Order(trial, 1, behaviour(reports=trial, code=trial % 2)))
        signals = until_ended(executor, 10)
        for trial in range(10):
            assert values(signals, trial) == [float(n) for n in range(1, trial + 1)]
        assert {e.trial: e.code for e in exits(signals)} == {trial: trial % 2 for trial in range(10)}
        executor.close()

    def test_suspended_it_stands_still_and_goes_on_where_it_was(self, world: World) -> None:
        executor = world.executor()
        order = Order(0, 1, behaviour(reports=30, every_s=0.02))
        executor.launch(order)
        before = until_reports(executor, 3)
        executor.pause(0, 1, PauseMode.SUSPEND, "others first")
        before += collect(executor, is_paused)
        assert isinstance(before[-1], Paused)
        assert list(executor.events(0.2)) == []
        executor.unpause(order)
        after = until_ended(executor)
        assert isinstance(after[0], Launched)
        assert values([*before, *after]) == [float(n) for n in range(1, 31)]
        assert values(after)
        assert exits(after)[0].code == 0
        executor.close()

    def test_pauses_and_what_ends_them_may_be_repeated(self, world: World) -> None:
        executor = world.executor()
        order = Order(0, 1, behaviour(reports=30, every_s=0.02))
        executor.launch(order)
        signals = until_reports(executor, 1)
        for _ in range(3):
            executor.pause(0, 1, PauseMode.SUSPEND, "others first")
            executor.pause(0, 1, PauseMode.SUSPEND, "others first")
            signals += collect(executor, is_paused)
            executor.unpause(order)
            executor.unpause(order)
        signals += until_ended(executor)
        assert values(signals) == [float(n) for n in range(1, 31)]
        executor.pause(0, 1, PauseMode.SUSPEND, "others first")
        executor.unpause(order)
        assert list(executor.events(0.1)) == []
        executor.close()

    def test_who_ends_before_it_is_paused_has_ended(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=2)))
        world.wait_until_ended(0, 1)
        executor.pause(0, 1, PauseMode.SUSPEND, "others first")
        signals = until_ended(executor)
        assert not is_paused(signals)
        assert values(signals) == [1.0, 2.0]
        executor.close()

    def test_a_suspended_trial_can_be_stopped(self, world: World) -> None:
        executor = world.executor()
        for trial, is_deaf in enumerate((False, True)):
            executor.launch(Order(trial, 1, behaviour(reports=1, endless=True, deaf=is_deaf)))
            until_reports(executor, 1)
            executor.pause(trial, 1, PauseMode.SUSPEND, "others first")
            collect(executor, is_paused)
            executor.stop(trial, 1, "no room")
            executor.unpause(Order(trial, 1, {}))  # too late
            signals = until_ended(executor)
            assert [e.code for e in exits(signals)] == [-9 if is_deaf else -15]
        executor.close()

    def test_the_next_controller_finds_a_suspended_trial_and_lets_it_go_on(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=30, every_s=0.02))
        first = world.executor()
        first.launch(order)
        before = until_reports(first, 3)
        first.pause(0, 1, PauseMode.SUSPEND, "others first")
        before += collect(first, is_paused)
        first.close()
        second = world.executor()
        second.adopt(order, offsets(before))
        assert list(second.events(0.2)) == []
        second.pause(0, 1, PauseMode.SUSPEND, "others first")
        assert is_paused(collect(second, is_paused))
        second.unpause(order)
        after = until_ended(second)
        assert isinstance(after[0], Launched)
        assert values([*before, *after]) == [float(n) for n in range(1, 31)]
        second.close()

    def test_the_next_controller_can_stop_a_suspended_trial(self, world: World) -> None:
        order = Order(0, 1, behaviour(reports=1, endless=True))
        first = world.executor()
        first.launch(order)
        before = until_reports(first, 1)
        first.pause(0, 1, PauseMode.SUSPEND, "others first")
        before += collect(first, is_paused)
        first.close()
        second = world.executor()
        second.adopt(order, offsets(before))
        second.stop(0, 1, "enough")
        assert exits(until_ended(second))[0].code == -15
        second.close()

    def test_to_go_on_later_in_another_attempt_it_is_ended(self, world: World) -> None:
        executor = world.executor()
        for trial, mode in enumerate((PauseMode.CHECKPOINT, PauseMode.RESTART)):
            executor.launch(Order(trial, 1, behaviour(reports=10_000, every_s=0.02)))
            until_reports(executor, 3)
            executor.pause(trial, 1, mode, "others first")
            executor.pause(trial, 1, mode, "others first")
            signals = until_ended(executor)
            assert not is_paused(signals)
            assert [(e.cause, e.code) for e in exits(signals)] == [(Cause.EXIT, -15)]
        executor.close()

    def test_what_a_trial_kept_can_be_removed_twice(self, world: World) -> None:
        executor = world.executor()
        executor.launch(Order(0, 1, behaviour(reports=1)))
        until_ended(executor)
        for trial in (0, 0, 7):
            executor.discard(trial)
        executor.close()

    def test_nothing_happens_while_nothing_runs(self, world: World) -> None:
        executor = world.executor()
        assert list(executor.events(0.0)) == []
        executor.close()

    def test_an_answer_to_a_trial_that_is_gone_does_no_harm(self, world: World) -> None:
        executor = world.executor()
        executor.answer(7, 1, {"report": 10}, Verdict(Step.STOP, "too late"))
        assert list(executor.events(0.0)) == []
        executor.close()
