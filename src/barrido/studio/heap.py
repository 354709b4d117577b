"""Keeps the server small: large answers come and go, and glibc would keep a heap for each thread."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

_M_ARENA_MAX = -8  # malloc.h
LARGE = 1 << 20
"""Bytes of an answer after which memory is given back."""


def share_one_heap() -> None:
    """All threads use one heap, from now on."""
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Let the system have what is free in the heap."""
    if (malloc_trim := _of_glibc("malloc_trim")) is not None:
        malloc_trim(0)


def _of_glibc(name: str) -> Callable[..., Any] | None:
    """None in other C libraries, which have other ways."""
    return getattr(ctypes.CDLL(None), name, None)
