"""Which commands are plainly Python programs."""

from __future__ import annotations

import pytest

from barrido.core.plain import PythonCommand, python_words


@pytest.mark.parametrize("program", ["python", "python3", "python3.12", "/opt/env/bin/python3.9", "./python"])
def test_a_script_or_a_module_with_any_arguments_is_plain(program: str) -> None:
    script = PythonCommand(program, None, "train.py", ("-u", "-m", "", "a b"))
    assert python_words([program, "train.py", "-u", "-m", "", "a b"]) == script
    module = PythonCommand(program, "package.train", None, ("--lr", "0.1"))
    assert python_words([program, "-m", "package.train", "--lr", "0.1"]) == module


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["python"],
        ["python", ""],
        ["python", "-"],
        ["python", "-c", "print()"],
        ["python", "-u", "train.py"],
        ["python", "-X", "dev", "train.py"],
        ["python", "--version"],
        ["python", "-m"],
        ["python", "-m", "-u"],
        ["python", "-m", ""],
        ["python", "-m", "package..train"],
        ["python", "-mtrain"],
        ["python2", "train.py"],
        ["python3.", "train.py"],
        ["python3.12t", "train.py"],
        ["pypy3", "train.py"],
        ["python/run", "train.py"],
        ["/bin/sh", "-c", "python train.py"],
    ],
)
def test_anything_else_is_not(words: list[str]) -> None:
    assert python_words(words) is None
