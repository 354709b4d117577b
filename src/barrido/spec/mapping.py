"""The workspace's table: what names of Azure's are called on this machine.

```yaml
# .barrido/mapping.yaml; paths begin at its folder
environments:
  azureml:sklearn-1.5: {requirements: [scikit-learn==1.5.*]}
inputs:
  azureml:iris:1: ../data/iris.csv
  azureml://datastores/workspaceblobstore/paths/: ../data/blob/
```

A name without version or label stands for all of them, and a key that ends with a slash for all that begins
with it; the most specific one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from barrido.errors import RequestError
from barrido.spec import document
from barrido.spec.messages import did_you_mean, got
from barrido.spec.paths import is_remote, local_path
from barrido.spec.source import Findings, Path, Source

SECTIONS = ("environments", "inputs")

_ASSET = re.compile(r"(?:azureml:)?(?!/)(?P<name>[^/:@]+)(?:(?P<mark>[:@])(?P<edition>[^/:@]+))?")
_ADDRESS = re.compile(r".*/(?P<name>[^/]+)/(?P<mark>versions|labels)/(?P<edition>[^/]+)", re.DOTALL)
_MARKS = {":": ":", "@": "@", "versions": ":", "labels": "@"}


@dataclass(frozen=True, slots=True)
class Table:
    """What is written for each name, and what was found wrong in the file.

    ``environments`` and ``inputs`` are keyed by the names in the form that `_named` gives them.
    ``registered`` is asked for what is not here.
    """

    path: FilePath | None = None
    environments: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    findings: Findings = field(default_factory=lambda: Findings(Source("")))
    registered: Table | None = None

    @property
    def base(self) -> FilePath:
        """Where paths in it begin."""
        return FilePath() if self.path is None else self.path.parent

    def environment(self, name: str) -> tuple[Any, Path] | None:
        """What is written for an environment's name, and where that stands; None if nothing is."""
        for key in _forms(name):
            if key in self.environments:
                return self.environments[key], self.places["environments", key]
        return None if self.registered is None else self.registered.environment(name)

    def local(self, uri: str) -> str | None:
        """The path that is written for an input's name or address, None if none is, "" if it is a wrong one.

        Made with a key that stands for a whole folder, it never leaves that folder.
        """
        if (found := self._input(uri)) is not None:
            key, rest = found
            path = self.inputs[key]
            return f"{path.rstrip('/')}/{rest.lstrip('/')}" if path and rest else path
        return None if self.registered is None else self.registered.local(uri)

    def where(self, uri: str) -> str:
        """The file, and the line, in which an input's name or address is written."""
        if (found := self._input(uri)) is None and self.registered is not None:
            return self.registered.where(uri)
        return self.findings.source.where(() if found is None else self.places.get(("inputs", found[0]), ()))

    def _input(self, uri: str) -> tuple[str, str] | None:
        """The key that counts for an input, and what of its address stands behind it."""
        for key in _forms(uri):
            if key in self.inputs:
                return key, ""
        for key in sorted((key for key in self.inputs if key.endswith("/")), key=len, reverse=True):
            rest = uri.strip().removeprefix(key)
            if rest != uri.strip() and ".." not in rest.split("/"):
                return key, rest
        return None


def read_table(path: FilePath) -> Table:
    """The table in the file at ``path``; an empty one if there is no such file. Paths become absolute."""
    if not path.exists():
        return Table(path)
    try:
        read = document.read(path)
    except RequestError as error:
        findings = Findings(Source(str(path)))
        findings.wrong((), error.message, error.hint)
        return Table(path, findings=findings)
    findings = read.findings
    if findings.problems and read.value is None:
        is_empty = [problem.what for problem in findings.problems] == [document.EMPTY]
        return Table(path) if is_empty else Table(path, findings=findings)
    found: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    places: dict[tuple[str, str], Path] = {}
    for section, name, value in _entries(read.value, findings):
        key, place = _named(name), (section, name)
        if (first := places.get((section, key))) is not None:
            findings.wrong(place, f"is the same as {got(first[-1])}, which is there already")
            continue
        places[section, key] = place
        if section == "inputs":
            value = _path(value, place, path.parent, findings)
        found[section][key] = value
    return Table(path, found["environments"], found["inputs"], places, findings)


def _entries(value: Any, findings: Findings) -> Iterator[tuple[str, str, Any]]:
    if not isinstance(value, Mapping):
        what = f"must be a mapping with {' and '.join(SECTIONS)} (got {got(value)})"
        findings.wrong((), what, "for example `inputs: {azureml:iris:1: ../data/iris.csv}`")
        return
    for section, entries in value.items():
        if section not in SECTIONS:
            findings.wrong((section,), "is not a known key", did_you_mean(section, SECTIONS))
        elif isinstance(entries, Mapping):
            yield from ((section, name, entry) for name, entry in entries.items())
        elif entries is not None:
            findings.wrong((section,), f"must be a mapping of names (got {got(entries)})")


def _path(value: Any, place: Path, base: FilePath, findings: Findings) -> str:
    if not isinstance(value, str) or not value:
        findings.wrong(place, f"must be a path on this machine (got {got(value)})", "for example ../data")
        return ""
    if is_remote(value):
        findings.wrong(place, f"is not on this machine (got {got(value)})", "download it, and name its path")
        return ""
    slash = "/" if value.endswith("/") else ""
    return f"{local_path(value, base)}{slash}"


def _named(text: str) -> str:
    """The one form of a name: the same with and without ``azureml:``.

    >>> _named("azureml:iris:1"), _named("iris@latest"), _named("https://x/iris.csv")
    ('iris:1', 'iris@latest', 'https://x/iris.csv')
    """
    match = _ASSET.fullmatch(text.strip())
    if match is None:
        return text.strip()
    return match["name"] + (_MARKS[match["mark"]] + match["edition"] if match["mark"] else "")


def _forms(text: str) -> Iterator[str]:
    """What may be written in the table for a name or an address, the most specific first.

    >>> list(_forms("azureml:iris:1"))
    ['iris:1', 'iris']
    >>> list(_forms("iris"))
    ['iris', 'iris@latest']
    >>> list(_forms("azureml://registries/azureml/environments/sklearn-1.5/labels/latest"))[1:]
    ['sklearn-1.5@latest', 'sklearn-1.5']
    """
    text = text.strip()
    yield _named(text)
    match = _ASSET.fullmatch(text) or (
        _ADDRESS.fullmatch(text) if text.startswith(("azureml:", "/")) else None
    )
    if match is not None and match["mark"]:
        if match.re is _ADDRESS:
            yield match["name"] + _MARKS[match["mark"]] + match["edition"]
        yield match["name"]
    elif match is not None:
        yield f"{match['name']}@latest"
