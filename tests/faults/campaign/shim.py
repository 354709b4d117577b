"""Builds what is preloaded into a sweep's processes (see shim.c), and steers it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")


class Shim:
    """Preloaded into all processes that are started `around` something, and into their children."""

    def __init__(self, place: Path) -> None:
        """Raises OSError where there is no C compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            raise FileNotFoundError("there is no C compiler here")
        self._library = place / "shim.so"
        self._clock = place / "clock"
        words = [
            compiler,
            "-O1",
            "-shared",
            "-fPIC",
            "-o",
            os.fspath(self._library),
            os.fspath(SOURCE),
            "-ldl",
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr)
        self.set_clock(0.0)

    def set_clock(self, offset_s: float) -> None:
        """Set the clock of those processes off, now and for those to come."""
        fd = os.open(self._clock, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, struct.pack("q", int(offset_s * 1e9)), 0)
        os.close(fd)

    @contextmanager
    def around(self, *, die_at: int | None = None) -> Iterator[None]:
        """Preload it into what is started meanwhile; its controller dies at a touch of its log."""
        given = {"LD_PRELOAD": os.fspath(self._library), "CAMPAIGN_CLOCK": os.fspath(self._clock)}
        if die_at is not None:
            given["CAMPAIGN_DIE_AT"] = str(die_at)
        os.environ.update(given)
        try:
            yield
        finally:
            for name in given:
                del os.environ[name]
