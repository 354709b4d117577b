"""The controller's end of warm trials: one nursery for a sweep, and what to do when there is none.

A nursery (see `barrido.executors.nursery`) is asked for a trial and never heard of it again: the trial's
leader claims the attempt as every leader does, and the supervisor finds it there. If the nursery dies,
orders that nobody has claimed are given to the next one; an attempt that is started twice runs once.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.plain import PythonCommand, python_words
from barrido.executors.attempt import Attempt, Key
from barrido.executors.environment import THREADS, TrialEnvironment
from barrido.executors.leader import Birth
from barrido.executors.leftovers import MARKER
from barrido.executors.nursery import MODULE_PLACEHOLDER, PLACEHOLDER
from barrido.executors.slots import VISIBLE
from barrido.executors.supervisor import Supervisor
from barrido.executors.words import SHELL

PATIENCE_S = 120.0
"""How long an order may wait for its trial. Imports are what takes time."""

_OF_EACH = ("BARRIDO_", "AZUREML_SWEEP_", "AZUREML_PARAMETER_", "MLFLOW_", *VISIBLE)
"""Variables that may differ from trial to trial: no interpreter looks at them when it starts."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OF_SHELLS = frozenset({"IFS", "OPTIND", "PPID", "_barrido_asked", "_barrido_code"})

DEATHS = 3
"""So many nurseries may die in a row before trials are started cold."""

Start = Callable[[Attempt, Birth], None]


class Nurseries:
    """The nursery of a sweep, started when it is first needed, and again when it died."""

    def __init__(
        self,
        folder: SweepFolder,
        home: Path,
        supervisor: Supervisor,
        environment: TrialEnvironment,
        start_cold: Start,
        unwanted: Sequence[int],
    ) -> None:
        """``home`` is the nursery's own folder. ``start_cold`` starts what was taken and cannot be started
        warm after all. ``unwanted`` descriptors are closed in the nursery.
        """
        self._home = home
        self._memory = Workspace(folder.root.parent.parent).warm
        self._supervisor = supervisor
        self._environment = environment
        self._start_cold = start_cold
        self._unwanted = unwanted
        self._orders: dict[Key, tuple[Attempt, Birth]] = {}  # given, and not claimed yet
        self._process: _Process | None = None
        self._program: tuple[str, bool] | None = None  # interpreter, and whether it runs a module
        self._shared: dict[str, str] = {}  # its environment, as far as all trials have it
        self._excluded: dict[str, str] = {}
        self._tracking = ""  # where trials find MLflow
        self._deaths = 0
        self._said = set[str]()
        self._is_off = not _is_possible()

    def take(self, attempt: Attempt, birth: Birth) -> bool:
        """Have the attempt started warm; False if that cannot be: start it cold."""
        python = python_words(birth.words)
        if self._is_off or python is None:
            return False
        program = python.program, python.module is not None
        shared = {name: value for name, value in birth.environment.items() if not name.startswith(_OF_EACH)}
        if self._program is None:
            self._program, self._shared = program, shared
        if why := self._misfit(program, shared):
            self._say_once(f"some trials start cold: {why}")
            return False
        self._orders[attempt.key] = attempt, birth
        self._supervisor.expect(attempt, self, PATIENCE_S)
        self._send(attempt, birth)
        return True

    def _misfit(self, program: tuple[str, bool], shared: Mapping[str, str]) -> str:
        """What such a trial needs that the nursery does not have; empty if there is nothing."""
        if self._program != program:
            return "their commands start differently"
        if differing := sorted(dict(self._shared.items() ^ shared.items())):
            return f"{differing[0]} is not the same for all of them"
        if special := sorted(_OF_SHELLS & shared.keys()):
            return f"{special[0]} is a variable of shells"
        if not all(entry.startswith("/") for entry in shared.get("PYTHONPATH", "/").split(os.pathsep)):
            return "PYTHONPATH has a relative path, which is another one for each"
        return ""

    def claimed(self, attempt: Attempt) -> None:
        """The attempt needs no nursery any more: its leader is there, or it is not to start at all."""
        if self._orders.pop(attempt.key, None) is not None:
            self._deaths = 0

    def overdue(self, attempt: Attempt) -> None:
        """An attempt has waited for too long."""
        if attempt.key in self._orders:
            self._give_up(f"the interpreter that imports for them did not answer for {PATIENCE_S:.0f} s")

    def close(self) -> None:
        """Let go of it: a nursery without a controller leaves, its trials go on."""
        if self._process is not None:
            self._process.close(self._supervisor)
            self._process = None

    def _send(self, attempt: Attempt, birth: Birth) -> None:
        try:
            if self._process is None:
                self._process = self._open(birth)
            self._process.send(
                {
                    "order": {
                        "life": birth.life,
                        "log": birth.log,
                        "work": birth.work,
                        "leader": birth.leader(),
                        "given": dict(birth.environment),
                        "environ": _as_a_shell_leaves_it(birth),
                        "words": list(birth.words),
                        "varying": self._environment.varying(birth.environment),
                        "learned": os.fspath(self._home / "learned.json"),
                    },
                    "excluded": sorted(self._excluded),
                }
            )
        except OSError as error:
            self._give_up(str(error))

    def _open(self, birth: Birth) -> _Process:
        python = python_words(birth.words)
        assert python is not None
        self._home.mkdir(exist_ok=True)
        self._excluded = self._known().get(python.program, {})
        self._tracking = birth.environment.get("MLFLOW_TRACKING_URI", "")
        process = _Process(python, birth, self._home, self._unwanted)
        self._supervisor.listen(process.replies, self._on_reply)
        return process

    def _on_reply(self) -> None:
        process = self._process
        if process is None:
            return
        said = process.read()
        if said is None:
            self._lost()
            return
        process.flush()
        for body in said:
            if "unfit" in body:
                self._give_up(str(body["unfit"]))
                return
            if "mlflow" in body.get("imports", ()):
                self._announce()
            if "excluded" in body:
                name, why = str(body["excluded"]), str(body["why"])
                self._remember(name, why)
                self._supervisor.note(f"trials import {name} themselves: {why}")
            if "unclaimed" in body:
                self._start_unclaimed(str(body["unclaimed"]))

    def _announce(self) -> None:
        """Trials will ask for MLflow soon: what answers may start while their libraries are imported."""
        with suppress(OSError, ValueError):  # the user's own address, where tracking is off: any text
            address = urlsplit(self._tracking)
            if address.hostname == "127.0.0.1" and address.port:
                socket.create_connection((address.hostname, address.port), timeout=0.5).close()

    def _start_unclaimed(self, life: str) -> None:
        """A leader came to nothing. Start it cold: if that cannot be either, it says why."""
        for attempt, birth in tuple(self._orders.values()):
            if birth.life == life:
                self._say_once("some trials start cold: they could not be started warm")
                del self._orders[attempt.key]
                attempt.starter = None
                self._start_cold(attempt, birth)

    def _lost(self) -> None:
        """It is gone: killed, or it left to come back without a module. Ask the next one."""
        self.close()
        self._deaths += 1
        if self._deaths > DEATHS + len(self._excluded):
            self._give_up("the interpreter that imports for them died again and again")
            return
        for attempt, birth in tuple(self._orders.values()):
            if not self._is_off:
                self._supervisor.look(attempt)  # it may have been claimed by now
            if attempt.key in self._orders and not self._is_off:
                self._send(attempt, birth)

    def _give_up(self, why: str) -> None:
        self._is_off = True
        self.close()
        self._supervisor.note(f"trials start cold: {why}")
        orders, self._orders = self._orders, {}
        for attempt, birth in orders.values():
            self._supervisor.look(attempt)
            if attempt.starter is not None:
                attempt.starter = None
                self._start_cold(attempt, birth)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._supervisor.note(text)

    def _known(self) -> dict[str, dict[str, str]]:
        """What is remembered of each program; nothing where that cannot be read."""
        try:
            known = json.loads(self._memory.read_text())
            return {program: dict(excluded) for program, excluded in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _remember(self, name: str, why: str) -> None:
        assert self._program is not None
        self._excluded[name] = why
        known = self._known()
        known.setdefault(self._program[0], {})[name] = why
        draft = self._memory.with_name(f".{self._memory.name}.{os.getpid()}")
        with suppress(OSError):  # a full disk: the next sweep finds it out again
            draft.write_text(json.dumps(known, indent=1))
            draft.replace(self._memory)


class _Process:
    """A nursery and the two pipes to it. Its end is seen as the end of its replies."""

    def __init__(self, python: PythonCommand, birth: Birth, home: Path, unwanted: Sequence[int]) -> None:
        hook = os.fspath(Path(__file__).parent / "nursery" / "hook")
        theirs, ours = _pipe()
        self.replies, answers = _pipe()
        self._orders = ours
        os.set_blocking(ours, False)  # a nursery that imports reads nothing
        self._unsent = self._unread = b""
        environ = {**birth.environment, **dict.fromkeys(THREADS, "1"), "BARRIDO_NURSERY": "3,4"}
        del environ[MARKER]  # it is no trial's: nothing that ends a trial is to end it
        own = environ.get("PYTHONPATH")
        if own is not None:
            environ["BARRIDO_NURSERY_PYTHONPATH"] = own
        environ["PYTHONPATH"] = os.pathsep.join([hook, own] if own else [hook])
        words = [python.program, "-m", MODULE_PLACEHOLDER] if python.module else [python.program, PLACEHOLDER]
        try:
            self.pid = _spawn(words, environ, home, {3: theirs, 4: answers}, unwanted)
        except OSError:
            os.close(self.replies)
            os.close(self._orders)
            raise
        finally:
            os.close(theirs)
            os.close(answers)

    def send(self, body: Mapping[str, object]) -> None:
        self._unsent += json.dumps(body).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what there is room for. After each reading it says something, so there is room again."""
        with suppress(BrokenPipeError, BlockingIOError):  # the end of its replies says the first one, too
            while self._unsent:
                self._unsent = self._unsent[os.write(self._orders, self._unsent) :]

    def read(self) -> list[dict[str, Any]] | None:
        """What it said; None at its end."""
        raw = os.read(self.replies, 1 << 16)
        if not raw:
            return None
        *lines, self._unread = (self._unread + raw).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self, supervisor: Supervisor) -> None:
        supervisor.unlisten(self.replies)
        os.close(self.replies)
        os.close(self._orders)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # not reaped yet, so it is this one
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _is_possible() -> bool:
    """Whether this system has what nurseries need: Linux's /proc and prctl."""
    return os.path.exists("/proc/self/maps") and find_spec("_ctypes") is not None  # noqa: PTH110


def _as_a_shell_leaves_it(birth: Birth) -> dict[str, str]:
    """The environment behind the `sh` of a cold trial: it passes on what it can name, and moved."""
    named = {name: value for name, value in birth.environment.items() if _NAME.fullmatch(name)}
    try:
        return {**named, "PWD": birth.work, "OLDPWD": os.getcwd()}  # noqa: PTH109
    except OSError:
        return {**named, "PWD": birth.work}


def _pipe() -> tuple[int, int]:
    """The numbers are high, so that `posix_spawn` can give the low ones away."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 64) for number in low)
    for number in low:
        os.close(number)
    return high[0], high[1]


def _spawn(
    words: list[str],
    environ: Mapping[str, str],
    home: Path,
    given: Mapping[int, int],
    unwanted: Sequence[int],
) -> int:
    # Its working directory is empty: should the hook not come to run, no script of the user's does.
    log = home / "log.txt"
    empty = home / "empty"
    empty.mkdir(exist_ok=True)
    return os.posix_spawn(
        SHELL,
        [SHELL, "-c", 'cd "$1" && shift && exec "$@"', "barrido-nursery", os.fspath(empty), *words],
        environ,
        setsid=True,
        setsigmask=(),
        setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in unwanted),
            *((os.POSIX_SPAWN_DUP2, source, target) for target, source in given.items()),
        ],
    )
