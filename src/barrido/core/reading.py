"""What is known while a command line is read, and what has been found in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from barrido.core import refusals
from barrido.core.programs import WILD, Text
from barrido.core.refusals import Refusal


class Place(Enum):
    BARE = auto()  # outside of quotes
    ARGUMENT = auto()  # the same, and a harmless value needs no quotes
    SINGLE = auto()  # inside '…'
    DOUBLE = auto()  # inside "…"
    DOUBLE_AFTER_NAME = auto()  # inside "…" right after $x, a name that the value must not prolong


class Reference(NamedTuple):
    """``text[start:end]`` is ``${{namespace.name}}``, or ``${{name}}`` where the namespace is empty."""

    namespace: str
    name: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"${{{{{self.namespace}{'.' * bool(self.namespace)}{self.name}}}}}"


@dataclass(slots=True)
class Word:
    """A word of a simple command: literal text, and references by their start.

    ``holds`` has all references that can change it, those in nested commands included.
    """

    pieces: list[str | int] = field(default_factory=list)
    holds: set[int] = field(default_factory=set)
    group: int | None = None  # where the innermost [--flag …] around it starts

    def text(self, value: Callable[[int], str] = lambda _: WILD) -> Text:
        pieces = (piece if isinstance(piece, str) else value(piece) for piece in self.pieces)
        return Text("".join(pieces), not self.holds)


class Command(NamedTuple):
    """A simple command, or the end of another one, without words.

    ``is_piped``: what it writes is read by the next. ``depth``: in how many constructs it stands.
    """

    words: tuple[Word, ...]
    is_piped: bool
    depth: int


@dataclass(slots=True)
class Reading:
    places: dict[int, Place] = field(default_factory=dict)  # by the reference's start
    groups: list[tuple[int, int]] = field(default_factory=list)  # [--flag …] is text[start:end]
    commands: list[Command] = field(default_factory=list)
    refusals: dict[int, Refusal] = field(default_factory=dict)


class Kind(Enum):
    COMMANDS = auto()
    DOUBLE = auto()  # "…"
    BRACES = auto()  # ${…}
    ARITHMETIC = auto()  # $((…))


class HereDocument(NamedTuple):
    delimiter: str
    strips_tabs: bool
    is_quoted: bool


@dataclass(slots=True)
class Frame:
    """An open construct. ``refusal`` says why no reference may stand in it."""

    kind: Kind
    start: int
    refusal: Refusal | None = None
    is_quoted: bool = False  # BRACES inside "…"
    depth: int = 0  # ARITHMETIC: open parentheses
    is_in_word: bool = False  # COMMANDS of $(…) or <(…): part of a word of the frame around it
    words: list[Word] = field(default_factory=list)
    word: Word | None = None
    is_target: bool = False  # the word belongs to a redirection
    target_refusal: Refusal | None = None
    is_test: bool = False  # between [[ and ]]
    documents: list[HereDocument] = field(default_factory=list)


class Uncertain(Exception):
    """It is not certain how a shell reads on from ``at``."""

    def __init__(self, at: int, what: str, hint: str) -> None:
        super().__init__(what)
        self.at = at
        self.refusal = refusals.uncertain(what, at, hint)
