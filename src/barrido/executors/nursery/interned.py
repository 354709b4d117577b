"""CPython 3.11's table of interned strings, which an interpreter that ends goes through, string by string.

Earlier and later versions do not. There is no way to ask for the table: it is looked for among the
interpreter's static variables, and known by a string that was interned just now.
"""

from __future__ import annotations

import array
import ctypes
import os
import sys
from bisect import bisect_right

from .identity import mapped

_WORD = ctypes.sizeof(ctypes.c_void_p)


def table() -> dict[str, str]:
    """From each interned string to itself; an empty dict of nobody's where there is none that matters."""
    if sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 11):
        return {}
    probe = sys.intern(f"barrido {os.getpid()} {os.urandom(8).hex()}")
    writable = [(start, end) for start, end, modes in mapped() if modes.startswith("rw")]
    starts = [start for start, _ in writable]
    types = bisect_right(starts, id(dict)) - 1  # the variables lie around and behind the types
    for start, end in writable[types : types + 2]:
        words = array.array("Q", ctypes.string_at(start, end - start))
        for word in set(words):
            place = bisect_right(starts, word) - 1
            if word % _WORD or place < 0 or word + dict.__basicsize__ > writable[place][1]:
                continue
            if _counted(word) and _counted(word + _WORD) == id(dict):
                found: dict[str, str] = ctypes.cast(word, ctypes.py_object).value
                if found.get(probe) is probe:
                    return found
    return {}


def _counted(address: int) -> int:
    return ctypes.c_size_t.from_address(address).value
