"""`environment`: which Python the trials run in, in all the forms in which that is said.

Nothing, or `local`: the one that barrido runs in. A path: an interpreter or a virtual environment. A mapping:
what is to be installed in one that is built for it. Any other text is a name of Azure's, which the
workspace's table may know.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError, WithJsonSchema

from barrido.core.environment import Environment
from barrido.environments import interpreters
from barrido.errors import RequestError
from barrido.spec import document
from barrido.spec.conda import python_version, read_conda
from barrido.spec.mapping import Table
from barrido.spec.messages import got
from barrido.spec.node import CheckedBy, FilledText, Node, Text, said
from barrido.spec.paths import local_path, looked_at, near
from barrido.spec.requirements import RequirementsReader
from barrido.spec.source import Findings, Path

HERE = ("local", "azureml:local")
_OF_CONTAINERS = ("image", "build", "inference_config")
_PYTHON = re.compile(r"\d+(\.\d+){0,2}")
_NAMED = ("azureml:", "/subscriptions/")
_YAML = (".yml", ".yaml")


def _python(value: Any) -> Any:
    if isinstance(value, str) and _PYTHON.fullmatch(value.strip()):
        return value.strip()
    hint = "put it in quotes, or 3.10 is read as the number 3.1" if isinstance(value, int | float) else ""
    raise said(f"must be a version, as '3.12' (got {got(value)})", hint)


def _conda(value: Any) -> Any:
    if isinstance(value, Mapping) or (isinstance(value, str) and value):
        return value
    raise said(f"must be the path of a conda file, or what stands in one (got {got(value)})")


def _requirements(value: Any) -> Any:
    lines = [value] if isinstance(value, str) else value
    if isinstance(lines, list) and lines and all(isinstance(line, str) and line for line in lines):
        return value
    hint = "for example `requirements: [numpy, scikit-learn==1.5.*]`"
    raise said(f"must be the path of a requirements file, or a list of requirements (got {got(value)})", hint)


class InlineEnvironment(Node):
    """What an environment holds. `requirements` and `python` are extensions; the rest is Azure's."""

    aliases: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("pip", "packages", "requirements_file"), "requirements"),
        **dict.fromkeys(("conda", "conda_env", "conda_dependencies"), "conda_file"),
        **dict.fromkeys(("python_version", "interpreter"), "python"),
    }
    elsewhere: ClassVar[Mapping[str, str]] = {
        "path": "an environment that is there is given as text: `environment: ./.venv`",
        **dict.fromkeys(
            ("channels", "dependencies"),
            "it belongs into a conda file: `conda_file: ./conda.yml`, or `conda_file: {dependencies: […]}`",
        ),
    }
    schema_uri: str | None = Field(None, alias="$schema")
    requirements: Annotated[list[str] | str | None, CheckedBy(_requirements)] = Field(
        None, description="what pip installs: a file, or a list", examples=["[scikit-learn==1.5.*]"]
    )
    python: Annotated[str | None, CheckedBy(_python)] = Field(
        None, description="the version of Python", examples=["'3.12'"]
    )
    conda_file: Annotated[
        str | dict[str, Any] | None, CheckedBy(_conda), WithJsonSchema({"type": ["string", "object"]})
    ] = Field(None, description="a conda file, or what stands in one", examples=["./conda.yml"])
    image: FilledText | None = None
    build: dict[str, Any] | None = None
    inference_config: dict[str, Any] | None = None
    name: FilledText | None = None
    version: Text | None = None
    label: Text | None = None
    description: str | None = None
    tags: dict[str, Text] | None = None
    properties: dict[str, Text] | None = None
    os_type: str | None = None


def _name_or_mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return InlineEnvironment.model_validate(value)
    if isinstance(value, str) and value:
        return value
    raise said(f"must be a name, a path, or a mapping that describes it (got {got(value)})")


EnvironmentField = Annotated[str | InlineEnvironment, CheckedBy(_name_or_mapping)]


class _Holder(Node):
    """Something around an environment that stands elsewhere than in a job."""

    environment: EnvironmentField | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """``environment`` is None for the interpreter that barrido runs in; ``is_known`` is False where that is
    so because nobody knows what was meant."""

    environment: Environment | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class _Said:
    """Something that was said about an environment, and where."""

    value: Any
    place: Path
    base: FilePath  # where paths in it begin
    findings: Findings
    seen: tuple[str, ...] = ()  # names of the table that led here


def choose(given: Any, place: Path, base: FilePath, table: Table | None, findings: Findings) -> Chosen:
    """The environment that is meant by ``given``, which has the shape of an `EnvironmentField`."""
    return _choose(_Said(given, place, base, findings), table or Table())


def _choose(said: _Said, table: Table) -> Chosen:
    if said.value is None or said.value in HERE:
        return Chosen()
    if isinstance(said.value, Mapping):
        return _described(said, said.value, table)
    text = str(said.value).strip()
    if (found := _looked_up(text, said, table)) is not None:
        return found
    if text.startswith(_NAMED):
        return Chosen(is_known=False)
    if text.startswith("file:") or text[:1] in "~." or "/" in text or text.lower().endswith(_YAML):
        return _at(text, said, table)
    python = interpreters.python_in(local_path(text, said.base))
    is_there = os.path.exists(python)  # noqa: PTH110 (unlike Path's, never raises)
    return _at(text, said, table) if is_there else Chosen(is_known=False)


def _looked_up(name: str, said: _Said, table: Table) -> Chosen | None:
    """What the table has for ``name``; None if that is nothing."""
    if (entry := table.environment(name)) is None:
        return None
    value, place = entry
    key = str(place[-1])
    if key in said.seen:
        what = f"leads back to itself, in {table.path}: {' → '.join((*said.seen, key))}"
        said.findings.wrong(said.place, what)
        return Chosen()
    return _elsewhere(
        _Said(value, place, table.base, Findings(table.findings.source), (*said.seen, key)), said, table
    )


def _elsewhere(inner: _Said, said: _Said, table: Table) -> Chosen:
    """What stands in another file; what is found there is told together with the rest."""
    found = Chosen()
    try:
        _Holder.model_validate({"environment": inner.value})
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            context = mistake["ctx"]
            place = (*inner.place, *mistake["loc"][1:], *context["at"])
            inner.findings.wrong(place, context["what"], context["hint"])
    if not inner.findings.problems:
        found = _choose(inner, table)
    said.findings.add_elsewhere(inner.findings)
    return found


def _at(text: str, said: _Said, table: Table) -> Chosen:
    """What is at a path: an interpreter, an environment, or a file that describes one."""
    path = local_path(text, said.base)
    there = looked_at(path, said.place, said.findings)
    if there is None:
        return Chosen()
    if not there:
        what = f"there is no interpreter and no environment {path} (got {got(text)})"
        said.findings.wrong(said.place, what, near(path))
        return Chosen()
    if there == "folder":
        python = interpreters.python_in(path)
        if python.exists():
            return Chosen(Environment(name=text, interpreter=os.fspath(python)))
        hint = f"to make it a virtual environment: python3 -m venv {path}"
        said.findings.wrong(said.place, f"has no bin/python in it: {path}", hint)
    elif path.suffix.lower() in _YAML:
        return _in_file(path, said, table)
    elif os.access(path, os.X_OK):
        return Chosen(Environment(name=text, interpreter=os.fspath(path)))
    else:
        hint = f"write `environment: {{requirements: {text}}}`" if path.suffix == ".txt" else ""
        said.findings.wrong(said.place, f"is no interpreter: {path} may not be executed", hint)
    return Chosen()


def _in_file(path: FilePath, said: _Said, table: Table) -> Chosen:
    """What an environment's own file says, as Azure has them."""
    if str(path) in said.seen:
        said.findings.wrong(said.place, f"leads back to itself: {path}")
        return Chosen()
    read = _read(path, said)
    if read is None:
        return Chosen()
    inner = _Said(read.value, (), path.parent, read.findings, (*said.seen, str(path)))
    return _elsewhere(inner, said, table)


def _read(path: FilePath, said: _Said) -> document.Document | None:
    """A YAML file that is named at a place of the description; None if it cannot be read."""
    try:
        read = document.read(path)
    except RequestError as error:
        said.findings.wrong(said.place, error.message, error.hint)
        return None
    if read.value is None:
        said.findings.add_elsewhere(read.findings)
        return None
    return read


def _described(said: _Said, body: Mapping[str, Any], table: Table) -> Chosen:
    requirements, conda = body.get("requirements"), body.get("conda_file")
    asked = body.get("python")
    if requirements is None and conda is None and asked is None:
        return _unbuilt(said, body, table)
    findings = said.findings
    for key in _OF_CONTAINERS:
        if body.get(key) is not None:
            findings.note((*said.place, key), "has no effect here: no container is started")
    if conda is not None and requirements is not None:
        hint = "pip's packages stand in the conda file, too: `dependencies: [{pip: [numpy]}]`"
        findings.wrong((*said.place, "requirements"), "cannot be said beside `conda_file`", hint)
    if conda is not None and asked is not None:
        hint = f"say it in the conda file: `dependencies: [python={asked}]`"
        findings.wrong((*said.place, "python"), "cannot be said beside `conda_file`", hint)
    reader = RequirementsReader(findings)
    content = None
    if conda is not None:
        content, asked = _from_conda(conda, said, reader)
    elif isinstance(requirements, str):
        reader.read_file(local_path(requirements, said.base), (*said.place, "requirements"))
    elif requirements is not None:
        reader.read_list(requirements, (*said.place, "requirements"), said.base)
    found = reader.found
    files = [FilePath(one).name for one in (conda, requirements) if isinstance(one, str)]
    return Chosen(
        Environment(
            name=body.get("name") or next(iter([*files, *said.seen[-1:]]), "inline"),
            python=_version(asked, said) if conda is None else asked,
            requirements=tuple(found.lines) if content is None else (),
            conda=content,
            files=found.files,
        )
    )


def _unbuilt(said: _Said, body: Mapping[str, Any], table: Table) -> Chosen:
    """A name or an image alone: the table may know it."""
    name, version, label = (body.get(key) for key in ("name", "version", "label"))
    if name is not None:
        edition = f":{version}" if version is not None else f"@{label}" if label is not None else ""
        if (found := _looked_up(f"{name}{edition}", said, table)) is not None:
            return found
    found = _looked_up(body["image"], said, table) if body.get("image") is not None else None
    return found or Chosen(is_known=False)


def _from_conda(
    conda: str | Mapping[str, Any], said: _Said, reader: RequirementsReader
) -> tuple[str | None, str | None]:
    """The file for conda, or None where pip does it; and the version of Python that pip is to install for."""
    place = (*said.place, "conda_file")
    if isinstance(conda, str):
        path = local_path(conda, said.base)
        read = _read(path, said)
        if read is None:
            return None, None
        inner = _Said(read.value, (), path.parent, read.findings)
    else:
        inner = replace(said, value=conda, place=place)
    own = RequirementsReader(inner.findings)
    file = read_conda(inner.value, inner.place, inner.base, inner.findings, own)
    version = None
    if file.json is None and file.python is not None:
        version = _condas_version(file.python, inner)
    if inner.findings is not said.findings:
        said.findings.add_elsewhere(inner.findings)
    reader.found = own.found
    return file.json, version


def _condas_version(asked: str, said: _Said) -> str | None:
    """None for that of barrido's own Python: also where there is no other one, which is said."""
    version = python_version(asked)
    if version is None and interpreters.is_within(interpreters.here(), asked):
        return None
    if version is not None and interpreters.is_of(interpreters.here(), version):
        return None
    if version is not None and interpreters.is_to_be_had(version):
        return version
    said.findings.note(
        said.place, f"there is no Python {asked.lstrip('= ')} here: it is {interpreters.here()}"
    )
    return None


def _version(asked: str | None, said: _Said) -> str | None:
    """None for that of barrido's own Python."""
    if asked is None or interpreters.is_of(interpreters.here(), asked.strip()):
        return None
    version = asked.strip()
    if not interpreters.is_to_be_had(version):
        hint = f"put python{version} on PATH, or install uv, which fetches it"
        said.findings.wrong((*said.place, "python"), f"there is no Python {version} here", hint)
    return version
