"""YAML files as objects that Python may change and submit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barrido.errors import RequestError, SpecError
from barrido.sdk.algorithms import POLICIES, SAMPLING
from barrido.sdk.command import Command
from barrido.sdk.component import CommandComponent
from barrido.sdk.limits import CommandJobLimits, Objective, SweepJobLimits
from barrido.sdk.pipeline_job import PipelineJob
from barrido.sdk.schedulers import SCHEDULERS
from barrido.sdk.sweep_job import SweepJob
from barrido.spec.source import dotted, undotted

if TYPE_CHECKING:
    from barrido.spec.document import Document

_OF_THE_FILE = frozenset({"$schema", "type", "id", "status", "creation_context"})
"""What a job cannot be told in Python: what it is, and what Azure writes of the one that was saved."""


def load_job(
    source: str | os.PathLike[str],
    *,
    relative_origin: str | os.PathLike[str] | None = None,
    params_override: Sequence[Mapping[str, Any]] | None = None,
) -> SweepJob | Command | PipelineJob:
    """The job that a YAML file describes.

    ``params_override`` replaces values by dotted path: ``[{"limits.max_total_trials": 3}]``. Relative
    paths in the file begin at its folder, or at ``relative_origin``. Raises SpecError with everything
    that is wrong, each with its line; RequestError if there is no such file. Whether this machine has what
    trials need, and what names of Azure's stand for, is found out when it is submitted: until then it may get
    another ``compute``, and any workspace.
    """
    # Reading YAML and checking it takes longer to import than all else that `barrido.sweep` holds.
    from barrido.spec.check import examine
    from barrido.spec.defaults import Defaults
    from barrido.spec.pipeline import examine_pipeline, is_pipeline

    read, base = _read(source, relative_origin, params_override)
    findings = read.findings
    if read.value is not None or not findings.problems:
        anywhere = replace(Defaults.here(), machine=lambda _: None, table=lambda: None)
        look = examine_pipeline if is_pipeline(read.value) else examine
        look(read.value, findings, base=base, defaults=anywhere)
    if findings.problems:
        raise SpecError(findings.problems)
    body = {name: value for name, value in read.value.items() if name not in _OF_THE_FILE}
    if is_pipeline(read.value):
        return PipelineJob(body, base=base, source=findings.source)
    job = _sweep(body) if str(read.value["type"]).lower() == "sweep" else _command(body)
    job._base = base
    job._source = findings.source
    job._places.clear()
    return job


def load_component(
    source: str | os.PathLike[str],
    *,
    relative_origin: str | os.PathLike[str] | None = None,
    params_override: Sequence[Mapping[str, Any]] | None = None,
) -> CommandComponent:
    """The command of a component's YAML file: to be called with values for its inputs, and run or swept.

    ``load_component("train.yml")(lr=Uniform(0, 1)).sweep(...)`` sweeps over one of them. The arguments are
    those of `load_job`. Raises SpecError with everything that is wrong, RequestError if there is no such
    file.
    """
    from barrido.spec.component import component

    read, base = _read(source, relative_origin, params_override)
    findings = read.findings
    found = None
    if read.value is not None or not findings.problems:
        found = component(read.value, findings, (), base, findings)
    if found is None or findings.problems:
        raise SpecError(findings.problems)
    made = CommandComponent(found)
    made._source = findings.source
    made._places.clear()
    return made


def _read(
    source: str | os.PathLike[str],
    relative_origin: str | os.PathLike[str] | None,
    params_override: Sequence[Mapping[str, Any]] | None,
) -> tuple[Document, Path]:
    """A file with some of its values replaced, and where its paths begin."""
    from barrido.spec import document, overrides

    path = Path(source)
    base = Path(relative_origin).absolute() if relative_origin is not None else path.parent.absolute()
    read = document.read(path)
    for changes in params_override or ():
        for name, value in changes.items():
            read = overrides.apply(read, [(name, _yaml(name, value))])
            told = {**read.findings.source.overrides, undotted(name): f"params_override {name}"}
            read = replace(
                read, findings=read.findings.moved_to(replace(read.findings.source, overrides=told))
            )
    return read, base


def _yaml(name: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        what = f"cannot be written in a sweep (got an object of type {type(value).__name__})"
        raise RequestError(f"params_override: {dotted(undotted(name))}: {what}") from None


def _sweep(body: dict[str, Any]) -> SweepJob:
    from barrido.space import domain_from_json

    trial = Command(**body.pop("trial"))
    trial._places.clear()
    objective = body.pop("objective", None)
    return SweepJob(
        trial=trial,
        search_space={name: domain_from_json(domain) for name, domain in body.pop("search_space").items()},
        objective=Objective(**objective) if objective else None,
        limits=SweepJobLimits(**body.pop("limits")),
        sampling_algorithm=_object(SAMPLING, body.pop("sampling_algorithm", None)),
        early_termination=_object(POLICIES, body.pop("early_termination", None)),
        scheduler=_object(SCHEDULERS, body.pop("scheduler", None)),
        **body,
    )


def _command(body: dict[str, Any]) -> Command:
    limits = body.pop("limits", None)
    return Command(**body, limits=CommandJobLimits(**limits) if limits else None)


def _object(classes: Mapping[str, Any], given: Any) -> Any:
    """The value object for a mapping with a ``type``; anything else stays what it is."""
    from barrido.spec.node import snake

    if not isinstance(given, Mapping):
        return given
    cls = classes.get(snake(str(given["type"])))
    return given if cls is None else cls(**{name: value for name, value in given.items() if name != "type"})
