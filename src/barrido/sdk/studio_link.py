"""Where the studio of a workspace is, for links to it.

While `barrido studio` serves, its link lies in the workspace as ``studio.json``, which nobody else can read:
it has the token. The studio holds an flock on the file, which the kernel lets go of however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from barrido.core.layout import Workspace
from barrido.tracking.supervisor import is_locked

FILE = "studio.json"


@contextmanager
def announced(workspace: Workspace, link: str) -> Iterator[None]:
    """Lets programs on this machine find the studio at ``link``. Of several, the latest is found; where
    nothing can be written, none is.
    """
    was_there = workspace.root.is_dir()
    try:
        fd = _announce(workspace.root / FILE, link)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            if os.path.samestat((workspace.root / FILE).stat(), os.fstat(fd)):  # else a later studio's
                (workspace.root / FILE).unlink()
            if not was_there:
                workspace.root.rmdir()  # if nothing was put into it
        os.close(fd)


def _announce(path: Path, link: str) -> int:
    """The descriptor that holds the lock, which no program that is started here inherits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, json.dumps({"link": link, "pid": os.getpid()}).encode())
        draft.replace(path)
    except OSError:
        os.close(fd)
        draft.unlink(missing_ok=True)
        raise
    return fd


def link_to(workspace: Workspace, page: str) -> str:
    """The address of a page (what stands behind the ``#/``) in the studio that serves ``workspace`` now, with
    its token. "" if none does, or if it is somebody else's.
    """
    path = workspace.root / FILE
    try:
        return f"{json.loads(path.read_text())['link']}#/{page}" if is_locked(path) else ""
    except (OSError, ValueError):  # gone since
        return ""
