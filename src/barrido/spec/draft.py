"""A description while it is being checked: its parts can be asked for, where nothing is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from barrido.spec.mapping import Table
from barrido.spec.messages import did_you_mean, got
from barrido.spec.models import CommandJob, SweepJob
from barrido.spec.node import Node
from barrido.spec.source import Findings, Path

MODELS: Mapping[str, type[SweepJob] | type[CommandJob]] = {"sweep": SweepJob, "command": CommandJob}

_LONGEST_BITS = 1000
M = TypeVar("M", bound=Node)


@dataclass(frozen=True, slots=True)
class Draft:
    """Plain data in the shape of a job of ``kind``, and what was found wrong with it so far.

    ``job`` is None if its shape is wrong. Checks ask `get` for the parts that they look at, so that one
    mistake does not hide another.
    """

    kind: str
    value: Mapping[str, Any]
    job: SweepJob | CommandJob | None
    findings: Findings
    base: FilePath  # paths in the description begin here
    table: Table | None  # of the workspace's names; None where they do not matter yet

    def get(self, *path: str | int) -> Any:
        """What stands at ``path``; None if nothing does, or if something is wrong with it."""
        if not self.findings.is_sound(path):
            return None
        value: Any = self.value
        for part in path:
            if not isinstance(value, Mapping) or part not in value:
                return None
            value = value[part]
        return value

    def mapping(self, *path: str) -> Mapping[str, Any]:
        """The mapping at ``path`` with everything in it, right or wrong; empty if there is none."""
        value: Any = self.value
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value if isinstance(value, Mapping) else {}

    @property
    def work(self) -> tuple[str, ...]:
        """Where command, code and environment stand."""
        return ("trial",) if self.kind == "sweep" else ()


def draft(document: object, findings: Findings, base: FilePath, table: Table | None = None) -> Draft | None:
    """Check the shape of a description. None if it has no shape at all."""
    if not isinstance(document, Mapping):
        hint = "a sweep is written as `key: value` lines that begin with `type: sweep`"
        findings.wrong((), f"must be a mapping of keys to values (got {got(document)})", hint)
        return None
    value = _mapping(document, (), findings)
    kind = _kind(value, findings)
    value["type"] = kind
    return Draft(kind, value, shaped(MODELS[kind], value, findings), findings, base, table)


def shaped(model: type[M], value: Any, findings: Findings) -> M | None:
    """``value``, a whole description, in the shape of ``model``; None if that is not its shape.

    What could not be read stands in ``value`` as None: that it has no value is not said once more.
    """
    unread = {path for path in findings.places if _at(value, path) is None}
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            context = mistake["ctx"]
            place = (*mistake["loc"], *context["at"])
            if place not in unread:
                findings.wrong(place, context["what"], context["hint"])
    return None


def _at(value: Any, path: Path) -> Any:
    for part in path:
        match value, part:
            case Mapping(), str():
                value = value.get(part)
            case list(), int() if part < len(value):
                value = value[part]
            case _:
                return None
    return value


def plain(value: Any, path: Path, findings: Findings) -> Any:
    """Python's own kinds for what a program may hand in: tuples, ranges, arrays, NumPy numbers, paths."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, path, findings)
        case int():
            if value.bit_length() > _LONGEST_BITS:
                findings.wrong(path, "is a number of more than 300 digits")
                return None
            return int(value)
        case float():
            return float(value)
        case os.PathLike():
            return _text(os.fsdecode(value), path, findings)
        case Mapping():
            return _mapping(value, path, findings)
        case list() | tuple() | range():
            return [plain(item, (*path, n), findings) for n, item in enumerate(value)]
    if callable(tolist := getattr(value, "tolist", None)):
        return plain(tolist(), path, findings)
    findings.wrong(path, f"cannot be written in a sweep (got {got(value)})")
    return None


def _mapping(value: Mapping[Any, Any], path: Path, findings: Findings) -> dict[str, Any]:
    items = ((_text(str(key), path, findings), item) for key, item in value.items())
    return {key: plain(item, (*path, key), findings) for key, item in items}


def _text(value: str, path: Path, findings: Findings) -> str:
    """Python's own text. JSON may write one character as two halves; a half alone is no character."""
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        findings.wrong(path, "holds half of a character (a lone surrogate)")
        return value.encode("utf-8", "replace").decode()


def _kind(value: Mapping[str, Any], findings: Findings) -> str:
    """The kind of job; where it is not said, or not said right, the one that it looks like."""
    looks_like = "command" if "command" in value and "trial" not in value else "sweep"
    kind = value.get("type")
    if kind is None:
        findings.wrong(("type",), "is missing", f"add the line `type: {looks_like}`")
        return looks_like
    if isinstance(kind, str) and kind.strip().lower() in MODELS:
        return kind.strip().lower()
    hint = did_you_mean(kind, MODELS, otherwise="it can be sweep or command") if isinstance(kind, str) else ""
    findings.wrong(("type",), f"is not a kind of job that barrido runs (got {got(kind)})", hint)
    return looks_like
