"""One turn of the loop, seen from an executor: what it is told, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from barrido.controller import requests
from barrido.controller.clock import WallClock
from barrido.controller.loop import Controller
from barrido.core.events import Cause, Exited, Launched, Note, Outcome, PauseMode, Reported, Requested, Verb
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Logged, Offsets, Order, Point, Signal, Verdict
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepState
from barrido.errors import StoreError
from barrido.registry import build_plan, build_sampler
from barrido.store.batch import Batch
from barrido.store.memory import MemoryStore

RECIPE = Recipe(
    name="turns",
    space={"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
    objective=Objective("loss", Goal.MINIMIZE),
    policy={"type": "bandit", "slack_amount": 1.0, "evaluation_interval": 2},
    limits=Limits(max_total_trials=1, max_concurrent_trials=1, trial_timeout=3600.0),
    work=Work(command="true"),
)

NOW = WallClock().now()


class Script:
    """An executor that tells what is written for it, a turn at a time, and remembers what it is told."""

    def __init__(self, *turns: Sequence[Signal]) -> None:
        self.turns = list(turns)
        self.told: list[tuple[str, object]] = []

    def launch(self, order: Order) -> None:
        self.told.append(("launch", order.trial))

    def adopt(self, order: Order, offsets: Offsets) -> None:
        self.told.append(("adopt", order.trial))

    def stop(self, trial: int, attempt: int, reason: str) -> None:
        self.told.append(("stop", trial))

    def pause(self, trial: int, attempt: int, mode: PauseMode, reason: str) -> None:
        self.told.append(("pause", trial))

    def unpause(self, order: Order) -> None:
        self.told.append(("unpause", order.trial))

    def discard(self, trial: int) -> None:
        self.told.append(("discard", trial))

    def answer(self, trial: int, attempt: int, offsets: Offsets, verdict: Verdict) -> None:
        self.told.append(("answer", dict(offsets)))

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        if not self.turns:
            raise EOFError
        return self.turns.pop(0)

    def close(self) -> None:
        pass


def logged(door: str, offset: int, value: float, at: float = 0.0) -> Logged:
    return Logged(0, 1, door, offset, (Point("loss", value, None, at),))


def controller(script: Script, store: MemoryStore) -> Controller:
    return Controller(RECIPE, build_plan(RECIPE), build_sampler(RECIPE), script, store, WallClock())


def test_a_report_through_a_door_that_does_not_count_is_answered_too() -> None:
    script = Script(
        [Launched(0, 1, NOW), logged("mlflow", 10, 0.5)],
        [logged("report", 12, 0.5)],
        [Exited(0, 1, Cause.EXIT, 0, NOW)],
    )
    one = controller(script, MemoryStore(RECIPE))
    one.begin()
    assert one.run() is Outcome.COMPLETED
    answers = [offsets for what, offsets in script.told if what == "answer"]
    assert answers == [{"mlflow": 10}, {"mlflow": 10, "report": 12}]


def test_a_trial_that_went_past_its_rung_before_it_was_heard_is_answered_all_the_same() -> None:
    """Several processes, or one request with several steps, may report at once; one of them waits."""
    asked = replace(RECIPE, policy=None, scheduler={"type": "asha", "variant": "stopping", "max_resource": 9})
    points = tuple(Point("loss", 0.5, step, NOW) for step in (1, 2))
    script = Script(
        [Launched(0, 1, NOW), Logged(0, 1, "mlflow", 20, points)],
        [logged("mlflow", 30, 0.4)],
        [logged("mlflow", 40, 0.4)],
        [Exited(0, 1, Cause.EXIT, 0, NOW)],
    )
    one = Controller(asked, build_plan(asked), build_sampler(asked), script, MemoryStore(asked), WallClock())
    one.begin()
    assert one.run() is Outcome.COMPLETED
    answers = [offsets for what, offsets in script.told if what == "answer"]
    assert answers == [{"mlflow": 20}, {"mlflow": 30}]  # at the rungs 1 and 3


def test_a_trial_that_was_heard_but_not_answered_before_a_crash_is_answered_by_the_next_controller() -> None:
    store = MemoryStore(RECIPE)
    first = controller(Script([Launched(0, 1, NOW), logged("report", 10, 0.5)]), store)
    first.begin()
    with pytest.raises(EOFError):
        first.run()
    script = Script()
    controller(script, store).begin()
    assert script.told == [("adopt", 0), ("answer", {"report": 10})]


def test_what_a_script_calls_the_time_of_a_metric_starts_no_timeout() -> None:
    store = MemoryStore(RECIPE)
    script = Script(
        [logged("file", 10, 0.5, at=3.2)],  # heard before it is known to be launched
        [logged("file", 20, 0.4, at=1.7e12)],
        [Exited(0, 1, Cause.EXIT, 0, NOW)],
    )
    one = controller(script, store)
    one.begin()
    assert one.run() is Outcome.COMPLETED
    assert ("stop", 0) not in script.told
    times = [d.event.at for d in store.log if isinstance(d.event, Reported)]
    assert all(abs(at - WallClock().now()) < 60 for at in times)
    assert [m.point.at for m in store.measurements] == [3.2, 1.7e12]


class WatchedStore(MemoryStore):
    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.sizes: list[int] = []

    def commit(self, batch: Batch, state: SweepState) -> None:
        self.sizes.append(len(batch.measurements))
        super().commit(batch, state)


def test_a_flood_of_reports_is_taken_in_in_portions() -> None:
    points = tuple(Point("loss", 1.0, step, NOW) for step in range(4000))
    flood = [Logged(0, 1, "report", 10 * (k + 1), points) for k in range(6)]
    store = WatchedStore(RECIPE)
    one = controller(Script([Launched(0, 1, NOW), *flood, Exited(0, 1, Cause.EXIT, 0, NOW)]), store)
    one.begin()
    assert one.run() is Outcome.COMPLETED
    assert [size for size in store.sizes if size] == [12_000, 12_000]
    assert one.state.trials[0].reports == 24_000
    assert [m.seq for m in store.measurements] == list(range(24_000))


class FullStore(MemoryStore):
    def commit(self, batch: Batch, state: SweepState) -> None:
        raise StoreError("the disk is full")


def test_a_controller_that_cannot_write_its_first_decisions_says_so_and_starts_nothing() -> None:
    script = Script()
    with pytest.raises(StoreError, match="the disk is full"):
        controller(script, FullStore(RECIPE)).begin()
    assert script.told == []


def test_a_wish_survives_a_power_cut_before_its_file_is_removed(tmp_path: Path) -> None:
    class Durable(MemoryStore):
        def commit(self, batch: Batch, state: SweepState) -> None:
            if any(isinstance(d.event, Requested) for d in batch.decisions):
                assert batch.durable
                assert list(folder.requests.iterdir()) == [folder.requests / f"{asked}.json"]
            super().commit(batch, state)

    folder = SweepFolder(tmp_path)
    asked = requests.put(folder, Verb.UPDATE, changes={"max_total_trials": 1}, origin="cli")
    one = Controller(
        RECIPE,
        build_plan(RECIPE),
        build_sampler(RECIPE),
        Script(),
        store := Durable(RECIPE),
        WallClock(),
        folder=folder,
    )
    one.begin()
    assert [d.event.request for d in store.log if isinstance(d.event, Requested)] == [asked]
    assert list(folder.requests.iterdir()) == []


def test_what_an_executor_wants_people_to_read_is_kept_and_nothing_is_decided_on_it() -> None:
    store = MemoryStore(RECIPE)
    notes = [Note("trials start cold: its import opens a socket"), Note("starts cold", 0)]
    script = Script(
        [Launched(0, 1, NOW, warm=True)],
        notes,
        [logged("report", 10, 0.5), Exited(0, 1, Cause.EXIT, 0, NOW)],
    )
    one = controller(script, store)
    one.begin()
    before = len(store.remarks)
    assert one.run() is Outcome.COMPLETED
    assert [(r.text, r.trial) for r in store.remarks[before:]][:2] == [(n.text, n.trial) for n in notes]
    assert [type(d.event) for d in store.log[2:]] == [Launched, Reported, Exited]
    assert one.state.trials[0].warm
