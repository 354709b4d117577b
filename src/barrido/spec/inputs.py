"""What inputs become in a command: literals as text, files and folders as absolute paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from barrido.core.command import text_of
from barrido.spec.draft import Draft
from barrido.spec.mapping import Table
from barrido.spec.messages import got
from barrido.spec.paths import is_remote, local_path, looked_at, near
from barrido.spec.searching import check_names
from barrido.spec.source import Path

_WITHOUT_EFFECT: Mapping[str, str] = {
    "datastore": "datastores are Azure's, and `path` is of this machine",
    "path_on_compute": "the command is given the local path itself",
    **dict.fromkeys(("min", "max", "enum"), "only what is given to a component is checked by it"),
}
_FOLDER_TYPES = frozenset({"uri_folder", "mltable"})


def check_inputs(draft: Draft) -> None:
    for name in draft.mapping("inputs"):
        given = draft.get("inputs", name)
        if not isinstance(given, Mapping):
            continue
        for key, why in _WITHOUT_EFFECT.items():
            if given.get(key) is not None:
                draft.findings.note(("inputs", name, key), f"has no effect here: {why}")
        if (path := given.get("path")) is not None:
            _check_path(draft, ("inputs", name, "path"), path, str(given.get("type") or "").lower())
        elif given.get("value") is None and given.get("default") is None and not given.get("optional"):
            hint = "give it a `value`, or say `optional: true`"
            draft.findings.wrong(("inputs", name), "has no value", hint)
    check_names(draft, "inputs")


def input_text(given: Any, base: FilePath, table: Table | None) -> str | None:
    """What stands in the command for an input; None for an optional one that was not given.

    ``table`` says where remote data lies on this machine; where that is not known yet, it stays what it is.
    """
    if not isinstance(given, Mapping):
        return None if given is None else text_of(given)
    if (path := given.get("path")) is not None:
        mapped = table.local(path) if table is not None and is_remote(path) else None
        return path if mapped is None and is_remote(path) else str(local_path(mapped or path, base))
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
    written = got(text)
    if is_remote(text):
        if draft.table is None:
            return
        if (mapped := draft.table.local(text)) is None:
            draft.findings.wrong(
                place, f"is not on this machine (got {written})", _how_to_map(text, draft.table)
            )
            return
        if not mapped:  # what is wrong with it is told with the table's own mistakes
            return
        written, text = f"{written}, which {draft.table.where(text)} maps to it", mapped
    path = local_path(text, draft.base)
    there = looked_at(path, place, draft.findings)
    if there == "":
        draft.findings.wrong(place, f"there is no file or folder {path} (got {written})", near(path))
    elif kind in _FOLDER_TYPES and there == "file":
        draft.findings.wrong(place, f"is a file (got {written})", "for a file write `type: uri_file`")
    elif kind == "uri_file" and there == "folder":
        draft.findings.wrong(place, f"is a folder (got {written})", "for a folder write `type: uri_folder`")


def _how_to_map(text: str, table: Table) -> str:
    give = "download it and give the local path, for example `path: ./data`"
    if table.path is None:
        return give
    return f"{give}; or write into {table.path} the lines `inputs:` and, below it, `  {text}: ../data`"
