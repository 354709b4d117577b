"""The nodes on which a sweep has places: an agent on each, and which places are free."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Literal

from barrido.core.layout import SweepFolder
from barrido.errors import ControllerError
from barrido.executors.ray.cluster import Cluster
from barrido.executors.ray.node import Node, Terms
from barrido.executors.ray.places import Place

log = logging.getLogger(__name__)

FIRST_S = 20.0
"""How long a sweep that begins waits for its first place, before it goes on waiting in the background."""

AGAIN_S = 5.0
"""How long a sweep that is taken up again waits for the agents it had."""

LOOK_S = 1.0
"""How often it is looked where the places are."""

LEAVE_S = 5.0
TRIES = 3  # of an agent on one node

Heard = tuple[Node, Mapping[str, Any]] | Literal["places", "wake"]


class Nodes:
    """A thread of its own looks for places and starts agents; the methods belong to the executor's.

    What the nodes say arrives in ``heard``, and "places" when there may be more of them than before. The
    names of the agents are written down before there are any: the next controller looks for them.
    """

    def __init__(
        self,
        folder: SweepFolder,
        cluster: Cluster,
        heard: queue.SimpleQueue[Heard],
        attachment: Mapping[str, Any],
        gateway: int | None,
    ) -> None:
        """``attachment`` is what each host is told first; ``gateway`` the port of the trials' MLflow here."""
        home = folder.root / "ray"
        home.mkdir(exist_ok=True)
        self._names = home / "agents.json"
        token = home / "token"
        if not token.exists():
            token.write_text(os.urandom(16).hex())
        self._terms = Terms(home, token, token.read_text(), attachment, gateway, cluster.fence)
        self._cluster = cluster
        self._heard = heard
        self._nodes: dict[str, Node] = {}  # by their agents' names
        self._here: dict[str, Node] = {}  # by the names that Ray has for nodes: the agent there, up or not
        self._failures: Counter[str] = Counter()
        self._refused: dict[str, str] = {}
        self._wanted = 0
        self._lock = threading.Lock()  # of the dictionaries
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._looking = threading.Thread(target=self._look, name="places", daemon=True)

    def join(self, wanted: int) -> None:
        """Take up the agents of an earlier controller; then have ``wanted`` places, or wait for them in the
        background. Raises ControllerError if there is no node on which trials could run."""
        self._wanted = wanted
        had = self._read_names()
        try:
            self._cluster.check()
            for name in had:
                self._start(Node(name, self._cluster.lookup(name), self._terms, self._hear))
            self._wait(AGAIN_S, lambda: all(node.is_up or node.is_lost for node in self._nodes.values()))
            deadline = time.monotonic() + FIRST_S
            while not self._is_any_up() and time.monotonic() < deadline:
                self._look_once()
                self._wait(0.1, self._is_any_up)
                if self._refused and not self._here:  # unless another place is found soon
                    deadline = min(deadline, time.monotonic() + AGAIN_S)
            if self._refused and not self._is_any_up():
                raise ControllerError("; ".join(self._refused.values()))
        except BaseException:
            if had:  # trials may run
                self.close()
            else:
                self.end(0.0)
            raise
        if not self._is_any_up():
            log.info("the cluster has no room for a trial now")
        self._looking.start()

    def want(self, count: int) -> None:
        """There may be so many trials at a time."""
        self._wanted = max(self._wanted, count)

    def free(self, taken: Collection[int], *, only: Node | None) -> tuple[Place, Node] | None:
        """A place that is not ``taken``: on the node that has the most of them, or on that of ``only``."""
        free: dict[str, list[tuple[Place, Node]]] = {}
        with self._lock:
            for place in tuple(self._cluster.places.values()):
                node = self._here.get(place.node or "")
                if place.number in taken or node is None:
                    continue
                if only is not None and _ray_name(only.name) == place.node:
                    return place, only
                if only is None and node.is_up:
                    free.setdefault(node.name, []).append((place, node))
        return max(free.values(), key=len)[0] if free else None

    def named(self, name: str) -> Node:
        """The agent that an earlier controller gave trials to."""
        with self._lock:
            found = self._nodes.get(name)
        return found or self._start(Node(name, None, self._terms, self._hear))

    def close(self) -> None:
        self._leave(for_good=False)

    def end(self, wait_s: float) -> None:
        """The sweep is over: nothing of it stays in the cluster."""
        nodes = [node for node in self._nodes.values() if not node.is_lost]
        for node in nodes:
            node.tell({"do": "end"})
        deadline = time.monotonic() + wait_s
        for node in nodes:
            if node.is_up:
                node.has_ended.wait(max(0.0, deadline - time.monotonic()))
        self._leave(for_good=True)

    def _leave(self, *, for_good: bool) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._looking.is_alive():
            self._looking.join(LEAVE_S)
        for node in self._nodes.values():
            node.close()
        for node in self._nodes.values():
            node.join(LEAVE_S)
            if for_good:
                with suppress(Exception):  # the cluster may be gone
                    self._cluster.kill(node.actor)
        self._cluster.leave(for_good=for_good)
        if for_good:
            self._names.unlink(missing_ok=True)

    def _hear(self, node: Node, word: Mapping[str, Any]) -> None:
        """In the node's own thread."""
        name = _ray_name(node.name)
        with self._lock:
            if word["is"] == "refused":
                self._refused[name] = f"trials cannot run on {node.address}: {word['why']}"
            elif word["is"] == "lost":
                self._failures[name] += 1
                if self._here.get(name) is node:
                    del self._here[name]
                if self._failures[name] == TRIES:
                    self._refused.setdefault(name, f"no agent lives on {node.address}: {word['why']}")
        self._heard.put((node, word))
        self._changed.set()

    def _is_any_up(self) -> bool:
        return any(node.is_up for node in tuple(self._nodes.values()))

    def _wait(self, wait_s: float, is_enough: Any) -> None:
        deadline = time.monotonic() + wait_s
        while not is_enough() and (left := deadline - time.monotonic()) > 0:
            self._changed.wait(left)
            self._changed.clear()

    def _start(self, node: Node) -> Node:
        with self._lock:
            self._nodes[node.name] = node
            if node.actor is not None:
                self._here.setdefault(_ray_name(node.name), node)
        node.start()
        return node

    def _look(self) -> None:
        while not self._closed.wait(LOOK_S):
            try:
                self._look_once()
            except Exception as error:  # of Ray's: perhaps its head answers next time
                log.warning("the cluster could not be asked for places: %s", error)

    def _look_once(self) -> None:
        self._cluster.reserve(self._wanted)
        changed = self._cluster.refresh()
        for name in {place.node for place in tuple(self._cluster.places.values()) if place.node}:
            if name not in self._here and name not in self._refused:
                self._add(name)
        if changed:
            self._heard.put("places")

    def _add(self, ray_name: str) -> None:
        name = f"{self._cluster.identity}.{ray_name}.{os.urandom(4).hex()}"
        draft = self._names.with_suffix(".draft")
        draft.write_text(json.dumps([*self._read_names(), name]))
        draft.replace(self._names)
        said = os.fspath(self._terms.home / f"{name}.log")
        actor = self._cluster.agent(name, ray_name, said)
        self._start(Node(name, actor, self._terms, self._hear, self._cluster.address_of(ray_name)))

    def _read_names(self) -> list[str]:
        try:
            return list(json.loads(self._names.read_text()))
        except FileNotFoundError:
            return []


def _ray_name(agent: str) -> str:
    """The node's, of an agent's name."""
    return agent.rsplit(".", 2)[1]
