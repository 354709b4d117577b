"""What inputs become in a command: literals as text, files and folders as absolute paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Any

from barrido.core.command import text_of
from barrido.spec.draft import Draft
from barrido.spec.messages import did_you_mean, got
from barrido.spec.searching import check_names
from barrido.spec.source import Path

_REMOTE = re.compile(
    r"(azureml|https?|wasbs?|abfss?|adl|git|git\+\w+|s3|gs|hdfs|dbfs|ftp|ssh|git@[^:]+):", re.I
)
_FOLDER_TYPES = frozenset({"uri_folder", "mltable"})


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


def check_inputs(draft: Draft) -> None:
    for name in draft.mapping("inputs"):
        given = draft.get("inputs", name)
        if not isinstance(given, Mapping):
            continue
        if (path := given.get("path")) is not None:
            _check_path(draft, ("inputs", name, "path"), path, str(given.get("type") or "").lower())
        elif given.get("value") is None and given.get("default") is None and not given.get("optional"):
            hint = "give it a `value`, or say `optional: true`"
            draft.findings.wrong(("inputs", name), "has no value", hint)
    check_names(draft, "inputs")


def input_text(given: Any, base: FilePath) -> str | None:
    """What stands in the command for an input; None for an optional one that was not given."""
    if not isinstance(given, Mapping):
        return None if given is None else text_of(given)
    if (path := given.get("path")) is not None:
        return str(local_path(path, base))
    value = given.get("value") if given.get("value") is not None else given.get("default")
    return None if value is None else text_of(value)


def check_outputs(draft: Draft) -> None:
    check_names(draft, "outputs")
    for name in draft.mapping("outputs"):
        given = draft.get("outputs", name)
        if not isinstance(given, Mapping):
            continue
        if str(given.get("type") or "").lower() == "uri_file":
            what = f"is a folder here: write the file inside ${{{{outputs.{name}}}}}"
            draft.findings.note(("outputs", name, "type"), what)
        for key in ("path", "name", "version"):
            if given.get(key) is not None:
                what = "has no effect: outputs stay in the trial's folder, and nothing is registered"
                draft.findings.note(("outputs", name, key), what)


def _check_path(draft: Draft, place: Path, text: str, kind: str) -> None:
    if is_remote(text):
        hint = "download it and give the local path, for example `path: ./data`"
        draft.findings.wrong(place, f"is not on this machine (got {got(text)})", hint)
        return
    path = local_path(text, draft.base)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        draft.findings.wrong(place, f"cannot be a path: {error}")
        return
    if not exists:
        draft.findings.wrong(place, f"there is no file or folder {path} (got {got(text)})", near(path))
    elif kind in _FOLDER_TYPES and not is_folder:
        draft.findings.wrong(place, f"is a file (got {got(text)})", "for a file write `type: uri_file`")
    elif kind == "uri_file" and is_folder:
        draft.findings.wrong(place, f"is a folder (got {got(text)})", "for a folder write `type: uri_folder`")


def near(path: FilePath) -> str:
    """A hint for a path that is not there: the nearest name beside it."""
    parent = path.parent
    if not parent.is_dir():
        return f"there is no folder {parent} either"
    try:
        names = sorted(entry.name for entry in parent.iterdir())
    except OSError:
        return ""
    return did_you_mean(path.name, names, otherwise=" ").strip()
