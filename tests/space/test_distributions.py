"""Draws follow the documented formulas: distributions, rounding, bounds."""

from __future__ import annotations

import json
import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from barrido.space import (
    Choice,
    Domain,
    Float,
    Int,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Randint,
    Uniform,
)
from barrido.space.curves import TOP

DRAWS = 20_000


def draw(domain: Domain, *, seed: int = 0, n: int = DRAWS) -> list[Any]:
    return domain.from_unit(np.random.default_rng(seed).random(n))


@pytest.mark.parametrize(
    ("domain", "cdf"),
    [
        (Uniform(0.05, 0.1), stats.uniform(0.05, 0.05).cdf),
        (Uniform(-3, 5), stats.uniform(-3, 8).cdf),
        (LogUniform(-6, -1), stats.loguniform(math.exp(-6), math.exp(-1)).cdf),
        (LogUniform(-4, 2, base=10), stats.loguniform(1e-4, 1e2).cdf),
        (LogUniform(-4, 2).with_base(2), stats.loguniform(1 / 16, 4).cdf),
        (Normal(10, 3), stats.norm(10, 3).cdf),
        (LogNormal(-1, 0.5), stats.lognorm(0.5, scale=math.exp(-1)).cdf),
        (LogNormal(1, 0.5, base=10), stats.lognorm(0.5 * math.log(10), scale=10).cdf),
        (Float(-1, 1), stats.uniform(-1, 2).cdf),
        (Float(1e-4, 1e-1, log=True), stats.loguniform(1e-4, 1e-1).cdf),
    ],
    ids=lambda value: repr(value) if isinstance(value, Domain) else "cdf",
)
def test_continuous_draws_follow_their_distribution(domain: Domain, cdf: Any) -> None:
    values = draw(domain)
    assert stats.kstest(values, cdf).pvalue > 0.01
    assert all(type(value) is float for value in values[:100])


def rounded_probability(domain: Any, k: int) -> float:
    """The probability that the unrounded draw lies between (k - ½)q and (k + ½)q."""
    curve = domain.unrounded.curve
    below, above = curve.cdf(np.array([(k - 0.5) * domain.q, (k + 0.5) * domain.q]))
    return float(above - below)


@pytest.mark.parametrize(
    "domain",
    [
        QUniform(0, 0.5, 0.1),
        QUniform(1, 10, 4),
        QUniform(-3.5, 3.5, 1),
        QLogUniform(0, 3, 2),
        QLogUniform(-2, 1, 0.25, base=10),
        QNormal(10, 3, 1),
        QNormal(0, 1, 0.5),
        QLogNormal(0, 1, 0.5),
    ],
    ids=repr,
)
def test_rounded_draws_follow_their_distribution(domain: Any) -> None:
    counts = Counter(domain.index_of(value) for value in draw(domain))
    expected = {k: rounded_probability(domain, k) * DRAWS for k in range(min(counts), max(counts) + 1)}
    usual = [k for k in expected if expected[k] > 5]
    seen, due = [counts[k] for k in usual], [expected[k] for k in usual]
    if DRAWS - sum(due) > 1:  # the tails together
        seen, due = [*seen, DRAWS - sum(seen)], [*due, DRAWS - sum(due)]
    assert sum(seen) == DRAWS
    assert stats.chisquare(seen, due).pvalue > 0.01


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Randint(7), list(range(7))),
        (Int(-2, 3), list(range(-2, 4))),
        (Choice([16, 64, 32]), [16, 64, 32]),
        (Choice(["a", "b", "c", "d", "e"]), list("abcde")),
        (Choice([True, False]), [True, False]),
    ],
    ids=repr,
)
def test_levels_are_equally_likely(domain: Domain, values: list[Any]) -> None:
    drawn = draw(domain)
    assert set(drawn) == set(values)
    assert stats.chisquare([drawn.count(value) for value in values]).pvalue > 0.01
    assert list(domain.grid()) == values
    assert domain.size == len(values)


def test_whole_numbers_on_a_log_scale_are_as_likely_as_their_interval_is_long() -> None:
    drawn = draw(Int(1, 8, log=True))
    expected = [DRAWS * math.log((k + 0.5) / (k - 0.5)) / math.log(8.5 / 0.5) for k in range(1, 9)]
    assert stats.chisquare([drawn.count(k) for k in range(1, 9)], expected).pvalue > 0.01


UNIT = st.integers(0, 2**53 - 1).map(lambda m: m / 2**53)
STEPS = st.one_of(
    st.integers(1, 50),
    st.decimals(min_value="0.001", max_value="20", places=3).map(float),
    st.sampled_from([0.1, 0.2, 0.3, 0.7, 1e-3, 2.5, 1 / 3, 0.1 + 0.2, 1e-20, 1e25]),
)


@given(u=UNIT, q=STEPS, low=st.integers(-100, 100), width=st.integers(1, 100))
def test_a_rounded_value_is_the_float_nearest_to_the_exact_multiple(
    u: float, q: float, low: int, width: int
) -> None:
    domain = QUniform(low * q, (low + width) * q, q)
    (value,) = domain.from_unit([u])
    (x,) = domain.unrounded.from_unit([u])
    k = round(x / q)
    assert value == float(k * Fraction(repr(q)))
    assert abs(Fraction(value) - Fraction(x)) <= Fraction(q) * Fraction(500_001, 1_000_000)
    assert type(value) is type(q)


def test_steps_of_a_tenth_look_like_tenths() -> None:
    assert json.dumps(list(QUniform(0, 1, 0.1).grid())) == (
        "[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]"
    )
    assert set(draw(QNormal(0, 1, 0.1))) <= {k / 10 for k in range(-60, 61)}


def test_a_whole_step_gives_ints_that_a_script_can_parse_as_ints() -> None:
    assert repr(list(QUniform(8, 32, 8).grid())) == "[8, 16, 24, 32]"
    assert repr(list(QUniform(8, 32, 8.0).grid())) == "[8.0, 16.0, 24.0, 32.0]"


def test_zero_is_never_written_with_a_minus() -> None:
    assert all(math.copysign(1, v) > 0 for v in draw(QNormal(0, 1, 2.5)) if v == 0)


@pytest.mark.parametrize(
    ("domain", "levels"),
    [
        (QUniform(0, 3.5, 1), [0, 1, 2, 3]),  # 4 would need x = 3.5 exactly
        (QUniform(0, 2.5, 1), [0, 1, 2]),
        (QUniform(1.5, 4, 1), [2, 3, 4]),
        (QUniform(0.15, 0.35, 0.1), [0.2, 0.3]),
        (QUniform(0, 1, 5), [0]),
        (QUniform(1, 10, 4), [0, 4, 8]),  # as the formula says: round(1 / 4) is 0
        (QLogUniform(0, 2, 1), [1, 2, 3, 4, 5, 6, 7]),
        (Int(3, 3), [3]),
        (Int(2, 4, log=True), [2, 3, 4]),
        (Randint(1), [0]),
    ],
    ids=repr,
)
def test_only_levels_that_can_be_drawn_exist(domain: Domain, levels: list[Any]) -> None:
    assert list(domain.grid()) == levels
    assert domain.size == len(levels)
    assert set(domain.from_unit(np.linspace(0, TOP, 5001))) == set(levels)


@pytest.mark.parametrize(
    ("domain", "low", "high"),
    [
        (Uniform(0.1, 0.3), 0.1, 0.3),
        (Float(1e-4, 0.1, log=True), 1e-4, 0.1),
        (Float(0.1, 0.7), 0.1, 0.7),
        (LogUniform(-3, 0), math.exp(-3), 1.0),
        (Int(1, 100, log=True), 1, 100),
    ],
    ids=repr,
)
def test_draws_stay_within_the_bounds_and_reach_them(domain: Domain, low: float, high: float) -> None:
    first, last = domain.from_unit([0.0, TOP])
    assert low <= first <= low * (1 + 1e-12)
    assert high * (1 - 1e-12) <= last <= high


def test_normal_draws_are_finite_at_both_ends() -> None:
    first, last = Normal(0, 1).from_unit([0.0, TOP])
    assert -9 < first < -8 < 8 < last < 9


def test_a_value_does_not_depend_on_what_is_drawn_beside_it() -> None:
    u = np.random.default_rng(1).random(999)
    for domain in (LogUniform(-6, -1), LogNormal(0, 1), Normal(1, 2), Float(1e-4, 1, log=True)):
        alone = [domain.from_unit(u[i : i + 1])[0] for i in range(len(u))]
        strided = domain.from_unit(np.stack([u, u], axis=1)[:, 0])
        assert domain.from_unit(u) == alone == strided
