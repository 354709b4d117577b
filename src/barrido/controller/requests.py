"""People's wishes: files put into ``requests/`` by rename, taken in by the controller.

A request is ``{"version": 1, "id": …, "verb": …, "trial": …, "changes": {…}, "origin": …}``. It is
removed after what was decided on it is committed; `Requested.request` makes a repetition harmless.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barrido.controller.admission import admit
from barrido.core.events import Requested, Verb
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Recipe
from barrido.errors import RequestError

VERSION = 1
LARGEST = 1 << 20
"""Bytes of a request: those that people make are far smaller."""


def put(
    folder: SweepFolder,
    verb: Verb,
    *,
    trial: int | None = None,
    changes: Mapping[str, Any] | None = None,
    origin: str,
) -> str:
    """Ask for something; the request's id. Returns at once, whether or not a controller runs."""
    # Names tell the order of requests that a file system's clock cannot tell apart.
    request = f"{time.time_ns():020d}-{os.urandom(16).hex()}"
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
    try:
        with draft.open("w") as file:
            file.write(json.dumps(body))
            file.flush()
            os.fsync(file.fileno())  # whoever asked is told that it will be done
        draft.rename(folder.requests / f"{request}.json")
    finally:
        draft.unlink(missing_ok=True)
    return request


@dataclass(frozen=True, slots=True)
class Taken:
    """A request as it was found, or why it cannot be honoured."""

    path: Path
    event: Requested | None
    refusal: str = ""


def is_waiting(folder: SweepFolder, request: str) -> bool:
    """Whether nobody has taken in the request of this id."""
    return (folder.requests / f"{request}.json").exists()


def waiting(folder: SweepFolder) -> set[Path]:
    """The requests that nobody has taken in."""
    return set(folder.requests.glob("[!.]*.json"))


def take_back(folder: SweepFolder, request: str) -> bool:
    """Withdraw a request; False if it was taken in already."""
    try:
        (folder.requests / f"{request}.json").unlink()
    except FileNotFoundError:
        return False
    return True


def take(folder: SweepFolder, recipe: Recipe, *, at: float, but: Collection[Path] = ()) -> Sequence[Taken]:
    """The requests that wait, oldest first, but for those in ``but``. They stay until `drop` removes them."""
    try:
        with os.scandir(folder.requests) as entries:
            found = [Path(entry.path) for entry in entries if entry.name.endswith(".json")]
    except OSError:
        return ()
    aged = []
    for path in found:
        with suppress(FileNotFoundError):  # whoever asked has taken it back
            aged.append((path.lstat().st_mtime_ns, path))
    return [_read(path, recipe, at) for _, path in sorted(aged) if path not in but]


def drop(taken: Sequence[Taken]) -> Sequence[Path]:
    """Remove what was taken in; what cannot be removed."""
    left = []
    for one in taken:
        try:
            one.path.unlink(missing_ok=True)
        except OSError:
            left.append(one.path)
    return left


def _read(path: Path, recipe: Recipe, at: float) -> Taken:
    # Checked once more here, because a file in a folder may come from anywhere.
    try:
        body = json.loads(_content(path))
        if body["version"] != VERSION:
            raise ValueError(f"version {body['version']} is not known here")
        verb, trial = Verb(body["verb"]), body["trial"]
        if trial is not None and (not isinstance(trial, int) or isinstance(trial, bool)):
            raise ValueError(f"a trial is a whole number (got {trial!r})")
        changes = admit(recipe, verb, trial, body["changes"])
        event = Requested(
            str(body["id"]), verb, at, trial, changes, str(body["origin"]), reopens=verb is Verb.RERUN
        )
    except RequestError as error:
        return Taken(path, None, f"request {path.name} is refused: {error.message}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return Taken(path, None, f"request {path.name} is refused: {error}")
    return Taken(path, event)


def _content(path: Path) -> str:
    """Of a file that lies there itself. Where a link, a pipe or a device leads, there may be no end of it."""
    try:
        with open(path, "rb", opener=_open_as_it_is) as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(LARGEST + 1) if is_file else b""
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        is_file, content = False, b""
    if not is_file:
        raise ValueError("it is no file of its own")
    if len(content) > LARGEST:
        raise ValueError("it is longer than 1 MiB")
    return content.decode()


def _open_as_it_is(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
