"""Files that commands write for people: whole or not at all, and never over another one by accident."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from barrido.errors import RequestError


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Raises RequestError if there is such a file, and nobody asked for it to be replaced."""
    if path.exists() and not force:
        raise RequestError(f"{path} is there already", hint="--force writes over it, -f names another file")


def written(path: Path, pieces: Iterable[str], *, force: bool) -> Path:
    """Write the file beside its place and put it there by rename; its absolute path.

    Raises RequestError if it is there already, or if it cannot be written.
    """
    refuse_to_overwrite(path, force=force)
    path = path.absolute()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Not through the newlines of the system: a CSV file has its own.
        with beside.open("x", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        refuse_to_overwrite(path, force=force)  # the pieces may have taken a while
        beside.replace(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)
    return path
