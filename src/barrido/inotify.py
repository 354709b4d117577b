"""What happens to the entries of one folder: Linux inotify through ctypes, no dependency, no thread."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

WRITTEN = 0x00000002  # IN_MODIFY: somebody wrote; what we put in by rename does not wake ourselves
PUT_IN = 0x00000080 | 0x00000100  # IN_MOVED_TO, IN_CREATE
_OVERFLOW = 0x00004000  # IN_Q_OVERFLOW
_HEADER = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len
_CHUNK = 64 * 1024


class FolderWatch:
    """Raises OSError where the system cannot do it: fall back on looking from time to time."""

    def __init__(self, folder: Path, happening: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "inotify_init1"):
            raise OSError("this system has no inotify")
        self._fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _error(folder)
        if libc.inotify_add_watch(self._fd, os.fsencode(folder), happening) < 0:
            error = _error(folder)
            os.close(self._fd)
            raise error

    def fileno(self) -> int:
        return self._fd

    def names(self) -> set[str] | None:
        """Names that it happened to since the last call; None if there were too many to keep: look at all."""
        names: set[str] = set()
        overflow = False
        while raw := self._read():
            at = 0
            while at < len(raw):
                _, mask, _, length = _HEADER.unpack_from(raw, at)
                at += _HEADER.size
                overflow |= bool(mask & _OVERFLOW)
                names.add(os.fsdecode(raw[at : at + length].rstrip(b"\0")))
                at += length
            if len(raw) < _CHUNK // 2:
                break
        return None if overflow else names

    def close(self) -> None:
        os.close(self._fd)

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return b""


def watch_over(folder: Path, happening: int) -> FolderWatch | None:
    """``happening``: `WRITTEN` or `PUT_IN`. None where the system does not tell."""
    try:
        return FolderWatch(folder, happening)
    except OSError:  # none on this system, or this user's are all taken
        return None


def _error(folder: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(folder))
