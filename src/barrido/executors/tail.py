"""Follows one journal of an attempt by byte offset: only new bytes are read, only whole lines count."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from barrido.core.protocols import Point
from barrido.trial.journal import parse_line

CHUNK = 1 << 20  # bytes read at once; a longer line is not a journal's
COMPLAINTS = 5  # told per journal; whoever writes nonsense writes it on every line
QUOTED = 120  # characters of a bad line that are shown


@dataclass(slots=True)
class Tail:
    """``offset`` lies behind the last line that was taken in."""

    path: str
    offset: int = 0
    _complaints: int = field(default=0, init=False)

    def read(self, now: float, *, final: bool = False) -> tuple[list[Point], list[str]] | None:
        """Points and complaints of the next whole lines; None if there are none.

        ``now`` stands in for a missing time. With ``final`` nobody writes any more, and a last line
        without its newline counts. Call until it returns None: one call reads at most `CHUNK` bytes.
        """
        raw = read_on(self.path, self.offset)
        if raw is None:
            return None
        end = raw.rfind(b"\n") + 1
        if end == 0 and (final or len(raw) == CHUNK):
            end = len(raw)
        if end == 0:
            return None
        start, self.offset = self.offset, self.offset + end
        points: list[Point] = []
        complaints: list[str] = []
        for line in raw[:end].split(b"\n"):
            if line.strip():
                self._take(line, start, now, points, complaints)
        return points, complaints

    def _take(self, line: bytes, start: int, now: float, points: list[Point], complaints: list[str]) -> None:
        try:
            entry = parse_line(line)
        except ValueError as error:
            self._complaints += 1
            if self._complaints <= COMPLAINTS:
                text = line.strip().decode("utf-8", "replace")
                cut = text if len(text) <= QUOTED else text[:QUOTED] + "…"
                complaints.append(f"{os.path.basename(self.path)}: {error}: {cut}")  # noqa: PTH119
            return
        at = now if entry.time is None else entry.time
        points.extend(Point(name, value, entry.step, at) for name, value in entry.metrics.items())


def read_on(path: str, offset: int, most: int = CHUNK) -> bytes | None:
    """The next bytes of a file; None if there are none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return os.pread(fd, most, offset) or None
    finally:
        os.close(fd)
