"""Copies of the user's code: one for the sweep, taken when it starts, and one for every attempt.

The sweep's snapshot makes the sweep independent of later edits. Every attempt works in a private copy
of it, so that trials cannot disturb each other through files they write.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from barrido.errors import RequestError
from barrido.executors.ignore import IgnoreRules

LINKED_BYTES = 64 << 20  # larger files of the user are linked to, not copied into the sweep
SHARED_BYTES = 1 << 20  # larger files of the snapshot are linked to, not copied for every attempt
MAX_FILES = 50_000
SYNCS_AT_ONCE = 16  # they share what the disk takes for one: thousands after each other take minutes


class _Kind(Enum):
    FOLDER = "folder"
    FILE = "file"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class _Item:
    path: str  # relative
    kind: _Kind
    size: int = 0
    mode: int = 0o644
    target: str = ""  # of a link


def snapshot(code: Path, into: Path, *, leave_out: Sequence[Path] = ()) -> list[str]:
    """Copy the folder (or single file) ``code`` to the folder ``into``; what a person should know of it.

    Left out: what ``.amlignore``, or else ``.gitignore``, names, version control and environments, and
    the folders in ``leave_out``. A link that stays inside stays a link; one that leads out is followed
    if it is a file, and kept as an absolute link if it is a folder. Files over 64 MiB are linked to.
    ``into`` appears whole or not at all; an older one is replaced. Raises RequestError, OSError.
    """
    if not code.exists():
        raise RequestError(
            f"the code folder {code} does not exist", hint="`code` is relative to the file it stands in"
        )
    code, into = code.resolve(), into.absolute()
    fresh = into.with_name(f"{into.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    skipped = {path.resolve() for path in (*leave_out, into, fresh)}
    try:
        notices = _copy_in(code, fresh, skipped)
        if into.exists():
            old = into.with_name(f"{into.name}.{os.getpid()}.old")
            into.rename(old)
            shutil.rmtree(old)
        fresh.rename(into)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return notices


def _copy_in(code: Path, into: Path, skipped: set[Path]) -> list[str]:
    if code.is_file():
        shutil.copyfile(code, into / code.name)
        _keep([into / code.name])
        shutil.copymode(code, into / code.name)
        return []
    rules = IgnoreRules.of_folder(code)
    notices: list[str] = []
    copies: list[Path] = []
    for count, item in enumerate(_walk(code, rules, skipped), start=1):
        if count > MAX_FILES:
            raise RequestError(
                f"the code folder {code} holds more than {MAX_FILES:,} files",
                hint="name what the trials do not need in a file .amlignore, or choose a smaller folder",
            )
        source, target = code / item.path, into / item.path
        if item.kind is _Kind.FOLDER:
            target.mkdir()
        elif item.kind is _Kind.LINK and _leads_inside(source, code):
            target.symlink_to(item.target)
        elif item.kind is _Kind.LINK and not source.exists():
            notices.append(f"{item.path} in the code folder is a broken link: left out")
        elif source.is_dir():
            target.symlink_to(source.resolve())
            notices.append(f"{item.path} in the code folder leads to {source.resolve()}: linked, not copied")
        elif source.stat().st_size > LINKED_BYTES:
            target.symlink_to(source.resolve())
            size = source.stat().st_size >> 20
            notices.append(f"{item.path} in the code folder is large ({size} MiB): linked, not copied")
        elif source.is_file():
            shutil.copyfile(source, target)
            copies.append(target)
            # Attempts link to the larger ones; a script must not write through such a link.
            mode = stat.S_IMODE(source.stat().st_mode)
            target.chmod(mode & ~0o222 if source.stat().st_size > SHARED_BYTES else mode)
    _keep(copies)
    return notices


def _keep(copies: Sequence[Path]) -> None:
    """A sweep that is taken up after a power cut must not run half of its code, or nothing of it."""
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as threads:
        for _ in threads.map(_sync, copies):
            pass


def _sync(copy: Path) -> None:
    with copy.open("rb") as file:
        os.fsync(file.fileno())


def _leads_inside(link: Path, code: Path) -> bool:
    target = link.readlink()
    return not target.is_absolute() and link.exists() and link.resolve().is_relative_to(code)


def _walk(root: Path, rules: IgnoreRules, skipped: set[Path], under: str = "") -> Iterator[_Item]:
    """Everything below ``root``, a folder before what is in it, in the order of names."""
    with os.scandir(root / under) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{under}/{entry.name}" if under else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if rules.leaves_out(path, is_folder=is_folder) or Path(entry.path) in skipped:
            continue
        if entry.is_symlink():
            yield _Item(path, _Kind.LINK, target=os.readlink(entry.path))  # noqa: PTH115  (text, as it is)
        elif is_folder:
            yield _Item(path, _Kind.FOLDER)
            yield from _walk(root, rules, skipped, path)
        elif entry.is_file():  # no sockets, no pipes
            found_stat = entry.stat()
            yield _Item(path, _Kind.FILE, found_stat.st_size, stat.S_IMODE(found_stat.st_mode))


class CodeCopies:
    """Makes private copies of a snapshot. The folder is walked once: a snapshot does not change."""

    def __init__(self, code: Path) -> None:
        self._code = os.fspath(code)
        self._items = list(_walk(code, IgnoreRules(()), set()))

    def copy_to(self, folder: str) -> None:
        for item in self._items:
            source, target = f"{self._code}/{item.path}", f"{folder}/{item.path}"
            match item.kind:
                case _Kind.FOLDER:
                    os.mkdir(target)  # noqa: PTH102
                case _Kind.LINK:
                    os.symlink(item.target, target)  # noqa: PTH211
                case _Kind.FILE if item.size > SHARED_BYTES:
                    os.symlink(source, target)  # noqa: PTH211
                case _Kind.FILE:
                    _copy_small(source, target, item.mode)

    def mend(self, folder: str) -> None:
        """Copy again what a power cut took out of a copy that nobody has worked in yet.

        A file that was not synced may have its size back, and nothing but zeros.
        """
        for item in self._items:
            if item.kind is _Kind.FILE and item.size <= SHARED_BYTES:
                source, target = f"{self._code}/{item.path}", f"{folder}/{item.path}"
                with suppress(FileNotFoundError):
                    if _content(target) == _content(source):
                        continue
                    os.unlink(target)  # noqa: PTH108
                _copy_small(source, target, item.mode)


def _content(small: str) -> bytes:
    reading = os.open(small, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(reading, SHARED_BYTES + 1)
    finally:
        os.close(reading)


def _copy_small(source: str, target: str, mode: int) -> None:
    content = _content(source)
    writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode | 0o200)
    try:
        if os.write(writing, content) != len(content):
            raise OSError(f"could not write the whole of {target}")
    finally:
        os.close(writing)
