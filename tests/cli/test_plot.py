from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from tests.cli.conftest import Said, Tale

from barrido.cli.plot import Line, plot
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Work
from barrido.sdk.table import display_width

Barrido = Callable[..., Said]
NAN, INF = float("nan"), float("inf")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def drawn(*courses: Sequence[float], width: int = 40, height: int = 5, is_joined: bool = True) -> list[str]:
    lines = [Line([(float(n), y) for n, y in enumerate(course)], is_joined=is_joined) for course in courses]
    return [ESCAPES.sub("", line) for line in plot(lines, title="loss", width=width, height=height)]


def dots(lines: Sequence[str]) -> int:
    return sum((ord(char) - 0x2800).bit_count() for line in lines for char in line if char >= "\u2800")


def test_a_line_goes_from_corner_to_corner_between_its_numbers() -> None:
    title, *rows, frame, ends = drawn([0, 1, 2, 3, 4])
    assert title == "loss"
    assert rows[0].startswith("4 ┤ ")
    assert len(rows[0]) == 40
    assert rows[-1].startswith("0 ┤⣀")
    assert frame.endswith("─")
    assert ends.split() == ["0", "4"]


@pytest.mark.parametrize("width", [12, 30, 80, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = drawn([0.123456789, 1e5, -3], [7, 8], width=width)
    assert all(display_width(line) <= max(width, 20) for line in lines)


def test_dots_stand_alone() -> None:
    assert dots(drawn([1, 5, 2], is_joined=False)) == 3


def test_what_is_not_finite_leaves_a_gap() -> None:
    whole, broken = drawn([1, 2, 3, 2, 1]), drawn([1, NAN, 3, INF, 1])
    assert 0 < dots(broken) < dots(whole)
    assert drawn([NAN, -INF]) == ["loss: no finite values"]


@pytest.mark.parametrize("course", [[3.0], [2.0, 2.0, 2.0], [-1e308, 1e308], [0.0, 5e-324], [5e-324, 1e308]])
def test_ranges_without_a_length_and_without_an_end_can_be_drawn(course: list[float]) -> None:
    assert dots(drawn(course)) >= 1


def test_values_that_differ_much_have_a_log_scale() -> None:
    title, *rows = drawn([1, 10, 100, 10000], height=13)
    assert title == "loss, log scale"
    assert [row.split()[0] for row in rows if "┤" in row] == ["10000", "464.2", "21.54", "1"]
    assert drawn([-1, 10000])[0] == "loss"


def test_a_sweep_is_drawn_below_its_facts(finished: SweepFolder, barrido: Barrido) -> None:
    said = barrido("job", "show", "iris", "--plot")
    assert said.code == 0
    assert "best Accuracy so far" in said.out
    assert "Accuracy of the best trials, by step" in said.out
    assert "━━ trial 1: Accuracy 0.95" in said.out
    assert "\x1b" not in said.out
    assert max(map(display_width, said.out.partition("best Accuracy so far")[2].splitlines())) <= 80


def test_a_trial_has_a_picture_of_each_metric(finished: SweepFolder, barrido: Barrido) -> None:
    said = barrido("job", "show", "iris_1", "--plot")
    assert "\nAccuracy\n" in said.out
    assert "⠉" in said.out or "⠒" in said.out


def test_a_job_that_logged_nothing_says_so(tale: Callable[..., Tale], barrido: Barrido) -> None:
    told = tale(points=[{"lr": 0.1}])
    told.launch(0)
    assert (
        "nothing to draw: no trial has a value of Accuracy yet"
        in barrido("job", "show", "iris", "--plot").out
    )
    plain = tale("job", points=[{"lr": 0.1}], objective=None, work=Work(command="true"))
    plain.launch(0)
    assert "nothing to draw: trial 0 has logged no metric" in barrido("job", "show", "job", "--plot").out


def test_a_picture_is_no_data(finished: SweepFolder, barrido: Barrido) -> None:
    said = barrido("job", "show", "iris", "--plot", "-o", "json")
    assert said.code == 2
    assert "--plot draws for people" in said.err
