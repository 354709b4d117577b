"""The first trial of a nursery is watched while it imports, so that the next ones need not."""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any


class Scout:
    """Notes what is imported until the script changes the environment: who imports then may read it."""

    def __init__(self, path: str) -> None:
        """``path`` is where the next trials find it."""
        self._path = path
        self._names: list[str] = []
        self._environ = os.environ.copy()
        self._pid = os.getpid()
        self._folders = (os.getcwd(), sys.argv[0] and os.path.dirname(os.path.realpath(sys.argv[0])))
        sys.addaudithook(self._hear)
        atexit.register(self.end)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "import" or self._path == "":
            return
        if os.environ.copy() != self._environ:
            if not _is_within_package(self._folders):
                self.end()
                return
            self._environ = os.environ.copy()  # by an import, which does so in every trial
        self._names.append(arguments[0])

    def end(self) -> None:
        """Write it down. Later imports do not count."""
        path, self._path = self._path, ""
        if path and os.getpid() == self._pid:
            draft = f"{path}.{self._pid}"
            with open(draft, "w", encoding="utf-8") as file:
                json.dump([[name, origin] for name in self._names if (origin := _origin_of(name))], file)
            os.replace(draft, path)


def learned(path: str) -> Iterator[tuple[str, str]]:
    """What a scout wrote down: names of modules, and where their packages come from."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return
    yield from ((str(name), str(origin)) for name, origin in found)


def _origin_of(name: str) -> str:
    top = sys.modules.get(name.partition(".")[0])
    spec = getattr(top, "__spec__", None)
    return str(getattr(spec, "origin", None) or "") if name in sys.modules else ""


def _is_within_package(folders: tuple[str, ...]) -> bool:
    """Whether a package that is not the user's is at work: it does the same in every trial."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(("<", *folders)):
            return True
        frame = frame.f_back
    return False
