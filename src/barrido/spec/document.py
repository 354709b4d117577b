"""Reads YAML (version 1.2) into plain data that remembers its lines.

YAML is read as a tree of nodes and turned into data here, so that every duplicate key is found with both
its lines, tags that would build objects are refused, and dates stay the text they were written as.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner

from barrido.errors import RequestError
from barrido.spec.messages import got
from barrido.spec.source import Findings, Path, Source

MAX_BYTES = 1 << 21
MAX_DEPTH = 60
MAX_VALUES = 200_000
EMPTY = "is empty"
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
_TOO_LONG = f"is longer than {MAX_BYTES >> 20} MiB"
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {
    _TAG + "null": "null",
    _TAG + "bool": "true or false",
    _TAG + "int": "a whole number",
    _TAG + "float": "a number",
}
_TEXT_TAGS = frozenset(_TAG + name for name in ("str", "timestamp", "value", "merge"))

_SYNTAX_HINTS = (
    (
        "mapping values are not allowed",
        "a text with ': ' in it must stand in quotes, or below `>-`; or the line above lacks its ': '",
    ),
    ("'\\t'", "a tab cannot indent in YAML: use spaces"),
    ("cannot start any token", "a text that begins with this character must stand in quotes"),
    ("could not find expected ':'", "is a ': ' missing, or a line indented too little?"),
    ("expected ',' or ']'", "is a [ not closed, or a comma missing?"),
    ("expected ',' or '}'", "is a { not closed, or a comma missing?"),
    ("expected <block end>", "is this line indented as its neighbours are?"),
    ("found undefined alias", "an alias (*name) needs an anchor (&name) above it"),
    ("quoted scalar", "a quote is opened and not closed"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A description as plain data: dicts with text keys, lists, text, numbers, booleans and None."""

    value: Any
    findings: Findings


def read(path: FilePath) -> Document:
    """Read a file. Raises RequestError if there is no such file; what is wrong in it is a finding."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RequestError(f"there is no file '{path}'", hint=_similar(path)) from None
    except IsADirectoryError:
        inside = ", ".join(sorted(p.name for p in path.iterdir() if p.suffix in (".yml", ".yaml"))[:5])
        hint = f"it holds: {inside}" if inside else "name the YAML file that describes the sweep"
        raise RequestError(f"'{path}' is a folder, not a file", hint=hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RequestError(f"cannot read '{path}': {reason}") from None
    if len(raw) > MAX_BYTES:
        return _refused(str(path), _TOO_LONG, "is it the file that you mean?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        findings = Findings(Source(str(path), {(): line}))
        what = f"is not UTF-8 text (got the byte 0x{raw[error.start]:02x})"
        findings.wrong((), what, "save the file with the encoding UTF-8")
        return Document(None, findings)
    return parse(text, name=str(path))


def parse(text: str, *, name: str) -> Document:
    """Read one YAML document; ``name`` is what its lines are called by."""
    if len(text) > MAX_BYTES:
        return _refused(name, _TOO_LONG)
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    try:
        yaml.composer.warn_double_anchors = False
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        return _unreadable(error, name)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        findings = Findings(Source(name, {(): line}))
        findings.wrong((), f"holds a character that YAML does not allow (got U+{code:04X})")
        return Document(None, findings)
    except RecursionError:
        return _refused(name, _TOO_DEEP)
    except (YAMLError, ValueError, ArithmeticError, AttributeError, TypeError, IndexError) as error:
        return _refused(name, f"is not valid YAML: {error}")
    if node is None:
        return _refused(name, EMPTY, "a sweep begins with `type: sweep`")
    builder = _Builder(yaml)
    value = builder.build(node, ())
    findings = Findings(Source(name, builder.lines))
    for path, what, hint in builder.mistakes:
        findings.wrong(path, what, hint)
    return Document(value, findings)


class _Scanner(Scanner):
    """Each bracket that is open makes the next one slower: too many are not waited for."""

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:
        if len(self.flow_context) > MAX_DEPTH:
            raise MarkedYAMLError(problem=_TOO_DEEP, problem_mark=self.reader.get_mark())
        super().fetch_flow_collection_start(TokenClass, to_push)


class _Builder:
    """Turns nodes into data, noting the line of each value."""

    def __init__(self, yaml: YAML) -> None:
        self.lines: dict[Path, int] = {}
        self.mistakes: list[tuple[Path, str, str]] = []
        self._construct = yaml.constructor.construct_object
        self._around: set[int] = set()
        self._count = 0

    def build(self, node: Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if not self._may_enter(node, path):
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._around.add(id(node))
        try:
            if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
                return [self.build(item, (*path, n)) for n, item in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == _TAG + "map":
                return self._mapping(node, path)
        finally:
            self._around.discard(id(node))
        return self._wrong(path, f"has the tag {_short(node.tag)}, which means nothing here")

    def _may_enter(self, node: Node, path: Path) -> bool:
        """Whether a node is taken in; counts it. What an alias stands for is one more each time."""
        self._count += 1
        if self._count > MAX_VALUES:
            if self._count == MAX_VALUES + 1:
                self.mistakes.append(((), f"holds more than {MAX_VALUES} values", ""))
            return False
        if id(node) in self._around:
            self._wrong(path, "contains itself, through an alias")
            return False
        if len(self._around) > MAX_DEPTH:
            self._wrong(path, _TOO_DEEP)
            return False
        return True

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        if node.tag in _TEXT_TAGS:
            return node.value
        if node.tag not in _PLAIN_TAGS:
            hint = "put the text in quotes" if str(node.tag).startswith("!") else ""
            return self._wrong(path, f"has the tag {_short(node.tag)}, which means nothing here", hint)
        try:
            return self._construct(node)
        except (YAMLError, ValueError, KeyError, ArithmeticError, IndexError):
            return self._wrong(path, f"cannot be read as {_PLAIN_TAGS[node.tag]} (got {got(node.value)})")

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        value: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.mistakes.append((path, f"has a key in line {line} that is not a text", ""))
                continue
            if key_node.tag == _TAG + "merge":
                merged.append(value_node)
                continue
            key = str(key_node.value)
            if key in value:
                first = self.lines[*path, key]
                self.lines[*path, key] = line
                self._wrong((*path, key), f"is given twice, first in line {first}")
                continue
            self.lines[*path, key] = line
            value[key] = self.build(value_node, (*path, key))
        for source in merged:
            self._merge(source, path, value)
        return value

    def _merge(self, node: Node, path: Path, into: dict[str, Any]) -> None:
        """``<<: *defaults``: the keys that the mapping does not have itself."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, MappingNode):
                self._wrong((*path, "<<"), "takes a mapping, or a list of mappings")
            elif self._may_enter(source, (*path, "<<")):
                self._around.add(id(source))
                ours, self.lines = self.lines, {path: self.lines[path]}
                for key, value in self._mapping(source, path).items():
                    into.setdefault(key, value)
                for place, line in self.lines.items():
                    ours.setdefault(place, line)
                self.lines = ours
                self._around.discard(id(source))

    def _wrong(self, path: Path, what: str, hint: str = "") -> None:
        self.lines.setdefault(path, self.lines.get(path[:-1], 1))
        self.mistakes.append((path, what, hint))


def _unreadable(error: MarkedYAMLError, name: str) -> Document:
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "it cannot be read").strip()
    lines: dict[Path, int] = {(): mark.line + 1} if mark is not None else {}
    findings = Findings(Source(name, lines))
    if "expected a single document" in str(error.context):
        findings.wrong((), "holds more than one document", "keep one sweep in a file, without `---` between")
        return Document(None, findings)
    hint = next((hint for sign, hint in _SYNTAX_HINTS if sign in f"{problem} {error.context}"), "")
    findings.wrong((), problem if problem == _TOO_DEEP else f"not valid YAML: {problem}", hint)
    return Document(None, findings)


def _refused(name: str, what: str, hint: str = "") -> Document:
    findings = Findings(Source(name, {(): 1}))
    findings.wrong((), what, hint)
    return Document(None, findings)


def _short(tag: object) -> str:
    return str(tag).replace(_TAG, "!!")


def _similar(path: FilePath) -> str:
    if not path.parent.is_dir():
        return f"there is no folder '{path.parent}' either"
    files = sorted(p.name for p in path.parent.iterdir() if p.suffix in (".yml", ".yaml"))
    if close := get_close_matches(path.name, files, n=1):
        return f"did you mean '{path.parent / close[0]}'?"
    return f"in that folder there is: {', '.join(files[:5])}" if files else ""
