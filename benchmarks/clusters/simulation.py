"""How busy one controller keeps many workers: its own loop in virtual time, in which what it does takes as
long as it took where it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from barrido.controller.loop import Controller
from barrido.core.events import Exited
from barrido.core.protocols import Logged, Order, Signal
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.trial import Params
from barrido.executors.sim import SimExecutor, SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.store.memory import MemoryStore

SLOTS_A_NODE = 8


@dataclass(frozen=True)
class Costs:
    """All of the controller's processor time, but for the last."""

    trial_s: float  # from its launch to its end, messages included
    report_s: float
    idle_share: float  # of each second, while nothing happens
    node_share: float  # the same, for each node
    turnaround_s: float  # from a trial's end until the next one runs in its place, the controller at leisure

    def left(self, slots: int) -> float:
        """The share of its time that the controller has for trials."""
        return max(0.0, 1.0 - self.idle_share - self.node_share * ceil(slots / SLOTS_A_NODE))


class _Paying(SimExecutor):
    """Lets the time pass that the controller needs for what it does and is told; the world goes on."""

    def __init__(self, world: SimWorld, costs: Costs, slots: int) -> None:
        super().__init__(world)
        self._left = costs.left(slots)
        self._costs = costs
        self.began: dict[int, tuple[float, Params]] = {}
        self.ended: dict[int, float] = {}

    def launch(self, order: Order) -> None:
        self._pay(self._costs.trial_s)
        self.began[order.trial] = self._world.clock.now(), order.params
        super().launch(order)

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        signals = super().events(timeout_s)
        self.ended |= {signal.trial: signal.at for signal in signals if isinstance(signal, Exited)}
        self._pay(self._costs.report_s * sum(isinstance(signal, Logged) for signal in signals))
        return signals

    def _pay(self, cpu_s: float) -> None:
        self._world.advance(cpu_s / self._left)


def most_per_second(costs: Costs, slots: int, reports: int) -> float:
    """Trials that a controller can see to, if it does nothing else; none if the nodes alone are too much."""
    return costs.left(slots) / (costs.trial_s + reports * costs.report_s)


def busy(costs: Costs, *, slots: int, seconds: float, reports: int, waves: int) -> float:
    """The share of their time that ``slots`` workers train in trials of ``seconds`` on average, half as long
    at least and half as long again at most; from the sweep's beginning until the last trial is launched."""
    if not costs.left(slots):
        return 0.0

    def each_s(params: Params) -> float:
        return (float(params["x"]) * seconds + costs.turnaround_s) / reports

    world = SimWorld(lambda _, step: 1.0 / step, steps=reports, seconds_per_report=each_s)
    recipe = Recipe(
        name="workers",
        seed=0,
        space={"x": {"type": "uniform", "min_value": 0.5, "max_value": 1.5}},
        sampler={"type": "random"},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=waves * slots, max_concurrent_trials=slots),
        work=Work(command="true"),
    )
    executor = _Paying(world, costs, slots)
    began_at, store = world.clock.now(), MemoryStore(recipe)
    controller = Controller(recipe, build_plan(recipe), build_sampler(recipe), executor, store, world.clock)
    controller.begin()
    controller.run()
    until = max(at for at, _ in executor.began.values())
    trained_s = 0.0
    for trial, (at, params) in executor.began.items():
        train_s = float(params["x"]) * seconds
        trained_s += train_s / (train_s + costs.turnaround_s) * (min(executor.ended[trial], until) - at)
    return trained_s / (slots * (until - began_at))
