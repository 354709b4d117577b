"""Reads conda files: for conda as they are, or, where there is no conda, in the words of pip.

Format: "Creating an environment file manually" in conda's documentation, and its package match
specification (``channel::name=version=build``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from barrido.environments import interpreters
from barrido.spec.messages import did_you_mean, got
from barrido.spec.requirements import RequirementsReader
from barrido.spec.source import Findings, Path

KEYS = ("name", "channels", "dependencies", "variables", "prefix", "platforms")
_SPEC = re.compile(
    r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*(?P<version>[^\s=<>!~].*|[=<>!~].*)?",
    re.DOTALL,
)
_OPERATORS = ("===", "==", "!=", "~=", ">=", "<=", ">", "<", "=")
_VERSION = re.compile(r"(?P<operator>[=<>!~]*)\s*(?P<number>[A-Za-z0-9.*+!_-]+)")
_PYTHON = re.compile(r"(?:==?)?\s*(?P<number>\d+\.\d+(?:\.\d+)?)(?:\.\*|\*)?")

_PIPS_NAMES: Mapping[str, str] = {
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pytables": "tables",
    "pytorch": "torch",
}
"""Packages that have another name where pip finds them."""
_TOOLS = frozenset({"pip", "setuptools", "wheel", "python"})


@dataclass(frozen=True, slots=True)
class CondaFile:
    """``json`` is the whole, for conda; ``python`` what is asked of Python, in pip's words."""

    json: str | None
    python: str | None


def read_conda(
    body: Any, path: Path, base: FilePath, findings: Findings, reader: RequirementsReader
) -> CondaFile:
    """What a conda file asks for. Where there is no conda here, ``reader`` gets it in the words of pip.

    ``path`` is where it stands; paths in it begin at ``base``.
    """
    if not isinstance(body, Mapping):
        findings.wrong(path, f"must be a mapping with `dependencies` (got {got(body)})")
        return CondaFile(None, None)
    for key in body:
        if key not in KEYS:
            findings.wrong((*path, key), "is not a key of conda files", did_you_mean(key, KEYS))
    entries = body.get("dependencies")
    if not isinstance(entries, list):
        hint = "for example `dependencies: [python=3.11, numpy, {pip: [mlflow]}]`"
        findings.wrong((*path, "dependencies"), f"must be a list (got {got(entries)})", hint)
        return CondaFile(None, None)
    if body.get("variables"):
        what = "has no effect, as nothing is activated: write `environment_variables` in the job"
        findings.note((*path, "variables"), what)
    specs, python = _read_specs(entries, (*path, "dependencies"), base, findings, reader)
    if interpreters.conda() is None:
        if specs:
            what = f"conda is not installed here: pip installs {', '.join(specs)}"
            channels = body.get("channels")
            left_out = f" (from its own index, not from {_listed(channels)})" if channels else ""
            findings.note(path, what + left_out)
        reader.found.lines[:0] = specs
        return CondaFile(None, python)
    pips = [{"pip": reader.found.lines}] if reader.found.lines else []
    kept = [entry for entry in entries if not isinstance(entry, Mapping)]
    whole = {
        **{key: body[key] for key in ("channels", "variables") if body.get(key)},
        "dependencies": kept + pips,
    }
    return CondaFile(json.dumps(whole, sort_keys=True), python)


def _read_specs(
    entries: list[Any], path: Path, base: FilePath, findings: Findings, reader: RequirementsReader
) -> tuple[list[str], str | None]:
    """The packages in the words of pip, and the version of Python; ``reader`` gets what pip is to install."""
    specs: list[str] = []
    python: str | None = None
    for number, entry in enumerate(entries):
        place = (*path, number)
        if isinstance(entry, Mapping) and list(entry) == ["pip"] and _are_texts(entry["pip"]):
            reader.read_list(entry["pip"], (*place, "pip"), base)
        elif not isinstance(entry, str) or (match := _SPEC.fullmatch(entry.strip())) is None:
            hint = "for example `numpy=1.26`, or `pip: [mlflow]`"
            findings.wrong(place, f"is no package of conda's (got {got(entry)})", hint)
        elif match["name"].lower() == "python":
            python = (match["version"] or "").strip() or None
        elif (spec := _as_pip(match["name"], match["version"])) is None:
            what = f"has no version that can be read (got {got(entry)})"
            findings.wrong(place, what, f"for example `{match['name']}=1.26`")
        elif match["name"].lower() not in _TOOLS:
            specs.append(spec)
    return specs, python


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _as_pip(name: str, version: str | None) -> str | None:
    """A package of conda's in the words of pip; None if its version cannot be read.

    >>> _as_pip("numpy", "=1.21"), _as_pip("numpy", "=1.21=py39_0"), _as_pip("numpy", ">=1.21,<2")
    ('numpy==1.21.*', 'numpy==1.21.*', 'numpy>=1.21,<2')
    >>> _as_pip("pytorch", None), _as_pip("numpy", "1.21.*"), _as_pip("numpy", "==1.21.0")
    ('torch', 'numpy==1.21.*', 'numpy==1.21.0')
    """
    name = _PIPS_NAMES.get(name.lower(), name)
    if not (version or "").strip():
        return name
    limits = []
    for limit in (version or "").split(","):
        # A build stands behind the version, after a single = or a blank
        text = re.sub(r"(?<=[\w*])(?:=|\s).*$", "", limit.strip(), flags=re.DOTALL)
        match = _VERSION.fullmatch(text)
        if match is None or match["operator"] not in ("", *_OPERATORS):
            return None
        number = match["number"]
        if match["operator"] in ("", "="):
            fuzzy = match["operator"] == "=" and not number.endswith("*")
            limits.append(f"=={number}{'.*' if fuzzy else ''}")
        else:
            limits.append(match["operator"] + number)
    return name + ",".join(limits)


def python_version(asked: str) -> str | None:
    """The one version that conda's ``=3.11`` stands for; None for bounds, as ``>=3.9``.

    >>> python_version("=3.11"), python_version("3.11.*"), python_version("==3.11.4"), python_version(">=3.9")
    ('3.11', '3.11', '3.11.4', None)
    """
    match = _PYTHON.fullmatch(re.sub(r"(?<=[\d*])=.*$", "", asked.strip()))
    return match["number"] if match else None


def _listed(channels: Any) -> str:
    return ", ".join(map(str, channels)) if isinstance(channels, list) else str(channels)
