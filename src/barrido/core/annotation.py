"""What people write on a sweep, or on a trial: a note and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import category

LONGEST_NOTE, LONGEST_KEY, LONGEST_VALUE = 10_000, 250, 5_000
"""In characters."""


@dataclass(frozen=True, slots=True)
class Annotation:
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def changed(self, changes: Mapping[str, Any]) -> Annotation:
        """With the ``note`` and the ``tags`` of ``changes``, as far as it has them; None removes a tag.

        >>> Annotation("old", {"a": "1", "b": "2"}).changed({"tags": {"a": None, "c": "3"}})
        Annotation(note='old', tags={'b': '2', 'c': '3'})
        """
        tags = {**self.tags, **changes.get("tags", {})}
        return Annotation(
            changes.get("note", self.note), {key: text for key, text in tags.items() if text is not None}
        )


PLAIN = Annotation()
"""Nothing was written."""


def annotation_problems(changes: Mapping[str, Any]) -> list[str]:
    """Everything that keeps ``changes`` from being an annotation."""
    if not changes or not changes.keys() <= {"note", "tags"}:
        names = ", ".join(map(repr, changes)) or "nothing"
        return [f"an annotation is a note, or tags, or both (got {names})"]
    problems = []
    if "note" in changes:
        problems += _text_problems("the note", changes["note"], LONGEST_NOTE, allowed="\n\t")
    tags = changes.get("tags", {})
    if not isinstance(tags, Mapping):
        return [*problems, f"tags are texts by name (got {tags!r:.60})"]
    for key, text in tags.items():
        if key == "":
            problems.append("a tag needs a name")
        problems += _text_problems("a tag's name", key, LONGEST_KEY)
        if text is not None:
            problems += _text_problems(f"tag {key!r:.60}", text, LONGEST_VALUE)
    return problems


def _text_problems(what: str, text: object, longest: int, *, allowed: str = "") -> list[str]:
    if not isinstance(text, str):
        return [f"{what} must be text (got {text!r:.60})"]
    if len(text) > longest:
        return [f"{what} may have {longest:,} characters (got {len(text):,})"]
    # Control characters steer terminals; half a surrogate pair cannot be stored
    odd = next((char for char in text if char not in allowed and category(char) in ("Cc", "Cs")), None)
    return [] if odd is None else [f"{what} has the control character U+{ord(odd):04X} in it"]
