"""The parameters of a search space by the names that trials show them under, with what each can be.

Trials show a point as scalars by dotted names (`Space.flatten`): of ``{"opt": {"kind": "sgd", "rate": 0.1}}``
``opt.kind`` and ``opt.rate``. A name may stand for several columns of the space's unit cube, as when two
branches of a choice have a parameter each that is called the same, or for none: what a branch says of itself,
as ``kind`` does here, is decided by the column of the choice it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from typing import Any

from barrido.core.wire import dumps
from barrido.errors import RequestError
from barrido.space import Choice, Continuous, Discrete, Domain, Float, Space
from barrido.space.tree import Dimension, Fixed, Fork, Group, Leaf, Node, compile_option, flattened

_LISTED = 12  # choices that the words for a distribution name
_LOGARITHMIC = frozenset({"loguniform", "lognormal", "qloguniform", "qlognormal"})
Conditions = tuple[tuple[int, int], ...]
"""(column, level) of each branch that must be taken, the outermost first."""


@dataclass(frozen=True)
class _Part:
    """What one name stands for where ``conditions`` hold. ``values``: what it can be, None for a range."""

    column: int
    conditions: Conditions
    domain: Domain
    values: tuple[Any, ...] | None


class Names:
    """The names of a space, in the order of its parameters."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._dimensions: list[Dimension] = []
        self._labels: dict[int, list[str]] = {}  # of the branches of a fork, by column
        self._forks: dict[int, str] = {}  # names of forks, by column
        self._parts: dict[str, list[_Part]] = {}
        for name, domain in space.parameters.items():
            self._walk(compile_option(domain, name, None, self._dimensions), name, ())
        self._by_column = [self._name_of(column) for column in range(len(self._dimensions))]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def name_of(self, column: int) -> str:
        """What a column of the unit cube is called: another name for each."""
        return self._by_column[column]

    def column_of(self, name: str) -> int:
        """The column that decides what a name stands for; of several the first. RequestError if none does."""
        if name in self._by_column:
            return self._by_column.index(name)
        if name in self._parts:
            return self._parts[name][0].column
        known = list(dict.fromkeys([*self._parts, *self._by_column]))
        close = get_close_matches(name, known, n=1)
        there = f"there is {', '.join(known)}" if known else "the sweep searches nothing"
        raise RequestError(
            f"there is no parameter {name!r}", hint=f"did you mean {close[0]!r}? {there}" if close else there
        )

    def levels(self, column: int) -> list[Any]:
        """The values of a column of a choice in the order of its levels; those with parts are what they are
        called."""
        if column in self._labels:
            return list(self._labels[column])
        domain = self._dimensions[column].domain
        values = (
            [domain.value_of(level) for level in range(len(domain.options))]
            if isinstance(domain, Choice)
            else []
        )
        return [dumps(value) if isinstance(value, Mapping) else value for value in values]

    def to_json(self) -> list[dict[str, Any]]:
        """Each name with what it can be."""
        return [self._described(name, parts) for name, parts in self._parts.items()]

    def _walk(self, node: Node, name: str, conditions: Conditions) -> None:
        match node:
            case Leaf(column):
                domain = self._dimensions[column].domain
                if not isinstance(domain, Choice):
                    self._add(name, _Part(column, conditions, domain, None))
                    return
                for level in range(len(domain.options)):
                    for key, value in flattened(domain.value_of(level), name).items():
                        self._add(key, _Part(column, conditions, domain, (value,)))
            case Fork(column, branches):
                self._forks[column] = name
                self._labels[column] = _distinct([_label(branch) for branch in branches])
                for level, branch in enumerate(branches):
                    self._walk(branch, name, (*conditions, (column, level)))
            case Group(entries) if entries:
                for key, inner in entries:
                    self._walk(inner, f"{name}.{key}", conditions)
            case Group() | Fixed():
                column = conditions[-1][0] if conditions else 0
                value = node.value if isinstance(node, Fixed) else flattened({}, name)[name]
                for key, one in flattened(value, name).items():
                    self._add(key, _Part(column, conditions, self._dimensions[column].domain, (one,)))

    def _add(self, name: str, part: _Part) -> None:
        self._parts.setdefault(name, []).append(part)

    def _name_of(self, column: int) -> str:
        """A fork is called like what tells its branches apart, another column like what it decides alone."""
        path = self._dimensions[column].name
        if column in self._forks:
            told = [
                name
                for name, parts in self._parts.items()
                if len({dumps(part.values) for part in parts}) == len(self._labels[column]) == len(parts)
                and all(
                    part.values is not None and part.conditions[-1:] and part.column == column
                    for part in parts
                )
            ]
            return told[0] if told else self._forks[column]
        mine = [name for name, parts in self._parts.items() if {part.column for part in parts} == {column}]
        return mine[0] if len(mine) == 1 else path

    def _described(self, name: str, parts: Sequence[_Part]) -> dict[str, Any]:
        described: dict[str, Any] = {
            "name": name,
            "kind": "category",
            "scale": "linear",
            "low": None,
            "high": None,
            "choices": None,
            "distribution": " or ".join(dict.fromkeys(_distribution(part, parts) for part in parts)),
            "condition": self._condition(parts),
        }
        if any(part.values is not None for part in parts):
            values = [value for part in parts for value in part.values or (str(part.domain),)]
            return {**described, "choices": list({dumps(value): value for value in values}.values())}
        lows, highs = zip(*(_bounds(part.domain) for part in parts), strict=True)
        is_whole = all(_is_whole(part.domain) for part in parts)
        return {
            **described,
            "kind": "integer" if is_whole else "number",
            "scale": "log" if all(_is_log(part.domain) for part in parts) else "linear",
            "low": None if None in lows else min(lows),
            "high": None if None in highs else max(highs),
        }

    def _condition(self, parts: Sequence[_Part]) -> str | None:
        """In words; None for what is always there."""
        chains = list(dict.fromkeys(part.conditions for part in parts))
        while chains and chains[0]:
            column = chains[0][-1][0]
            siblings = [(*chains[0][:-1], (column, level)) for level in range(len(self._labels[column]))]
            if not set(siblings) <= set(chains):
                break
            chains = list(dict.fromkeys(chain[:-1] if chain in siblings else chain for chain in chains))
        if not chains or () in chains:
            return None
        return " or ".join(
            " and ".join(f"{self._forks[column]} is {self._labels[column][level]}" for column, level in chain)
            for chain in chains
        )


@lru_cache(maxsize=8)
def _named(text: str) -> Names:
    import json

    return Names(Space.from_json(json.loads(text)))


def names_of(space: Mapping[str, Any]) -> Names:
    """Of a recipe's search space, which may be empty."""
    return _named(dumps(space))


def columns_of(points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Points as a list of values by name: ``names`` first, then others that points have; None where one has
    none."""
    columns: dict[str, list[Any]] = {name: [None] * len(points) for name in names}
    for row, point in enumerate(points):
        for name, value in point.items():
            inner = flattened(value, name).items() if isinstance(value, dict) else ((name, value),)
            for key, scalar in inner:
                if (cells := columns.get(key)) is None:
                    cells = columns[key] = [None] * len(points)
                cells[row] = scalar
    return columns


def _label(branch: Node) -> str:
    """What a branch of a choice is called: its value, what is fixed in it, or the names in it."""
    match branch:
        case Fixed(value):
            return _shown(value)
        case Group(entries):
            fixed = [(key, inner.value) for key, inner in entries if isinstance(inner, Fixed)]
            if len(fixed) == 1:
                return _shown(fixed[0][1])
            said = [f"{key}={_shown(value)}" for key, value in fixed] or [key for key, _ in entries]
            return f"{{{', '.join(said)}}}"
        case _:
            return "a choice"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _distinct(labels: Sequence[str]) -> list[str]:
    return [
        label if labels.count(label) == 1 else f"{label} ({1 + labels[:place].count(label)})"
        for place, label in enumerate(labels)
    ]


def _distribution(part: _Part, parts: Sequence[_Part]) -> str:
    if part.values is None:
        return str(part.domain)
    values = list(dict.fromkeys(_shown(value) for one in parts for value in one.values or ()))
    more = f", … ({len(values)} in all)" if len(values) > _LISTED else ""
    return f"choice({', '.join(values[:_LISTED])}{more})"


def _bounds(domain: Domain) -> tuple[float | None, float | None]:
    """The lowest and the highest value, None where there is no end of them."""
    if isinstance(domain, Discrete):
        first, size = domain.ladder.first, domain.ladder.size
        low = None if first is None else domain.value_of(first)
        return low, None if first is None or size is None else domain.value_of(first + size - 1)
    if isinstance(domain, Float):
        return domain.low, domain.high  # a logarithm and back is not quite where it began
    assert isinstance(domain, Continuous)
    low, high = domain.curve.support
    return (low if isfinite(low) else None), (high if isfinite(high) else None)


def _is_whole(domain: Domain) -> bool:
    if not isinstance(domain, Discrete):
        return False
    return isinstance(domain.value_of(domain.ladder.first or 0), int)


def _is_log(domain: Domain) -> bool:
    return domain.type in _LOGARITHMIC or bool(getattr(domain, "log", False))
