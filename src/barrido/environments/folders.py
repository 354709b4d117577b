"""Where environments are kept: a folder for each, one builder at a time, and no trace of a half built one.

```
environments/<key>/
  env/                 the environment: it cannot be moved, so it is built where it stays
  environment.json     what it is; written last, so that what has one is complete
  requirements.txt     what was given to the program that built it, or conda.json
  log.txt              what that program said
  lock                 flock of who builds it, and of the programs that it started
```
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from barrido.core.environment import Environment
from barrido.environments.interpreters import here, python_in

Say = Callable[[str], None]

KEY_CHARS = 16


@dataclass(frozen=True, slots=True)
class EnvironmentFolder:
    root: Path

    @property
    def key(self) -> str:
        return self.root.name

    @property
    def env(self) -> Path:
        return self.root / "env"

    @property
    def python(self) -> Path:
        return python_in(self.env)

    @property
    def record(self) -> Path:
        return self.root / "environment.json"

    @property
    def log(self) -> Path:
        return self.root / "log.txt"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def is_whole(self) -> bool:
        """Whether it was built to its end, here, and the interpreter that it stands on is still there.

        One that was moved with its workspace has programs that look for their interpreter where it was.
        """
        try:
            at = json.loads(self.record.read_text(encoding="utf-8"))["at"]
            is_here = self.root.samefile(at)  # under whatever name the workspace is asked for
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return is_here and os.access(self.python, os.X_OK)

    def complete(self, environment: Environment, version: str) -> None:
        """Say that it is built."""
        draft = self.root / ".environment.json"
        body = {**asdict(environment), "version": version, "at": os.fspath(self.root)}
        draft.write_text(json.dumps(body, indent=1), encoding="utf-8")
        draft.replace(self.record)

    def clear(self) -> None:
        """Take away what was built, the record first. Raises OSError."""
        self.record.unlink(missing_ok=True)
        if self.env.exists():
            shutil.rmtree(self.env)


def key_of(environment: Environment) -> str:
    """The same for the same content, on the same kind of machine, for the same interpreter."""
    body = environment.content
    body["python"] = environment.python or f"{sys.implementation.name} {here()}"
    body["machine"] = f"{sys.platform} {platform.machine()} {'-'.join(platform.libc_ver())}"
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:KEY_CHARS]


@contextmanager
def locked(folder: EnvironmentFolder, say: Say) -> Iterator[int]:
    """Be the only one who builds there; the descriptor that holds the lock, for programs that help.

    Who died while it was building may have left a program behind that still is: it holds the lock until it
    ends.
    """
    while (descriptor := _take(folder, say)) is None:
        continue  # the folder was taken away meanwhile, as a leftover
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(folder: EnvironmentFolder, say: Say) -> int | None:
    folder.root.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        return None
    try:
        if not _is_free(descriptor):
            say(f"environment {folder.key} is being built by another process: waiting for it …")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(descriptor), folder.lock.stat()):
            return descriptor
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def remove_leftovers(home: Path) -> None:
    """What those left who died while they were building."""
    for root in home.iterdir():
        folder = EnvironmentFolder(root)
        if folder.env.exists() and not folder.record.exists():
            remove(folder)


def built(home: Path) -> Iterator[tuple[EnvironmentFolder, dict[str, Any]]]:
    """Those that are complete, with their records."""
    for root in sorted(home.iterdir()) if home.is_dir() else ():
        folder = EnvironmentFolder(root)
        with suppress(OSError, ValueError):
            yield folder, json.loads(folder.record.read_text(encoding="utf-8"))


def remove(folder: EnvironmentFolder) -> bool:
    """Take an environment away, unless somebody is building it; whether it is gone."""
    with suppress(OSError):
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            if _is_free(descriptor):
                folder.clear()
                shutil.rmtree(folder.root)
                return True
        finally:
            os.close(descriptor)
    return not folder.root.exists()


def _is_free(descriptor: int) -> bool:
    """Lock it, if nobody has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
