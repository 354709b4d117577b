"""Where things stand in what a person wrote, and everything that was found wrong there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from barrido.errors import Problem

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a description down to one value."""


def dotted(path: Path) -> str:
    """
    >>> dotted(("search_space", "lr", "values", 0))
    'search_space.lr.values[0]'
    """
    steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(steps).removeprefix(".")


def undotted(text: str) -> Path:
    """The path that `dotted` wrote; list positions may also stand between dots, as in ``values.0``.

    >>> undotted("search_space.lr.values[0]")
    ('search_space', 'lr', 'values', 0)
    """
    parts = re.sub(r"\[(\d+)\]", r".\1", text).strip(".").split(".")
    return tuple(int(part) if part.isascii() and part.isdigit() else part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Source:
    """Tells in which line a value stands.

    ``Source("train.py:12")`` says the same for every value; a file has ``lines``, a line number (from 1)
    by path. ``overrides`` holds what was set on the command line instead, in words.
    """

    name: str
    lines: Mapping[Path, int] = field(default_factory=dict)
    overrides: Mapping[Path, str] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """The place of ``path``; of the nearest thing around it, if it stands nowhere."""
        match self._found(path):
            case int() as line:
                return f"{self.name}:{line}"
            case None:
                return self.name
            case place:
                return self.overrides[place]

    def order(self, path: Path) -> tuple[int, int]:
        """A sort key: the file from top to bottom, then the command line."""
        match self._found(path):
            case int() as line:
                return 0, line
            case None:
                return 0, 0
            case place:
                return 1, list(self.overrides).index(place)

    def _found(self, path: Path) -> int | Path | None:
        """A line, or the path of an override: the one that made ``path``, or is nearest around it."""
        if path not in self.lines:
            for place in self.overrides:
                if place[: len(path)] == path and path:
                    return place
        for length in range(len(path), -1, -1):
            prefix = path[:length]
            if prefix in self.overrides:
                return prefix
            if prefix in self.lines:
                return self.lines[prefix]
        return None

    def overridden(self, path: Path, text: str) -> Source:
        """The source after ``path``, with all below it, was replaced by what ``text`` says."""
        depth = len(path)
        lines = {place: line for place, line in self.lines.items() if place[:depth] != path}
        return replace(self, lines=lines, overrides={**self.overrides, path: text})


class Findings:
    """What is wrong with a description, and what its author should know, as it is found.

    Problems stop the sweep; notices do not, and are kept with it.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._problems: list[tuple[Path, Problem]] = []
        self._notices: list[tuple[Path, str]] = []

    def wrong(self, path: Path, what: str, hint: str = "") -> None:
        self._problems.append((path, Problem(what, dotted(path), self.source.where(path), hint)))

    def add_elsewhere(self, others: Findings) -> None:
        """What was found in another file that the description needs."""
        self._problems += ((("", problem.where), problem) for problem in others.problems)
        self._notices += ((("", ""), notice) for notice in others.notices)

    def note(self, path: Path, what: str) -> None:
        parts = (self.source.where(path), dotted(path), what)
        self._notices.append((path, ": ".join(part for part in parts if part)))

    def moved_to(self, source: Source) -> Findings:
        """The same findings about another source; places of what was found before stay what they were."""
        moved = Findings(source)
        moved._problems += self._problems
        moved._notices += self._notices
        return moved

    @property
    def places(self) -> frozenset[Path]:
        """Where something is wrong."""
        return frozenset(path for path, _ in self._problems)

    def is_sound(self, path: Path) -> bool:
        """Whether nothing was found wrong at ``path``, below it or above it."""
        depth = len(path)
        return not any(found[:depth] == path or path[: len(found)] == found for found, _ in self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """In the order in which their places stand in the source, each said once."""
        ranked = sorted(self._problems, key=lambda item: self.source.order(item[0]))
        return tuple(dict.fromkeys(problem for _, problem in ranked))

    @property
    def notices(self) -> tuple[str, ...]:
        ranked = sorted(self._notices, key=lambda item: self.source.order(item[0]))
        return tuple(dict.fromkeys(text for _, text in ranked))
