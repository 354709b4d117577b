"""Constraints: the language that they are written in, and what they leave of a space."""

from __future__ import annotations

import time
from typing import Any

import pytest

from barrido.space import Choice, Float, Int, Space, Uniform
from barrido.space.constraints import LONGEST, Malformed, parse

POINT = {"a": 3, "b": 4.5, "name": "sgd", "on": True, "deep.size": 2, "zero": 0}


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("a * b <= 13.5", True),
        ("a * b < 13.5", False),
        ("1 < a <= 3 < b", True),
        ("not (name == 'sgd' and b > 4)", False),
        ("name in ('adam', \"sgd\") and a not in [1, 2]", True),
        ("on", True),
        ("on == True and not zero", True),
        ("a ** 2 + b % 2 - a // 2 == 8.5", True),
        ("-a < +b", True),
        ("max(a, b, 2) == b and min(a, b) == a and abs(-a) == a", True),
        ("sqrt(a * a) == 3 and log2(8) == a and log10(1000) == a and floor(b) == 4 and ceil(b) == 5", True),
        ("round(exp(log(a))) == 3", True),
        ("deep.size * a == 6", True),
        ("absent < 0", True),  # the point takes another branch
        ("absent < 0 and a > 100", True),
        ("a / zero < 1", False),
        ("a < name", False),
        ("name + 'x' == 'sgdx'", False),
        ("sqrt(-a) < 1", False),
        ("(-a) ** 0.5 < 1", False),
        ("9 ** 9 ** 9 > a", False),  # it has no end: it cannot be worked out
        ("a ** 64 == 3433683820292512484657849089281", True),
        ("log(zero) < 1", False),
        ("min() < a", False),
        ("round(b, -1) == 0 and round(123 * a, -2) == 400 and round(b / 4, 2) == 1.12", True),
        ("round(a, b) == a", False),
    ],
)
def test_what_they_say(text: str, is_allowed: bool) -> None:
    assert parse(text).allows(POINT) is is_allowed


@pytest.mark.parametrize(
    ("text", "what", "column"),
    [
        ("", "is not an expression", 1),
        ("a +", "is not an expression", 1),
        ("a = 3", "is not an expression", None),
        ("a; b", "is not an expression", 2),
        ("1 < 2", "names no parameter", 1),
        ("a < __import__('os').system('true')", "cannot say", 5),
        ("open('x') < a", "calls open; known are abs", 1),
        ("log(x=a) > 1", "calls log", 1),
        ("(lambda: a)()", "cannot say `(lambda: a)()`", 1),
        ("a if b else c", "cannot say", 1),
        ("a[0] > 1", "cannot say `a[0]`", 1),
        ("[x for x in a]", "cannot say", 1),
        ("f'{a}' == 'x'", "cannot say", 1),
        ("a is None", "write == or !=", 1),
        ("a & b", "cannot say `a & b`", 1),
        ("~a", "cannot say `~a`", 1),
        ("(a + b).real > 1", "cannot say `a + b`", 2),
        ("b'x' == a", "cannot say", 1),
        ("a < 1j", "cannot say `1j`", 5),
        ("a < 1" + " + 1" * LONGEST, f"more than {LONGEST} characters", LONGEST + 1),
        ("(" * 400 + "a" + ")" * 400, "is not an expression", None),
        ("not " * 240 + "a", "nested more than 200 deep", None),
        ("a[" + "-" * 900 + "1]", "is not an expression", None),
        ("a\0b", "is not an expression", 1),
    ],
)
def test_what_cannot_be_said(text: str, what: str, column: int | None) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert what in caught.value.what
    assert column is None or caught.value.at == column


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9**9 > a",
        "a" + "*999999999" * 90 + "> 0",
        "max(2**64, 3)**64**64 > a",
        "round(a, -(9**9)) > a",
    ],
)
def test_nothing_takes_long(text: str) -> None:
    began = time.process_time()
    parse(text).allows(POINT)
    assert time.process_time() - began < 0.5


def test_a_finite_space_is_counted() -> None:
    space = Space({"a": Int(1, 30), "b": Int(1, 30)}, ["a * b <= 100", "a != b"])
    by_hand = [(a, b) for a in range(1, 31) for b in range(1, 31) if a * b <= 100 and a != b]
    assert space.count == len(by_hand)
    assert space.size == 900
    assert [tuple(p.values()) for p in space.grid() if space.allows(p)] == by_hand


def test_unit_coordinates_and_points_agree() -> None:
    space = Space({"x": Float(0, 1), "kind": Choice(["a", {"y": Uniform(0, 1)}])}, ["kind.y < x", "x > 0.2"])
    u = [[i / 10 + 0.05, j / 2, k / 10] for i in range(10) for j in (0, 1) for k in range(10)]
    import numpy as np

    told = space.allowed(np.array(u))
    assert told.tolist() == [space.allows(point) for point in space.from_unit(u)]
    assert 0 < told.sum() < len(u)


def test_names_of_all_branches() -> None:
    inner: Any = [{"kind": "sgd", "momentum": Uniform(0, 1)}, {"kind": "adam"}, "none"]
    space = Space({"lr": Float(0, 1), "optimizer": Choice(inner)})
    assert space.names() == ["lr", "optimizer.kind", "optimizer.momentum", "optimizer"]


def test_spaces_with_other_constraints_are_others() -> None:
    domains = {"a": Int(1, 3)}
    assert Space(domains, ["a < 3"]) == Space(domains, [" a < 3 "])
    assert Space(domains, ["a < 3"]) != Space(domains)
    assert Space(domains, ["a < 3"]).with_base(10).constraints == Space(domains, ["a < 3"]).constraints
