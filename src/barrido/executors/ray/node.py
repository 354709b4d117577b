"""The controller's end of one agent: what it was told, what it has said, and whether it can be reached."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import barrido
from barrido.errors import ControllerError
from barrido.executors.leader import machine_id
from barrido.executors.ray import messages
from barrido.executors.ray.agent import network_id
from barrido.executors.ray.tunnel import Tunnel

log = logging.getLogger(__name__)

HELLO_S = 60.0
HEAR_S = 10.0
PROBE_S = 0.5
"""How soon an agent that cannot be reached is tried again."""

LOST_S = 60.0
"""How long an agent may be out of reach before its trials are run elsewhere; then its lease is waited for."""

LEAVE_S = 0.25
"""How soon the thread that hears notices that it is to end."""

STUCK_S = 5.0
"""How long a command may be under way before it is sent again."""

DEATHS = 5
DEATHS_S = 60.0
SKEW_S = 0.1  # a node's clock that differs by less is as good as ours

Hear = Callable[["Node", Mapping[str, Any]], None]
"""Given what an agent said, in a thread of its own, ``{"is": …}``, as hosts say it; and

``attached``     all that it was told before is void
``unreachable``  it may come back
``reachable``    it came back
``refused``      trials cannot run there; that it is lost comes next
``lost``         it is gone, or was out of reach for too long, and is fenced; the last that is heard of it
``cut``          it is to be fenced, but the cluster's head does not answer
"""


@dataclass(frozen=True)
class Terms:
    """What all agents of a sweep are told, and what they must have."""

    home: Path  # a folder for what belongs to one host
    token_file: Path
    token: str
    attachment: Mapping[str, Any]
    gateway: int | None  # the port of the trials' MLflow here
    fence: Callable[[str, Any], None]  # given the name of an agent, and its actor; raises what Ray raises

    def attachment_of(self, name: str, hello: Mapping[str, Any]) -> dict[str, Any]:
        """Raises ControllerError if trials cannot run where ``hello`` comes from."""
        if hello["version"] != barrido.__version__:
            raise ControllerError(
                f"it has barrido {hello['version']}, and here is {barrido.__version__}; "
                f"have the same everywhere: pip install 'barrido[ray]=={barrido.__version__}'"
            )
        if not hello["shares"]:
            where = self.token_file.parents[1]
            raise ControllerError(
                f"it does not see {where}: the workspace must lie in a folder that all nodes share"
            )
        return {
            **self.attachment,
            "home": os.fspath(self.home / name),
            "polls": hello["machine"] != machine_id(),
            "tunnels": hello["network"] != network_id() and self.gateway is not None,
        }


class Node:
    """`start` it; when it `is_up`, `tell` it what to do. Two threads: one hears, one sends."""

    def __init__(self, name: str, actor: Any, terms: Terms, hear: Hear, address: str = "a node") -> None:
        """``actor`` is None if it is gone already; ``address`` is how people know its machine."""
        self.name = name
        self.actor = actor
        self.address = address
        self.is_up = False
        self.is_lost = False
        self.has_ended = threading.Event()
        self._terms = terms
        self._hear = hear
        self._tunnel: Tunnel | None = None
        self._port: int | None = None  # its end of the tunnel
        self._skew_s = 0.0  # what its clock is ahead of ours
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._silent_since: float | None = None
        self._generation = 0  # 0: it is not attached
        self._after = 0  # the number of the last word
        self._unsent: list[bytes] = []
        self._arrived = 0  # how many commands the agent has
        self._sent = 0
        self._moved_at = 0.0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Have it made ready, in the background."""
        for work in (self._follow, self._send) if self.actor is not None else (self._mourn,):
            thread = threading.Thread(target=work, name=self.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def through_tunnel(self, environment: Mapping[str, str]) -> dict[str, str]:
        """A tracker's environment variables as they are right on this node."""
        address = environment.get("MLFLOW_TRACKING_URI")
        if self._port is None or address is None:
            return dict(environment)
        here = urlsplit(address)._replace(netloc=f"127.0.0.1:{self._port}")
        return {**environment, "MLFLOW_TRACKING_URI": here.geturl()}

    def in_our_time(self, at: float) -> float:
        return at - self._skew_s

    def tell(self, command: Mapping[str, Any]) -> None:
        """Have it told; in order, once, and again and again until it has arrived."""
        with self._changed:
            self._unsent.append(messages.line(command))
            self._changed.notify_all()

    def close(self) -> None:
        """Have nothing to do with it any more; may be repeated."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        if self._tunnel is not None:
            self._tunnel.close()

    def join(self, wait_s: float) -> None:
        """Wait until, after `close`, none of its threads has anything to do with Ray."""
        deadline = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _follow(self) -> None:
        import ray

        while not self._closed.is_set():
            try:
                if not self._generation:
                    self._attach()
                asked = self.actor.hear.remote(self._generation, self._after, HEAR_S)
                heard = self._get(asked, 2 * HEAR_S)
            except ControllerError as error:
                self._say({"is": "refused", "why": error.message})
                return self._give_up(error.message)
            except (ray.exceptions.ActorDiedError, ray.exceptions.RayTaskError) as error:
                return self._give_up(_why(error))
            except Exception as error:  # whatever else Ray raises, or its client
                if self._is_silent_for_too_long(error):
                    return self._give_up(f"it was out of reach for {LOST_S:g} s")
                self._closed.wait(PROBE_S)
                continue
            if heard is None:  # another controller's now
                return None
            if self._silent_since is not None:
                self._silent_since = None
                self._say({"is": "reachable"})
            self._after, words, arrived = heard
            self._see_arrived(arrived)
            for word in words:
                self._take(messages.read(word))
            if len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] < DEATHS_S:
                return self._give_up("the process that runs its trials died again and again")
        return None

    def _attach(self) -> None:
        terms = self._terms
        hello = self.actor.hello.remote(os.fspath(terms.token_file), terms.token)
        told = self._get(hello, HELLO_S)
        self.address = f"{told['host']} ({told['address']})"
        attachment = terms.attachment_of(self.name, told)
        if self._tunnel is not None:
            self._tunnel.reset()
        elif attachment["tunnels"] and terms.gateway is not None:
            where = "127.0.0.1", terms.gateway
            self._tunnel = Tunnel(lambda word: self.tell({"do": "tunnel", **word}), target=where)
        generation = time.time_ns()
        raw = messages.line({"do": "attach", "generation": generation, **attachment})
        self._get(self.actor.attach.remote(generation, raw), HELLO_S)
        with self._changed:
            self._after, self._arrived, self._sent = 0, 0, 0
            self._generation = generation
            self._changed.notify_all()

    def _get(self, asked: Any, within_s: float) -> Any:
        """What Ray has for us. Gives up when `close` was called: nobody is to be within Ray when it ends."""
        import ray

        deadline = time.monotonic() + within_s
        while not self._closed.is_set() and (left := deadline - time.monotonic()) > 0:
            if ray.wait([asked], timeout=min(left, LEAVE_S))[0]:
                return ray.get(asked)
        raise ray.exceptions.GetTimeoutError(f"no answer within {within_s:g} s")

    def _take(self, word: Mapping[str, Any]) -> None:
        match word["is"]:
            case "tunnel":
                if self._tunnel is not None:
                    self._tunnel.take(word)
            case "attached":
                skew_s = word["now"] - time.time()
                self._skew_s = skew_s if abs(skew_s) > SKEW_S else 0.0
                self._port = word["port"]
                self.is_up = True
                self._say(word)
            case "gone":  # its host; the agent starts another
                self._deaths.append(time.monotonic())
                with self._changed:
                    self._generation, self._unsent = 0, []
            case "ended":
                self.has_ended.set()
            case _:
                self._say(word)

    def _see_arrived(self, arrived: int) -> None:
        """A connection that broke may have lost what was under way: then it is sent again."""
        now = time.monotonic()
        with self._changed:
            if arrived > self._arrived or self._sent <= arrived:
                self._moved_at = now
            del self._unsent[: arrived - self._arrived]
            self._arrived = arrived
            self._sent = max(self._sent, arrived)
            if now - self._moved_at > STUCK_S:
                self._sent, self._moved_at = arrived, now
                self._changed.notify_all()

    def _is_silent_for_too_long(self, error: Exception) -> bool:
        now = time.monotonic()
        if self._silent_since is None:
            log.info("%s cannot be reached: %s", self.name, _why(error))
            self._silent_since = now
            self._say({"is": "unreachable"})
        return now - self._silent_since > LOST_S

    def _mourn(self) -> None:
        self._give_up("it was gone when the sweep was taken up again")

    def _give_up(self, why: str) -> None:
        """Fence it: only then may its trials run elsewhere, when its lease has run out."""
        self.is_up, self.is_lost = False, True
        began = time.monotonic()
        is_cut = False
        while not self._closed.is_set():
            try:
                self._terms.fence(self.name, self.actor)
            except Exception as error:  # whatever Ray raises where its head does not answer
                log.info("%s could not be fenced: %s", self.name, _why(error))
                if not is_cut and time.monotonic() - began > LOST_S:
                    is_cut = True
                    self._say({"is": "cut"})
                self._closed.wait(PROBE_S)
            else:
                self._say({"is": "lost", "why": why})
                return

    def _say(self, word: Mapping[str, Any]) -> None:
        if not self._closed.is_set():
            self._hear(self, word)

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_something_to_send)
                if self._closed.is_set():
                    return
                generation = self._generation
                first, commands = self._sent, self._unsent[self._sent - self._arrived :]
                self._sent += len(commands)
            try:
                self.actor.tell.remote(generation, first, commands)
            except Exception as error:  # of Ray's client: it is sent again
                log.info("%s could not be told: %s", self.name, _why(error))
                self._closed.wait(PROBE_S)

    def _has_something_to_send(self) -> bool:
        is_ready = self._generation > 0 and self._sent < self._arrived + len(self._unsent)
        return is_ready or self._closed.is_set()


def _why(error: Exception) -> str:
    if "No module named 'barrido" in str(error):
        return f"barrido is not installed there: pip install 'barrido[ray]=={barrido.__version__}'"
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
