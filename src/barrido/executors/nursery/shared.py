"""What all trials of a nursery share, left whole when one of them ends.

An interpreter that ends takes everything apart: it would copy nearly all of the memory that the trial had
in common with its siblings, only to give it back. What is the trial's own comes to its end as ever.
"""

from __future__ import annotations

import ctypes
import sys
from itertools import takewhile
from types import ModuleType
from typing import Any

from . import interned

_WORD = ctypes.sizeof(ctypes.c_void_p)
_api = ctypes.PyDLL(None)  # not `ctypes.pythonapi`, which is the user's, too
_api.PyModule_GetDef.argtypes = [ctypes.py_object]
_api.PyModule_GetDef.restype = ctypes.c_void_p
_api.Py_IncRef.argtypes = [ctypes.c_void_p]


class Shared:
    """The modules that are there before any trial."""

    def __init__(self, baseline: frozenset[str]) -> None:
        """``baseline`` names the modules that every interpreter has when it starts."""
        self.modules: dict[str, ModuleType] = {}
        self._baseline = baseline
        self._there = sys.modules  # a script may put another dict in its place
        self._first: list[str] = []  # names of modules, in the order of `sys.modules`
        self._last = ""
        self._strings = interned.table()
        self._held: list[str] = []
        _hold(id(self))

    def __contains__(self, name: str) -> bool:
        return name not in self._baseline

    def keep(self) -> None:
        """Share what was imported by now. Call it in the nursery, before it forks."""
        for name, module in list(sys.modules.items()):
            _hold(_copy_of(module))
            if name in self:
                self.modules[name] = module
        self._first = [name for name in sys.modules if name not in self]
        self._last = next(reversed(sys.modules))
        self._held = list(self._strings)  # none of them is to die in a trial, which would look for it there

    def leave(self) -> None:
        """Call it in a trial that ends, after everything of its own."""
        there = self._there
        # `site` is imported to its end in the trial.
        later = list(takewhile(lambda name: name != self._last, reversed(there)))
        first = [name for name in self._first if name in there and name not in later]
        modules = {name: there[name] for name in first + later[::-1]}
        _exchange(there, modules)
        for name in there:
            del modules[name]  # where those that are shared are now
        _hold(id(modules))
        if self._held:
            strings = {text: text for text in takewhile(self._is_new, reversed(self._strings))}
            _exchange(self._strings, strings)
            _hold(id(strings))

    def _is_new(self, text: str) -> bool:
        return text is not self._held[-1]


def _copy_of(module: ModuleType) -> int:
    """The address of the dict that CPython keeps to make an extension module anew; 0 if it does not."""
    definition = _api.PyModule_GetDef(module) if isinstance(module, ModuleType) else None
    if not definition:
        return 0
    # PyModuleDef_Base is an object's head, m_init, m_index, m_copy
    return ctypes.c_size_t.from_address(definition + object.__basicsize__ + 2 * _WORD).value


def _hold(address: int) -> None:
    """Never let go of the object at ``address``, if there is one."""
    _api.Py_IncRef(address)


def _exchange(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Let both dicts have what the other had, without touching any of it."""
    head = object.__basicsize__
    size = dict.__basicsize__ - head
    kept = ctypes.string_at(id(one) + head, size)
    ctypes.memmove(id(one) + head, id(other) + head, size)
    ctypes.memmove(id(other) + head, kept, size)
