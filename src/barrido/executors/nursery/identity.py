"""Who a process is to others (``/proc``), and which script its interpreter is going to run."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from . import MODULE_PLACEHOLDER, PLACEHOLDER

_PR_SET_MM, _PR_SET_MM_MAP = 35, 14  # linux/prctl.h; the map may be set without privileges
_WORD = ctypes.sizeof(ctypes.c_void_p)
_CONFIG_WORDS = 96  # PyConfig has 50 to 70 words in CPython 3.11 to 3.13


class _Map(ctypes.Structure):
    """``struct prctl_mm_map``."""

    _fields_ = [
        *[
            (name, ctypes.c_uint64)
            for name in (
                *("start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack"),
                *("arg_start", "arg_end", "env_start", "env_end", "auxv"),
            )
        ],
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    ]


# proc(5): the field of /proc/self/stat, counted from 1
_STAT = {
    "start_code": 26, "end_code": 27, "start_stack": 28, "start_data": 45, "end_data": 46, "start_brk": 47,
}  # fmt: skip


def present(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Show these words and this environment in ``/proc/self/cmdline`` and ``/proc/self/environ``.

    As if they had been given to ``exec``. Raises OSError where the kernel does not let us.
    """
    argv = b"".join(os.fsencode(word) + b"\0" for word in words)
    block = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environ.items())
    kept = ctypes.create_string_buffer(argv + block)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))  # the kernel reads it as long as the process lives
    libc = _libc()
    start = ctypes.addressof(kept)
    mm = _Map(
        brk=libc.sbrk(0),
        arg_start=start,
        arg_end=start + len(argv),
        env_start=start + len(argv),
        env_end=start + len(argv) + len(block),
        exe_fd=0xFFFFFFFF,  # the executable stays
        **_layout(),
    )
    if libc.prctl(_PR_SET_MM, _PR_SET_MM_MAP, ctypes.addressof(mm), ctypes.sizeof(mm), 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_void_p
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return libc


@cache
def _layout() -> Mapping[str, int]:
    """Where this process's program and stack begin: forks have them at the same places."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return {name: int(fields[number - 3]) for name, number in _STAT.items()}


class Program:
    """The places in the interpreter's own configuration that name the script it is going to run.

    CPython read them from its command line and looks at them after ``site``, so what is put there in
    between is what runs. Raises LookupError where they are not found as they should be.
    """

    def __init__(self) -> None:
        api = ctypes.pythonapi
        api._Py_GetConfig.restype = ctypes.c_void_p
        api.Py_DecodeLocale.restype = ctypes.c_void_p
        api.Py_DecodeLocale.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        self._is_module = sys.argv[0] == "-m"
        here = os.getcwd()
        if self._is_module:
            self._path = self._one(MODULE_PLACEHOLDER, list(_config()))
            return
        config = list(_config())
        self._path = self._one(f"{here}/{PLACEHOLDER}", config)
        # A list of strings is its length and the address of its items: sys.argv is one of length 1.
        firsts = [_word(slot) for slot in config if _word(slot - _WORD) == 1 and _is_readable(_word(slot))]
        self._first = self._one(PLACEHOLDER, firsts)

    def run(self, word: str) -> None:
        """``word`` as on the command line: a script's path or a module's name."""
        if self._is_module:
            _put(self._path, word)
            return
        _put(self._path, word if word.startswith("/") else f"{os.getcwd()}/{word}")
        _put(self._first, word)

    @staticmethod
    def _one(text: str, slots: Sequence[int]) -> int:
        found = [slot for slot in slots if _text_at(_word(slot), len(text)) == text]
        if len(found) != 1:
            raise LookupError(f"this interpreter's configuration has {len(found)} places for {text}")
        return found[0]


def _config() -> Iterator[int]:
    """The addresses of the words of this interpreter's PyConfig."""
    start = ctypes.pythonapi._Py_GetConfig()
    return (start + _WORD * i for i in range(_CONFIG_WORDS) if _is_readable(start + _WORD * i))


def _word(address: int) -> int:
    return ctypes.c_size_t.from_address(address).value


def _put(slot: int, text: str) -> None:
    ctypes.c_size_t.from_address(slot).value = ctypes.pythonapi.Py_DecodeLocale(os.fsencode(text), None)


def _text_at(address: int, length: int) -> str | None:
    """The wide string of at most ``length`` characters at ``address``; None if there is no memory."""
    end = address + (length + 1) * ctypes.sizeof(ctypes.c_wchar)
    if address % ctypes.alignment(ctypes.c_wchar) or not (_is_readable(address) and _is_readable(end)):
        return None
    found = ctypes.string_at(address, end - address).decode("utf-32", "replace")
    return found[:length] if found[length] == "\0" else None


def _is_readable(address: int) -> bool:
    return any(start <= address < end - _WORD and modes[0] == "r" for start, end, modes in mapped())


_maps: list[tuple[int, int, str]] = []


def mapped() -> Sequence[tuple[int, int, str]]:
    """The memory of this process by address, as it was when first asked for: start, end and "rw-p"."""
    if not _maps:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                span, modes = line.split()[:2]
                low, high = span.split("-")
                if not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                    _maps.append((int(low, 16), int(high, 16), modes))
    return _maps
