"""Checks that say what is wrong with an argument, for people, without raising.

Each returns the problems it found, with the argument's name after ``path``.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, log
from typing import Any, TypeGuard

from barrido.errors import Problem
from barrido.space.curves import EXPONENT_LIMIT

COUNTABLE = 2**53
"""Beyond this, float64 skips whole numbers."""


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def did_you_mean(word: object, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    known = list(known)
    close = get_close_matches(str(word).lower(), known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a finite int or float; a bool is not a number here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # an int beyond the largest float
        return False


def check_number(value: object, path: str, name: str) -> list[Problem]:
    if is_number(value):
        return []
    hint = f"write {value} without quotes" if isinstance(value, str) and _reads_as_number(value) else ""
    what = "a finite number" if isinstance(value, float | int) else "a number"
    return [Problem(f"{name} must be {what} (got {shown(value)})", path=join(path, name), hint=hint)]


def check_numbers(domain: Any, path: str, *names: str) -> list[Problem]:
    return [problem for name in names for problem in check_number(getattr(domain, name), path, name)]


def check_whole(value: object, path: str, name: str) -> list[Problem]:
    where = join(path, name)
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) <= COUNTABLE:
            return []
        return [Problem(f"{name} must be between -2**53 and 2**53 (got {shown(value)})", path=where)]
    hint = f"write {int(value)}" if isinstance(value, float) and value.is_integer() else ""
    return [Problem(f"{name} must be a whole number (got {shown(value)})", path=where, hint=hint)]


def check_flag(value: object, path: str, name: str) -> list[Problem]:
    if isinstance(value, bool):
        return []
    return [Problem(f"{name} must be true or false (got {shown(value)})", path=join(path, name))]


def check_below(domain: Any, path: str, low: str, high: str) -> list[Problem]:
    """Whether the argument ``low`` is below the argument ``high``; both are known to be numbers."""
    a, b = getattr(domain, low), getattr(domain, high)
    if a < b:
        if isfinite(float(b) - float(a)):
            return []
        return [Problem(f"the range from {a} to {b} is too wide for floating point", path=join(path, high))]
    hint = (
        f"they look swapped: {low}: {b}, {high}: {a}"
        if a > b
        else "nothing is left to search: give the parameter this value as a plain input"
    )
    return [Problem(f"{low} must be below {high} (got {a} and {b})", path=join(path, low), hint=hint)]


def check_positive(domain: Any, path: str) -> list[Problem]:
    """A logarithmic scale begins above 0."""
    if domain.low > 0:
        return []
    return [
        Problem(
            f"low must be above 0 on a logarithmic scale (got {domain.low})",
            path=join(path, "low"),
            hint="give a small number, or log: false",
        )
    ]


def check_base(base: object, path: str) -> list[Problem]:
    if is_number(base) and base > 1:
        return []
    return [Problem(f"base must be a number above 1 (got {shown(base)})", path=join(path, "base"))]


def check_exponent(exponent: float, base: float, path: str, name: str, *, subject: str = "") -> list[Problem]:
    """Whether ``base ** exponent`` is a number that floating point holds.

    ``subject`` is the beginning of the message where the argument ``name`` is not the exponent itself.
    """
    if abs(exponent * log(base)) <= EXPONENT_LIMIT:
        return []
    size = "large" if exponent > 0 else "small"
    what = f"{subject or f'{name} is an exponent'}: exp({exponent * log(base):.4g}) is too {size} a number"
    hint = "bounds are natural-log exponents; for bounds in plain numbers use {type: float, log: true}"
    return [Problem(what, path=join(path, name), hint="" if subject else hint)]


def _reads_as_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def shown(value: object) -> str:
    """A value as a person would write it, shortened."""
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
