"""The fourth door: metrics that a script only prints, found in its log by regular expressions.

A pattern has one group for the value, the only one or the one named ``value``, and may have one named
``step``. It is looked for once in each line; a carriage return ends a line, too, as progress bars write it,
and what sets colours is left out before.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from barrido.core.protocols import Point
from barrido.executors.tail import COMPLAINTS, QUOTED, read_on
from barrido.trial.entry import check_step

LONGEST = 1 << 14
"""Bytes of a line that are looked at."""

MOST_LEFT = 1 << 28
"""Bytes that are still looked at when a trial is over: one that prints faster than we read must end, too."""

TICK_S = 0.1
"""A pattern that is in one line for two ticks of this process's time or more is too slow for it."""

MOST_TICKS = 20
"""One that has taken more of a piece of the log is too slow for each line in which the next one finds it."""

MOST_SLOW = 3
"""Lines of an attempt for which a pattern may be too slow, before it is not looked for any more in it."""

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

Patterns = Mapping[str, re.Pattern[str]]


def compiled(patterns: Mapping[str, str]) -> Patterns:
    """By the name of the metric. Raises re.error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what "[[" may mean one day
        return {name: re.compile(pattern) for name, pattern in patterns.items()}


def problem_of(pattern: str) -> str:
    """What is wrong with a pattern, "" if nothing is.

    >>> problem_of(r"loss=(\\S+)"), problem_of("loss=")
    ('', 'has no group for the value')
    """
    try:
        found = compiled({"": pattern})[""]
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    unknown = sorted(found.groupindex.keys() - {"value", "step"})
    if unknown:
        return f"has a group named {unknown[0]}; known are value and step"
    values = found.groups - ("step" in found.groupindex)
    if "value" not in found.groupindex and values != 1:
        return "has no group for the value" if not values else "has more groups than one for the value"
    return ""


class TooSlow(Exception):
    """A pattern that goes on and on in one line."""


@dataclass(slots=True)
class LogTail:
    """Follows the log of an attempt. ``offset``, in bytes, lies behind what was looked at last.

    That is the end of a line, or of what had come of one that is too long.
    """

    path: str
    patterns: Patterns
    offset: int = 0
    _complaints: int = field(default=0, init=False)
    _slow: dict[str, int] = field(default_factory=dict, init=False)  # by metric: lines that took too long

    def read(self, now: float, *, final: bool = False) -> tuple[list[Point], list[str]] | None:
        """Points and complaints of the next whole lines, of at most `CHUNK` bytes; None if they brought none.

        ``now`` is their time. With ``final`` nobody writes any more, and a last line without its end counts.
        Call until nothing is left (`is_behind`).
        """
        complaints = self._leave_out_most() if final else []
        raw = read_on(self.path, self.offset) or b""
        end = max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1
        if end == 0 and (final or len(raw) > LONGEST):
            end = len(raw)
        # The lines of a piece are many, and most of them noise: what can be done to all at once is.
        text = raw[:end].decode("utf-8", "replace")
        if "\x1b" in text:
            text = _COLOURS.sub("", text)
        lines = text.replace("\r", "\n").split("\n")
        if end and self._is_within_a_line():
            del lines[0]
        self.offset += end
        points = self._look_at(lines, now, complaints)
        return (points, complaints) if points or complaints else None

    def is_behind(self) -> bool:
        """Whether there is more of the log than was looked at."""
        return self._left() > 0

    def _left(self) -> int:
        try:
            return os.stat(self.path).st_size - self.offset  # noqa: PTH116
        except FileNotFoundError:
            return 0

    def _leave_out_most(self) -> list[str]:
        left = self._left()
        if left <= MOST_LEFT:
            return []
        self.offset += left - MOST_LEFT
        return [f"{left - MOST_LEFT} bytes were not looked at: it grew faster than it could be read"]

    def _is_within_a_line(self) -> bool:
        """Whether the line that begins at the offset is the rest of one that was too long."""
        before = read_on(self.path, self.offset - 1, 1) if self.offset else None
        return before is not None and before not in b"\r\n"

    def _look_at(self, lines: list[str], now: float, complaints: list[str]) -> list[Point]:
        points: list[Point] = []
        with _Patience() as patience:
            for text in (line[:LONGEST] for line in lines if line):
                for name, pattern in self.patterns.items():
                    if self._slow and self._slow.get(name, 0) >= MOST_SLOW:
                        continue
                    try:
                        if (match := patience.search(pattern, text)) is not None:
                            points.append(Point(name, _value(match), _step(match), now))
                    except TooSlow:
                        complaints.append(self._too_slow(name, text))
                    except ValueError as error:
                        self._complaints += 1
                        if self._complaints <= COMPLAINTS:
                            complaints.append(f"{name}: {error}: {_cut(text)}")
        return points

    def _too_slow(self, name: str, line: str) -> str:
        self._slow[name] = self._slow.get(name, 0) + 1
        last = "; it is not looked for any more" if self._slow[name] == MOST_SLOW else ""
        return f"the pattern of {name} takes too long{last}: {_cut(line)}"


def _value(match: re.Match[str]) -> float:
    groups = match.re.groupindex
    if "value" in groups:
        text = match["value"]
    else:
        text = next(t for n, t in enumerate(match.groups(), 1) if n != groups.get("step"))
    try:
        return float(text)
    except (TypeError, ValueError):
        raise ValueError(f"{_cut(text or '')!r} is no number") from None


def _step(match: re.Match[str]) -> int | None:
    text = match["step"] if "step" in match.re.groupindex else None
    if text is None:
        return None
    try:
        return check_step(int(text))
    except ValueError:
        raise ValueError(f"the step {_cut(text)!r} is no whole number") from None


def _cut(line: str) -> str:
    return line if len(line) <= QUOTED else line[:QUOTED] + "…"


class _Patience:
    """Searches in a piece of a log that are interrupted where they take much longer than `TICK_S`.

    Some patterns take longer than anybody lives for some lines, and nothing but a signal interrupts one. Only
    a main thread hears signals; in others nothing is interrupted.
    """

    def __init__(self) -> None:
        self._begun = 0
        self._seen = 0
        self._now: re.Pattern[str] | None = None
        self._ticks: Counter[re.Pattern[str]] = Counter()
        self._hears = threading.current_thread() is threading.main_thread()
        self._before: Any = None

    def __enter__(self) -> _Patience:
        if self._hears:
            self._before = signal.signal(signal.SIGVTALRM, self._tick)
            signal.setitimer(signal.ITIMER_VIRTUAL, TICK_S, TICK_S)
        return self

    def __exit__(self, *_: object) -> None:
        if self._hears:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            # None: it was set by what is not Python, and cannot be set again. The last tick may yet come.
            signal.signal(signal.SIGVTALRM, signal.SIG_IGN if self._before is None else self._before)

    def search(self, pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
        """Raises TooSlow."""
        self._begun += 1
        self._now = pattern
        try:
            return pattern.search(line)
        finally:
            self._now = None

    def _tick(self, _: int, __: FrameType | None) -> None:
        pattern = self._now
        if pattern is not None:
            self._ticks[pattern] += 1
            if self._seen == self._begun or self._ticks[pattern] > MOST_TICKS:
                self._now = None  # it may come where a search begins or ends: once is enough
                raise TooSlow
        self._seen = self._begun
