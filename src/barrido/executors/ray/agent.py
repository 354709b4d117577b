"""The actor on a node: starts the node's host, renews its lease, and passes on what is said.

One of it serves all trials of a sweep on its node. It is detached: when the controller dies it lives on,
and its trials with it. It keeps what the host said until a controller has it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import platform
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from barrido.executors.leader import machine_id
from barrido.executors.ray import places

log = logging.getLogger(__name__)

LEASE_S = 10.0
"""How long trials may go on while the cluster's head cannot be reached."""

ABANDONED_S = 24 * 3600.0
"""How long trials may go on while no controller asks for them."""

PORTION = 1 << 20  # bytes of what was said that are handed over at once

NAMESPACE = b"barrido"


def network_id() -> str:
    """Names this machine's network, as far as its loopback reaches."""
    try:
        return f"{machine_id()}.{os.stat('/proc/self/ns/net').st_ino}"  # noqa: PTH116
    except OSError:
        return machine_id()


class Agent:
    """A Ray actor, to be made with ``max_concurrency`` above one: `hear` waits."""

    def __init__(self, name: str, log: str) -> None:
        """``name`` is the key of its fence; ``log`` a file for what the host prints."""
        self._name = name
        self._log = log
        self._giving = threading.Lock()  # of what is told; never held by who reads the host's words
        self._changed = threading.Condition()  # of what was said
        self._said: deque[tuple[int, bytes]] = deque()  # with their numbers, which ascend by one
        self._number = 0
        self._generation = 0
        self._next = 0  # the next command's number
        self._early: dict[int, bytes] = {}  # commands that came before their turn
        self._asked_at = time.monotonic()
        self._host: subprocess.Popen[bytes] | None = None
        threading.Thread(target=self._renew, name="lease", daemon=True).start()

    def hello(self, token_file: str, token: str) -> dict[str, Any]:
        """What a controller must know of this node before it sends trials."""
        import ray

        try:
            shares = Path(token_file).read_text() == token
        except OSError:
            shares = False
        return {
            "host": platform.node(),
            "address": ray.util.get_node_ip_address(),
            "network": network_id(),
            "machine": machine_id(),
            "version": importlib.metadata.version("barrido"),
            "shares": shares,
        }

    def attach(self, generation: int, command: bytes) -> None:
        """A controller takes over with ``command``; what was said to earlier ones is dropped."""
        with self._giving:
            with self._changed:
                self._generation = generation
                self._said.clear()
                self._number = 0
                is_there = self._host is not None
            self._asked_at = time.monotonic()
            self._early.clear()
            self._next = 0
            if not is_there:
                self._start()
            self._renew_once()
            self._give(command)

    def tell(self, generation: int, first: int, commands: list[bytes]) -> None:
        """Commands numbered from ``first``. Told again, they are done once; in whatever order they come."""
        with self._giving:
            self._asked_at = time.monotonic()
            if generation != self._generation:
                return
            self._early.update(enumerate(commands, first))
            for number in [number for number in self._early if number < self._next]:
                del self._early[number]
            while (command := self._early.pop(self._next, None)) is not None:
                self._next += 1
                self._give(command)

    def hear(self, generation: int, after: int, wait_s: float) -> tuple[int, list[bytes], int] | None:
        """What was said since word number ``after``, and how many commands arrived; None: by another
        controller's time. Words up to ``after`` are forgotten. Waits up to ``wait_s`` for the first.
        """
        with self._changed:
            self._asked_at = time.monotonic()
            if generation != self._generation:
                return None
            while self._said and self._said[0][0] <= after:
                self._said.popleft()
            self._changed.wait_for(lambda: self._said or generation != self._generation, wait_s)
            words, size = [], 0
            for number, word in self._said if generation == self._generation else ():
                words.append(word)
                after, size = number, size + len(word)
                if size > PORTION:
                    break
            return after, words, self._next

    def _start(self) -> None:
        """The host leaves this process's session by itself: see there why."""
        with Path(self._log).open("ab") as log:
            self._host = host = subprocess.Popen(
                [sys.executable, "-m", "barrido.executors.ray.host"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
            )
        threading.Thread(target=self._read, args=(host,), name="host", daemon=True).start()

    def _read(self, host: subprocess.Popen[bytes]) -> None:
        assert host.stdout is not None
        for line in host.stdout:
            generation, _, word = line.partition(b" ")
            with self._changed:
                if int(generation) == self._generation:
                    self._add(word)
        host.wait()
        with self._changed:
            self._host = None
            self._add(b'{"is": "gone"}\n')

    def _add(self, word: bytes) -> None:
        self._number += 1
        self._said.append((self._number, word))
        self._changed.notify_all()

    def _give(self, command: bytes) -> None:
        if self._host is not None and self._host.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone: `_read` says so
                self._host.stdin.write(command)
                self._host.stdin.flush()

    def _renew(self) -> None:
        while True:
            time.sleep(LEASE_S / 4)
            with self._giving:
                self._renew_once()
            if time.monotonic() - self._asked_at > ABANDONED_S + LEASE_S:
                self._leave()

    def _leave(self) -> None:
        """Nobody will come any more. The host ends when its pipe does."""
        try:
            places.give_back(self._name.rsplit(".", 2)[0])
        finally:
            os._exit(0)

    def _renew_once(self) -> None:
        """Renew the host's lease if the head answers, and nobody has fenced this agent.

        A lease counts from before the head was asked: whoever fences, and then waits for `LEASE_S`, knows
        that it has run out.
        """
        from ray.experimental.internal_kv import _internal_kv_get

        asked = time.monotonic()
        try:
            is_fenced = _internal_kv_get(self._name.encode(), namespace=NAMESPACE) is not None
        except Exception as error:  # whatever Ray raises where it cannot reach its head
            log.warning("the head does not answer: %s", error)
            return
        if not is_fenced and asked - self._asked_at < ABANDONED_S:
            self._give(b'{"do": "renew", "until": %f}\n' % (asked + LEASE_S))
