"""Patterns by which metrics are found in a log: where they are written, and what is said of wrong ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from barrido import command
from barrido.core.recipe import Recipe
from barrido.errors import Problem
from barrido.sdk.sweep_job import SweepJob
from barrido.sweep import Uniform

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Written = Callable[..., str]

PATTERNS = r"{accuracy: 'epoch (?P<step>\d+).* accuracy=(\S+)', loss: 'loss=(\S+)'}"
TAKEN = {"accuracy": r"epoch (?P<step>\d+).* accuracy=(\S+)", "loss": r"loss=(\S+)"}


def work(patterns: str = PATTERNS) -> str:
    return f"{{command: 'python train.py --lr ${{{{search_space.lr}}}}', code: src, metrics: {patterns}}}"


def test_they_stand_with_the_command(sweep: Written, command: Written, read: Read) -> None:
    made = read(sweep(trial=work()))
    assert made.work.metrics == TAKEN
    assert not made.notices
    assert Recipe.from_json(made.to_json()) == made
    assert read(command(metrics=PATTERNS)).work.metrics == TAKEN
    assert read(sweep()).work.metrics == {}


def test_they_can_be_set_on_the_command_line(sweep: Written, read: Read) -> None:
    found = read(sweep(trial=work()), set_values=[("trial.metrics.loss", r"'val_loss: (\S+)'")])
    assert found.work.metrics == {**TAKEN, "loss": r"val_loss: (\S+)"}


def test_in_python_they_are_a_keyword_of_the_command() -> None:
    job = command(command="python train.py ${{inputs.lr}}", inputs={"lr": Uniform(0, 1)}, metrics=TAKEN)
    swept = job.sweep(primary_metric="accuracy", goal="maximize")
    assert isinstance(swept, SweepJob)
    assert swept.to_document()["trial"]["metrics"] == TAKEN


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ("{loss: '('}", ["is no regular expression: missing ), unterminated subpattern at position 0"]),
        ("{loss: 'loss='}", ["has no group for the value"]),
        ("{loss: '(a)(b)'}", ["has more groups than one for the value"]),
        ("{loss: '(?P<loss>a)'}", ["has a group named loss; known are value and step"]),
        ("{loss: 7}", ["must be a regular expression (got 7)"]),
        ("{'': 'x=(.*)'}", ["a metric's name is a text of 1 to 250 characters"]),
        ("{a: '[', b: 'b', c: 'c=(.*)'}", ["is no regular expression: unterminated", "has no group"]),
    ],
)
@pytest.mark.parametrize("kind", ["sweep", "command"])
def test_all_that_is_wrong_is_said_at_once(
    kind: str, patterns: str, said: list[str], sweep: Written, command: Written, mistakes: Mistakes
) -> None:
    text = sweep(trial=work(patterns)) if kind == "sweep" else command(metrics=patterns)
    problems = mistakes(text)
    assert len(problems) == len(said)
    for problem, words in zip(problems, said, strict=True):
        assert words in problem.what
        assert problem.path.startswith("trial.metrics." if kind == "sweep" else "metrics.")


def test_a_primary_metric_without_a_pattern_is_noticed(sweep: Written, read: Read) -> None:
    (notice,) = read(sweep(trial=work(r"{loss: 'loss=(\S+)'}"))).notices
    assert "none of the patterns is for the primary metric, accuracy" in notice


@pytest.mark.parametrize(
    "stopping",
    [
        {"early_termination": "{type: bandit, slack_factor: 0.1}"},
        {"scheduler": "{type: hyperband, max_resource: 9}"},
    ],
)
def test_that_nobody_is_held_is_noticed_where_it_matters(
    sweep: Written, read: Read, stopping: dict[str, str]
) -> None:
    notices = read(sweep(trial=work(), **stopping)).notices
    assert [notice for notice in notices if "who prints is not held while it is decided" in notice]
