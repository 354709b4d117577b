"""Where in the user's program something was said, so that mistakes can be shown with file and line."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def caller() -> str:
    """``file:line`` of the innermost code outside barrido that is being run, "" if there is none."""
    frame = _outside()
    return "" if frame is None else f"{_shown(frame.f_code.co_filename)}:{frame.f_lineno}"


def warn(text: str) -> None:
    """A warning that shows the line of the user's program which it is about."""
    frame = _outside()
    if frame is None:
        warnings.warn(text, stacklevel=3)
    else:
        warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno)


def _outside() -> FrameType | None:
    """The innermost code outside barrido that is being run."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        # Dataclasses compile their constructors in a module without a name of its own.
        if module.partition(".")[0] != _PACKAGE and frame.f_code.co_filename != "<string>":
            return frame
        frame = frame.f_back
    return None


def _shown(filename: str) -> str:
    """A file as its author knows it: relative to the current folder; a notebook's cell by its role."""
    if filename.startswith("<ipython") or "ipykernel_" in filename:
        return "notebook cell"
    path = Path(filename)
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return filename


class Placed:
    """Remembers where each of its settings was last set."""

    _places: dict[str, str]

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            self.__dict__.setdefault("_places", {})[name] = caller()
        super().__setattr__(name, value)
