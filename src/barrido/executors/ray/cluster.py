"""A sweep's place in a Ray cluster: the connection, the places that Ray keeps for its trials, and its agents.

A *place* is room for one trial, on whichever node has it. Ray finds others for those whose node is gone, and
counts those it has no room for as demand, so that a cluster that can grow does. No process stands behind a
place. On every node with places the sweep has one agent.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Recipe, Resources
from barrido.errors import BarridoError, ControllerError, MissingExtra
from barrido.executors.ray import head, places
from barrido.executors.ray.agent import NAMESPACE, Agent
from barrido.executors.ray.places import Place

CONNECT_S = 10.0
JOINS = 3
"""How often a head is asked that is too busy to start its side of a ``ray://`` connection within its 30 s."""

CALLS = 8  # of an agent at once: `hear` waits, others must not wait for it
GROUP = NAMESPACE.decode()
_TOO_BUSY = "Starting Ray client server failed"


@dataclass
class Cluster:
    """Every method that asks Ray may take as long as Ray does."""

    identity: str  # of the sweep; its agents and places have names that begin with it
    resources: Resources
    own: SweepFolder | None = None  # the sweep for which the whole cluster was started, if it was
    places: dict[int, Place] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: SweepFolder, recipe: Recipe) -> Cluster:
        """The one that ``recipe`` names, connected.

        Raises MissingExtra, or ControllerError that says what to do.
        """
        if find_spec("ray") is None:
            raise MissingExtra("ray", needed_for=f"compute: {recipe.compute}")
        own = folder if recipe.compute == "ray" else None
        address = head.start(folder) if own else recipe.compute.removeprefix("ray:auto") or "auto"
        cluster = cls(f"{recipe.name}-{_birth(folder)}", recipe.work.resources, own)
        try:
            cluster.connect(address)
        except BarridoError:
            cluster.leave(for_good=True)
            raise
        return cluster

    def connect(self, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # else a thread that comes late begins a cluster
        import ray

        _knock(os.environ.get("RAY_ADDRESS", "") if address == "auto" else address)
        for left in reversed(range(JOINS)):
            try:
                ray.init(address, namespace=GROUP, log_to_driver=False, configure_logging=False)
            except Exception as error:  # Ray raises its own, ConnectionError, RuntimeError and others
                if not (left and _TOO_BUSY in str(error)):
                    raise _explained(error, address) from error
            else:
                return

    def check(self) -> None:
        """Raises ControllerError if no node that is there could ever have room for a trial."""
        import ray

        needs = bundle(self.resources)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(all(node.get(name, 0.0) >= amount for name, amount in needs.items()) for node in nodes):
            return
        most = {name: max((node.get(name, 0.0) for node in nodes), default=0.0) for name in needs}
        lacking = [
            f"{amount:g} {name} ({most[name]:g} at most on one node)"
            for name, amount in needs.items()
            if amount > most[name]
        ]
        what = ", ".join(lacking) or "all of that on one node"
        raise ControllerError(
            f"no node of the cluster has what a trial needs: {what}",
            hint="ask for less under `resources`, or add a node that has it",
        )

    def address_of(self, node: str) -> str:
        """How people know a node."""
        import ray

        nodes = ray.nodes()
        return next((str(one["NodeManagerAddress"]) for one in nodes if one["NodeID"] == node), node)

    def reserve(self, count: int) -> None:
        """Ask for ``count`` places in all. Those that an earlier controller asked for are among them."""
        from ray.util.placement_group import get_placement_group, placement_group

        for number in range(count):
            if number in self.places:
                continue
            name = places.name_of(self.identity, number)
            try:
                group = get_placement_group(name)
            except ValueError:
                group = placement_group([bundle(self.resources)], name=name, lifetime="detached")
            self.places[number] = Place(number, group)

    def refresh(self) -> bool:
        """Learn on which nodes the places are; whether anything changed."""
        changed = False
        known = places.table()
        for place in list(self.places.values()):
            entry = known.get(place.group.id.hex(), {})
            node = entry["bundles_to_node_id"].get(0) if entry.get("state") == "CREATED" else None
            if node != place.node:
                place.gpus = self._gpus_of(place) if node else None
                place.node, changed = node or None, True
        return changed

    def _gpus_of(self, place: Place) -> str:
        """Ray gives a bundle the same GPUs as long as it is there; only who runs in it is told which."""
        share = self.resources.gpu or 0.0
        if not share:
            return ""
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        strategy = PlacementGroupSchedulingStrategy(place.group, placement_group_bundle_index=0)
        ask = ray.remote(_visible_gpus).options(num_cpus=0, num_gpus=share, scheduling_strategy=strategy)
        return str(ray.get(ask.remote()))

    def agent(self, name: str, node: str, log: str) -> Any:
        """A new agent of the sweep on ``node``."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = ray.remote(Agent).options(
            name=name,
            namespace=GROUP,
            lifetime="detached",
            num_cpus=0,
            max_concurrency=CALLS,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        return actor.remote(name, log)

    def kill(self, actor: Any) -> None:
        import ray

        ray.kill(actor)

    def lookup(self, name: str) -> Any | None:
        """An agent that an earlier controller made; None if it is gone."""
        import ray

        try:
            return ray.get_actor(name, namespace=GROUP)
        except ValueError:
            return None

    def fence(self, name: str, actor: Any | None) -> None:
        """End an agent for good. After `barrido.executors.ray.agent.LEASE_S` and the grace period, none of
        its trials runs. Raises what Ray raises where the head does not answer."""
        from ray.experimental.internal_kv import _internal_kv_put

        _internal_kv_put(name.encode(), b"fenced", namespace=NAMESPACE)
        if actor is not None:
            with suppress(Exception):  # it is gone, or cannot be reached: then its host's lease runs out
                self.kill(actor)

    def leave(self, *, for_good: bool) -> None:
        """With ``for_good``, nothing of the sweep stays in the cluster."""
        import ray

        if for_good and self.own is None and ray.is_initialized():
            with suppress(Exception):  # the cluster may be gone
                places.give_back(self.identity)
        ray.shutdown()
        if for_good and self.own is not None:
            head.stop(self.own)


def bundle(resources: Resources) -> dict[str, float]:
    """What Ray is to keep for a trial: one CPU where nothing was said."""
    needs = {
        "CPU": 1.0 if resources.cpu is None else resources.cpu,
        "GPU": resources.gpu or 0.0,
        "memory": float(resources.memory or 0),
        **resources.custom,
    }
    return {name: amount for name, amount in needs.items() if amount}


def _birth(folder: SweepFolder) -> str:
    """Tells this sweep from another that had its name before, or has it in another workspace."""
    file = folder.root / "ray/birth"
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        file.write_text(os.urandom(4).hex())
    return file.read_text()


def _visible_gpus() -> str:
    import ray

    return ",".join(map(str, ray.get_gpu_ids()))


def _knock(address: str) -> None:
    """Where nobody is there, Ray tries for minutes, and then does not say what was wrong."""
    kind, _, place = address.rpartition("://")
    host, _, port = place.rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except OSError as error:
        hint = "is 10001 its client port?" if kind else "RAY_ADDRESS says that it is there"
        raise ControllerError(
            f"no Ray cluster answers at {address}: {error.strerror or error}",
            hint=f"is the head started (`ray start --head`)? {hint}",
        ) from error


def _explained(error: Exception, address: str) -> ControllerError:
    said = " ".join(str(error).split()) or type(error).__name__
    if "ersion mismatch" in said or "versions differ" in said:
        return ControllerError(
            f"Ray refuses the connection: {said[:400]}",
            hint="the cluster's nodes and this machine need the same versions of Ray and Python",
        )
    if "requires pip package" in said:
        return ControllerError(f"{address} needs more of Ray", hint="pip install 'ray[client]'")
    hint = "see the cluster's own log"
    if address == "auto":
        hint = "start one here with `ray start --head`, or `compute: ray` to have one for this sweep"
    elif address.startswith("ray://"):
        hint = "is it the head's client port, 10001 unless told otherwise, and has the head ray[client]?"
    return ControllerError(f"Ray cannot be reached: {said[:400]}", hint=hint)
