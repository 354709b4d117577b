"""The knob `warm`: how it is written, and what `on` asks of the command."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from barrido.core.recipe import Recipe
from barrido.errors import Problem

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Written = Callable[..., str]

PLAIN = "python train.py --lr ${{search_space.lr}}"


def work(command: str = PLAIN, warm: str = "on") -> str:
    return f"{{command: '{command}', code: src, warm: {warm}}}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("auto", "auto"),
        ("on", "on"),
        ("off", "off"),
        ("Off", "off"),
        ("'on'", "on"),
        ("true", "on"),
        ("false", "off"),
    ],
)
def test_it_is_a_word_or_a_truth(written: str, expected: str, sweep: Written, read: Read) -> None:
    assert read(sweep(trial=work(warm=written))).work.warm == expected


def test_a_command_job_says_it_at_the_top(command: Written, read: Read) -> None:
    assert read(command()).work.warm == "auto"
    assert read(command(warm="on")).work.warm == "on"


def test_it_can_be_set_on_the_command_line(sweep: Written, read: Read) -> None:
    assert read(sweep(), set_values=[("trial.warm", "off")]).work.warm == "off"


def test_recipes_that_were_made_before_it_was_there_leave_it_to_the_sweep(sweep: Written, read: Read) -> None:
    body = read(sweep(trial=work(warm="off"))).to_json()
    assert Recipe.from_json(body).work.warm == "off"
    del body["work"]["warm"]
    assert Recipe.from_json(body).work.warm == "auto"


@pytest.mark.parametrize(
    ("warm", "said"),
    [
        ("warm", "must be auto, on or off (got 'warm')"),
        ("of", "did you mean 'off'?"),
        ("1", "must be auto, on or off (got 1)"),
        ("", "must be auto, on or off (got nothing)"),
    ],
)
def test_any_other_word_is_a_mistake(warm: str, said: str, sweep: Written, mistakes: Mistakes) -> None:
    (problem,) = mistakes(sweep(trial=work(warm=warm)))
    assert (problem.where, problem.path) == ("sweep.yml:2", "trial.warm")
    assert said in str(problem)


def test_beside_trial_it_is_told_where_it_belongs(sweep: Written, mistakes: Mistakes) -> None:
    (problem,) = mistakes(sweep(warm="on"))
    assert "in a sweep it belongs under `trial`" in str(problem)


COMMANDS = {
    "python3 train.py": True,
    "python -m train --lr ${{search_space.lr}} --data ${{inputs.data}} --to ${{outputs.model}}": True,
    'python train.py --name "run ${{search_space.lr}}" [--note ${{inputs.data}}]': True,
    "python -u train.py": False,
    "python train.py --lr ${{search_space.lr}} > log.txt": False,
    "python train.py && echo done": False,
    "SEED=1 python train.py": False,
    "nice python train.py": False,
    "python ${{inputs.data}}": True,
    "python -m ${{inputs.data}}": False,
    "python [-u ${{inputs.data}}] train.py": False,
    "${{inputs.data}}/python train.py": False,
    "ls -l": False,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_on_needs_a_command_that_is_plainly_python(command: str, sweep: Written, mistakes: Mistakes) -> None:
    def found(warm: str) -> list[Problem]:
        trial = f"\n  command: >-\n    {command}\n  code: src\n  warm: {warm}"
        return mistakes(sweep(trial=trial, inputs="{data: x}", outputs="{model: }"))

    assert found("auto") == found("off") == []
    wrong = [] if COMMANDS[command] else [("sweep.yml:6", "trial.warm")]
    problems = found("on")
    assert [(problem.where, problem.path) for problem in problems] == wrong
    assert all("leave `warm` at auto" in problem.hint for problem in problems)
