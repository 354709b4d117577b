"""Says what is wrong with a value in the words of the person who wrote it.

Light to import: pydantic is not needed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LONGEST = 60
_SHORTEST = 3  # the beginning of a word that stands for the word


def got(value: object) -> str:
    """A value as its author would recognise it.

    >>> got("two"), got(True), got(None), got([1]), got(0.5)
    ("'two'", 'true', 'nothing', 'a list', '0.5')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
        case int() | float():
            text = str(value)
            return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        case list():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return f"an object of type {type(value).__name__}"


def listed(words: Iterable[str], *, last: str = "or") -> str:
    """
    >>> listed(["random", "sobol", "grid"])
    'random, sobol or grid'
    """
    *head, tail = list(words)
    return f"{', '.join(head)} {last} {tail}" if head else tail


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    by_lower = {name.lower(): name for name in known}
    word = word.lower().strip()
    found = get_close_matches(word, by_lower, n=1, cutoff=0.6)
    if not found and len(word) >= _SHORTEST:
        found = [name for name in by_lower if name.startswith(word)]
    return by_lower[found[0]] if len(found) == 1 else None


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint: the nearest of ``known``, else ``otherwise``, else all of them."""
    names = list(known)
    if (near := closest(word, names)) is not None:
        return f"did you mean '{near}'?"
    return otherwise or (f"it can be {listed(names)}" if names else "")


def in_words(error: ErrorDetails) -> tuple[str, str]:
    """What is wrong, and a hint, for an error about the kind or the range of one value."""
    value: Any = error["input"]
    limits = error.get("ctx", {})
    if error["type"] in _KINDS:
        return _KINDS[error["type"]](value)
    match error["type"]:
        case "greater_than_equal":
            what = f"must be at least {limits['ge']:g}"
        case "greater_than":
            what = f"must be more than {limits['gt']:g}"
        case "less_than_equal":
            what = f"must be at most {limits['le']}"
        case "finite_number":
            what = "must be a finite number"
        case "string_too_short":
            return "must not be empty", ""
        case "string_too_long":
            what = f"must not be longer than {limits['max_length']} characters"
        case _:
            what = error["msg"][:1].lower() + error["msg"][1:]
    return f"{what} (got {got(value)})", ""


def _whole(value: Any) -> tuple[str, str]:
    return _number(value, "a whole number", int)


def _real(value: Any) -> tuple[str, str]:
    return _number(value, "a number", float)


def _number(value: Any, kind: str, read: Callable[[str], float]) -> tuple[str, str]:
    if isinstance(value, str):
        try:
            read(value)
        except ValueError:
            return f"must be {kind} (got {got(value)})", ""
        return f"must be {kind}, not text (got {got(value)})", f"write {value.strip()} without the quotes"
    if isinstance(value, float) and value.is_integer():
        return f"must be {kind} (got {got(value)})", f"write {int(value)}"
    return f"must be {kind} (got {got(value)})", ""


def _text(value: Any) -> tuple[str, str]:
    if isinstance(value, bool | int | float):
        return f"must be text (got {got(value)})", f"put it in quotes: '{got(value)}'"
    return f"must be text (got {got(value)})", ""


def _truth(value: Any) -> tuple[str, str]:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("yes", "on", "true", "y"):
        return f"must be true or false (got {got(value)})", "write true, without quotes"
    if word in ("no", "off", "false", "n"):
        return f"must be true or false (got {got(value)})", "write false, without quotes"
    return f"must be true or false (got {got(value)})", ""


def _mapping(value: Any) -> tuple[str, str]:
    return f"must be a mapping, `key: value` (got {got(value)})", ""


def _list(value: Any) -> tuple[str, str]:
    return f"must be a list (got {got(value)})", "" if value is None else "put it between [ and ]"


_KINDS: Mapping[str, Callable[[Any], tuple[str, str]]] = {
    "int_type": _whole,
    "int_parsing_size": _whole,
    "float_type": _real,
    "string_type": _text,
    "bool_type": _truth,
    "model_type": _mapping,
    "dict_type": _mapping,
    "list_type": _list,
}
