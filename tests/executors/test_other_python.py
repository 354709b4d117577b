"""Trials in another Python than barrido's: what they find there, and what of ours they can still use."""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import barrido
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Logged, Order
from barrido.core.recipe import Work
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import exits, until_ended

Make = Callable[..., LocalExecutor]

SCRIPT = """
import importlib.util, json, os, sys
import barrido
barrido.report(loss=float(sys.argv[1]), step=1)
code = os.system("barrido report loss=2 step=2")
there = [name for name in ("numpy", "pydantic", "click") if importlib.util.find_spec(name)]
json.dump({
    "prefix": sys.prefix, "version": list(sys.version_info[:2]), "code": code, "there": there,
    "params": barrido.params(), "stop": barrido.should_stop(), "folder": str(barrido.trial_dir()),
    "home": os.environ.get("VIRTUAL_ENV"), "path": os.environ["PYTHONPATH"].split(os.pathsep),
}, open("found.json", "w"))
"""


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment with nothing in it."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def found_by(executor: LocalExecutor, folder: SweepFolder, command: str) -> dict[str, object]:
    """What the script saw; both its reports came through."""
    executor.launch(Order(3, 1, {"command": command, "lr": 0.5}))
    signals = until_ended(executor)
    (exited,) = exits(signals)
    assert exited.code == 0, folder.trial(3).log.read_text()
    reports = [point.value for one in signals if isinstance(one, Logged) for point in one.points]
    assert reports == [1.0, 2.0]
    found: dict[str, object] = json.loads((folder.trial(3).work / "found.json").read_text())
    return found


@pytest.mark.parametrize("warm", ["on", "off"])
def test_it_has_its_own_packages_and_can_report(
    make: Make, folder: SweepFolder, venv: Path, script: Path, warm: str
) -> None:
    outer = {**os.environ, "PYTHONPATH": "/mine", "VIRTUAL_ENV": "/other", "PYTHONHOME": "/other"}
    work = Work(command="", python=str(venv / "bin" / "python"), warm=warm)
    executor = make(work=work, outer=outer)
    found = found_by(executor, folder, f"python {shlex.quote(str(script))} 1")
    assert found["prefix"] == found["home"] == str(venv)
    assert found["there"] == []
    assert found["path"] == ["/mine", str(folder.root / "package")]
    assert found["params"] == {"command": f"python {shlex.quote(str(script))} 1", "lr": 0.5}
    assert (found["code"], found["stop"], found["folder"]) == (0, False, str(folder.trial(3).root))


def test_what_its_own_author_says_of_pythonpath_stays(make: Make, folder: SweepFolder, venv: Path) -> None:
    variables = {"PYTHONPATH": "/theirs"}
    work = Work(command="", python=str(venv / "bin" / "python"), environment_variables=variables)
    executor = make(work=work)
    executor.launch(Order(3, 1, {"command": "printenv PYTHONPATH"}))
    until_ended(executor)
    assert folder.trial(3).log.read_text() == f"/theirs{os.pathsep}{folder.root / 'package'}\n"


def test_an_interpreter_that_is_gone_is_not_replaced_by_another_one(
    make: Make, folder: SweepFolder, tmp_path: Path
) -> None:
    executor = make(work=Work(command="", python=str(tmp_path / "gone" / "bin" / "python")))
    executor.launch(Order(3, 1, {"command": "python -c 'print(1)'"}))
    (exited,) = exits(until_ended(executor))
    assert exited.code == 127
    assert "gone/bin/python: not found" in folder.trial(3).log.read_text()


def test_what_scripts_import_of_ours_is_written_for_old_pythons() -> None:
    package = Path(barrido.__file__).parent
    for path in (package / "__init__.py", *(package / "trial").glob("*.py")):
        ast.parse(path.read_text(), filename=str(path), feature_version=(3, 8))


def _others() -> list[str]:
    """Other Pythons of this machine that are neither too old nor this one."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    versions = Path.home().glob(".pyenv/versions/3.*/bin")
    found = {}
    for folder in [*map(Path, folders), *versions]:
        for minor in (8, 9, 10, 12, 13, 14):
            if (path := folder / f"python3.{minor}").exists():
                found[minor] = str(path)
    return list(found.values())


@pytest.mark.slow
@pytest.mark.parametrize("python", _others() or [pytest.param("", marks=pytest.mark.skip("none is here"))])
def test_it_may_be_of_another_version(make: Make, folder: SweepFolder, script: Path, python: str) -> None:
    if subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"{python} does not start")
    executor = make(work=Work(command="", python=python))
    found = found_by(executor, folder, f"python {shlex.quote(str(script))} 1")
    assert found["version"] == [int(part) for part in python.rpartition("python")[2].split(".")]
