"""A Tune ``param_space`` as a search space of ours, and points of it as Tune's configurations.

Parameters are called by their path, ``model/lr``. What is no distribution is Tune's, which puts it into every
trial's configuration. A value that our distributions do not have (a list, None, an object, a multiple) is
found by its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log
from typing import Any

from ray.tune.search import sample

from barrido.core.trial import Params
from barrido.errors import Problem, SpecError
from barrido.space import Choice, Domain, Float, Int, Normal, QLogUniform, QNormal, QUniform, Space, Uniform
from barrido.space.options import copied

Path = tuple[Any, ...]

GRID = "grid_search"


@dataclass(frozen=True, slots=True)
class Decoder:
    """From our value to Tune's: the one of ``values`` at that place, or ``step`` times as much."""

    values: Sequence[Any] | None = None
    step: float = 1.0

    def __call__(self, value: Any) -> Any:
        return copied(value) * self.step if self.values is None else self.values[value]


@dataclass(frozen=True, slots=True)
class Translation:
    """``space`` is to be searched; ``paths`` and ``decoders`` say what its points are to Tune, by name."""

    space: Space
    paths: Mapping[str, Path]
    decoders: Mapping[str, Decoder]

    def config(self, point: Params) -> dict[str, Any]:
        """What Tune is to put into a trial's configuration."""
        config: dict[str, Any] = {}
        for name, value in point.items():
            *branch, leaf = self.paths[name]
            inner = config
            for key in branch:
                inner = inner.setdefault(key, {})
            inner[leaf] = self.decoders[name](value) if name in self.decoders else copied(value)
        return config

    def to_json(self) -> dict[str, Any] | None:
        """None if it has values that JSON has not."""
        decoders = {name: [_plain(one.values), one.step] for name, one in self.decoders.items()}
        paths = {name: _plain(path) for name, path in self.paths.items()}
        body = {"space": self.space.to_json(), "paths": paths, "decoders": decoders}
        try:
            is_faithful = Translation.from_json(json.loads(json.dumps(body))) == self
        except TypeError:
            return None
        return body if is_faithful else None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Translation:
        return cls(
            Space.from_json(body["space"]),
            {name: _value(path) for name, path in body["paths"].items()},
            {name: Decoder(_value(values), step) for name, (values, step) in body["decoders"].items()},
        )


_FLOAT = Decoder(step=1.0)
"""Where our multiples of a whole number are whole, and Tune's are not."""


def as_given(space: Space) -> Translation:
    """Of a space that was given as one of ours: its points are what Tune gets."""
    return Translation(space, {name: (name,) for name in space.parameters}, {})


def has_distributions(config: Any) -> bool:
    """Whether anything in a ``param_space`` is to be chosen."""
    return any(is_one for _, _, is_one in _walk(config, ()))


def translate(config: Mapping[str, Any], *, is_grid: bool) -> Translation:
    """Raises SpecError with every parameter that cannot be translated.

    ``is_grid``: a grid is searched, the only one that may have ``grid_search``.
    """
    problems: list[Problem] = []
    domains: dict[str, Domain] = {}
    paths: dict[str, Path] = {}
    decoders: dict[str, Decoder] = {}
    for path, given, is_one in _walk(config, ()):
        name = "/".join(map(str, path))
        if not is_one:
            continue
        if name in domains:
            problems.append(Problem("there are two parameters of this name", path=name))
        found = _domain(given, is_grid=is_grid)
        if isinstance(found, Problem):
            problems.append(Problem(found.what, path=name, hint=found.hint))
            continue
        domain, decode = found
        problems += domain.problems(name)
        domains[name], paths[name] = domain, path
        if decode is not None:
            decoders[name] = decode
    if problems:
        raise SpecError(problems)
    return Translation(Space(domains), paths, decoders)


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any, bool]]:
    """Each leaf by its path, and whether it is a distribution."""
    if isinstance(value, sample.Domain) or _is_grid(value):
        yield path, value, True
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list | tuple) and any(has_distributions(inner) for inner in value):
        yield path, value, True
    else:
        yield path, value, False


def _is_grid(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {GRID}


def _domain(given: Any, *, is_grid: bool) -> tuple[Domain, Decoder | None] | Problem:
    if _is_grid(given):
        if not is_grid:
            what = "grid_search tries every value, which only a grid does"
            return Problem(what, hint='use tune.choice, or BarridoSearch(sampling_algorithm="grid")')
        return _choice(given[GRID])
    match given:
        case sample.Categorical():
            return _choice(given.categories)
        case sample.Integer():
            return _integer(given)
        case sample.Float():
            return _float(given)
        case sample.Function():
            hint = "compute it in the trainable from the other parameters, or use a nested tune.choice"
            return Problem("tune.sample_from is a function: nobody knows what it may give", hint=hint)
    return Problem(
        f"a {type(given).__name__} that has distributions in it cannot be translated",
        hint="give each distribution a name of its own",
    )


def _choice(values: Sequence[Any]) -> tuple[Domain, Decoder | None] | Problem:
    options = list(values)
    if any(has_distributions(option) for option in options):
        hint = "write the search space as barrido's: BarridoSearch({…: Choice([{…}, {…}])})"
        return Problem("distributions inside a tune.choice cannot be translated", hint=hint)
    choice = Choice(options)
    if not choice.problems():
        return choice, None
    return Choice(range(len(options)), ordered=False), Decoder(options)


def _integer(given: sample.Integer) -> tuple[Domain, Decoder | None] | Problem:
    kind, q = _sampler(given)
    if not isinstance(kind, sample.Uniform | sample.LogUniform):
        return _unknown(given, kind)
    is_log = isinstance(kind, sample.LogUniform)
    if q is None or q == 1:
        return Int(given.lower, given.upper - 1, log=is_log), None
    return Int(ceil(given.lower / q), floor(given.upper / q), log=is_log), Decoder(step=q)


def _float(given: sample.Float) -> tuple[Domain, Decoder | None] | Problem:
    kind, q = _sampler(given)
    low, high = given.lower, given.upper
    match kind:
        case sample.Normal():
            return (Normal(kind.mean, kind.sd) if q is None else QNormal(kind.mean, kind.sd, q)), _FLOAT
        case sample.LogUniform():
            if q is None:
                return Float(low, high, log=True), None
            return QLogUniform(log(low), log(high), q), _FLOAT
        case sample.Uniform():
            return (Uniform(low, high) if q is None else QUniform(low, high, q)), _FLOAT
    return _unknown(given, kind)


def _sampler(given: sample.Domain) -> tuple[Any, Any]:
    """How it is drawn, and the step of its values if it has one."""
    drawn = given.get_sampler()
    return (drawn.get_sampler(), drawn.q) if isinstance(drawn, sample.Quantized) else (drawn, None)


def _unknown(given: sample.Domain, kind: Any) -> Problem:
    return Problem(f"{type(given).__name__} drawn by {kind} cannot be translated")


def _plain(value: Any) -> Any:
    """A value with its tuples told from lists."""
    match value:
        case tuple():
            return {"(tuple)": [_plain(one) for one in value]}
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
    return value


def _value(body: Any) -> Any:
    match body:
        case {"(tuple)": items}:
            return tuple(_value(one) for one in items)
        case list():
            return [_value(one) for one in body]
        case dict():
            return {name: _value(one) for name, one in body.items()}
    return body
