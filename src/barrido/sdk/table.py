"""Tables of plain text, as wide as the terminal and no wider."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

GAP = "  "
LEAST = 10
"""To how many characters a column may be cut."""


@dataclass(frozen=True, slots=True)
class Column:
    """``cut``: it may be shortened where the table is too wide. ``paint`` styles a cell that is laid out."""

    title: str
    right: bool = False
    cut: bool = False
    paint: Callable[[str], str] | None = None


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None) -> list[str]:
    """A head line and one line a row. ``width`` None: as wide as it takes.

    >>> table([Column("name"), Column("n", right=True)], [["iris", "3"], ["a", "12"]], width=None)
    ['name   n', 'iris   3', 'a     12']
    >>> table([Column("why", cut=True)], [["it takes very long"]], width=12)
    ['why', 'it takes ve…']
    """
    widths = [
        max(display_width(column.title), *(display_width(row[n]) for row in rows), 1)
        if rows
        else display_width(column.title)
        for n, column in enumerate(columns)
    ]
    if width is not None:
        _narrow(columns, widths, width)
    head = _line([Column(c.title, c.right) for c in columns], [c.title for c in columns], widths)
    return [head, *(_line(columns, row, widths) for row in rows)]


def natural_width(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, least: bool = False) -> int:
    """How wide the table is; with ``least``, once all columns that may be cut are as narrow as they get."""
    total = len(GAP) * (len(columns) - 1)
    for n, column in enumerate(columns):
        widest = max([display_width(column.title), *(display_width(row[n]) for row in rows)])
        total += min(widest, LEAST) if least and column.cut else widest
    return total


def _narrow(columns: Sequence[Column], widths: list[int], width: int) -> None:
    """Take from the widest column that may be cut, again and again."""
    while (over := sum(widths) + len(GAP) * (len(widths) - 1) - width) > 0:
        most = max(
            (n for n, column in enumerate(columns) if column.cut), key=lambda n: widths[n], default=None
        )
        if most is None or widths[most] <= LEAST:
            return
        others = [w for n, w in enumerate(widths) if columns[n].cut and n != most]
        next_widest = max([w for w in others if w < widths[most]], default=LEAST)
        widths[most] = max(LEAST, widths[most] - over, min(next_widest, widths[most] - 1))


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for n, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
        text = cut(cell, width)
        padding = " " * (width - display_width(text))
        if column.paint is not None:
            text = column.paint(text)
        last = n == len(columns) - 1
        parts.append(padding + text if column.right else (text if last else text + padding))
    return GAP.join(parts).rstrip()


def cut(text: str, width: int) -> str:
    """
    >>> cut("a long reason", 7), cut("short", 7)
    ('a long…', 'short')
    """
    if display_width(text) <= width:
        return text
    if width < 1:
        return ""
    kept = ""
    for char in text:
        if display_width(kept + char) > width - 1:
            break
        kept += char
    return kept + "…"


def display_width(text: str) -> int:
    """Columns that ``text`` takes on a terminal.

    >>> display_width("学習率"), display_width("é")
    (6, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
