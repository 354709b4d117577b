"""Imports with the effects watched: a nursery must not do once what each trial does for itself."""

from __future__ import annotations

import builtins
import gc
import importlib.util
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

HARMLESS_THREADS = frozenset({"jemalloc_bg_thd"})  # its allocator sees to forks by itself
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_PATIENCE_S = 5.0  # for threads that end by themselves
_TELLING = 8  # characters: shorter values are found everywhere
_MANY = 1000
_CONTAINERS = frozenset({tuple, list, dict, set, frozenset})
_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/", "socket:")
_EVENTS = {
    "tempfile.mkdtemp": "makes a temporary folder",
    "tempfile.mkstemp": "makes a temporary file",
    "os.chdir": "changes the working folder",
}


class Unfit(Exception):
    """An import that a fork must not inherit: ``name`` is to be left to the trials themselves."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


class Imports:
    """Imports modules as the script would, and sees what that does.

    ``excluded`` packages are not imported, nor what is below them. ``varying`` are the variables that
    differ from trial to trial. The process is in the working folder of a trial, and has its environment;
    the trial's command line is ``argv``, its script ``script``, and ``folder`` the first one that its
    modules are looked for in.
    """

    def __init__(
        self,
        excluded: Sequence[str],
        varying: Sequence[str],
        argv: Sequence[str],
        script: str,
        folder: str,
    ) -> None:
        self._excluded = excluded
        self._varying = frozenset(varying)
        self._argv = argv
        self._script = script
        self._beside = _Beside(folder)
        self._given = os.environ.copy()
        self._events: list[str] | None = None  # while it watches
        sys.addaudithook(self._hear)

    def load(self, name: str, taken: Sequence[str] = (), *, origin: str = "") -> None:
        """Import it, if its package is there, and comes from ``origin`` where that is given.

        Raises `Unfit` when it did something that trials must not share: this process is spoiled then.
        """
        package = name.partition(".")[0]
        if name in sys.modules or package in self._excluded:
            return
        spec = importlib.util.find_spec(package)
        if spec is None or (origin and spec.origin != origin):
            return
        if why := self._effect(name, taken):
            raise Unfit(name, f"its import {why}")

    def changes(self) -> dict[str, str | None]:
        """What the imports did to the environment."""
        names = {*self._given, *os.environ}
        now = {name: os.environ.get(name) for name in names}
        return {name: now[name] for name in names if now[name] != self._given.get(name)}

    def _effect(self, name: str, taken: Sequence[str]) -> str:
        """Import it; what it did that it should not have done, empty if nothing."""
        written, path, files, modules = os.fstat(2).st_size, sys.path[:], _listed("."), set(sys.modules)
        if taken:
            what = f"from {name} import {', '.join(taken)}"
        elif all(part.isidentifier() for part in name.split(".")):
            what = f"import {name}"
        else:  # `sysconfig` has one with dashes
            what = f"__import__({name!r})"
        main = sys.modules["__main__"]
        self._events = []
        try:
            with _Recorded(self._argv) as reads, self._beside:
                main.__file__ = self._script
                # Some warnings are shown only if it is the script that they are about.
                exec(compile(what, self._script, "exec"), {"__name__": "__main__"})
        except ImportError:
            pass  # the script knows what to do without it, or says so
        except BaseException as error:
            return f"fails with {type(error).__name__}" if str(error) == "" else f"fails: {error}"
        finally:
            events, self._events = self._events, None
            del main.__file__
        sys.stdout.flush()
        sys.stderr.flush()
        # Who copies the whole environment reads every variable once.
        copies = min((reads[variable] for variable in os.environ), default=0)
        told = [variable for variable in sorted(self._varying) if reads[variable] > copies]
        held, threads = held_devices(), lasting_threads()
        found = {
            "prints something": os.fstat(2).st_size != written,
            f"reads {told[0] if told else ''}": told,
            "reads the command line": reads["sys.argv"],
            f"opens {held}": held,
            f"starts threads ({threads[0] if threads else ''})": threads,
            "changes sys.path": sys.path != path,
            "writes into the working folder": _listed(".") != files,
            "sets a timer": any(any(signal.getitimer(timer)) for timer in _TIMERS),
            "keeps what belongs to one trial": self._keeps(set(sys.modules) - modules),
            **dict.fromkeys(events, True),
        }
        return next((why for why, is_so in found.items() if is_so), "")

    def _keeps(self, names: set[str]) -> bool:
        """Whether one of the modules keeps what belongs to one trial, where it will not be renewed."""
        folder = os.getcwd()
        told = [self._given[v] for v in self._varying if len(self._given.get(v, "")) > _TELLING]
        marks = [os.path.dirname(folder), *told]
        seen = {id(builtins.__dict__)}  # every module has it
        for name in names:
            for value in list(getattr(sys.modules[name], "__dict__", {}).values()):
                kind = type(value)
                if id(value) in seen or (kind is not str and kind not in _CONTAINERS):
                    continue
                seen.add(id(value))
                if kind is str and f"{value}/".startswith(f"{folder}/"):
                    continue
                for text in _texts(value):
                    for mark in marks:
                        if mark in text:
                            return True
        return False

    def _hear(self, event: str, _: tuple[Any, ...]) -> None:
        if self._events is None:
            return
        if event == "import":
            gc.freeze()  # imports make next to no garbage: not to be looked through again and again
        elif event in _EVENTS:
            self._events.append(_EVENTS[event])


class _Recorded:
    """Notes which environment variables are read from Python, and whether the command line is."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._reads: Counter[object] = Counter()
        self._kind = type(os.environ)
        self._getitem = self._kind.__getitem__
        self._argv = argv

    def __enter__(self) -> Counter[object]:
        reads, getitem = self._reads, self._getitem

        def noted(environ: os._Environ[str], name: str) -> str:
            reads[name] += 1
            return getitem(environ, name)

        def note_line(method: Callable[..., Any]) -> Callable[..., Any]:
            def noted(*arguments: Any) -> Any:
                reads["sys.argv"] += 1
                return method(*arguments)

            return noted

        self._kind.__getitem__ = noted  # type: ignore[method-assign]
        methods = (
            "__getitem__",
            "__iter__",
            "__contains__",
            "__eq__",
            "__add__",
            "__repr__",
            "index",
            "copy",
        )
        watched = type("argv", (list,), {name: note_line(getattr(list, name)) for name in methods})
        self._line = sys.argv
        sys.argv = watched(self._argv)
        return reads

    def __exit__(self, *_: object) -> None:
        self._kind.__getitem__ = self._getitem  # type: ignore[method-assign]
        sys.argv = self._line


class _Beside:
    """Nothing may look for a module that the script has beside it: it would find another one there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._own = frozenset(name.partition(".")[0] for name in os.listdir(folder))

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)
        if not getattr(sys.flags, "safe_path", False):
            sys.path.insert(0, self._folder)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)
        if sys.path[:1] == [self._folder]:
            del sys.path[0]

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if path is None and name in self._own:
            raise _Hidden(f"{name} is one of the script's own modules")


class _Hidden(BaseException):
    """Not for those who look whether they can import something."""


def _texts(value: object, depth: int = 2) -> Iterator[str]:
    """A string, or those within these containers."""
    kind = type(value)
    if kind is str:
        yield value  # type: ignore[misc]
    elif kind in _CONTAINERS and depth and len(value) <= _MANY:  # type: ignore[arg-type]
        for part in value:  # type: ignore[attr-defined]
            yield from _texts(part, depth - 1)
        if kind is dict:
            for part in value.values():  # type: ignore[attr-defined]
                yield from _texts(part, depth - 1)


def _listed(folder: str) -> set[str]:
    return set(os.listdir(folder))


def lasting_threads() -> list[str]:
    """The names of this process's other threads, if they do not go away."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        names = []
        for task in os.listdir("/proc/self/task"):
            if int(task) != os.getpid():
                try:
                    with open(f"/proc/self/task/{task}/comm") as comm:
                        names.append(comm.read().strip())
                except OSError:
                    continue
        names = [name for name in names if name not in HARMLESS_THREADS]
        if not names or time.monotonic() > deadline:
            return names
        time.sleep(0.01)


def held_devices() -> str:
    """A socket or a GPU that is open, empty if there is none."""
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if target.startswith(_DEVICES):
            return "a socket" if target.startswith("socket:") else target
    return ""
