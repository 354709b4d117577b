"""Unit coordinates, values and JSON lead to each other and back, for every domain and nested spaces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrido.errors import RequestError
from barrido.space import (
    Choice,
    Domain,
    Float,
    Int,
    Kind,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Space,
    Uniform,
    domain_from_json,
)
from barrido.space.checks import is_number

UNIT = st.floats(0, 1, exclude_max=True)
UNITS = st.lists(UNIT, min_size=1, max_size=8)
BOUND = st.floats(-50, 50).map(lambda x: round(x, 3))
WIDTH = st.floats(0.01, 20).map(lambda x: round(x, 3))
STEP = st.one_of(st.integers(1, 9), st.sampled_from([0.1, 0.25, 0.3, 1.5]))
SCALAR = st.one_of(
    st.text(max_size=5), st.integers(-99, 99), st.floats(-99, 99, allow_nan=False), st.booleans()
)
FLAG = st.booleans()

CONTINUOUS = st.one_of(
    st.builds(lambda a, w: Uniform(a, a + w), BOUND, WIDTH),
    st.builds(lambda a, w: LogUniform(a, a + w), BOUND, WIDTH),
    st.builds(Normal, BOUND, WIDTH),
    st.builds(LogNormal, st.floats(-5, 5), st.floats(0.1, 2)),
    st.builds(lambda a, w: Float(a, a + w), BOUND, WIDTH),
    st.builds(lambda a, w: Float(a, a + w, log=True), st.floats(1e-6, 5), WIDTH),
)
LEVELS = st.one_of(
    st.builds(Randint, st.integers(1, 50)),
    st.builds(lambda a, w: Int(a, a + w), st.integers(-50, 50), st.integers(0, 50)),
    st.builds(lambda a, w: Int(a, a + w, log=True), st.integers(1, 50), st.integers(0, 50)),
    st.builds(lambda a, w, q: QUniform(a, a + w, q), BOUND, WIDTH, STEP),
    st.builds(lambda a, w, q: QLogUniform(a, a + w, q), st.floats(-2, 2), st.floats(0.1, 2), STEP),
    st.builds(QNormal, BOUND, st.floats(0.5, 9), STEP),
    st.builds(QLogNormal, st.floats(-1, 2), st.floats(0.3, 1), STEP),
    st.builds(
        Choice, st.lists(SCALAR, min_size=1, max_size=5, unique_by=repr), st.sampled_from([None, True])
    ),
)
FLAT = st.one_of(CONTINUOUS, LEVELS)
NAMES = st.sampled_from(["a", "b", "c_1", "val2"])


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Domain]:
    entry = st.one_of(inner, SCALAR, st.dictionaries(NAMES, inner, max_size=2))
    branch = st.one_of(st.dictionaries(NAMES, entry, max_size=3), SCALAR)
    return st.builds(Choice, st.lists(branch, min_size=1, max_size=3))


DOMAINS = st.recursive(FLAT, branches, max_leaves=6)
SPACES = st.dictionaries(NAMES, DOMAINS, min_size=1, max_size=3).map(Space)


@given(CONTINUOUS, UNITS)
def test_a_continuous_value_leads_back_to_its_coordinate(domain: Domain, u: list[float]) -> None:
    inside = np.clip(u, 1e-9, 1 - 1e-9)
    assert domain.to_unit(domain.from_unit(inside)) == pytest.approx(inside, abs=1e-6)
    assert domain.snap(inside) == pytest.approx(inside)


@given(LEVELS, UNITS)
def test_a_level_leads_back_to_itself_through_its_middle(domain: Domain, u: list[float]) -> None:
    inside = np.clip(u, 1e-9, 1 - 1e-9)
    values = domain.from_unit(inside)
    middles = domain.to_unit(values)
    assert repr(domain.from_unit(middles)) == repr(values)
    assert ((middles >= 0) & (middles < 1)).all()
    assert (domain.snap(inside) == middles).all()
    assert all(domain.contains(value) for value in values)


@given(FLAT, UNITS)
def test_ordered_domains_climb(domain: Domain, u: list[float]) -> None:
    values = domain.from_unit(sorted(u))
    # A choice that was said to be ordered climbs as it was written, unless it is of numbers only.
    as_written = isinstance(domain, Choice) and not all(map(is_number, domain.values))
    if domain.kind is not Kind.UNORDERED and not as_written:
        assert values == sorted(values)


@given(LEVELS)
def test_a_finite_domain_enumerates_as_many_different_values_as_its_size(domain: Domain) -> None:
    if domain.size is None:
        with pytest.raises(RequestError, match="no end of values"):
            domain.grid()
    elif domain.size < 2000:
        values = list(domain.grid())
        assert len({repr(value) for value in values}) == len(values) == domain.size
        assert values == [domain.level(k) for k in range(domain.size)]
        assert repr(domain.from_unit(domain.to_unit(values))) == repr(values)


@given(DOMAINS)
def test_a_domain_survives_json(domain: Domain) -> None:
    assert domain_from_json(json.loads(json.dumps(domain.to_json()))) == domain
    assert repr(eval(repr(domain))) == repr(domain)


@given(SPACES)
def test_a_space_survives_json_with_the_order_of_its_parameters(space: Space) -> None:
    body = space.to_json()
    again = Space.from_json(json.loads(json.dumps(body)))
    assert again == space
    assert list(again.parameters) == list(space.parameters)


@settings(deadline=None)
@given(SPACES, st.integers(0, 2**32), st.integers(1, 5))
def test_a_point_leads_back_to_itself_through_the_cube(space: Space, seed: int, n: int) -> None:
    u = np.random.default_rng(seed).random((n, len(space)))
    points = space.from_unit(u)
    assert json.loads(json.dumps(points)) == points
    assert all(space.contains(point) for point in points)
    back = space.to_unit(points)
    again = space.from_unit(back)
    if all(dimension.kind is not Kind.CONTINUOUS for dimension in space.dimensions):
        assert [space.key(point) for point in again] == [space.key(point) for point in points]
    assert np.allclose(space.to_unit(again), back, atol=1e-6, equal_nan=True)
    assert (np.isnan(back) == ~space.active(back)).all()
    assert np.isnan(space.snap(u)).tolist() == (~space.active(u)).tolist()


@settings(deadline=None)
@given(SPACES)
def test_points_by_number_are_the_grid(space: Space) -> None:
    if space.size is None or space.size > 300:
        return
    points = list(space.grid())
    assert points == [space.point(k) for k in range(space.size)]
    assert len(points) == space.size
    assert all(space.contains(point) for point in points)


@given(CONTINUOUS, st.sampled_from(["x", None, True, float("nan"), float("inf"), [1.0], {}]))
def test_what_is_not_a_number_is_not_a_value_of_a_continuous_domain(domain: Domain, value: Any) -> None:
    assert not domain.contains(value)
    with pytest.raises(RequestError, match="is not a value of"):
        domain.to_unit([value])


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Uniform(0, 1), [0, 1, 0.5], [-0.1, 1.1]),
        (QUniform(0, 1, 0.1), [0.3, 0.1 + 0.2, 1], [0.35, 1.1, -0.1]),
        (QNormal(0, 1, 2), [0, -4, 6.0], [1, 0.5]),
        (QLogNormal(0, 1, 2), [0, 4], [-2, 1]),
        (LogNormal(0, 1), [0.1, 100], [-1]),
        (Randint(3), [0, 2, 1.0], [3, -1, 0.5, True, "1"]),
        (Int(2, 9, log=True), [2, 9], [1, 10]),
        (Choice([0.1, 1, "x"]), [0.1, 1, 1.0, "x"], ["1", True, 0.2, "y", None]),
        (Choice([True, 1]), [True, 1], [False, 0]),
    ],
    ids=repr,
)
def test_domains_know_their_values(domain: Domain, inside: list[Any], outside: list[Any]) -> None:
    assert [value for value in inside if not domain.contains(value)] == []
    assert [value for value in outside if domain.contains(value)] == []
    for value in outside:
        with pytest.raises(RequestError, match="is not a value of"):
            domain.to_unit([value])
