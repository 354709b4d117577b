"""Numbers in the reasons that users read: short, and never so short that a comparison looks wrong."""

from __future__ import annotations

from math import isfinite

_FIGURES = 4  # significant figures, where they are enough
_ALL = 17  # as many as tell any two doubles apart
_PLAIN = 1e15  # from here on integers are written with an exponent


def numbers(left: float, right: float, *others: float) -> list[str]:
    """Texts of the numbers, with as many figures as show that ``left`` and ``right`` differ.

    >>> numbers(0.6999996, 0.7, 0.9)
    ['0.6999996', '0.7', '0.9']
    >>> numbers(2 / 3, 0.61), numbers(1234567.0, 0.5)
    (['0.6667', '0.61'], ['1234567', '0.5'])
    """
    for figures in range(_FIGURES, _ALL + 1):
        if left == right or _text(left, figures) != _text(right, figures):
            break
    return [_text(value, figures) for value in (left, right, *others)]


def ordinal(rank: int) -> str:
    """
    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '102nd', '111th']
    """
    teens = rank // 10 % 10 == 1
    return f"{rank}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(rank % 10, 'th')}"


def in_reports(n: int) -> str:
    return "in 1 report" if n == 1 else f"in {n} reports"


def _text(value: float, figures: int) -> str:
    if not isfinite(value):
        return "no usable value"
    if value == 0:
        return "0"
    whole = len(str(int(abs(value)))) if abs(value) < _PLAIN else 0
    return f"{value:.{max(figures, whole)}g}"
