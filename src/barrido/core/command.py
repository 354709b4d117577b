"""The command of a trial, as a template.

``${{inputs.x}}``, ``${{search_space.x}}`` and ``${{outputs.x}}`` are replaced by values, and so are
``${{resource}}`` and ``${{checkpoint_dir}}``, which have no namespace. A value never becomes shell syntax: it
is quoted as the place asks where its reference stands, and a place where no quoting holds is a problem of the
template. ``[--flag ${{inputs.x}}]``, which Azure's components write ``$[[--flag ${{inputs.x}}]]``, is left
out when x is not given. The result is a command line for a POSIX ``sh``, or bash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from barrido.core import refusals
from barrido.core.programs import COMPOUND_ENDS, code_words, is_fed_a_program
from barrido.core.reading import Command, Place, Reference
from barrido.core.refusals import Refusal
from barrido.core.shell import Reader
from barrido.errors import BarridoError

NAMESPACES = ("inputs", "search_space", "outputs")
RESOURCE = ("", "resource")
CHECKPOINT_DIR = ("", "checkpoint_dir")
Values = Callable[[tuple[str, str]], str | None] | Mapping[tuple[str, str], str | None]
"""The text of a reference by (namespace, name); None for an optional input that was not given."""

_PATH = r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*"
_ALONE = tuple(name for _, name in (RESOURCE, CHECKPOINT_DIR))
_REFERENCE = re.compile(rf"\$\{{\{{\s*(?:([A-Za-z_]\w*)\.({_PATH})|({'|'.join(_ALONE)}))\s*\}}\}}", re.ASCII)
_DEPRECATED = re.compile(rf"(?<![${{])\{{\s*({'|'.join(NAMESPACES)})\.({_PATH})\s*\}}(?!\}})", re.ASCII)
_ATTEMPT = re.compile(rf"\$\{{\{{.{{0,60}}?(?:\}}\}}|$)|\$\{{\s*(?:{'|'.join(NAMESPACES)})\.[^}}]*\}}", re.M)
_DOUBLED = re.compile(r"(?<!\S)\$\[(\[(?=[^\[\]]*\$\{\{)[^\[\]]*\])\](?![^\s\\])")
_HARMLESS = re.compile(r"[\w./:@%+,-]+", re.ASCII)
_Span = tuple[int, int]
_UNKNOWN = "\1"  # stands for a value before it is known


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a template cannot be used; ``offset`` is the character, from 0, that it is about."""

    what: str
    hint: str
    offset: int

    def __str__(self) -> str:
        return f"{self.what} (character {self.offset + 1})\n  hint: {self.hint}"


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed command. Only without ``problems`` can it be rendered."""

    text: str
    problems: tuple[Flaw, ...]
    notices: tuple[str, ...]
    slots: tuple[tuple[Reference, Place], ...]
    groups: tuple[_Span, ...]  # text[start:end] is an optional group with its brackets
    commands: tuple[Command, ...]  # those that hold references

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """Every (namespace, name) that is needed, once, in order."""
        return tuple(dict.fromkeys((r.namespace, r.name) for r, _ in self.slots))

    @property
    def required(self) -> tuple[tuple[str, str], ...]:
        """Those that stand outside of every optional group at least once."""
        outside = (r for r, _ in self.slots if not _is_in(r.start, self.groups))
        return tuple(dict.fromkeys((r.namespace, r.name) for r in outside))

    def render(self, values: Values) -> str:
        """The command line. Raises `BarridoError` for a value that is missing or cannot be passed."""
        if self.problems:
            raise BarridoError(self.problems[0].what, hint=self.problems[0].hint)
        texts = {reference: _text(values, reference) for reference, _ in self.slots}
        missing = [reference.start for reference, text in texts.items() if text is None]
        dropped = [group for group in self.groups if any(_is_in(start, [group]) for start in missing)]
        edits = [(a, b, "") for a, b in dropped]
        for a, b in self.groups:
            if not _is_in(a, dropped):
                edits += [(a, a + 1, ""), (b - 1, b, "")]
        known: dict[int, str] = {}
        for reference, place in self.slots:
            if _is_in(reference.start, dropped):
                continue
            value = texts[reference]
            if value is None:
                raise BarridoError(
                    f"{reference} has no value, and the command needs one",
                    hint=f"give it one, or make it optional: [--flag {reference}]",
                )
            known[reference.start] = value
            edits.append((reference.start, reference.end, _quoted(value, place)))
        self._check(known, dropped)
        return _edited(self.text, edits)

    def _check(self, known: Mapping[int, str], dropped: Sequence[_Span]) -> None:
        """What a program does with its words can depend on values: ``${{inputs.tool}} -c ${{inputs.x}}``."""
        if not known:
            return
        for start, refusal in _refused_words(self.commands, known, dropped):
            reference = next(r for r, _ in self.slots if r.start == start)
            flaw = _flaw(reference, refusal)
            raise BarridoError(flaw.what, hint=flaw.hint)


def parse(template: str) -> Template:
    """Read a template. Never raises: what is wrong with it is in ``problems``."""
    template = _DOUBLED.sub(r"  \1 ", template)  # as long as before: offsets are those of what was written
    problems: list[Flaw] = []
    notices: list[str] = []
    references: dict[int, Reference] = {}
    for found in sorted(
        [*_REFERENCE.finditer(template), *_DEPRECATED.finditer(template)], key=re.Match.start
    ):
        reference = Reference(found[1] or "", found[2] or found[3], *found.span())
        if reference.namespace and reference.namespace not in NAMESPACES:
            problems.append(_unknown_namespace(reference))
            continue
        references[reference.start] = reference
        if not found[0].startswith("$"):
            notices.append(f"{found[0]} is an old way to write {reference}; it still works")
    for found in _ATTEMPT.finditer(template):
        if not any(r.start <= found.start() < r.end for r in references.values()) and not _REFERENCE.match(
            template, found.start()
        ):
            problems.append(Flaw(f"{found[0]} is not a reference", _how_to_refer(found[0]), found.start()))
    if "\0" in template:
        problems.append(Flaw("a command cannot hold a NUL", "take it out", template.index("\0")))

    reading = Reader(template, references).read()
    commands = tuple(reading.commands)
    refused = dict(_refused_words(commands, {}, []))
    refused |= dict(_refused_words(commands, {}, reading.groups))
    refused |= reading.refusals
    problems += [_flaw(references[start], refusal) for start, refusal in refused.items()]
    return Template(
        text=template,
        problems=tuple(sorted(problems, key=lambda flaw: flaw.offset)),
        notices=tuple(dict.fromkeys(notices)),
        slots=tuple((r, reading.places.get(start, Place.BARE)) for start, r in references.items()),
        groups=tuple(sorted(reading.groups)),
        commands=commands,
    )


def text_of(value: Any) -> str:
    """How the value of a parameter is written in a command.

    >>> [text_of(value) for value in (0.1, 1e-07, 3, True, "relu", {"units": 64})]
    ['0.1', '1e-07', '3', 'True', 'relu', '{"units": 64}']
    """
    match value:
        case str():
            return value
        case bool() | int():
            return str(value)
        case float():
            return float.__repr__(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _text(values: Values, reference: Reference) -> str | None:
    key = (reference.namespace, reference.name)
    try:
        value = values[key] if isinstance(values, Mapping) else values(key)
    except KeyError:
        raise BarridoError(
            f"the command needs {reference}, which is not there",
            hint="check the name, and that it is among the sweep's inputs, outputs or search space",
        ) from None
    if value is not None and "\0" in value:
        raise BarridoError(
            f"the value of {reference} holds a NUL, which no command line can carry",
            hint="pass it in a file",
        )
    return value


def _quoted(value: str, place: Place) -> str:
    match place:
        case Place.ARGUMENT if _HARMLESS.fullmatch(value):
            return value
        case Place.BARE | Place.ARGUMENT:
            return "'" + value.replace("'", "'\"'\"'") + "'"
        case Place.SINGLE:
            return value.replace("'", "'\"'\"'")
        case Place.DOUBLE:
            return re.sub(r'[\\$"`]', r"\\\g<0>", value)
        case Place.DOUBLE_AFTER_NAME:
            return '""' + re.sub(r'[\\$"`]', r"\\\g<0>", value)
        case _:
            assert_never(place)


def _edited(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        if start >= at:
            pieces += [text[at:start], new]
            at = end
    return "".join([*pieces, text[at:]])


def _is_in(start: int, spans: Sequence[_Span]) -> bool:
    return any(a <= start < b for a, b in spans)


def _refused_words(
    commands: Sequence[Command], known: Mapping[int, str], dropped: Sequence[_Span]
) -> Iterator[tuple[int, Refusal]]:
    """References, by their start, whose value would be read as a program."""
    seen = set[int]()
    fed: dict[int, set[int]] = {}  # references in the pipeline so far, by the pipeline's depth
    for command in commands:
        words = [word for word in command.words if word.group is None or not _is_in(word.group, dropped)]
        texts = [word.text(lambda start: known.get(start, _UNKNOWN)) for word in words]
        for index, refusal in code_words(texts).items():
            if index < len(words):
                yield from ((start, refusal) for start in sorted(words[index].holds))
        if is_fed_a_program(texts):
            piped = set[int]().union(*(fed[depth] for depth in fed if depth <= command.depth))
            yield from ((start, refusals.PIPED) for start in sorted(piped))
        holds = set[int]().union(*(word.holds for word in words))
        seen |= holds
        if not command.is_piped:
            fed.pop(command.depth, None)
        elif not texts or texts[0].text in COMPOUND_ENDS:
            fed[command.depth] = set(seen)
        else:
            fed[command.depth] = fed.get(command.depth, set()) | holds


def _flaw(reference: Reference, refusal: Refusal) -> Flaw:
    return Flaw(
        f"{reference} stands {refusal.place}, where its value cannot be quoted safely",
        refusal.hint.replace("{ref}", str(reference)),
        reference.start,
    )


def _how_to_refer(attempt: str) -> str:
    from difflib import get_close_matches

    if close := get_close_matches(attempt.strip("${} "), _ALONE, n=1):
        return f"did you mean ${{{{{close[0]}}}}}?"
    return f"write ${{{{inputs.name}}}}, with one of {', '.join(NAMESPACES)}"


def _unknown_namespace(reference: Reference) -> Flaw:
    from difflib import get_close_matches

    close = get_close_matches(reference.namespace, NAMESPACES, n=1)
    hint = f"did you mean ${{{{{close[0]}.{reference.name}}}}}?" if close else f"use {', '.join(NAMESPACES)}"
    return Flaw(f"{reference} refers to nothing that a sweep has", hint, reference.start)
