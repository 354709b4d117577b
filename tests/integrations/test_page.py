"""docs/ray_tune.md, from its first line of code to its last, as one program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("ray.tune", reason="Ray Tune is not installed", exc_type=ImportError)

PAGE = Path(__file__).parents[2] / "docs" / "ray_tune.md"
START = "from tests.integrations import driver; driver.start({folder!r})\n"


def code() -> str:
    return "\n".join(re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S))


def test_its_code_is_python() -> None:
    compile(code(), str(PAGE), "exec")


@pytest.mark.slow
def test_its_code_runs_and_says_what_it_says(tmp_path: Path) -> None:
    folder = tempfile.mkdtemp(prefix="r_")  # short: it has sockets in it
    (tmp_path / "page.py").write_text(START.format(folder=folder) + code(), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(PAGE.parents[1])}
    try:
        done = subprocess.run(
            [sys.executable, "page.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line]
    assert said[0].startswith("{'lr': ")
    assert said[1] == "69"
    assert float(said[2]) < 1
    assert said[3] == "17"
