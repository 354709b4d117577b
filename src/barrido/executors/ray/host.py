"""The process that runs trials on a node of a cluster: a `LocalExecutor`, told what to do through a pipe.

``python -m barrido.executors.ray.host``, started by an agent (`barrido.executors.ray.agent`). It leaves
the agent's session, so that Ray, which ends whatever a worker started, leaves it to end its trials itself.
It does when its agent is gone, or when the lease that its agent renews has run out: from then on another
attempt of the same trial may run elsewhere. Either way trials have the grace period to save their work.

Its words go out in lines of ``<generation> <JSON>``: each controller that takes the sweep up has a
generation of its own, and hears nothing that was said to those before.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from barrido.core.events import Cause, Exited, PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order, Signal, Step, Verdict
from barrido.core.recipe import Recipe
from barrido.executors.local import LocalExecutor
from barrido.executors.ray import messages
from barrido.executors.ray.tunnel import Tunnel

COMMANDS = 0
"""A descriptor. The agent is gone when nobody holds the other end."""

LOOK_S = 0.5
OUT_OF_TOUCH = "its node lost touch with the cluster"

_SET_BY_RAY = frozenset({"OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"})


class Host:
    def __init__(self, words: int) -> None:
        """``words`` is the descriptor of the pipe to the agent."""
        self._words = words
        self._executor: LocalExecutor | None = None
        self._generation = 0
        self._unread = b""
        self._lock = threading.Lock()  # of what is said
        self._tunnel: Tunnel | None = None
        self._port: int | None = None
        self._commands: dict[tuple[int, int], str] = {}
        self._trackers: dict[tuple[int, int], Mapping[str, str]] = {}
        self._lease = 0.0  # monotonic seconds; the agent renews it before it asks for anything
        self._grace_s = 0.0
        os.set_blocking(COMMANDS, False)

    def run(self) -> None:
        """Until the sweep is over, or nobody is there to be told."""
        while True:
            if self._executor is None:
                time.sleep(0.01)  # nothing runs, and the first word is on its way
            else:
                self._tell(self._executor.events(LOOK_S))
            if not self._hear() or (self._executor is not None and time.monotonic() > self._lease):
                self._end_trials(OUT_OF_TOUCH)
                return

    def _hear(self) -> bool:
        """Do what was asked for; False when there is nobody any more who asks, or nothing left to do."""
        while True:
            try:
                raw = os.read(COMMANDS, 1 << 20)
            except BlockingIOError:
                return True
            if not raw:
                return False
            *lines, self._unread = (self._unread + raw).split(b"\n")
            for line in lines:
                if not self._do(messages.read(line)):
                    return False

    def _do(self, asked: Mapping[str, Any]) -> bool:
        match asked["do"]:
            case "renew":
                self._lease = asked["until"]
            case "attach":
                self._attach(asked)
            case "end":
                self._end_trials("the sweep is over")
                self._say({"is": "ended"})
                return False
            case "tunnel" if self._tunnel is not None:
                self._tunnel.take(asked)
            case what if self._executor is not None:
                self._pass_on(self._executor, what, asked)
        return True

    def _pass_on(self, executor: LocalExecutor, what: str, asked: Mapping[str, Any]) -> None:
        if what in ("launch", "adopt", "unpause"):
            order = messages.order_from_json(asked["order"])
            if what == "launch":
                key = order.trial, order.attempt
                self._commands[key], self._trackers[key] = asked["command"], asked["environment"]
                executor.launch(order)
            elif what == "adopt":
                executor.adopt(order, asked["offsets"])
            else:
                executor.unpause(order)
            return
        trial = asked["trial"]
        match what:
            case "stop":
                executor.stop(trial, asked["attempt"], asked["reason"])
            case "pause":
                executor.pause(trial, asked["attempt"], PauseMode(asked["mode"]), asked["reason"])
            case "answer":
                verdict = Verdict(Step(asked["step"]), asked["reason"], asked["until"])
                executor.answer(trial, asked["attempt"], asked["offsets"], verdict)

    def _attach(self, asked: Mapping[str, Any]) -> None:
        """A controller takes over: it will say which attempts there are to be."""
        if self._executor is not None:
            self._executor.close()
        self._generation, self._grace_s = asked["generation"], asked["grace_s"]
        self._folder, self._home = SweepFolder(Path(asked["folder"])), Path(asked["home"])
        self._executor = LocalExecutor(
            self._folder,
            Recipe.from_json(asked["recipe"]),
            render=self._render,
            environment=self._environment,
            outer=_outer(os.environ),
            grace_s=self._grace_s,
            polls=asked["polls"],
            home=self._home,
        )
        self._executor.listen(COMMANDS, self._executor.wake)
        if self._tunnel is not None:
            self._tunnel.reset()
        elif asked["tunnels"]:
            self._tunnel = Tunnel(self._say, target=None)
            self._port = self._tunnel.listen()
        self._say({"is": "attached", "port": self._port, "now": time.time()})

    def _render(self, order: Order) -> str:
        return self._commands.pop((order.trial, order.attempt))

    def _environment(self, trial: int, attempt: int) -> Mapping[str, str]:
        return self._trackers.pop((trial, attempt))

    def _end_trials(self, reason: str) -> None:
        executor = self._executor
        if executor is None:
            return
        for trial, attempt in executor.running():
            if reason == OUT_OF_TOUCH:
                with suppress(OSError):
                    self._lost(trial, attempt).touch()
            executor.stop(trial, attempt, reason)
        deadline = time.monotonic() + self._grace_s + LOOK_S
        executor.unlisten(COMMANDS)
        while executor.running() and (left := deadline - time.monotonic()) > 0:
            self._tell(executor.events(left))
        executor.sweep_leftovers(is_ours=self._was_told)
        executor.close()
        self._executor = None

    def _tell(self, signals: Sequence[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, Exited) and self._lost(signal.trial, signal.attempt).exists():
                signal = replace(signal, cause=Cause.LOST, detail=OUT_OF_TOUCH)
            self._say({"is": "signal", "signal": messages.signal_to_json(signal)})

    def _was_told(self, stem: str) -> bool:
        """Whether the controller gave this attempt to this host's agent: another may be on this machine."""
        placed = messages.read_placed(stem)
        return placed is not None and placed["agent"] == self._home.name

    def _lost(self, trial: int, attempt: int) -> Path:
        """A file that says that an attempt was ended because its node lost touch with the cluster."""
        return Path(f"{self._folder.feed_stem(trial, attempt)}.lost")

    def _say(self, body: Mapping[str, Any]) -> None:
        raw = b"%d %s" % (self._generation, messages.line(body))
        with self._lock, suppress(OSError):  # the agent is gone: its pipe says so, too
            while raw:
                raw = raw[os.write(self._words, raw) :]


def _outer(environ: Mapping[str, str]) -> dict[str, str]:
    """The node's environment without what Ray put into it for its own worker."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("RAY_") and name not in _SET_BY_RAY
    }


def main() -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    words = os.dup(1)
    os.dup2(2, 1)  # whatever is printed goes to the log
    Host(words).run()
    os._exit(0)


if __name__ == "__main__":
    main()
