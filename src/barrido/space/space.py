"""The search space: parameters by name, seen as a unit cube with conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

from barrido.errors import Problem, RequestError, SpecError
from barrido.space.checks import join, shown
from barrido.space.choice import Choice
from barrido.space.constraints import Constraint, parse
from barrido.space.domain import Domain, Value
from barrido.space.options import canonical, level_of, matches, size_of, to_json, with_base
from barrido.space.reading import read_domain
from barrido.space.tree import Dimension, Leaf, Node, compile_option, flattened, names_of, place, realise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from barrido.space.curves import Array
else:
    from barrido.space import lazy_numpy as np


Params = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

MOST_COUNTED = 100_000
"""Points of a space with constraints are counted up to so many."""


class Space:
    """What a sweep searches: a domain for each parameter, and `constraints` on what goes together.

    For optimisers it is a cube of ``len(dimensions)`` columns in [0, 1). Columns inside a nested
    choice are *active* only in points that take their branch; their coordinate is NaN elsewhere.

    >>> space = Space({"lr": Choice([0.1, 0.01]), "conv": Choice([{"size": Choice([1, 3])}, "none"])})
    >>> [dimension.name for dimension in space.dimensions]
    ['lr', 'conv', 'conv.values[0].size']
    >>> space.size, space.point(1)
    (6, {'lr': 0.1, 'conv': {'size': 3}})
    >>> Space(space.parameters, ["lr < 0.1 or conv.size > 1"]).count
    5
    """

    def __init__(self, parameters: Mapping[str, Domain], constraints: Sequence[str] = ()) -> None:
        """Raises `barrido.space.constraints.Malformed`."""
        self.parameters: Mapping[str, Domain] = dict(parameters)
        self.constraints: tuple[Constraint, ...] = tuple(map(parse, constraints))
        dimensions: list[Dimension] = []
        self._roots: Mapping[str, Node] = {
            name: compile_option(domain, name, None, dimensions) for name, domain in self.parameters.items()
        }
        self.dimensions: tuple[Dimension, ...] = tuple(dimensions)
        self._forks = frozenset(
            column
            for column, dimension in enumerate(dimensions)
            if isinstance(dimension.domain, Choice) and dimension.domain.is_nested
        )

    def __repr__(self) -> str:
        return f"Space({dict(self.parameters)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        return (
            list(self.parameters.items()) == list(other.parameters.items())
            and self.constraints == other.constraints
        )

    def __len__(self) -> int:
        """The number of columns of the cube."""
        return len(self.dimensions)

    def problems(self, path: str = "") -> list[Problem]:
        """Everything that is wrong with the domains; ``path`` is put before the parameters' names."""
        found = []
        named: list[tuple[object, object]] = list(self.parameters.items())
        for name, domain in named:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                what = f"a parameter's name is made of letters, digits and _ (got {shown(name)})"
                found.append(Problem(what, path=join(path, str(name))))
            if isinstance(domain, Domain):
                found += domain.problems(join(path, str(name)))
            else:
                what = f"must be a distribution like Uniform or Choice (got {shown(domain)})"
                found.append(Problem(what, path=join(path, str(name))))
        return found

    def notices(self, path: str = "") -> list[Problem]:
        """What is allowed but probably not meant."""
        return [
            notice
            for name, domain in self.parameters.items()
            if isinstance(domain, Domain)
            for notice in domain.notices(join(path, name))
        ]

    @cached_property
    def size(self) -> int | None:
        """How many different points there are, allowed or not; None if there is no end of them."""
        return size_of(self.parameters)

    @cached_property
    def count(self) -> int | None:
        """How many different points may be tried; of more than `MOST_COUNTED` points, how many there are."""
        if not self.constraints or self.size is None or self.size > MOST_COUNTED:
            return self.size
        return sum(map(self.allows, self.grid()))

    def broken(self, point: Params) -> Constraint | None:
        """The first constraint that does not allow a point."""
        if not self.constraints:
            return None
        values = self.flatten(point)
        return next((one for one in self.constraints if not one.allows(values)), None)

    def allows(self, point: Params) -> bool:
        return self.broken(point) is None

    def allowed(self, u: Array) -> NDArray[np.bool_]:
        """Which unit coordinates, (n, d), are those of points that may be tried: (n,)."""
        if not self.constraints:
            return np.ones(len(u), dtype=np.bool_)
        return np.array([self.allows(point) for point in self.from_unit(u)], dtype=np.bool_)

    def names(self) -> list[str]:
        """What `flatten` may call a value of some point, so what constraints may be about."""
        return [name for root, node in self._roots.items() for name in dict.fromkeys(names_of(node, root))]

    def point(self, k: int) -> dict[str, Value]:
        """The k-th point of a finite space, k from 0; the last parameter runs fastest."""
        point: dict[str, Value] = level_of(self.parameters, k)
        return point

    def grid(self) -> Iterator[dict[str, Value]]:
        """All points of a finite space, one at a time; the last parameter runs fastest."""
        if self.size is None:
            endless = next(name for name, domain in self.parameters.items() if domain.size is None)
            raise RequestError(f"{endless} has no end of values: the space cannot be enumerated")
        return map(self.point, range(self.size))

    def active(self, u: Array) -> NDArray[np.bool_]:
        """Which coordinates of ``u``, (n, d), matter: (n, d), True where the branch is taken."""
        mask = np.ones(u.shape, dtype=np.bool_)
        u = np.nan_to_num(u)
        for column, dimension in enumerate(self.dimensions):
            if (condition := dimension.condition) is not None:
                levels = self._choice(condition.parent).ladder.index(u[:, condition.parent])
                mask[:, column] = mask[:, condition.parent] & (levels == condition.level)
        return mask

    def from_unit(self, u: ArrayLike) -> list[dict[str, Value]]:
        """Points for unit coordinates ``u``, (n, d), in [0, 1]. Inactive coordinates do not matter."""
        u = self._checked(u)
        cells: list[list[Value]] = [
            self._choice(column).ladder.index(u[:, column]).tolist()
            if column in self._forks
            else dimension.domain.from_unit(u[:, column])
            for column, dimension in enumerate(self.dimensions)
        ]
        rows = range(len(u))
        columns = [
            cells[node.column] if isinstance(node, Leaf) else [realise(node, cells, row) for row in rows]
            for node in self._roots.values()
        ]
        return [dict(zip(self._roots, (values[row] for values in columns), strict=True)) for row in rows]

    def to_unit(self, points: Sequence[Params]) -> Array:
        """Unit coordinates (n, d) of points, NaN where inactive; levels by their middle.

        Raises RequestError for a point that is not in the space.
        """
        found: list[list[tuple[int, Value]]] = [[] for _ in self.dimensions]
        for row, point in enumerate(points):
            if point.keys() != self._roots.keys():
                names = ", ".join(self._roots)
                raise RequestError(f"a point gives {', '.join(point)}, the space has {names}")
            for name, node in self._roots.items():
                if (parts := place(node, point[name], self.dimensions)) is None:
                    domain = self.parameters[name]
                    raise RequestError(f"{name} cannot be {shown(point[name])}", hint=f"it is {domain}")
                for column, value in parts.items():
                    found[column].append((row, value))
        u = np.full((len(points), len(self)), np.nan)
        for column, cells in enumerate(found):
            values = [value for _, value in cells]
            if column in self._forks:
                coordinates = self._choice(column).ladder.middle(np.array(values, dtype=np.int64))
            else:
                coordinates = self.dimensions[column].domain.to_unit(values)
            u[[row for row, _ in cells], column] = coordinates
        return u

    def snap(self, u: ArrayLike) -> Array:
        """``to_unit(from_unit(u))`` without the detour: levels at their middle, NaN where inactive."""
        u = self._checked(u)
        snapped = np.empty(u.shape)
        for column, dimension in enumerate(self.dimensions):
            snapped[:, column] = dimension.domain.snap(u[:, column])
        return np.where(self.active(u), snapped, np.nan) if self._forks else snapped

    def contains(self, point: object) -> bool:
        return matches(self.parameters, point)

    @staticmethod
    def flatten(point: Params) -> dict[str, Value]:
        """A point as scalars by dotted name, for tables.

        >>> Space.flatten({"lr": 0.1, "conv": {"size": 3}})
        {'lr': 0.1, 'conv.size': 3}
        """
        return {key: v for name, value in point.items() for key, v in flattened(value, name).items()}

    @staticmethod
    def key(point: Params) -> str:
        """A text that two points share if and only if they are the same."""
        return canonical(point)

    def to_json(self) -> dict[str, Any]:
        """The YAML form, by parameter."""
        return {name: to_json(domain) for name, domain in self.parameters.items()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any], path: str = "", *, constraints: Sequence[str] = ()) -> Self:
        """The space of a YAML ``search_space``. Raises SpecError with everything wrong with the form,
        Malformed for a constraint that is none."""
        problems: list[Problem] = []
        domains = {
            name: read_domain(domain, join(path, str(name)), problems) for name, domain in body.items()
        }
        if problems:
            raise SpecError(problems)
        known = {name: domain for name, domain in domains.items() if domain is not None}
        return cls(known, constraints)

    def with_base(self, base: float) -> Space:
        """The same space, the exponents of Log* distributions counted to ``base`` instead of e."""
        return Space(with_base(self.parameters, base), [one.text for one in self.constraints])

    def _choice(self, column: int) -> Choice:
        return cast(Choice, self.dimensions[column].domain)

    def _checked(self, u: ArrayLike) -> Array:
        """``u`` as a new (n, d) array of valid coordinates; inactive ones may have been anything."""
        u = np.asarray(u, dtype=np.float64)
        if u.ndim != 2 or u.shape[1] != len(self):
            raise ValueError(f"unit coordinates must have shape (n, {len(self)}), got {u.shape}")
        valid = (u >= 0) & (u <= 1)
        if valid.all():
            return u
        if not self._forks or (self.active(u) & ~valid).any():
            raise ValueError("unit coordinates must be in [0, 1]; only inactive ones may be NaN")
        return np.where(valid, u, 0.0)
