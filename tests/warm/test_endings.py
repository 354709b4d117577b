"""How scripts end: exit codes, tracebacks, and what happens last."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import Cause

Alike = Callable[..., list[Any]]

MODULE = """\
def fails(x):
    '''Fails in a nested call.'''
    return (lambda y: {"a": 1}[y])(x)
"""


def scripts(name: str) -> dict[str, str]:
    """The scripts of a file by their names, each under a line ``--- name``."""
    _, *sections = Path(__file__).with_name(name).read_text().split("--- ")
    return dict(section.split("\n", 1) for section in sections)


ENDINGS = scripts("endings.txt") | {
    "nothing at all": "",
    "a null byte": "print(1)\x00",
    "a carriage return": "x = 1\r\nprint(x)\r\n1 / 0\r\n",
}

BESIDE = {
    "mine.py": MODULE,
    "broken.py": "def f(:\n",
    "failing.py": "import json\njson.loads('no')\n",
    "circle.py": "from circle2 import x\n",
    "circle2.py": "from circle import x\n",
    "warner.py": "import warnings\ndef warn():\n    warnings.warn('from a module', DeprecationWarning)\n"
    "    warnings.warn('level two', DeprecationWarning, stacklevel=2)\n",
}


def test_endings_of_all_kinds_in_one_sweep(alike: Alike) -> None:
    scripts = {f"ending{number}.py": script for number, script in enumerate(ENDINGS.values())}
    points = [{"script": script, "name": name} for script, name in zip(scripts, ENDINGS, strict=True)]
    alike(command="python ${{search_space.script}}", code=BESIDE | scripts, points=points)


@pytest.mark.slow
@pytest.mark.parametrize("script", ENDINGS.values(), ids=ENDINGS)
def test_an_ending(alike: Alike, script: str) -> None:
    alike(script or "\n", code=BESIDE, starts="either")


def test_a_script_that_profiles_its_own_end(alike: Alike) -> None:
    script = """
        import sys

        def profile(frame, event, arg):
            if event == "call":
                print(event, frame.f_code.co_name)

        def f():
            pass

        sys.setprofile(profile)
        f()
    """
    alike(script, limit="a hook of the nursery's runs at the end")


COMMANDS = [
    "python no_such_script.py",
    "python sub",
    "python -m no_such_module",
    "python -m package_without_main",
    "python -m train.py",
    "python -m mine.sub",
    "python -m broken",
    "python -m failing",
    "python data.txt",
    "python empty.py",
    "python ''",
]


@pytest.mark.parametrize("is_module", [False, True])
def test_commands_that_cannot_run(alike: Alike, is_module: bool) -> None:
    words = [command.partition(" ")[2] for command in COMMANDS]
    words = [word.removeprefix("-m ") for word in words if word.startswith("-m ") == is_module]
    code = {**BESIDE, "sub/x.py": "", "package_without_main/__init__.py": "print('imported')", "empty.py": ""}
    alike(
        "print(1)",
        command=f"python {'-m ' * is_module}${{{{search_space.name}}}}",
        code={**code, "data.txt": "some data\n"},
        points=[{"name": word} for word in words],
        starts="either",
    )


def test_a_failure_in_a_module_that_is_run(alike: Alike) -> None:
    alike(command="python -m mine", code={"mine.py": MODULE + "\nfails('b')\n"})


def test_exit_codes_are_the_scripts_own(alike: Alike) -> None:
    seen = alike("import os, sys; sys.exit(int(os.environ['BARRIDO_TRIAL']) + 40)")
    assert [(one.cause, one.code) for one in seen] == [(Cause.EXIT, code) for code in (40, 41, 42)]


def test_a_trial_that_is_killed_ended_by_that_signal(alike: Alike) -> None:
    seen = alike("import os; os.kill(os.getpid(), 9)")
    assert [one.code for one in seen] == [-signal.SIGKILL] * 3


@pytest.mark.parametrize(
    ("answer", "grace_s"),
    [
        ("pass", 30.0),
        ("signal.signal(signal.SIGTERM, lambda *a: sys.exit(17))", 30.0),
        (
            "signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))",
            30.0,
        ),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0.1),
        ("atexit.register(print, 'not reached')", 30.0),
    ],
    ids=["default", "exits", "goes on", "ignores", "exit hook"],
)
def test_a_trial_that_is_asked_to_stop(alike: Alike, answer: str, grace_s: float) -> None:
    alike(
        f"""
        import atexit, pathlib, signal, sys, time
        asked = []
        {answer}
        print("started")
        try:
            pathlib.Path("ready").touch()
            while not asked:
                time.sleep(0.01)
            print("going on", asked)
        finally:
            print("finally")
        """,
        stop_at="ready",
        grace_s=grace_s,
    )


def test_processes_left_behind_end_with_the_trial(alike: Alike) -> None:
    alike(
        """
        import subprocess
        subprocess.Popen(["sleep", "600"])
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("gone")
        """
    )
