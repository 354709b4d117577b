from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Barrido = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def barrido(tmp_path: Path) -> Barrido:
    """Runs the command line as a person would, in a folder of its own."""

    def run(*args: str, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("BARRIDO_", "MLFLOW_"))}
        return subprocess.run(
            [str(Path(sys.executable).with_name("barrido")), *args],
            cwd=cwd,
            env={**outer, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


ARGV = """\
import json, pathlib, sys
pathlib.Path("argv.json").write_text(json.dumps(sys.argv[1:]))
import barrido
barrido.report(loss=1.0)
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A training folder whose script writes down what it was called with."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "argv.py").write_text(ARGV)
    return folder


@pytest.fixture
def argv_of() -> Callable[[Path, int], list[str]]:
    def read(sweep: Path, trial: int) -> list[str]:
        found: list[str] = json.loads((sweep / "trials" / str(trial) / "work" / "argv.json").read_text())
        return found

    return read
