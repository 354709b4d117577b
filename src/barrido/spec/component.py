"""Components: a command with declared inputs and outputs, in a file of its own or in place.

Source: Azure's schema of command components (CLI v2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from barrido.errors import RequestError
from barrido.spec import document
from barrido.spec.draft import plain, shaped
from barrido.spec.messages import got, listed
from barrido.spec.models import LITERAL_TYPES, PATH_TYPES, Literally, Mode, Output, Variables
from barrido.spec.node import CheckedBy, FilledText, Node, Number, Scalar, Text, one_of, said
from barrido.spec.paths import is_remote, local_path, looked_at, near
from barrido.spec.source import Findings, Path

WORK = ("command", "code", "environment", "environment_variables", "metrics", "distribution", "resources")
"""What of a component says how its command is run."""


def _type(value: Any) -> Any:
    if value == "command":
        return value
    hint = "a step runs a component of `type: command`"
    raise said(f"is not a kind of component that barrido runs (got {got(value)})", hint)


class ComponentInput(Node):
    """What a component takes. ``default`` is for those who do not give it."""

    type: Annotated[str, one_of(*PATH_TYPES, *LITERAL_TYPES)] = Field(
        description="what it is", examples=["number"]
    )
    default: Literally = None
    optional: bool = False
    description: str | None = None
    min: Number | None = None
    max: Number | None = None
    enum: Annotated[list[Scalar], Field(min_length=1)] | None = None
    mode: Mode | None = None

    @property
    def is_path(self) -> bool:
        return self.type in PATH_TYPES

    def objection(self, value: Any) -> str:
        """Why a literal cannot be given for it; "" if it can."""
        kinds = {"number": (int, float), "integer": (int,), "boolean": (bool,)}
        if self.is_path or (wanted := kinds.get(self.type)) is None:
            read = value
        else:
            read = _number(value) if self.type != "boolean" else value
            if isinstance(read, bool) is not (self.type == "boolean") or not isinstance(read, wanted):
                what = "true or false" if self.type == "boolean" else f"of the type {self.type}"
                return f"must be {what} (got {got(value)})"
        if self.enum is not None and read not in self.enum:
            return f"must be {listed(map(got, self.enum))} (got {got(value)})"
        if isinstance(read, int | float) and not isinstance(read, bool):
            if self.min is not None and read < self.min:
                return f"must be at least {self.min:g} (got {got(value)})"
            if self.max is not None and read > self.max:
                return f"must be at most {self.max:g} (got {got(value)})"
        return ""


def _number(value: Any) -> Any:
    """A number in quotes is taken as well, as Azure does."""
    if not isinstance(value, str):
        return value
    for read in (int, float):
        try:
            return read(value)
        except ValueError:
            continue
    return value


class CommandComponent(Node):
    """A command that is used as a step, or swept."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "additional_includes": "put these files into the `code` folder: nothing else is copied",
        **dict.fromkeys(
            ("search_space", "objective", "sampling_algorithm", "limits", "compute"), "it belongs to the step"
        ),
    }
    schema_uri: str | None = Field(None, alias="$schema")
    type: Annotated[Literal["command"], CheckedBy(_type)] = "command"
    name: Text | None = None
    version: Text | None = None
    display_name: str | None = None
    description: str | None = None
    tags: dict[str, Text] | None = None
    is_deterministic: bool | None = None
    inputs: dict[str, ComponentInput] | None = None
    outputs: dict[str, Output | None] | None = None
    command: FilledText = Field(
        description="what the step runs", examples=["python train.py --data ${{inputs.data}}"]
    )
    code: FilledText | None = None
    environment: Any = None  # checked with the step
    environment_variables: Variables | None = None
    metrics: Any = None  # the same
    distribution: Any = None
    resources: Any = None


@dataclass(frozen=True, slots=True)
class Component:
    """A component that was read. ``findings`` and ``place`` say where its parts stand, ``base`` where its
    paths begin."""

    model: CommandComponent
    value: Mapping[str, Any]
    findings: Findings
    place: Path
    base: FilePath

    def work(self) -> dict[str, Any]:
        """How its command is run, with paths that are absolute."""
        work = {key: self.value[key] for key in WORK if self.value.get(key) is not None}
        if "code" in work and not is_remote(work["code"]):
            work["code"] = str(local_path(work["code"], self.base))
        if "environment" in work:
            work["environment"] = _absolute(work["environment"], self.base)
        return work


def _absolute(environment: Any, base: FilePath) -> Any:
    """An environment whose paths begin nowhere else than they did."""
    if isinstance(environment, Mapping):
        files = {
            key: str(local_path(text, base))
            for key in ("conda_file", "requirements")
            if isinstance(text := environment.get(key), str)
        }
        return {**environment, **files}
    if isinstance(environment, str) and not is_remote(environment):
        is_path = environment[:1] in "~." or environment.startswith("file:") or "/" in environment
        return str(local_path(environment, base)) if is_path else environment
    return environment


class ComponentFiles:
    """The components in files that a pipeline names, each read once."""

    def __init__(self, base: FilePath) -> None:
        self._base = base
        self._read: dict[FilePath, Component | None] = {}
        self.findings: list[Findings] = []

    def at(self, text: str, place: Path, findings: Findings) -> Component | None:
        """The component in the file that ``text`` names, at ``place``; None if it is wrong, which is said."""
        if is_remote(text) and not text.startswith("file:"):
            hint = "save its YAML beside the pipeline, and give the path: ./train.yml"
            findings.wrong(place, f"is a component that is registered elsewhere (got {got(text)})", hint)
            return None
        path = local_path(text, self._base)
        there = looked_at(path, place, findings)
        if there != "file":
            if there == "folder":
                findings.wrong(place, f"is a folder (got {got(text)})", "name a file in it")
            elif there == "":
                findings.wrong(place, f"there is no file {path} (got {got(text)})", near(path))
            return None
        if path not in self._read:
            self._read[path] = self._component(path, place, findings)
        return self._read[path]

    def _component(self, path: FilePath, place: Path, findings: Findings) -> Component | None:
        try:
            read = document.read(path)
        except RequestError as error:
            findings.wrong(place, error.message, error.hint)
            return None
        self.findings.append(read.findings)
        if read.value is None and read.findings.problems:
            return None
        return component(read.value, read.findings, (), path.parent, read.findings)


def component(value: Any, findings: Findings, place: Path, base: FilePath, own: Findings) -> Component | None:
    """The component that ``value`` describes; None if it is not right.

    What is wrong goes to ``own``, whose paths begin at the component; ``findings`` and ``place`` tell where
    that is.
    """
    if not isinstance(value, Mapping):
        own.wrong((), f"must be a mapping that describes a component (got {got(value)})")
        return None
    body = plain(value, (), own)
    if isinstance(body.get("type"), str):
        body["type"] = body["type"].strip().lower()
    model = shaped(CommandComponent, body, own)
    if model is None:
        return None
    is_right = True
    for name, declared in (model.inputs or {}).items():
        if declared.default is not None and (wrong := declared.objection(declared.default)):
            own.wrong(("inputs", name, "default"), wrong)
            is_right = False
    return Component(model, body, findings, place, base) if is_right else None
