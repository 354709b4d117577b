"""A choice among given values, which may carry parameters of their own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any, ClassVar, Self

from barrido.errors import Problem, RequestError
from barrido.space.checks import check_flag, is_number, join, shown
from barrido.space.domain import Discrete, Domain, Kind, Value
from barrido.space.ladders import Even
from barrido.space.options import (
    canonical,
    copied,
    domains_in,
    has_domains,
    level_of,
    matches,
    size_of,
    to_json,
    with_base,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


LONGEST = 100_000
"""More values than this are a mistake (or an iterator without an end)."""
_COMPARED = 2_000  # points of each nested value that are compared with the others for repeats


@dataclass(frozen=True, repr=False)
class Choice(Discrete):
    """One of ``values``, all equally likely.

    Values are texts, numbers, booleans, or dicts; a dict may hold distributions, which are then
    parameters of the trials in which that dict is chosen, and of no others. Numbers are taken as
    ordered by size, anything else as unordered; with ``ordered=True`` texts are ordered as written.

    >>> Choice(range(1, 4))
    Choice(values=[1, 2, 3])
    """

    type: ClassVar[str] = "choice"

    values: Iterable[Any]
    ordered: bool | None = None

    def __post_init__(self) -> None:
        values = self.values
        if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping | AbstractSet):
            values = tuple(copied(value) for value in islice(values, LONGEST + 1))
        object.__setattr__(self, "values", values)

    @property
    def options(self) -> tuple[Any, ...]:
        """The values as a tuple; dicts may hold distributions."""
        return self.values if isinstance(self.values, tuple) else ()

    @property
    def kind(self) -> Kind:
        if self.ordered is None:
            return Kind.ORDERED if self._is_numeric else Kind.UNORDERED
        return Kind.ORDERED if self.ordered else Kind.UNORDERED

    @cached_property
    def is_nested(self) -> bool:
        """Whether choosing one of its values brings parameters with it."""
        return any(has_domains(option) for option in self.options)

    @cached_property
    def size(self) -> int | None:
        sizes = [size_of(option) for option in self.options]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @cached_property
    def ladder(self) -> Even:
        return Even(len(self.options))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Positions in `options` by level: the ladder climbs numbers by size, whatever their order here."""
        positions = range(len(self.options))
        if self.kind is Kind.ORDERED and self._is_numeric:
            return tuple(sorted(positions, key=self.options.__getitem__))
        return tuple(positions)

    @cached_property
    def level_at(self) -> tuple[int, ...]:
        """Levels by position in `options`: the inverse of `order`."""
        return tuple(sorted(range(len(self.order)), key=self.order.__getitem__))

    def level(self, k: int) -> Value:
        branch = bisect_right(self._ends, k)
        return level_of(copied(self.options[branch]), k - (self._ends[branch - 1] if branch else 0))

    def from_unit(self, u: ArrayLike) -> list[Value]:
        self._check_flat()
        return super().from_unit(u)

    def value_of(self, index: int) -> Value:
        return copied(self.options[self.order[index]])

    def index_of(self, value: object) -> int | None:
        self._check_flat()
        if (position := self._positions.get(canonical(value))) is None and is_number(value):
            position = next((i for i, v in enumerate(self.options) if is_number(v) and v == value), None)
        return None if position is None else self.level_at[position]

    def contains(self, value: object) -> bool:
        if self.is_nested:
            return any(matches(option, value) for option in self.options)
        return self.index_of(value) is not None

    def problems(self, path: str = "") -> list[Problem]:
        where = join(path, "values")
        found: list[Problem] = []
        if not isinstance(self.values, tuple):
            is_set = isinstance(self.values, AbstractSet)
            got = "a set, whose order changes from run to run" if is_set else shown(self.values)
            return [Problem(f"values must be a list (got {got})", path=where)]
        if not self.options:
            found.append(Problem("values is empty: there is nothing to choose from", path=where))
        if len(self.options) > LONGEST:
            hint = "for a range of numbers use Int, Randint or QUniform"
            return [Problem(f"values has more than {LONGEST} entries", path=where, hint=hint)]
        for i, option in enumerate(self.options):
            found += _problems_of(option, f"{where}[{i}]")
        if self.ordered is not None:
            found += check_flag(self.ordered, path, "ordered")
        return found or self._repeats(where)

    def notices(self, path: str = "") -> list[Problem]:
        where = join(path, "values")
        return [
            notice
            for i, option in enumerate(self.options)
            for name, domain in domains_in(option)
            for notice in domain.notices(join(f"{where}[{i}]", name))
        ]

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, **self._arguments(to_json)}

    def with_base(self, base: float) -> Self:
        return type(self)([with_base(option, base) for option in self.options], self.ordered)

    def _arguments(self, form: Callable[[Any], Any] = lambda option: option) -> dict[str, Any]:
        values = [form(option) for option in self.options] if isinstance(self.values, tuple) else self.values
        return {"values": values} if self.ordered is None else {"values": values, "ordered": self.ordered}

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        """For each option the number of values up to its last one."""
        return tuple(accumulate(size_of(option) or 0 for option in self.options))

    @cached_property
    def _is_numeric(self) -> bool:
        return all(is_number(option) for option in self.options)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {canonical(option): i for i, option in reversed(list(enumerate(self.options)))}

    def _check_flat(self) -> None:
        if self.is_nested:
            raise RequestError(f"{self} has parameters of its own", hint="draw it through a Space")

    def _repeats(self, where: str) -> list[Problem]:
        """Values that are given twice, or that two branches can both take."""
        found = []
        seen: dict[str, int] = {}
        for i, option in enumerate(self.options):
            points = (level_of(option, k) for k in range(min(size_of(option) or 0, _COMPARED)))
            twice = next((key for key in map(canonical, points) if seen.setdefault(key, i) != i), None)
            if twice is not None:
                what = f"{shown(option)} is there twice"
                if has_domains(option):
                    what = f"values[{i}] and values[{seen[twice]}] can both be {twice}"
                found.append(Problem(what, path=f"{where}[{i}]"))
        return found


def _problems_of(option: Any, path: str, *, inside: bool = False) -> list[Problem]:
    """What is wrong with one of the values; ``inside`` a dict a distribution may stand."""
    match option:
        case Domain() if inside:
            return option.problems(path)
        case Domain():
            hint = f"give it a name: {{name: {option}}}"
            return [Problem("a distribution must stand inside a dict here", path=path, hint=hint)]
        case Mapping():
            found = []
            for name, inner in option.items():
                if not isinstance(name, str) or not name:
                    found.append(Problem(f"names must be texts (got {shown(name)})", path=path))
                found += _problems_of(inner, join(path, str(name)), inside=True)
            if inside and "type" in option:
                what = "a dict with the key 'type' is read as a distribution here: rename the key"
                found.append(Problem(what, path=path, hint="or use the distribution's class"))
            return found
        case str() | bool():
            return []
        case _ if is_number(option):
            return []
        case float():
            return [Problem(f"{option} is not a finite number", path=path)]
        case _:
            what = f"values are texts, numbers, booleans or dicts (got {shown(option)})"
            return [Problem(what, path=path)]
