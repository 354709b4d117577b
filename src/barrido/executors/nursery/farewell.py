"""The end of a trial, without taking apart what it shares with its siblings: that would copy all of it."""

from __future__ import annotations

import atexit
import ctypes
import sys
from dis import opmap
from types import FrameType, ModuleType

_TORN_DOWN = "cpython.PyInterpreterState_Clear"
"""The audit event at which modules are gone, hooks have run, and output is flushed."""

_RETURNS = frozenset(opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in opmap)


class Farewell:
    """Sees to it that a trial's end costs what is the trial's own.

    CPython ends a script by running its hooks, flushing its output, taking its modules apart, and then
    the interpreter itself. The shared modules are withdrawn from the third step. The fourth, which
    nobody can see, is left out where the exit code is surely 0: where the script came to its last line.
    Whether it did is told by the last instruction of its frame; nothing that it can do changes that.
    Who audits the interpreter could see the fourth step: then it is gone through, too.
    """

    def __init__(self, shared: dict[str, ModuleType]) -> None:
        """To be made in the nursery, before anything else registers hooks."""
        self._shared = shared
        self._script: FrameType | None = None
        self._is_well = False
        self.is_audited = False  # by others than the nursery
        self._exit = ctypes.PyDLL(None).exit  # C's own: the hooks of its libraries run
        sys.addaudithook(self._hear)
        atexit.register(self._leave)  # the first that is registered comes last

    def _hear(self, event: str, _: object) -> None:
        if event == "exec" and self._script is None:
            if sys._getframe().f_back is None:  # no Python asked for it: it is the script
                sys.setprofile(self._enter)
        elif event == "sys.addaudithook":
            self.is_audited = True
        elif event == _TORN_DOWN and self._is_well and not self.is_audited:
            self._exit(0)

    def _enter(self, frame: FrameType, *_: object) -> None:
        sys.setprofile(None)
        self._script = frame

    def _leave(self) -> None:
        """The user's own objects come to their end as ever."""
        self._is_well = self._script is not None and _returned(self._script) and _is_flushed()
        self._script = None
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._shared))
        for name, module in self._shared.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _returned(frame: FrameType) -> bool:
    """Whether a frame that has ended did so without an exception."""
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] in _RETURNS


def _is_flushed() -> bool:
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except Exception:  # CPython will try again, and say so
        return False
    return True
