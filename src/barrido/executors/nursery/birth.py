"""Two forks: the leader, which outlives controller and nursery, and below it the trial."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import fresh
from .identity import Program, present

CLAIM_FAILED = 73  # as the `sh` that leads cold trials says it
AGAIN_S = 1.0
_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Order:
    """What the controller asks for: one attempt of a trial."""

    life: str  # the file that claims it
    log: str
    work: str
    leader: list[str]  # what its leader is to look like
    given: dict[str, str]  # the leader's environment
    environ: dict[str, str]  # the trial's
    words: list[str]  # python script.py …, or python -m module …
    varying: list[str]  # variables that differ from trial to trial
    learned: str  # the file for what scouts find out

    def argv(self) -> list[str]:
        """What the script finds in ``sys.argv`` when it starts."""
        return ["-m", *self.words[3:]] if self.words[1] == "-m" else self.words[1:]


@dataclass(frozen=True)
class Mother:
    """What all trials of a nursery are born with."""

    program: Program
    changes: dict[str, str | None]  # what imports did to the environment
    pools: Sequence[fresh.Pool]
    places: Sequence[fresh.Place]


def bear(order: Order, mother: Mother, descriptors: Iterable[int]) -> int | None:
    """Fork; the leader's pid. Returns None in the trial: go and run the script.

    Leaders never return. They do what the shell of a cold trial does, in the same order.
    ``descriptors`` are the nursery's own.
    """
    pid = _fork()
    if pid:
        return pid
    try:
        for descriptor in descriptors:
            os.close(descriptor)
        _lead(order, mother)
    except BaseException:
        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
        os._exit(CLAIM_FAILED)
    return None


def _fork() -> int:
    filters = warnings.filters[:]
    warnings.simplefilter("ignore")  # of threads, which were looked at
    try:
        return os.fork()
    finally:
        warnings.filters[:] = filters  # type: ignore[index]


def _lead(order: Order, mother: Mother) -> None:
    """Returns in the trial only."""
    os.setsid()
    _point(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    _point(log, 2)
    present(order.leader, order.given)
    asked: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (*_ASKING, signal.SIGCHLD)}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in _ASKING:
        signal.signal(number, lambda number, _: asked.append(number))
    try:
        claim = os.open(order.life, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        os._exit(0)  # it is not to start any more, or somebody else was quicker
    machine = order.leader[6]
    try:
        os.write(claim, f"{machine} {os.getpid()}\n".encode())
    except OSError:  # a full disk: whoever asked tries again
        os.unlink(order.life)
        os._exit(CLAIM_FAILED)
    os.close(claim)
    code = 126
    try:
        os.chdir(order.work)
    except OSError:
        os.write(2, f"{order.leader[0]}: cd: can't cd to {order.work}\n".encode(errors="surrogateescape"))
    else:
        # What is asked between the fork and the script's start waits, and then finds its defaults.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
        if asked:
            code = 128 + signal.SIGTERM
        elif pid := _fork():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
            code = _told(os.waitpid(pid, 0)[1])
        else:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            _become(order, mother)
            return
    _record(order.life, f"exit {code}\n".encode())
    os._exit(code)


def _record(life: str, line: bytes) -> None:
    """As soon as the disk takes it, unless somebody removed the sweep: nobody else may know how it ended."""
    text = line
    while not _appended(life, text) and os.path.exists(life):
        text = b"\n" + line  # a line of its own, whatever part of it was written
        time.sleep(AGAIN_S)


def _appended(path: str, text: bytes) -> bool:
    """Whether all of it was taken."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            return os.write(file, text) == len(text)
        finally:
            os.close(file)
    except OSError:
        return False


def _told(status: int) -> int:
    """The exit status of a shell; like a shell, say which signal it was."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    if number not in (signal.SIGINT, signal.SIGPIPE):
        core = " (core dumped)" if os.WCOREDUMP(status) else ""
        os.write(2, f"{signal.strsignal(number)}{core}\n".encode())
    return 128 + number


def _become(order: Order, mother: Mother) -> None:
    """Make this process the trial: as if it had just been started."""
    present(order.words, order.environ)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
    _take_on(order.environ)
    for name, value in mother.changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    sys.argv[:] = order.argv()
    sys.orig_argv[:] = order.words
    mother.program.run(order.words[2 if order.words[1] == "-m" else 1])
    # A module of this trial's own: what is frozen for the nursery's children is never collected.
    main = type(sys)("__main__")
    main.__dict__.update(sys.modules["__main__"].__dict__)
    sys.modules["__main__"] = main
    fresh.renew(order.environ, mother.pools, mother.places)


def _take_on(environ: Mapping[str, str]) -> None:
    """Make it ``os.environ``, in its order. Nearly all of it is there: it was the nursery's."""
    for name in [name for name in os.environ if name not in environ]:
        del os.environ[name]
    if list(os.environ) != list(environ):
        os.environ.clear()
    for name, value in environ.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _point(source: int, target: int) -> None:
    os.dup2(source, target)
    if source != target:
        os.close(source)
