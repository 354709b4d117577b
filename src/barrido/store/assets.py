"""What was registered in a workspace under a name and a version: environments, data, models."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from barrido.errors import StoreError
from barrido.store.sqlite import explain

Versions = dict[str, dict[str, Any]]
Assets = dict[str, dict[str, Versions]]
"""By kind, name and version; of an asset's versions the one registered last comes last."""


def read_assets(file: Path) -> Assets:
    """Empty where nothing was registered. Raises StoreError if the file cannot be read."""
    try:
        assets: Assets = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {error}", hint="remove it, and register again") from None
    return assets


@contextmanager
def changed_assets(file: Path) -> Iterator[Assets]:
    """The assets, to be changed by one process at a time; then written, whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise explain(error, f"nothing can be registered in {file.parent}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assets = read_assets(file)
        yield assets
        draft = file.with_suffix(".draft")
        try:
            with draft.open("w", encoding="utf-8") as text:
                json.dump(assets, text, indent=1)
                text.flush()
                os.fsync(text.fileno())
            draft.replace(file)
        except OSError as error:
            raise explain(error, f"nothing can be registered in {file.parent}") from error
    finally:
        os.close(lock)


def next_version(versions: Versions) -> str:
    """
    >>> next_version({"1": {}, "2023.05": {}, "7": {}})
    '8'
    """
    return str(1 + max((int(version) for version in versions if version.isdecimal()), default=0))
