from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from barrido.core.recipe import Recipe
from barrido.errors import Problem, SpecError
from barrido.spec import load
from barrido.spec.load import Defaults

SWEEP = {
    "type": "sweep",
    "trial": "{command: 'python train.py --lr ${{search_space.lr}}', code: ./src}",
    "search_space": "{lr: {type: uniform, min_value: 0, max_value: 1}}",
    "objective": "{goal: maximize, primary_metric: accuracy}",
    "limits": "{max_total_trials: 20}",
}
COMMAND = {"type": "command", "command": "python train.py", "code": "./src"}

Written = Callable[..., str]


def _lines(sections: dict[str, str], changes: dict[str, str | None]) -> str:
    merged = {**sections, **changes}
    return "".join(f"{key}: {value}\n" for key, value in merged.items() if value is not None)


@pytest.fixture(scope="session")
def sweep() -> Written:
    """A sweep that is right, a line a key, but for ``changes``: new text by key, None to leave it out."""
    return lambda **changes: _lines(SWEEP, changes)


@pytest.fixture(scope="session")
def command() -> Written:
    """The same for a command job."""
    return lambda **changes: _lines(COMMAND, changes)


@pytest.fixture(scope="session")
def defaults() -> Defaults:
    return Defaults(experiment="iris", slots=2, name=lambda: "calm_otter_0123456789", seed=lambda: 7)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: training code, data, and a script that may be executed."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print('hello')\n")
    (tmp_path / "src" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "src" / "ready").write_text("#!/bin/sh\n")
    (tmp_path / "src" / "ready").chmod(0o755)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("1,2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(folder: Path, defaults: Defaults) -> Callable[..., Recipe]:
    """The recipe of a text that is written to ``sweep.yml``."""

    def _read(text: str, **settings: object) -> Recipe:
        (folder / "sweep.yml").write_text(text)
        return load.load("sweep.yml", defaults=defaults, **settings)  # type: ignore[arg-type]

    return _read


@pytest.fixture
def mistakes(folder: Path, defaults: Defaults) -> Callable[..., list[Problem]]:
    """What is wrong with a text, or with bytes."""

    def _mistakes(text: str | bytes, **settings: object) -> list[Problem]:
        (folder / "sweep.yml").write_bytes(text.encode() if isinstance(text, str) else text)
        try:
            load.load("sweep.yml", defaults=defaults, **settings)  # type: ignore[arg-type]
        except SpecError as error:
            return list(error.problems)
        return []

    return _mistakes


@pytest.fixture
def notices(folder: Path, defaults: Defaults) -> Callable[..., list[str]]:
    """What the author of a text is told, when nothing is wrong with it."""

    def _notices(text: str, **settings: object) -> list[str]:
        (folder / "sweep.yml").write_text(text)
        return list(load.load("sweep.yml", defaults=defaults, **settings).notices)  # type: ignore[arg-type]

    return _notices
