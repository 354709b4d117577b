"""What is wrong with a search space is said in words, all at once, and nothing raises before that."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from barrido.errors import SpecError
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
    Space,
    Uniform,
    domain_from_json,
)

ANY: Any = None  # wrong on purpose: constructors take what they are given


@pytest.mark.parametrize(
    ("domain", "path", "what"),
    [
        (Uniform(0.5, 0.1), "min_value", "min_value must be below max_value (got 0.5 and 0.1)"),
        (Uniform(1, 1), "min_value", "min_value must be below max_value (got 1 and 1)"),
        (Uniform(ANY, 1), "min_value", "min_value must be a number (got None)"),
        (Uniform(0, True), "max_value", "max_value must be a finite number (got True)"),
        (Uniform(0, float("inf")), "max_value", "max_value must be a finite number (got inf)"),
        (Uniform(float("nan"), 1), "min_value", "min_value must be a finite number (got nan)"),
        (Uniform(0, 10**400), "max_value", "max_value must be a finite number (got a number of more"),
        (Uniform(-1e308, 1e308), "max_value", "too wide for floating point"),
        (QUniform(0, 1, 0), "q", "q must be above 0 (got 0)"),
        (QUniform(0, 1, -0.1), "q", "q must be above 0 (got -0.1)"),
        (QUniform(0, 1, ANY), "q", "q must be a number (got None)"),
        (QUniform(0, 1e20, 1), "q", "more than 2**53 steps"),
        (LogUniform(0, 1000), "max_value", "max_value is an exponent: exp(1000) is too large a number"),
        (LogUniform(-1000, 0), "min_value", "min_value is an exponent: exp(-1000) is too small a number"),
        (LogUniform(0, 400, base=10), "max_value", "exp(921) is too large a number"),
        (LogUniform(1, 0), "min_value", "min_value must be below max_value (got 1 and 0)"),
        (LogUniform(0, 1, base=1), "base", "base must be a number above 1 (got 1)"),
        (LogUniform(0, 1, base=ANY), "base", "base must be a number above 1 (got None)"),
        (QLogUniform(0, 800, 1), "max_value", "exp(800) is too large a number"),
        (QLogUniform(0, 1, 0), "q", "q must be above 0"),
        (Normal(0, -1), "sigma", "sigma must be above 0 (got -1)"),
        (Normal(0, 0), "sigma", "sigma must be above 0 (got 0)"),
        (Normal(1e308, 1e308), "sigma", "too large for floating point"),
        (QNormal(0, -1, 1), "sigma", "sigma must be above 0 (got -1)"),
        (QNormal(0, 1, 1e-20), "q", "more than 2**53 steps"),
        (LogNormal(0, 100), "sigma", "as an exponent: exp("),
        (LogNormal(0, 0), "sigma", "sigma must be above 0 (got 0)"),
        (QLogNormal(0, 1, -2), "q", "q must be above 0 (got -2)"),
        (Float(2, 1), "low", "low must be below high (got 2 and 1)"),
        (Float(0, 1, log=True), "low", "low must be above 0 on a logarithmic scale (got 0)"),
        (Float(0, 1, log=ANY), "log", "log must be true or false (got None)"),
        (Int(2, 1), "low", "low must be below high (got 2 and 1)"),
        (Int(0, 9, log=True), "low", "low must be above 0 on a logarithmic scale (got 0)"),
        (Int(0, 2**60), "high", "high must be between -2**53 and 2**53"),
        (Int(-(2**53), 2**53), "high", "more than 2**53 numbers"),
        (Int(0.5, 3), "low", "low must be a whole number (got 0.5)"),  # type: ignore[arg-type]
        (Randint(0), "upper", "upper must be above 0 (got 0)"),
        (Randint(True), "upper", "upper must be a whole number (got True)"),
        (Randint("5"), "upper", "upper must be a whole number (got '5')"),  # type: ignore[arg-type]
        (Choice([]), "values", "values is empty"),
        (Choice("abc"), "values", "values must be a list (got 'abc')"),
        (Choice(ANY), "values", "values must be a list (got None)"),
        (Choice({"a"}), "values", "a set, whose order changes from run to run"),
        (Choice({"a": 1}), "values", "values must be a list (got {'a': 1})"),
        (Choice(itertools.count()), "values", "more than 100000 entries"),
        (Choice([1, 2, 1]), "values[2]", "1 is there twice"),
        (Choice([{"a": 1}, {"a": 1}]), "values[1]", "{'a': 1} is there twice"),
        (Choice([1, None]), "values[1]", "values are texts, numbers, booleans or dicts (got None)"),
        (Choice([[1, 2]]), "values[0]", "values are texts, numbers, booleans or dicts (got [1, 2])"),
        (Choice([1.0, float("nan")]), "values[1]", "nan is not a finite number"),
        (Choice([1, 2], ordered="yes"), "ordered", "ordered must be true or false (got 'yes')"),  # type: ignore[arg-type]
        (Choice([Uniform(0, 1)]), "values[0]", "must stand inside a dict here"),
        (Choice([{1: 2}]), "values[0]", "names must be texts (got 1)"),
        (Choice([{"a": {"type": "sgd"}}]), "values[0].a", "is read as a distribution"),
        (Choice([{"lr": Uniform(1, 0)}]), "values[0].lr.min_value", "min_value must be below max_value"),
        (
            Choice([{"a": Choice([1, 2])}, {"a": Choice([2, 3])}]),
            "values[1]",
            'values[1] and values[0] can both be {"a": 2}',
        ),
    ],
    ids=repr,
)
def test_each_mistake_is_named_with_its_place_and_value(domain: Domain, path: str, what: str) -> None:
    (problem,) = domain.problems()
    assert problem.path == path
    assert what in problem.what
    (placed,) = domain.problems("search_space.lr")
    assert placed.path == f"search_space.lr.{path}"


def test_all_mistakes_come_at_once() -> None:
    space = Space(
        {
            "a": Uniform(ANY, float("inf")),
            "b-c": Choice([1]),
            "d": Choice([{"x": Normal(0, -1), "y": {"z": Randint(0)}}, None]),
            "e": 0.5,  # type: ignore[dict-item]
        }
    )
    assert [problem.path for problem in space.problems("search_space")] == [
        "search_space.a.min_value",
        "search_space.a.max_value",
        "search_space.b-c",
        "search_space.d.values[0].x.sigma",
        "search_space.d.values[0].y.z.upper",
        "search_space.d.values[1]",
        "search_space.e",
    ]


@pytest.mark.parametrize(
    ("domain", "hint"),
    [
        (Uniform("1e-3", 1), "write 1e-3 without quotes"),  # type: ignore[arg-type]
        (Uniform(0.5, 0.1), "they look swapped: min_value: 0.1, max_value: 0.5"),
        (Uniform(1, 1), "give the parameter this value as a plain input"),
        (Randint(5.0), "write 5"),  # type: ignore[arg-type]
        (LogUniform(0, 1000), "natural-log exponents"),
    ],
    ids=repr,
)
def test_hints_show_the_way_out(domain: Domain, hint: str) -> None:
    (problem,) = domain.problems()
    assert hint in problem.hint


@pytest.mark.parametrize(
    "domain",
    [
        Uniform(0.05, 0.1),
        Uniform(-5, 3),
        LogUniform(-6, -1),
        LogUniform(-708, 708),
        Normal(10, 3),
        LogNormal(0, 10),
        QUniform(0, 1, 0.4),
        QNormal(0, 1, 5),
        Int(3, 3),
        Randint(2**53),
        Choice([1, 1.0, "1", True]),
        Choice(["only"]),
        Choice([{}, {"a": {}}, {"type": "sgd", "lr": Uniform(0, 1)}]),
        Choice([{"a": Uniform(0, 1)}, {"a": Uniform(0, 1), "b": 2}]),
    ],
    ids=repr,
)
def test_what_is_right_has_no_problems(domain: Domain) -> None:
    assert domain.problems() == []


def test_bounds_that_were_probably_meant_as_plain_numbers_are_noticed() -> None:
    space = Space(
        {
            "lr": LogUniform(1e-4, 0.1),
            "ok": LogUniform(-9, -2),
            "opt": Choice([{"decay": QLogUniform(0.01, 0.5, 0.01)}]),
        }
    )
    assert space.problems() == []
    first, second = space.notices("search_space")
    assert first.path == "search_space.lr"
    assert "draws numbers from 1 to 1.105" in first.what
    assert "min_value: -9.21034, max_value: -2.30259" in first.hint
    assert second.path == "search_space.opt.values[0].decay"


@pytest.mark.parametrize(
    ("body", "path", "what", "hint"),
    [
        ({"min_value": 0}, "lr.type", "the type is missing", "known here: choice, randint"),
        ({"type": "unifrom"}, "lr.type", "'unifrom' is not a distribution", "did you mean uniform?"),
        ({"type": 3}, "lr.type", "3 is not a distribution", "known here"),
        ({"type": "uniform", "min_value": 0}, "lr.max_value", "uniform needs max_value", ""),
        (
            {"type": "randint", "upper": 3, "uper": 4},
            "lr.uper",
            "randint has no key 'uper'",
            "did you mean upper?",
        ),
        (0.1, "lr", "must be a distribution", "use a plain input"),
        ({"type": "choice"}, "lr.values", "choice needs values", ""),
        (
            {"type": "choice", "values": [1, {"a": {"type": "qnormal", "mu": 0, "sigma": 1}}]},
            "lr.values[1].a.q",
            "qnormal needs q",
            "",
        ),
    ],
)
def test_a_form_that_cannot_be_read_says_why(body: Any, path: str, what: str, hint: str) -> None:
    with pytest.raises(SpecError) as error:
        domain_from_json(body, "lr")
    (problem,) = error.value.problems
    assert problem.path == path
    assert what in problem.what
    assert hint in problem.hint


def test_a_space_reads_everything_before_it_complains() -> None:
    with pytest.raises(SpecError) as error:
        Space.from_json(
            {"a": {"type": "choice"}, "b": 3, "c": {"type": "randint", "upper": 2}}, "search_space"
        )
    assert [problem.path for problem in error.value.problems] == ["search_space.a.values", "search_space.b"]


@pytest.mark.parametrize("name", ["Uniform", "UNIFORM", "uniform"])
def test_type_names_are_read_in_any_case(name: str) -> None:
    assert domain_from_json({"type": name, "min_value": 0, "max_value": 1}) == Uniform(0, 1)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (range(1, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ((16, 32), [16, 32]),
        ((x * 2 for x in range(3)), [0, 2, 4]),
        (np.array([0.5, 1.5]), [0.5, 1.5]),
        ([np.int64(3), np.float64(0.1), np.bool_(True), np.str_("x")], [3, 0.1, True, "x"]),
        ({"b": 1, "a": 2}.keys(), None),
        (["a", True, 1, 2.5, {"space1": True}], ["a", True, 1, 2.5, {"space1": True}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_choice_takes_any_ordered_iterable_of_plain_values(given: Any, values: list[Any] | None) -> None:
    choice = Choice(given)
    if values is None:
        assert choice.problems()
        return
    assert repr(list(choice.options)) == repr(values)
    assert choice.problems() == []
    assert json.loads(json.dumps(choice.to_json()))["values"] == values


def test_numbers_from_numpy_become_pythons_own() -> None:
    domain = QUniform(np.float64(0), np.int64(4), np.float32(0.5))  # type: ignore[arg-type]
    assert repr(domain) == "QUniform(min_value=0.0, max_value=4, q=0.5)"


def test_changing_what_was_given_or_drawn_does_not_change_the_choice() -> None:
    branch = {"a": {"b": 1}}
    choice = Choice([branch])
    branch["a"]["b"] = 2
    choice.from_unit([0.5])[0]["a"]["b"] = 3
    choice.level(0)["a"]["b"] = 4
    assert choice.from_unit([0.5]) == [{"a": {"b": 1}}]


def test_arguments_may_be_given_by_place_or_by_name() -> None:
    assert Uniform(0.05, 0.1) == Uniform(min_value=0.05, max_value=0.1)
    assert QNormal(1, 2, 3) == QNormal(mu=1, sigma=2, q=3)
    assert QLogUniform(1, 2, 3) == QLogUniform(min_value=1, max_value=2, q=3)
    assert Choice([1], True) == Choice(values=(1,), ordered=True) != Choice([1])
    assert len({Randint(3), Randint(upper=3), Randint(4)}) == 2
    assert str(Uniform(0.05, 0.1)) == "uniform(min_value: 0.05, max_value: 0.1)"
