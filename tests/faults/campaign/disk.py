"""Where an ordeal's workspace lies: a small disk of its own that can be full, read-only or lose its power."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

SIZE_MB = 96
COMMIT_S = 600
"""So rarely does ext4 write down by itself what nobody has synced: a cut takes all of it."""

_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10
_MAPPED = (".db-shm",)
"""Whoever has such a file mapped would not be told of an error, but killed."""


class Disk:
    """An ext4 of its own in a file, mounted; only root can have one. `path` is where it is to be seen."""

    def __init__(self, place: Path) -> None:
        """Raises OSError where no disk can be mounted."""
        self.path = place / "disk"
        self._cuts = 0
        self._images = place
        self.path.mkdir(parents=True)
        with self._image.open("wb") as file:
            file.truncate(SIZE_MB << 20)
        self._run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", os.fspath(self._image))
        self._mount()

    @property
    def _image(self) -> Path:
        return self._images / f"image{self._cuts}"

    def fill(self) -> None:
        with (self.path / "ballast").open("ab", buffering=0) as out, suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while out.write(b"x" * size) == size:
                        pass

    def empty(self) -> None:
        (self.path / "ballast").unlink(missing_ok=True)

    def protect(self) -> None:
        """Nothing can be written any more, not even through files that are open."""
        self._flag(True)

    def unprotect(self) -> None:
        self._flag(False)

    def cut(self) -> None:
        """Lose whatever was not synced. No process may live that uses the disk."""
        old = self._image
        self._cuts += 1
        self._run("cp", "--sparse=always", os.fspath(old), os.fspath(self._image))
        self._run("umount", "--lazy", os.fspath(self.path))
        self._mount()
        self.empty()  # that it was emptied may be among what is lost
        self.unprotect()
        old.unlink()

    def close(self) -> None:
        self._run("umount", "--lazy", os.fspath(self.path))
        self._image.unlink()

    def _mount(self) -> None:
        options = f"loop,commit={COMMIT_S},noatime"
        self._run("mount", "-o", options, os.fspath(self._image), os.fspath(self.path))

    def _flag(self, immutable: bool) -> None:
        for folder, _, names in os.walk(self.path, topdown=not immutable):
            for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118
                if not path.endswith((*_MAPPED, "lost+found")):
                    with suppress(OSError):  # a file that is gone again; a link
                        _set_flag(path, immutable)

    def _run(self, *words: str) -> None:
        if shutil.which(words[0]) is None:
            raise FileNotFoundError(f"there is no {words[0]} here")
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{words[0]}: {done.stderr.strip()}")


def _set_flag(path: str, immutable: bool) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        flags = struct.unpack("i", fcntl.ioctl(fd, _GET_FLAGS, b"\0" * 4))[0]
        wanted = flags | _IMMUTABLE if immutable else flags & ~_IMMUTABLE
        fcntl.ioctl(fd, _SET_FLAGS, struct.pack("i", wanted))
    finally:
        os.close(fd)
