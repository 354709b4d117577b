"""People's wishes: files put into ``requests/`` by rename, taken in by the controller.

A request is ``{"version": 1, "id": …, "verb": …, "trial": …, "changes": {…}, "origin": …}``. It is
removed after what was decided on it is committed; `Requested.request` makes a repetition harmless.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from barrido.core.events import Requested, Verb
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Limits, StopAfter

VERSION = 1
LIMIT_NAMES = frozenset(f.name for f in fields(Limits))


def put(
    folder: SweepFolder,
    verb: Verb,
    *,
    trial: int | None = None,
    changes: Mapping[str, Any] | None = None,
    origin: str,
) -> str:
    """Ask for something; the request's id. Returns at once, whether or not a controller runs."""
    request = uuid.uuid4().hex
    body = {
        "version": VERSION,
        "id": request,
        "verb": verb,
        "trial": trial,
        "changes": dict(changes or {}),
        "origin": origin,
    }
    folder.requests.mkdir(exist_ok=True)
    draft = folder.requests / f".{request}"
    draft.write_text(json.dumps(body))
    draft.rename(folder.requests / f"{request}.json")
    return request


@dataclass(frozen=True, slots=True)
class Taken:
    """A request as it was found, or why it cannot be honoured."""

    path: Path
    event: Requested | None
    refusal: str = ""


def take(folder: SweepFolder, *, at: float) -> Sequence[Taken]:
    """The requests that wait, oldest first. They stay until `drop` removes them."""
    try:
        names = [entry.path for entry in os.scandir(folder.requests) if entry.name.endswith(".json")]
    except FileNotFoundError:
        return ()
    paths = sorted(map(Path, names), key=lambda path: path.stat().st_mtime_ns) if names else ()
    return [_read(path, at) for path in paths]


def drop(taken: Sequence[Taken]) -> None:
    for one in taken:
        one.path.unlink(missing_ok=True)


def _read(path: Path, at: float) -> Taken:
    try:
        body = json.loads(path.read_text())
        if body["version"] != VERSION:
            raise ValueError(f"version {body['version']} is not known here")
        changes = check_limits(body["changes"])
        event = Requested(
            body["id"],
            Verb(body["verb"]),
            at,
            trial=body["trial"],
            changes=changes,
            origin=str(body["origin"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Taken(path, None, f"request {path.name} is refused: {error}")
    return Taken(path, event)


def check_limits(changes: Mapping[str, Any]) -> dict[str, Any]:
    """New limits, checked once more: a file in a folder may come from anywhere. Raises ValueError."""
    checked: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in LIMIT_NAMES:
            raise ValueError(f"no limit is called {name!r}")
        if name == "stop_after":
            checked[name] = None if value is None else StopAfter(**value)
        elif value is None and name in ("timeout", "trial_timeout"):
            checked[name] = None
        elif isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{name} must be a number above 0 (got {value!r})")
        elif name not in ("timeout", "trial_timeout") and not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number (got {value!r})")
        else:
            checked[name] = value
    return checked
