"""Brackets around what only one branch of a nested choice has."""

from __future__ import annotations

from barrido.core.command import parse

TEMPLATE = "python t.py [--momentum ${{search_space.opt.sgd.momentum}}] --lr ${{search_space.lr}}"


def test_they_go_away_where_the_branch_lacks_the_parameter() -> None:
    template = parse(TEMPLATE)
    key = ("search_space", "opt.sgd.momentum")
    assert template.render({key: "0.9", ("search_space", "lr"): "1"}) == "python t.py --momentum 0.9 --lr 1"
    line = template.render({key: None, ("search_space", "lr"): "1"})
    assert line.split() == ["python", "t.py", "--lr", "1"]
    assert template.required == (("search_space", "lr"),)


def test_brackets_around_a_parameter_that_is_always_there_are_a_file_pattern() -> None:
    assert parse("ls [${{search_space.lr}}]").groups == ()
