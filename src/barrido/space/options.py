"""Options: what a value of a choice can be.

An option is a plain value, a dict of options (a branch), or inside a dict a domain. A search space
is such a dict too, so the same functions count and enumerate both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from barrido.space.checks import is_number, join
from barrido.space.domain import Domain, Value, plain


def domains_in(option: Any, name: str = "") -> Iterator[tuple[str, Domain]]:
    """Domains inside an option, in order, with dotted names; not those inside a nested choice."""
    match option:
        case Domain():
            yield name, option
        case Mapping():
            for key, inner in option.items():
                yield from domains_in(inner, join(name, str(key)))


def has_domains(option: Any) -> bool:
    return any(True for _ in domains_in(option))


def size_of(option: Any) -> int | None:
    """How many different values can come of it; None if there is no end of them."""
    match option:
        case Domain():
            return option.size
        case Mapping():
            sizes = [size_of(inner) for inner in option.values()]
            return None if None in sizes else prod(size for size in sizes if size is not None)
        case _:
            return 1


def level_of(option: Any, k: int) -> Value:
    """The k-th of the values that can come of it; in a dict the last entry runs fastest."""
    match option:
        case Domain():
            return option.level(k)
        case Mapping():
            values = {}
            for name, inner in reversed(list(option.items())):
                k, digit = divmod(k, size_of(inner) or 1)
                values[name] = level_of(inner, digit)
            return {name: values[name] for name in option}
        case _:
            return option


def matches(option: Any, value: object) -> bool:
    """Whether the value can come of it."""
    match option:
        case Domain():
            return option.contains(value)
        case Mapping():
            return (
                isinstance(value, Mapping)
                and value.keys() == option.keys()
                and all(matches(inner, value[name]) for name, inner in option.items())
            )
        case _:
            return canonical(option) == canonical(value) or (
                is_number(option) and is_number(value) and option == value
            )


def canonical(value: object) -> str:
    """A text that is the same for the same value: tells 1, 1.0, true and "1" apart."""
    return json.dumps(value, sort_keys=True, default=repr)


def copied(option: Any) -> Any:
    """A copy whose dicts are its own, its values Python's own."""
    if isinstance(option, Mapping):
        return {plain(key): copied(inner) for key, inner in option.items()}
    return plain(option)


def to_json(option: Any) -> Any:
    match option:
        case Domain():
            return option.to_json()
        case Mapping():
            return {name: to_json(inner) for name, inner in option.items()}
        case _:
            return option


def with_base(option: Any, base: float) -> Any:
    """The option with `Domain.with_base` applied to every domain inside."""
    match option:
        case Domain():
            return option.with_base(base)
        case Mapping():
            return {name: with_base(inner, base) for name, inner in option.items()}
        case _:
            return option
