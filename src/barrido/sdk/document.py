"""From what was said in Python to the plain document that `barrido.spec` checks, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from barrido.errors import Problem
from barrido.sdk import azure
from barrido.spec.source import Path, Source


@dataclass(frozen=True)
class ValidationResult:
    """``passed``, or what is wrong by dotted path."""

    problems: tuple[Problem, ...]
    notices: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def error_messages(self) -> dict[str, str]:
        return {problem.path or "*": problem.what for problem in self.problems}


def plain(value: Any) -> Any:
    """Our values, and Microsoft's, as mappings; others stay as they are, for the check to judge."""
    if (said := azure.settings_of(value)) is not None:
        return plain(said)
    if callable(to_document := getattr(value, "to_document", None)):
        return {name: plain(item) for name, item in to_document().items() if item is not None}
    if callable(to_json := getattr(value, "to_json", None)):  # a distribution
        return to_json()
    match value:
        case Mapping():
            return {name: plain(item) for name, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case Enum():
            return value.value
        case _:
            return value


def document(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A description of ``kind``; settings that are None or empty were not made."""
    body: dict[str, Any] = {"type": kind}
    for name, value in settings.items():
        if value is not None and not (isinstance(value, Mapping) and not value):
            body[name] = plain(value)
    return body


def located(base: Source | None, origin: str, places: Mapping[Path, str]) -> Source:
    """Where things stand: in ``base``, or at ``origin``, but for what was set elsewhere since."""
    if base is None:
        name, _, line = origin.rpartition(":")
        base = Source(name, {(): int(line)}) if line.isdigit() else Source(origin or "<python>")
    for path, place in places.items():
        if place and place != origin:
            base = base.overridden(path, place)
    return base
