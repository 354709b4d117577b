"""The executor's conformance suite, in a process in which nobody has used Ray yet: it settles once for all
whether it wants a token."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_the_executor_conforms(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    suite = Path(__file__).with_name("conformance.py")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path / 'suite'}",
    ]
    done = subprocess.run([*words, str(suite)], capture_output=True, text=True, cwd=suite.parents[2])
    assert done.returncode == 0, done.stdout[-10_000:]
    assert "26 passed" in done.stdout
