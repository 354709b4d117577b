"""The nursery's life: read orders, import for the first of them, fork for each."""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import sys
from typing import Any

from . import fresh
from .birth import Mother, Order, bear
from .heads import leading
from .identity import Program, present
from .scout import Scout, learned
from .shared import Shared
from .watch import Imports, Unfit, lasting_threads

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

SCOUTS = 3
"""So many trials are watched at most; the first one may never end, or not tell."""


def serve(orders: int, replies: int, *, baseline: frozenset[str]) -> None:
    """Returns in a trial only. Orders and replies are JSON objects, one on each line."""
    nursery = _Nursery(orders, replies, baseline)
    try:
        nursery.run()
    except Unfit as unfit:
        nursery.say(excluded=unfit.name.partition(".")[0], why=unfit.why)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)
        atexit._run_exitfuncs()  # temporary folders go
        os._exit(0)
    except (OSError, LookupError) as error:
        nursery.say(unfit=str(error))
        os._exit(0)


class _Nursery:
    def __init__(self, orders: int, replies: int, baseline: frozenset[str]) -> None:
        self._orders = orders
        self._replies = replies
        self._mother: Mother | None = None
        self._leaders: dict[int, tuple[int, str]] = {}  # pidfd → pid, to be reaped, and its claim
        self._unread = b""
        self._shared = Shared(baseline)
        self._packages: set[str] = set()
        self._imports: Imports | None = None
        self._program: Program | None = None
        self._learned = ""  # the file that the scouts wrote, once it was read
        self._scouts = SCOUTS
        atexit.register(self._shared.leave)  # the first that is registered comes last
        # The trials have modules of their own: none is there that they did not ask for.
        for name in [name for name in sys.modules if name in self._shared]:
            del sys.modules[name]

    def run(self) -> None:
        """Returns in a trial only."""
        # An import may never end, and the controller be killed meanwhile. Trials do not inherit this.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        self._program = Program()
        present(["barrido-nursery", *sys.orig_argv], os.environ)
        self.say(ready=True)
        poll = select.poll()
        poll.register(self._orders, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor != self._orders:
                    poll.unregister(descriptor)
                    ended, life = self._leaders.pop(descriptor)
                    os.waitpid(ended, 0)
                    os.close(descriptor)
                    if not os.path.exists(life):
                        self.say(unclaimed=life)
                    continue
                for order, excluded in self._read():
                    mother = self._ready_for(order, excluded)
                    pid = bear(order, mother, [self._orders, self._replies, *self._leaders])
                    if pid is None:
                        if self._scouts:
                            Scout(order.learned)
                        return
                    self._scouts = max(0, self._scouts - 1)
                    leader = os.pidfd_open(pid)
                    self._leaders[leader] = pid, order.life
                    poll.register(leader, select.POLLIN)

    def say(self, **what: Any) -> None:
        os.write(self._replies, json.dumps(what).encode() + b"\n")

    def _read(self) -> list[tuple[Order, list[str]]]:
        raw = os.read(self._orders, 1 << 16)
        if not raw:
            os._exit(0)  # the controller is gone; the trials have their leaders
        self.say(read=len(raw))
        *lines, self._unread = (self._unread + raw).split(b"\n")
        read = map(json.loads, lines)
        return [(Order(**body["order"]), body["excluded"]) for body in read]

    def _ready_for(self, order: Order, excluded: list[str]) -> Mother:
        """Import what is known to be needed, in the working folder of a trial: all have the same files."""
        knows_more = self._learned != order.learned and os.path.exists(order.learned)
        if self._mother is None or knows_more:
            assert self._program is not None
            os.chdir(order.work)
            script, folder = _script(order)
            if self._imports is None:
                pins = {name: os.environ[name] for name in fresh.SIZES if name in os.environ}
                os.environ.clear()  # in the order that trials take it on, they change little of it
                os.environ.update(order.environ | pins)
                self._imports = Imports(excluded, order.varying, order.argv(), script, folder)
            heads = list(leading(script))
            self.say(imports=sorted({name.partition(".")[0] for name, _ in heads}))
            for name, taken in heads:
                self._imports.load(name, taken)
            if knows_more:
                self._learned, self._scouts = order.learned, 0
                for name, origin in learned(order.learned):
                    self._imports.load(name, origin=origin)
            self._shared.keep()
            self._packages = {name.partition(".")[0] for name in self._shared.modules}
            gc.freeze()  # or the first collection in each trial would copy every page
            gc.collect()  # finds nothing now, and gives back what was kept for later
            self._mother = Mother(
                self._program,
                self._imports.changes(),
                fresh.pools(),
                list(fresh.places_of(os.getcwd())) + list(self._mother.places if self._mother else ()),
            )
            os.chdir("/")
        if shadowed := self._shadowed(order):
            raise OSError(f"{shadowed} in the script's folder hides a module of that name")
        if threads := lasting_threads():
            raise OSError(f"there are threads in it ({threads[0]})")
        return self._mother

    def _shadowed(self, order: Order) -> str:
        """A file of the user's that bears the name of a module which is there already."""
        _, folder = _script(order)
        try:
            return next((n for n in os.listdir(folder) if n.partition(".")[0] in self._packages), "")
        except OSError:
            return ""


def _script(order: Order) -> tuple[str, str]:
    """The file that will run, and the folder where it finds its modules first."""
    if order.words[1] != "-m":
        script = os.path.realpath(os.path.join(order.work, order.words[1]))
        return script, os.path.dirname(script)
    path = os.path.join(order.work, *order.words[2].split("."))
    package = os.path.join(path, "__main__.py")
    return package if os.path.exists(package) else f"{path}.py", order.work
