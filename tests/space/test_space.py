"""The space as a cube with conditions, as a grid, and as tables."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from barrido.errors import RequestError
from barrido.space import (
    Choice,
    Condition,
    Float,
    Int,
    Kind,
    LogUniform,
    Normal,
    QNormal,
    Randint,
    Space,
    Uniform,
)

NESTED = Space(
    {
        "lr": Uniform(0, 1),
        "conv_size": Choice(
            [
                {"const_val": 999},
                {"val1": Choice([16, 8]), "rate": Choice([{"log": LogUniform(-3, 0)}, 0.5])},
                "none",
            ]
        ),
    }
)


def test_the_tutorials_grid_runs_its_last_parameter_fastest() -> None:
    space = Space({"batch_size": Choice([16, 32]), "hidden_layers": Choice([1, 2, 3])})
    assert space.size == 6
    assert [tuple(point.values()) for point in space.grid()] == [
        (16, 1), (16, 2), (16, 3), (32, 1), (32, 2), (32, 3),
    ]  # fmt: skip


def test_branches_are_enumerated_with_their_own_parameters() -> None:
    space = Space(
        {
            "conv": Choice([{"fixed": 9}, {"size": Choice([1, 3]), "pad": Int(0, 1)}, "none"]),
            "flip": Choice([True, False]),
        }
    )
    assert space.size == 12
    assert [space.flatten(point) for point in space.grid()][:8] == [
        {"conv.fixed": 9, "flip": True},
        {"conv.fixed": 9, "flip": False},
        {"conv.size": 1, "conv.pad": 0, "flip": True},
        {"conv.size": 1, "conv.pad": 0, "flip": False},
        {"conv.size": 1, "conv.pad": 1, "flip": True},
        {"conv.size": 1, "conv.pad": 1, "flip": False},
        {"conv.size": 3, "conv.pad": 0, "flip": True},
        {"conv.size": 3, "conv.pad": 0, "flip": False},
    ]


def test_the_grid_is_lazy_and_reaches_any_point_directly() -> None:
    space = Space({f"p{i}": Randint(10) for i in range(30)})
    assert space.size == 10**30
    assert (
        "".join(str(v) for v in space.point(12345678901234567890).values()) == f"{12345678901234567890:030d}"
    )
    assert next(space.grid())["p29"] == 0


def test_an_endless_space_has_no_grid() -> None:
    assert NESTED.size is None
    with pytest.raises(RequestError, match="lr has no end of values"):
        NESTED.grid()


def test_a_space_without_parameters_has_one_point() -> None:
    space = Space({})
    assert space.size == 1
    assert list(space.grid()) == [{}]
    assert space.from_unit(np.empty((2, 0))) == [{}, {}]


def test_dimensions_tell_a_model_all_it_needs() -> None:
    assert [(d.name, d.kind, d.levels, d.condition) for d in NESTED.dimensions] == [
        ("lr", Kind.CONTINUOUS, None, None),
        ("conv_size", Kind.UNORDERED, 3, None),
        ("conv_size.values[1].val1", Kind.ORDERED, 2, Condition(1, 1)),
        ("conv_size.values[1].rate", Kind.UNORDERED, 2, Condition(1, 1)),
        ("conv_size.values[1].rate.values[0].log", Kind.CONTINUOUS, None, Condition(3, 0)),
    ]


def test_inactive_coordinates_do_not_matter_and_come_back_as_nan() -> None:
    nan = np.nan
    u = np.array(
        [
            [0.25, 0.1, nan, nan, nan],
            [0.25, 0.5, 0.9, 0.7, nan],
            [0.25, 0.5, 0.1, 0.2, 0.0],
            [0.25, 0.9, nan, 0.1, 0.3],
        ]
    )
    points = NESTED.from_unit(u)
    assert points[0] == {"lr": 0.25, "conv_size": {"const_val": 999}}
    assert points[1] == {"lr": 0.25, "conv_size": {"val1": 16, "rate": 0.5}}
    assert points[2] == {"lr": 0.25, "conv_size": {"val1": 8, "rate": {"log": pytest.approx(np.exp(-3))}}}
    assert points[3] == {"lr": 0.25, "conv_size": "none"}
    active = [[1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]
    assert NESTED.active(u).astype(int).tolist() == active
    back = NESTED.to_unit(points)
    assert (~np.isnan(back)).astype(int).tolist() == active
    np.testing.assert_allclose(back[1], [0.25, 0.5, 0.75, 0.75, nan])
    np.testing.assert_allclose(NESTED.snap(u), back, atol=1e-12)
    assert NESTED.from_unit(back) == points


@pytest.mark.parametrize(
    "u",
    [[[0.5, 0.5, np.nan, 0.5, 0.5]], [[np.nan, 0.1, 0, 0, 0]], [[1.5, 0, 0, 0, 0]], [[-0.1, 0, 0, 0, 0]]],
)
def test_active_coordinates_must_be_in_the_cube(u: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        NESTED.from_unit(u)


def test_coordinates_must_have_a_column_for_each_dimension() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 5\), got \(1, 2\)"):
        NESTED.from_unit([[0.5, 0.5]])


def test_the_upper_face_of_the_cube_belongs_to_the_last_level() -> None:
    space = Space({"a": Choice([1, 2]), "b": Randint(3), "c": Normal(0, 1), "d": QNormal(0, 1, 1)})
    (point,) = space.from_unit([[1.0, 1.0, 1.0, 1.0]])
    assert (point["a"], point["b"], point["d"]) == (2, 2, 8)
    assert 8 < point["c"] < 9


def test_numbers_climb_along_their_coordinate_however_they_were_written() -> None:
    numbers = Choice([10, 0.1, 3])
    assert numbers.kind is Kind.ORDERED
    assert numbers.from_unit([0.1, 0.5, 0.9]) == [0.1, 3, 10]
    assert list(numbers.grid()) == [10, 0.1, 3]


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (Choice([1, 2.5]), Kind.ORDERED),
        (Choice([1, 2.5], ordered=False), Kind.UNORDERED),
        (Choice(["s", "m", "l"]), Kind.UNORDERED),
        (Choice(["s", "m", "l"], ordered=True), Kind.ORDERED),
        (Choice([True, False]), Kind.UNORDERED),
        (Choice([1, "2"]), Kind.UNORDERED),
        (Choice([{"a": 1}, {"a": 2}]), Kind.UNORDERED),
    ],
    ids=repr,
)
def test_numbers_are_ordered_and_texts_are_not_unless_told(choice: Choice, kind: Kind) -> None:
    assert choice.kind is kind
    assert Choice(["s", "m", "l"], ordered=True).from_unit([0.1, 0.5, 0.9]) == ["s", "m", "l"]


def test_a_nested_choice_alone_says_that_it_needs_a_space() -> None:
    choice = Choice([{"a": Randint(2)}, 1])
    with pytest.raises(RequestError, match="draw it through a Space"):
        choice.from_unit([0.5])
    assert list(choice.grid()) == [{"a": 0}, {"a": 1}, 1]


def test_a_point_outside_the_space_is_refused_by_name() -> None:
    space = Space({"lr": Uniform(0, 1), "opt": Choice(["sgd", "adam"])})
    with pytest.raises(RequestError, match=r"opt cannot be 'lion'(.|\n)*sgd"):
        space.to_unit([{"lr": 0.5, "opt": "lion"}])
    with pytest.raises(RequestError, match="the space has lr, opt"):
        space.to_unit([{"lr": 0.5}])
    assert not space.contains({"lr": 2, "opt": "sgd"})
    assert space.contains({"lr": 1, "opt": "sgd"})


def test_flattened_points_have_scalars_only() -> None:
    point = {"conv": {"val1": 16, "deep": {"x": True}}, "empty": {}, "lr": 0.1}
    assert Space.flatten(point) == {"conv.val1": 16, "conv.deep.x": True, "empty": "{}", "lr": 0.1}


def test_keys_tell_points_apart_by_value_and_type() -> None:
    values = [1, 1.0, True, "1", {"a": 1}, {"a": True}]
    assert len({Space.key({"x": value}) for value in values}) == len(values)
    assert Space.key({"a": 1, "b": {"c": 2, "d": 3}}) == Space.key({"b": {"d": 3, "c": 2}, "a": 1})


def test_another_base_reaches_every_log_distribution() -> None:
    space = Space(
        {
            "lr": LogUniform(-4, -1),
            "opt": Choice([{"decay": LogUniform(-2, 0)}]),
            "plain": Float(1, 2, log=True),
        }
    )
    point = space.with_base(10).from_unit([[0.0, 0.0, 0.0, 0.0]])[0]
    assert point == {"lr": 1e-4, "opt": {"decay": 0.01}, "plain": 1.0}
    assert Space.from_json(space.with_base(10).to_json()) == space.with_base(10) != space


def test_spaces_with_another_order_of_parameters_are_other_spaces() -> None:
    a, b = Randint(2), Randint(3)
    assert Space({"a": a, "b": b}) == Space({"a": a, "b": b}) != Space({"b": b, "a": a})


def test_importing_the_space_does_not_import_scipy() -> None:
    code = "import sys, barrido.space, barrido.samplers; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_space_is_read_and_enumerated_without_numpy() -> None:
    code = (
        "import sys\n"
        "from barrido.space import Space\n"
        "choice, randint = {'type': 'choice', 'values': [0.1, 1]}, {'type': 'randint', 'upper': 3}\n"
        "space = Space.from_json({'x': choice, 'n': randint})\n"
        "assert not space.problems()\n"
        "from barrido.samplers.grid import GridSampler\n"
        "assert GridSampler(space).ask((), (), [5], 0) == [{'x': 1, 'n': 2}]\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
