"""Finds Python interpreters by their version, and the programs that install packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from operator import ge, gt, le, lt
from pathlib import Path

ASKS = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
PATIENCE_S = 60.0
"""For an interpreter to say its version: one that lies on a slow disk starts slowly, but it starts."""

_OF_ANOTHER = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
_COMPARE = {">=": ge, "<=": le, ">": gt, "<": lt}
_SOURCES = ("index-url", "extra-index-url", "find-links", "no-index")


def here() -> str:
    """The version of the interpreter that barrido runs in."""
    return "{}.{}.{}".format(*sys.version_info)


def is_of(version: str, asked: str) -> bool:
    """
    >>> is_of("3.11.7", "3.11"), is_of("3.11.7", "3.1")
    (True, False)
    """
    return f"{version}.".startswith(f"{asked}.")


def is_within(version: str, bounds: str) -> bool:
    """Whether a version is within conda's bounds; those that cannot be read bound nothing.

    >>> is_within("3.11.7", ">=3.9,<3.12"), is_within("3.11.7", "<3.11"), is_within("3.11.7", ">3.11")
    (True, False, True)
    """
    numbers = tuple(map(int, version.split(".")))
    for operator, number in re.findall(r"(>=|<=|>|<)\s*(\d+(?:\.\d+)*)", bounds):
        bound = tuple(map(int, number.split(".")))
        if not _COMPARE[operator](numbers, bound):
            return False
    return True


def version_of(interpreter: str) -> str | None:
    """The version that an interpreter says it has; None if it does not start."""
    try:
        said = subprocess.run(
            [interpreter, "-c", ASKS],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=clean(os.environ),
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() if said.returncode == 0 else None


def find(version: str) -> str | None:
    """An interpreter of ``version`` ("3.12", "3.12.1") that is installed here; None if there is none."""
    return next((path for path in _candidates(version) if is_of(version_of(path) or "", version)), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    minor = ".".join(version.split(".")[:2])
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if (path := shutil.which(f"python{minor}", path=folder)) is not None:
            yield path
    if (tool := uv()) is not None:
        asked = [tool, "python", "find", "--no-project", "--no-python-downloads", version]
        said = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if said.returncode == 0:
            yield said.stdout.strip()


def is_to_be_had(version: str) -> bool:
    """Whether there is one, or uv could fetch it."""
    return uv() is not None or find(version) is not None


def uv() -> str | None:
    """The program uv, from PATH or from beside this interpreter; None where there is none."""
    return shutil.which("uv") or shutil.which("uv", path=sysconfig.get_path("scripts"))


def conda() -> str | None:
    """What builds environments from conda files: micromamba, mamba or conda; None where there is none."""
    found = map(shutil.which, ("micromamba", "mamba", "conda", os.environ.get("CONDA_EXE", "")))
    return next((path for path in found if path is not None), None)


def pip_has_sources() -> bool:
    """Whether pip was told where packages come from. uv does not read what it was told."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    names = (line.partition("=")[0].rpartition(".")[2] for line in said.stdout.splitlines())
    return any(name in _SOURCES for name in names)


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` without what would lead one interpreter to the packages of another."""
    return {name: value for name, value in environ.items() if name not in _OF_ANOTHER}


def python_in(folder: Path) -> Path:
    """Where the interpreter of a virtual environment, or of conda's, lies."""
    return folder / "bin" / "python"
