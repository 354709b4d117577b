"""The compiled form of a search space: which column of the unit cube each part of a point comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from barrido.space.choice import Choice
from barrido.space.domain import Domain, Kind, Value
from barrido.space.options import canonical, copied, matches


@dataclass(frozen=True)
class Condition:
    """A dimension exists only where dimension ``parent`` is at level ``level``."""

    parent: int
    level: int


@dataclass(frozen=True)
class Dimension:
    """One column of the unit cube.

    ``name`` is the parameter's, or for a parameter inside a nested choice a path like
    ``conv_size.values[1].val1``, the place where it stands in the YAML form.
    """

    name: str
    domain: Domain
    condition: Condition | None = None

    @property
    def kind(self) -> Kind:
        return self.domain.kind

    @property
    def levels(self) -> int | None:
        """How many levels the column has; None if it is continuous or has no end."""
        return len(self.domain.options) if isinstance(self.domain, Choice) else self.domain.size


@dataclass(frozen=True)
class Fixed:
    """The same value in every point."""

    value: Value


@dataclass(frozen=True)
class Leaf:
    """A value of the domain of one column."""

    column: int


@dataclass(frozen=True)
class Fork:
    """A nested choice: one column decides which branch it is. Branches are in the order of levels."""

    column: int
    branches: tuple[Node, ...]


@dataclass(frozen=True)
class Group:
    """A dict."""

    entries: tuple[tuple[str, Node], ...]


Node = Fixed | Leaf | Fork | Group


def compile_option(option: Any, name: str, under: Condition | None, into: list[Dimension]) -> Node:
    """Build the tree of an option, adding its dimensions to ``into``, parents first."""
    match option:
        case Choice(is_nested=True):
            column = len(into)
            into.append(Dimension(name, option, under))
            branches = []
            for level, position in enumerate(option.order):
                branch, path = option.options[position], f"{name}.values[{position}]"
                branches.append(compile_option(branch, path, Condition(column, level), into))
            return Fork(column, tuple(branches))
        case Domain():
            into.append(Dimension(name, option, under))
            return Leaf(len(into) - 1)
        case Mapping():
            return Group(
                tuple(
                    (key, compile_option(inner, f"{name}.{key}", under, into))
                    for key, inner in option.items()
                )
            )
        case _:
            return Fixed(option)


def realise(node: Node, cells: Sequence[Sequence[Value]], row: int) -> Value:
    """The value of one row. ``cells[column][row]`` holds values, for a fork's column its level."""
    match node:
        case Fixed():
            return copied(node.value)
        case Leaf():
            return cells[node.column][row]
        case Fork():
            return realise(node.branches[cells[node.column][row]], cells, row)
        case Group():
            return {name: realise(inner, cells, row) for name, inner in node.entries}
        case _:
            assert_never(node)


def place(node: Node, value: object, dimensions: Sequence[Dimension]) -> dict[int, Any] | None:
    """What `realise` would have needed, by column, to give ``value``; None if it cannot.

    Where several branches could have given it, the first as they were written.
    """
    match node:
        case Fixed():
            return {} if matches(node.value, value) else None
        case Leaf():
            return {node.column: value} if dimensions[node.column].domain.contains(value) else None
        case Group():
            if not isinstance(value, Mapping) or value.keys() != {name for name, _ in node.entries}:
                return None
            found: dict[int, Any] = {}
            for name, inner in node.entries:
                if (part := place(inner, value[name], dimensions)) is None:
                    return None
                found |= part
            return found
        case Fork():
            for level, branch in enumerate(node.branches):
                if (part := place(branch, value, dimensions)) is not None:
                    return {node.column: level, **part}
            return None
        case _:
            assert_never(node)


def names_of(node: Node, name: str) -> Iterator[str]:
    """The names that `flattened` gives to what ``node`` may be."""
    match node:
        case Fixed(value):
            yield from flattened(value, name)
        case Leaf():
            yield name
        case Fork():
            for branch in node.branches:
                yield from names_of(branch, name)
        case Group():
            for key, inner in node.entries:
                yield from names_of(inner, f"{name}.{key}")
        case _:
            assert_never(node)


def flattened(value: Value, name: str) -> dict[str, Value]:
    """Scalars by dotted name; an empty dict becomes the text ``{}``."""
    if not isinstance(value, Mapping):
        return {name: value}
    if not value:
        return {name: canonical({})}
    return {key: v for k, inner in value.items() for key, v in flattened(inner, f"{name}.{k}").items()}
