"""Constraints in a sweep's file, and in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from barrido import Choice, SpecError, Uniform, command
from barrido.cli.saved import to_document
from barrido.controller.admission import admit
from barrido.core.events import Verb
from barrido.core.recipe import Recipe
from barrido.errors import RequestError
from barrido.registry import build_sampler, count_trials
from barrido.sdk.jobs import recipe_of
from barrido.sdk.search import Search
from barrido.spec.load import Defaults, load

GRID = """
type: sweep
trial: {command: echo}
sampling_algorithm: grid
search_space:
  depth: {type: choice, values: [1, 2, 4, 8]}
  width: {type: choice, values: [16, 32, 64]}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 20}
"""


def written(tmp_path: Path, constraints: str, text: str = GRID) -> Recipe:
    path = tmp_path / "sweep.yml"
    path.write_text(f"{text}constraints: {constraints}\n")
    return load(path, defaults=Defaults.here())


def wrong(tmp_path: Path, constraints: str, text: str = GRID) -> list[str]:
    with pytest.raises(SpecError) as caught:
        written(tmp_path, constraints, text)
    return [f"{problem.path}: {problem.what}" for problem in caught.value.problems]


def test_a_list_and_a_single_one(tmp_path: Path) -> None:
    one = written(tmp_path, "depth * width <= 64")
    assert one.constraints == ("depth * width <= 64",)
    assert one == Recipe.from_json(one.to_json())
    assert count_trials(one) == 6
    assert any("6 of the 12 points" in notice for notice in one.notices)
    two = written(tmp_path, "[depth * width <= 64, depth > 1]")
    assert [p for p in build_sampler(two).ask([], [], range(4), 0) if p] == [
        {"depth": 2, "width": 16},
        {"depth": 2, "width": 32},
        {"depth": 4, "width": 16},
    ]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    found = wrong(tmp_path, "[depth * witdh <= 64, 'depth <', 'open(width) > 1', depth > 1]")
    assert [line.partition(" (got")[0].partition(";")[0] for line in found] == [
        "constraints[0]: there is no parameter witdh",
        "constraints[1]: is not an expression: invalid syntax",
        "constraints[2]: calls open",
    ]


@pytest.mark.parametrize("given", ["3", "{a: b}", "[]", "[3]", '""'])
def test_what_is_no_list_of_expressions(tmp_path: Path, given: str) -> None:
    (found,) = wrong(tmp_path, given)
    assert found.startswith("constraints")


def test_nothing_is_left(tmp_path: Path) -> None:
    assert wrong(tmp_path, "[depth > 4, width / depth > 8]") == [
        "constraints: none of the 12 points is allowed, together"
    ]
    endless = GRID.replace("grid", "random").replace(
        "{type: choice, values: [16, 32, 64]}", "{type: normal, mu: 0, sigma: 1}"
    )
    assert "of 10,000 points drawn at random none is allowed" in wrong(tmp_path, "width > 50", endless)[0]
    rare = written(tmp_path, "width > 2.8", endless)
    assert any("of the search space is allowed" in notice for notice in rare.notices)


def test_a_mistake_in_the_space_hides_none_here(tmp_path: Path) -> None:
    found = wrong(tmp_path, "['depth <']", GRID.replace("[16, 32, 64]", "[]"))
    assert {line.partition(":")[0] for line in found} == {"constraints[0]", "search_space.width.values"}


def test_in_python(tmp_path: Path) -> None:
    job = command(command="echo ${{inputs.a}} ${{inputs.b}}", inputs={"a": 1, "b": 2})
    swept = job(a=Choice([1, 2, 3]), b=Uniform(0, 1)).sweep(
        primary_metric="loss", goal="minimize", constraints=["a * b < 1"]
    )
    swept.set_limits(max_total_trials=3)
    made: Any = recipe_of(swept)
    assert made.constraints == ("a * b < 1",)
    assert all(p["a"] * p["b"] < 1 for p in build_sampler(made).ask([], [], range(50), 0) if p)


def test_a_point_by_hand_keeps_to_them(tmp_path: Path) -> None:
    recipe = written(tmp_path, "depth * width <= 64")
    point = {"params": {"depth": 8, "width": 64}}
    with pytest.raises(RequestError, match=r"the sweep is to have depth \* width <= 64"):
        admit(recipe, Verb.ENQUEUE, None, point)
    assert admit(recipe, Verb.ENQUEUE, None, {"params": {"depth": 1, "width": 64}})


def test_ask_and_tell() -> None:
    search = Search({"x": Uniform(0, 1), "y": Uniform(0, 1)}, constraints="x + y < 0.5")
    assert all(sum(search.ask().params.values()) < 0.5 for _ in range(20))
    with pytest.raises(SpecError, match="there is no parameter z"):
        Search({"x": Uniform(0, 1)}, constraints=["z < 1"])
    with pytest.raises(SpecError, match="cannot say"):
        Search({"x": Uniform(0, 1)}, constraints=["x[0] < 1"])


def test_the_file_that_is_saved_has_them(tmp_path: Path) -> None:
    recipe = written(tmp_path, "[width * depth <= 64, depth != 3]")
    assert to_document(recipe)["constraints"] == ["width * depth <= 64", "depth != 3"]
