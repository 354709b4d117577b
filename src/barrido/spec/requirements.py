"""Reads what pip is to install: the lines of requirements files, and lists of them.

Files that are named in them are read, too, so that what comes out stands for itself wherever it is used:
paths are absolute, and local packages have marks that change when they do. Format: "Requirements File
Format" in pip's documentation; names and versions as in PEP 508 and PEP 440.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from urllib.parse import unquote

from barrido.spec.messages import got, listed
from barrido.spec.paths import is_remote, local_path, near
from barrido.spec.source import Findings, Path

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"(?:===\s*\S+|(?:==|!=|~=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+)"
_REQUIREMENT = re.compile(
    rf"{_NAME}\s*(?:\[[^\]]*\])?\s*\(?\s*(?:{_VERSION}(?:\s*,\s*{_VERSION})*\s*,?)?\s*\)?\s*(?:;.+)?"
)
_ADDRESS = re.compile(
    rf"(?:{_NAME}\s*(?:\[[^\]]*\])?\s*@\s*)?(?:git\+|hg\+|svn\+|bzr\+)?[a-z+]+://\S+.*", re.I
)
_AT_FILE = re.compile(
    rf"(?P<name>{_NAME}\s*(?:\[[^\]]*\])?)\s*@\s*(?P<address>file:[^\s;]+)(?P<rest>.*)", re.I
)
_FILE = re.compile(r"file:(?://(?:localhost(?=/))?)?(?P<path>[^#]*)(?P<fragment>#.*)?", re.I)
_PATH = re.compile(
    r"(?P<path>.*?)(?P<extras>\[[^\]/]*\])?(?:\s*;\s*(?P<marker>.*?))?(?P<options>\s+--[a-z].*)?"
)
_COMMENT = re.compile(r"(^|\s)#.*$")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
_SINGLE_EQUALS = re.compile(rf"(?P<name>{_NAME}(?:\[[^\]]*\])?)\s*=\s*(?P<version>[A-Za-z0-9.*+!_-]+)")
_PACKAGES = ("pyproject.toml", "setup.py")
_BUILT = re.compile(r"\..*|__pycache__|build|dist|.*\.egg-info")
_FILES = ("-r", "--requirement")
_LIMITS = ("-c", "--constraint")
_EDITABLE = ("-e", "--editable")
_LINKS = ("-f", "--find-links")
_OPTIONS = frozenset((
    "-i", "--index-url", "--extra-index-url", "--no-index", "--pre", "--prefer-binary", "--no-binary",
    "--only-binary", "--require-hashes", "--trusted-host",
))  # fmt: skip


@dataclass(slots=True)
class Requirements:
    """Lines for pip, and the marks of the local packages among them."""

    lines: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line stands: at ``path`` of a description, or in the file that is named there."""

    path: Path
    base: FilePath  # where its own paths begin
    file: str = ""  # "requirements.txt:3: "

    def at(self, file: FilePath, number: int) -> _Place:
        return _Place(self.path, file.parent, f"{file}:{number}: ")


class RequirementsReader:
    """Reads lines into ``found``; what is wrong with them goes to the findings."""

    def __init__(self, findings: Findings) -> None:
        self.found = Requirements()
        self._findings = findings
        self._open: list[FilePath] = []

    def read_list(self, lines: list[str], path: Path, base: FilePath) -> None:
        """Lines that are written in a description, where paths begin at ``base``."""
        for number, line in enumerate(lines):
            place = _Place((*path, number), base)
            if len(line.splitlines()) > 1:
                self._wrong(place, f"is more than one line (got {got(line)})", "make it one item for each")
            else:
                self._read(_COMMENT.sub("", line).strip(), place)

    def read_file(self, file: FilePath, path: Path) -> None:
        """A requirements file that is named at ``path``."""
        self._read_file(file, _Place(path, file.parent))

    def _read_file(self, file: FilePath, place: _Place) -> None:
        if file in self._open:
            self._wrong(place, f"{file} includes itself")
            return
        try:
            text = file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            self._wrong(place, f"there is no file {file}", near(file))
            return
        except (OSError, ValueError) as error:
            self._wrong(place, f"cannot read {file}: {error}")
            return
        self._open.append(file)
        for number, line in _logical(text):
            self._read(line, place.at(file, number))
        self._open.pop()

    def _read(self, line: str, place: _Place) -> None:
        if not line:
            return
        if line.startswith("-"):
            self._read_option(line, place)
        elif (match := _AT_FILE.fullmatch(line)) is not None:
            path, fragment = _of_address(match["address"])
            address = self._package(path, place).as_uri() + fragment
            self._add(f"{match['name'].strip()} @ {address}{match['rest']}")
        elif _is_path(line):
            self._add(self._pointed(line, place))
        elif _REQUIREMENT.fullmatch(_without_options(line)) or _ADDRESS.fullmatch(line):
            self._add(line)
        else:
            match = _SINGLE_EQUALS.match(line)
            hint = f"write `{match['name']}=={match['version']}`" if match else "for example `numpy>=1.26,<3`"
            self._wrong(place, f"is not a requirement (got {got(line)})", hint)

    def _read_option(self, line: str, place: _Place) -> None:
        option, value = _option(line)
        if option in (*_FILES, *_LIMITS) and not value:
            self._wrong(place, f"{option} names no file")
        elif option in _FILES and not is_remote(value):
            self._read_file(local_path(value, place.base), place)
        elif option in _LIMITS and not is_remote(value):
            self._add(f"--constraint {self._quoted(value, place)}")
        elif option in _EDITABLE and (_FILE.fullmatch(value) or not _ADDRESS.fullmatch(value)):
            self._add(f"-e {self._pointed(value, place, is_word=True)}")
        elif option in _LINKS and not is_remote(value):
            self._add(f"--find-links {self._quoted(value, place)}")
        elif option in (*_OPTIONS, *_EDITABLE, *_LINKS, *_FILES, *_LIMITS):
            self._add(line)
        else:
            self._wrong(place, f"is no option of requirements files (got {got(option)})")

    def _add(self, line: str) -> None:
        self.found.lines.append(line)

    def _quoted(self, text: str, place: _Place) -> str:
        return shlex.quote(os.fspath(self._local(text, place)))

    def _pointed(self, text: str, place: _Place, *, is_word: bool = False) -> str:
        """A local package by its path; where it must be one word, and has blanks, by its address."""
        target, extras, rest = _split_path(text)
        path = self._package(_of_address(target)[0], place)
        has_blanks = len(os.fspath(path).split()) > 1
        return f"{path.as_uri() if is_word and has_blanks else path}{extras}{rest}"

    def _package(self, text: str, place: _Place) -> FilePath:
        """A local package: an archive, or a folder that says how it is built."""
        path = self._local(text, place)
        if os.fspath(path) in self.found.files and path.is_dir() and not _is_package(path):
            self._wrong(place, f"has no {listed(_PACKAGES)} in it: {path}", "name the folder of the package")
        return path

    def _local(self, text: str, place: _Place) -> FilePath:
        """A local file or folder, marked."""
        path = local_path(text, place.base)
        try:
            self.found.files[os.fspath(path)] = _mark(path)
        except FileNotFoundError:
            self._wrong(place, f"there is no file or folder {path}", near(path))
        except (OSError, ValueError) as error:
            self._wrong(place, f"cannot be read: {error}")
        return path

    def _wrong(self, place: _Place, what: str, hint: str = "") -> None:
        self._findings.wrong(place.path, f"{place.file}{what}", hint)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that end with a backslash joined to the next, with their numbers."""
    first, parts = 0, [""]
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        stripped = _COMMENT.sub("", line)
        if stripped.endswith("\\"):
            parts.append(stripped[:-1])
            continue
        yield first, "".join([*parts, stripped]).strip()
        first, parts = 0, [""]
    yield first, "".join(parts).strip()


def _option(line: str) -> tuple[str, str]:
    """
    >>> _option("-r other.txt"), _option("-rother.txt"), _option("--index-url=https://x/simple")
    (('-r', 'other.txt'), ('-r', 'other.txt'), ('--index-url', 'https://x/simple'))
    """
    if line.startswith("--"):
        name, _, value = re.sub(r"[\s=]+", " ", line, count=1).partition(" ")
    else:
        name, value = line[:2], line[2:].lstrip(" =")
    try:
        words = shlex.split(value)
    except ValueError:
        words = [value]
    return name, " ".join(words).strip()


def _without_options(line: str) -> str:
    """
    >>> _without_options("numpy==1.26.4 --hash=sha256:ab --hash=sha256:cd")
    'numpy==1.26.4'
    """
    return re.split(r"\s--[a-z]", line, maxsplit=1)[0].strip()


def _is_path(line: str) -> bool:
    """
    >>> [_is_path(line) for line in ("./a.whl", "numpy", "file:../pkg", "a @ https://x/a.whl", "../a[b]")]
    [True, False, True, False, True]
    """
    target, _, _ = _split_path(line)
    if target.startswith("file:"):
        return True
    return (
        " @ " not in line
        and "://" not in line
        and ("/" in target or target.endswith(_ARCHIVES) or target in (".", ".."))
    )


def _split_path(line: str) -> tuple[str, str, str]:
    """A path, its extras, and what else there is: a marker, hashes.

    >>> _split_path("../pkg[all]; python_version > '3'"), _split_path("a.whl --hash=sha256:ab")
    (('../pkg', '[all]', " ; python_version > '3'"), ('a.whl', '', ' --hash=sha256:ab'))
    """
    match = _PATH.fullmatch(line.strip())
    assert match is not None
    marker = "" if match["marker"] is None else f" ; {match['marker']}"
    return match["path"], match["extras"] or "", marker + (match["options"] or "")


def _of_address(text: str) -> tuple[str, str]:
    """The path that a ``file:`` address stands for, and its fragment; any other text as it is.

    >>> _of_address("file:///w/torch-2.1%2Bcpu.whl#sha256=ab"), _of_address("./100%25#1")
    (('/w/torch-2.1+cpu.whl', '#sha256=ab'), ('./100%25#1', ''))
    """
    match = _FILE.fullmatch(text)
    return (text, "") if match is None else (unquote(match["path"]), match["fragment"] or "")


def _mark(path: FilePath) -> str:
    """Changes when a file does, or a file in a folder, or its name: in a package also deep down, but for what
    building it makes."""
    if not path.is_dir():
        return _stamp(path.stat())
    walk = os.walk(path)
    if not _is_package(path):
        walk = itertools.islice(walk, 1)
    stamps = []
    for folder, folders, files in walk:
        folders[:] = [name for name in folders if not _BUILT.fullmatch(name)]
        paths = [os.path.join(folder, name) for name in files]  # noqa: PTH118
        stamps += [f"{path} {_stamp(os.lstat(path))}" for path in paths]
    return hashlib.sha256("\n".join(sorted(stamps)).encode()).hexdigest()


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _is_package(path: FilePath) -> bool:
    return any((path / name).is_file() for name in _PACKAGES)
