"""Runs trials on a Ray cluster. Ray says where there is room and who is alive; hosts on its nodes, which
run trials as on this machine, say what becomes of them.

An agent that cannot be reached is not lost: its trials go on, and what they have to say arrives later. It is
lost when Ray says that it is dead, or after a while. Then it is fenced, and its lease waited for, before its
trials count as lost and are run again elsewhere: never do two attempts of one trial run at a time.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from barrido.core.events import Cause, Exited, Launched, Note, Paused, PauseMode
from barrido.core.layout import LOG, SweepFolder
from barrido.core.protocols import Logged, Offsets, Order, Signal, Verdict
from barrido.core.recipe import Recipe, Resources
from barrido.errors import BarridoError, ControllerError
from barrido.executors.attempt import Attempt, Key
from barrido.executors.environment import TrackerEnvironment
from barrido.executors.leader import forbid
from barrido.executors.local import GRACE_S
from barrido.executors.patterns import compiled
from barrido.executors.ray import messages
from barrido.executors.ray.agent import LEASE_S
from barrido.executors.ray.cluster import Cluster
from barrido.executors.ray.node import Node
from barrido.executors.ray.nodes import Heard, Nodes
from barrido.executors.workdir import WorkFolders

log = logging.getLogger(__name__)

MARGIN_S = 2.0


@dataclass(slots=True)
class _Followed:
    """An attempt, and what was asked of it last."""

    order: Order
    offsets: dict[str, int] = field(default_factory=dict)
    node: Node | None = None
    place: int | None = None  # None: it is frozen, or waits for one
    is_launched: bool = False  # it was told to us, or to an earlier controller
    is_frozen: bool = False
    waits: str = ""  # for a place: to "launch", or to "unpause"
    pause: tuple[PauseMode, str] | None = None
    stop: str | None = None
    answer: Mapping[str, Any] | None = None

    @property
    def key(self) -> Key:
        return self.order.trial, self.order.attempt


class RayExecutor:
    """A `barrido.core.protocols.Executor`. Every method but `wake` belongs to one thread.

    Which agent has an attempt is written down before the agent is told: the next controller asks there.
    """

    def __init__(
        self,
        folder: SweepFolder,
        recipe: Recipe,
        cluster: Cluster,
        *,
        render: Callable[[Order], str],
        environment: TrackerEnvironment,
        grace_s: float = GRACE_S,
    ) -> None:
        """``cluster`` is connected. Raises ControllerError if it cannot run the sweep's trials."""
        self._folder = SweepFolder(folder.root.absolute())
        self._cluster = cluster
        self._render = render
        self._environment = environment
        self._grace_s = grace_s
        self._metrics = recipe.work.metrics
        self._followed: dict[Key, _Followed] = {}
        self._finished: set[Key] = set()
        self._unplaced: list[Order] = []  # adopted, but nobody was ever told to run it
        self._fenced: list[tuple[float, Node, str]] = []  # until when their leases are waited for, and why
        self._signals: list[Signal] = []
        self._folders = WorkFolders(self._folder, has_code=False, outputs=())
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        attachment = {
            "folder": os.fspath(self._folder.root),
            "recipe": _as_on_a_node(recipe).to_json(),
            "grace_s": grace_s,
        }
        gateway = urlsplit(environment(0, 1).get("MLFLOW_TRACKING_URI", "")).port
        self._nodes = Nodes(self._folder, cluster, self._heard, attachment, gateway)
        self._nodes.join(recipe.limits.max_concurrent_trials)

    def launch(self, order: Order) -> None:
        key = order.trial, order.attempt
        if key in self._finished:
            return
        self._unplaced = [one for one in self._unplaced if (one.trial, one.attempt) != key]
        found = self._followed.get(key)
        if found is None:
            found = self._followed[key] = _Followed(order)
            if (placed := self._placed(key)) is not None:  # by an earlier controller
                self._rejoin(found, placed)
                return
        if found.node is None:
            found.waits = "launch"
            self._fill()
        elif found.is_launched:
            found.is_launched = False
            self._tell(found, "launch")

    def adopt(self, order: Order, offsets: Offsets) -> None:
        key = order.trial, order.attempt
        if key in self._finished or key in self._followed:
            return
        if (placed := self._placed(key)) is None:
            self._unplaced.append(order)
            return
        self._followed[key] = _Followed(order, dict(offsets), is_launched=True)
        self._rejoin(self._followed[key], placed)

    def stop(self, trial: int, attempt: int, reason: str) -> None:
        key = trial, attempt
        if key in self._finished:
            return
        found = self._followed.get(key)
        if found is None:
            found = self._followed[key] = _Followed(Order(trial, attempt, {}), is_launched=True)
            if (placed := self._placed(key)) is not None:
                self._rejoin(found, placed)
        if found.stop is not None:
            return
        found.stop = reason
        if found.node is None:
            forbid(f"{self._folder.feed_stem(trial, attempt)}.life")  # so that it never will
            self._finish(found, Cause.EXIT, "stopped before it started")
        else:
            self._tell(found, "stop", reason=reason)

    def pause(self, trial: int, attempt: int, mode: PauseMode, reason: str) -> None:
        found = self._followed.get((trial, attempt))
        if found is not None and found.node is not None and found.stop is None:
            found.pause = mode, reason
            self._tell(found, "pause", mode=mode, reason=reason)

    def unpause(self, order: Order) -> None:
        found = self._followed.get((order.trial, order.attempt))
        if found is None or found.stop is not None:
            return
        found.order, found.answer, found.pause = order, None, None
        if found.place is None:
            found.waits = "unpause"
            self._fill()
        else:
            self._tell(found, "unpause")

    def discard(self, trial: int) -> None:
        self._folders.discard(trial)

    def answer(self, trial: int, attempt: int, offsets: Offsets, verdict: Verdict) -> None:
        found = self._followed.get((trial, attempt))
        if found is not None and found.node is not None:
            told = {"step": verdict.step, "reason": verdict.reason, "until": verdict.until}
            found.answer = {"offsets": dict(offsets), **told}
            self._tell(found, "answer", **found.answer)

    def events(self, timeout_s: float | None) -> Sequence[Signal]:
        for order in self._unplaced:
            self._followed[order.trial, order.attempt] = found = _Followed(order)
            self._finish(found, Cause.LOST, "it was never started")
        self._unplaced.clear()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        is_over = False
        while not self._signals and not is_over:
            ends = [until for until, _, _ in self._fenced] + ([] if deadline is None else [deadline])
            try:
                heard = self._heard.get(timeout=max(0.0, min(ends) - time.monotonic()) if ends else None)
                while heard != "wake":
                    self._hear(heard)
                    heard = self._heard.get_nowait()
                is_over = True
            except queue.Empty:
                is_over = deadline is not None and time.monotonic() >= deadline
            self._see_expired()
        signals, self._signals = self._signals, []
        return signals

    def close(self) -> None:
        self._nodes.close()

    def wake(self) -> None:
        """Make a waiting `events` return. May be called from any thread."""
        self._heard.put("wake")

    def sweep_leftovers(self, wait_s: float = 5.0) -> None:
        """The sweep is over: end its agents, and what trials left running on their nodes."""
        self._nodes.end(wait_s)

    def _hear(self, heard: tuple[Node, Mapping[str, Any]] | Literal["places"]) -> None:
        if heard == "places":
            self._fill()
            return
        node, word = heard
        match word["is"]:
            case "signal":
                self._take(node, messages.signal_from_json(word["signal"]))
            case "attached":
                for found in self._on(node):
                    self._tell_again(found)
                self._fill()
            case "unreachable":
                self._note(f"{node.address} cannot be reached; its trials go on, and are waited for")
            case "reachable":
                self._note(f"{node.address} can be reached again")
            case "refused":
                self._note(f"no trials run on {node.address}: {word['why']}")
            case "lost":  # its trials may still run: from now on, for as long as its lease
                if self._on(node):
                    self._note(f"{node.address} was lost, its trials run again elsewhere: {word['why']}")
                node.close()
                self._fenced.append(
                    (time.monotonic() + LEASE_S + self._grace_s + MARGIN_S, node, word["why"])
                )
            case "cut":
                raise ControllerError(
                    "the Ray cluster's head does not answer any more",
                    hint=f"the trials go on; when it is back: barrido job resume {self._folder.name}",
                )

    def _take(self, node: Node, signal: Signal) -> None:
        if isinstance(signal, Note):
            self._signals.append(signal)
            return
        found = self._followed.get((signal.trial, signal.attempt))
        if found is None or found.node is not node:
            return
        match signal:
            case Logged():
                found.offsets[signal.door] = signal.offset
                self._signals.append(signal)
            case Launched():
                found.is_launched, found.is_frozen = True, False
                self._signals.append(replace(signal, at=node.in_our_time(signal.at)))
            case Paused():
                found.place, found.pause, found.is_frozen = None, None, True
                self._write_placed(found)
                self._fill()
                self._signals.append(replace(signal, at=node.in_our_time(signal.at)))
            case Exited():
                self._forget(found)
                self._signals.append(replace(signal, at=node.in_our_time(signal.at)))

    def _on(self, node: Node) -> list[_Followed]:
        return [found for found in self._followed.values() if found.node is node]

    def _see_expired(self) -> None:
        for fenced in [one for one in self._fenced if one[0] <= time.monotonic()]:
            self._fenced.remove(fenced)
            _, node, why = fenced
            for found in self._on(node):
                self._read_the_rest(found)
                self._finish(found, Cause.LOST, f"{node.address} was lost: {why}")

    def _read_the_rest(self, found: _Followed) -> None:
        """What a lost attempt reported to nobody: its checkpoint may be further than what was told."""
        attempt = Attempt.of(
            found.order, self._folder, found.offsets, told=True, patterns=compiled(self._metrics)
        )
        attempt.claimed = found.is_launched
        for door in attempt.tails:
            self._signals += attempt.read(door, time.time(), final=True)
        while attempt.is_behind():
            self._signals += attempt.read(LOG, time.time(), final=True)

    def _note(self, text: str) -> None:
        self._signals.append(Note(text))

    def _fill(self) -> None:
        """Give free places to those who wait: first to those that can go on nowhere else."""
        waiting = [found for found in self._followed.values() if found.waits]
        taken = {found.place for found in self._followed.values() if found.place is not None}
        self._nodes.want(len(taken) + len(waiting))
        for found in sorted(waiting, key=lambda one: one.waits != "unpause"):
            free = self._nodes.free(taken, only=found.node)
            if free is None:
                continue
            place, found.node = free
            taken.add(place.number)
            found.place, what, found.waits = place.number, found.waits, ""
            self._write_placed(found)
            self._tell(found, what)

    def _forget(self, found: _Followed) -> None:
        del self._followed[found.key]
        self._finished.add(found.key)
        self._heard.put("places")

    def _finish(self, found: _Followed, cause: Cause, detail: str) -> None:
        self._forget(found)
        self._signals.append(Exited(*found.key, cause, None, time.time(), detail))

    def _tell(self, found: _Followed, what: str, **more: Any) -> None:
        assert found.node is not None
        trial, attempt = found.key
        body: dict[str, Any] = {"do": what, "trial": trial, "attempt": attempt, **more}
        if what in ("launch", "unpause", "adopt"):
            body["order"] = messages.order_to_json(found.order)
        if what == "launch":
            try:
                body["command"] = self._render(found.order)
            except BarridoError as error:
                self._finish(found, Cause.NO_LAUNCH, str(error))
                return
            gpus = self._cluster.places[found.place].gpus if found.place in self._cluster.places else ""
            tracker = self._environment(trial, attempt)
            body["environment"] = {**found.node.through_tunnel(tracker), "CUDA_VISIBLE_DEVICES": gpus or ""}
        found.node.tell(body)

    def _rejoin(self, found: _Followed, placed: Mapping[str, Any]) -> None:
        """An earlier controller gave it to an agent."""
        found.is_frozen = placed["frozen"]
        found.place = None if found.is_frozen else placed["place"]
        found.node = self._nodes.named(placed["agent"])
        if found.node.is_up:  # else when it is
            self._tell_again(found)

    def _tell_again(self, found: _Followed) -> None:
        if not (found.is_launched or found.is_frozen):
            self._tell(found, "launch")
        else:
            self._tell(found, "adopt", offsets=found.offsets)
        if found.answer is not None:
            self._tell(found, "answer", **found.answer)
        if found.pause is not None:
            self._tell(found, "pause", mode=found.pause[0], reason=found.pause[1])
        if found.is_frozen and found.place is not None:
            self._tell(found, "unpause")
        if found.stop is not None:
            self._tell(found, "stop", reason=found.stop)

    def _placed(self, key: Key) -> Mapping[str, Any] | None:
        return messages.read_placed(self._folder.feed_stem(*key))

    def _write_placed(self, found: _Followed) -> None:
        assert found.node is not None
        body = {"agent": found.node.name, "place": found.place, "frozen": found.place is None}
        messages.write_placed(self._folder.feed_stem(*found.key), body)


def _as_on_a_node(recipe: Recipe) -> Recipe:
    """Ray has seen to its resources; only the number of threads is left for its node to see to."""
    cpu = recipe.work.resources.cpu
    return replace(recipe, work=replace(recipe.work, resources=Resources(cpu=1.0 if cpu is None else cpu)))
