"""YAML itself: lines, encodings, duplicates, tags, aliases, and values set on the command line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido.core.recipe import Recipe
from barrido.errors import Problem, RequestError, SpecError
from barrido.spec import load
from barrido.spec.document import parse
from barrido.spec.load import Defaults

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Written = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", 1, "is empty"),
        ("# only a comment\n", 1, "is empty"),
        ("- a\n- b\n", 1, "must be a mapping of keys to values (got a list)"),
        ("just words\n", 1, "got 'just words'"),
        ("type: sweep\ntrial:\n\tcommand: ls\n", 3, "a tab cannot indent in YAML"),
        ("type: sweep\n---\ntype: sweep\n", 2, "more than one document"),
        ("type: sweep\ntrial:\n  command: echo a: b\n", 3, "must stand in quotes"),
        ("type: 'sweep\n", 2, "a quote is opened and not closed"),
        ("type: sweep\nname: *there\n", 2, "needs an anchor"),
        ("type: sweep\nname: @x\n", 2, "must stand in quotes"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("type: sweep\nname: a\x07b\n", 2, "U+0007"),
        (b"type: sweep\nname: caf\xe9\n", 2, "is not UTF-8 text (got the byte 0xe9)"),
        (b"\xff\xfet\x00y\x00", 1, "is not UTF-8 text"),
        ("type: sweep\na: " + "[" * 3_000, 2, "more than 60 levels deep"),
        ("- " * 3_000, 1, "more than 60 levels deep"),
        ("x" * 3_000_000, 1, "is longer than 2 MiB"),
        ("&a [*a]", 1, "contains itself"),
        ("1" * 5000, 1, "cannot be read as a whole number (got '1111"),
        ("!!bool maybe", 1, "cannot be read as true or false (got 'maybe')"),
        ("a: " + "[" * 80 + "]" * 80, 1, "more than 60 levels deep"),
    ],
)
def test_what_is_not_a_description_is_said_with_its_line(
    text: str | bytes, line: int, part: str, mistakes: Mistakes
) -> None:
    problem = mistakes(text)[0]
    assert problem.where == f"sweep.yml:{line}"
    assert part in str(problem)


def test_a_byte_order_mark_does_no_harm(sweep: Written, mistakes: Mistakes) -> None:
    assert mistakes(b"\xef\xbb\xbf" + sweep().encode()) == []


def test_every_key_that_is_given_twice_is_found(sweep: Written, mistakes: Mistakes) -> None:
    found = mistakes(sweep() + "name: a\nname: b\ntags: {x: 1, x: 2}\n")
    assert [(p.where, p.path, p.what) for p in found] == [
        ("sweep.yml:7", "name", "is given twice, first in line 6"),
        ("sweep.yml:8", "tags.x", "is given twice, first in line 8"),
    ]


def test_tags_that_would_build_objects_are_refused(sweep: Written, mistakes: Mistakes) -> None:
    found = mistakes(
        sweep(name="!!python/object/apply:os.system ['ls']", description="!x y", tags="!!set {a}")
    )
    assert [(p.path, "means nothing here" in p.what) for p in found] == [
        ("name", True),
        ("description", True),
        ("tags", True),
    ]


def test_yaml_is_read_as_version_1_2() -> None:
    read = parse("[1e-3, on, no, 2024-01-31, 0o17, 017, ~, 'x', 1_0]\n", name="x")
    assert read.value == [0.001, "on", "no", "2024-01-31", 15, 17, None, "x", 10]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parse("{1: a, true: b, ~: c, 2024-01-31: d}", name="x").value == {
        "1": "a", "true": "b", "~": "c", "2024-01-31": "d",
    }  # fmt: skip


def test_anchors_and_merge_keys_work_and_keep_their_lines() -> None:
    read = parse("a: &a\n  x: 1\n  y: 2\nb:\n  <<: *a\n  y: 3\nc: *a\n", name="x.yml")
    assert read.value == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}
    assert read.findings.source.where(("b", "x")) == "x.yml:2"
    assert read.findings.source.where(("b", "y")) == "x.yml:6"
    assert read.findings.problems == ()


def test_aliases_cannot_grow_without_end(mistakes: Mistakes) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert "holds more than" in str(mistakes(bomb))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a{n}: &a{n} {{<<: [*a{m}, *a{m}]}}\n", "holds more than"),
        ("a{n}: &a{n} {{<<: *a{m}}}\n", "more than 60 levels deep"),
    ],
)
def test_merged_mappings_cannot_grow_without_end_either(line: str, said: str, mistakes: Mistakes) -> None:
    chain = "a0: &a0 {}\n" + "".join(line.format(n=n, m=n - 1) for n in range(1, 400))
    assert said in str(mistakes(chain))


def test_each_merged_mapping_costs_the_same() -> None:
    began = time.process_time()
    read = parse("d: &d {x: 1, y: 2}\nl:\n" + "- <<: *d\n" * 10_000, name="x.yml")
    assert read.value["l"] == [{"x": 1, "y": 2}] * 10_000
    assert time.process_time() - began < 4


def test_problems_come_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    text = (
        "limits:\n  max_total_trials: 0\ntype: sweep\nobjective:\n  primary_metric: a\n"
        "  goal: up\ntrial:\n  command: ls\nsearch_space:\n  x:\n    type: uniform\n"
        "    min_value: 1\n    max_value: 0\n"
    )
    assert [p.where for p in mistakes(text)] == ["sweep.yml:2", "sweep.yml:6", "sweep.yml:12"]


def test_a_missing_file_names_the_one_that_was_meant(folder: Path, defaults: Defaults) -> None:
    (folder / "sweep.yaml").write_text("")
    with pytest.raises(RequestError, match=r"there is no file 'swep\.yaml'") as caught:
        load.load("swep.yaml", defaults=defaults)
    assert caught.value.hint == "did you mean 'sweep.yaml'?"
    with pytest.raises(RequestError, match="there is no folder 'nowhere' either"):
        load.load("nowhere/x.yml", defaults=defaults)
    with pytest.raises(RequestError, match="is a folder, not a file"):
        load.load("src", defaults=defaults)
    with pytest.raises(RequestError, match="cannot read"):
        load.load("src/train.py/x.yml", defaults=defaults)


# Values set on the command line -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "seen"),
    [
        ("limits.max_total_trials", "5", lambda r: r.limits.max_total_trials == 5),
        ("limits.timeout", "60", lambda r: r.limits.timeout == 60),
        ("sampling_algorithm.seed", "3", lambda r: r.sampler == {"type": "random"} and r.seed == 3),
        ("search_space.lr", "{type: choice, values: [1, 2]}", lambda r: r.space["lr"]["values"] == [1, 2]),
        ("search_space.lr.max_value", "9", lambda r: r.space["lr"]["max_value"] == 9),
        ("search_space.k.values", "[a, b]", lambda r: r.space["k"]["values"] == ["a", "b"]),
        ("search_space.k.values[1]", "7", lambda r: r.space["k"]["values"] == [8, 7]),
        ("search_space.k.values.0", "7", lambda r: r.space["k"]["values"] == [7, 9]),
        ("tags.colour", "red", lambda r: r.tags == {"colour": "red"}),
        ("early_termination", "median_stopping", lambda r: r.policy["type"] == "median_stopping"),
        ("name", "mine", lambda r: r.name == "mine"),
    ],
)
def test_a_value_can_be_set(
    path: str, value: str, seen: Callable[[Any], bool], sweep: Written, read: Read
) -> None:
    space = "{lr: {type: uniform, min_value: 0, max_value: 1}, k: {type: choice, values: [8, 9]}}"
    recipe = read(sweep(search_space=space, sampling_algorithm="random"), set_values=[(path, value)])
    assert seen(recipe)


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ("limits.max_total_trails", "5", "did you mean 'max_total_trials'?"),
        ("limts.max_total_trials", "5", "did you mean 'limits'?"),
        ("limits.max_total_trials", "many", "must be a whole number (got 'many')"),
        ("search_space.lrr.max_value", "5", "did you mean 'lr'?"),
        ("search_space.lr.max_value.x", "5", "nothing can be set below search_space.lr.max_value"),
        ("search_space.k.values[2]", "5", "its items are numbered 0 to 1"),
        ("search_space.k.values.first", "5", "there is no item 'first'"),
        ("objective.goal", "[", "not valid YAML"),
        ("", "5", "needs a path"),
        ("limits", "", "has no value"),
    ],
)
def test_a_value_that_cannot_be_set_is_said(
    path: str, value: str, part: str, sweep: Written, mistakes: Mistakes
) -> None:
    space = "{lr: {type: uniform, min_value: 0, max_value: 1}, k: {type: choice, values: [8, 9]}}"
    (problem,) = mistakes(sweep(search_space=space), set_values=[(path, value)])
    assert problem.where == f"--set {path}={value}"
    assert part in str(problem)


def test_a_set_value_mends_what_the_file_says(sweep: Written, read: Read) -> None:
    recipe = read(sweep(limits="{max_total_trials: 0}"), set_values=[("limits.max_total_trials", "3")])
    assert recipe.limits.max_total_trials == 3


def test_all_problems_are_in_the_message_of_the_error(sweep: Written, read: Read) -> None:
    with pytest.raises(SpecError) as caught:
        read(sweep(limits="{max_total_trials: 0}", nmae="x"))
    assert str(caught.value) == (
        "2 things are wrong:\n"
        "  sweep.yml:5: limits.max_total_trials: must be at least 1 (got 0)\n"
        "  sweep.yml:6: nmae: is not a known key\n"
        "    did you mean 'name'?"
    )
