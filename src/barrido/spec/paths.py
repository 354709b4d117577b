"""Paths as people write them: where they begin, whether they are on this machine, what was meant."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Literal

from barrido.spec.messages import did_you_mean
from barrido.spec.source import Findings, Path

_REMOTE = re.compile(
    r"(azureml|https?|wasbs?|abfss?|adl|git|git\+\w+|s3|gs|hdfs|dbfs|ftp|ssh|git@[^:]+):", re.I
)


def is_remote(path: str) -> bool:
    """
    >>> is_remote("azureml:iris:1"), is_remote("https://x/y.csv"), is_remote("./data.csv")
    (True, True, False)
    """
    return _REMOTE.match(path) is not None


def local_path(text: str, base: FilePath) -> FilePath:
    """An absolute path; relative ones begin at ``base``."""
    path = FilePath(re.sub(r"^file:(//)?", "", text))
    with suppress(RuntimeError):  # ~somebody, who is not known here: looked for as it is written
        path = path.expanduser()
    return (base / path).absolute()


def looked_at(path: FilePath, place: Path, findings: Findings) -> Literal["folder", "file", ""] | None:
    """What is at ``path``, which is named at ``place``; None if it cannot be known, which is said."""
    try:
        return "folder" if path.is_dir() else "file" if path.exists() else ""
    except (OSError, ValueError) as error:
        findings.wrong(place, f"cannot be a path: {error}")
        return None


def near(path: FilePath) -> str:
    """A hint for a path that is not there: the nearest name beside it."""
    parent = path.parent
    try:
        if not parent.is_dir():
            return f"there is no folder {parent} either"
        names = sorted(entry.name for entry in parent.iterdir())
    except OSError:
        return ""
    return did_you_mean(path.name, names, otherwise=" ").strip()
