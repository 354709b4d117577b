"""Jobs that were built with Microsoft's own package, as jobs of this one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from barrido.errors import RequestError
from barrido.sdk import azure
from barrido.sdk.azure import PACKAGE, kind_of
from barrido.sdk.command import Command
from barrido.sdk.document import located
from barrido.sdk.fields import JobFields
from barrido.sdk.origin import caller, warn
from barrido.sdk.pipeline_job import PipelineJob
from barrido.sdk.sweep_job import SweepJob
from barrido.spec.messages import did_you_mean
from barrido.spec.paths import is_remote

_SWEEPS = frozenset({"Sweep", "SweepJob"})
_COMMANDS = frozenset({"Command", "CommandJob"})
_TEMPLATES = frozenset({"CommandComponent", "ParameterizedCommand"})
_SLOTS = frozenset({"NodeInput", "NodeOutput", "PipelineInput", "PipelineOutput"})
_SETTINGS = ("default_compute", "default_datastore", "continue_on_step_failure", "force_rerun")
_WORK = ("environment", "environment_variables", "limits", "distribution", "resources", "compute")
_SEARCH = ("search_space", "objective", "sampling_algorithm", "early_termination", "limits")


def adopted(job: object) -> SweepJob | Command | PipelineJob:
    """The same job in classes of this package: a command, a sweep, the node that ``.sweep(...)`` gives, or a
    pipeline of such.

    Paths in it begin where they do for Microsoft. Raises RequestError if it is a job of another kind.
    """
    kind = kind_of(job)
    if kind == "PipelineJob":
        return _pipeline(job)
    if kind not in _SWEEPS | _COMMANDS:
        raise RequestError(
            f"a {kind} of {PACKAGE} cannot be run here",
            hint="commands, sweeps over commands, and pipelines of these can be submitted",
        )
    _warn_of_strays(job)
    return _sweep(job) if kind in _SWEEPS else _command(job, described=True)


def template(given: object) -> Command:
    """What each trial runs, of a ``CommandJob`` or ``CommandComponent``. Raises RequestError for others."""
    if kind_of(given) not in _COMMANDS | _TEMPLATES:
        kind = kind_of(given)
        what = f"{given!r:.80}" if kind is None else f"a {kind} of {PACKAGE}"
        raise RequestError(
            f"trial: must be a command (got {what})",
            hint="build it with command(...), or load its file with load_component(...)",
        )
    return _command(given, described=False)


def _command(given: Any, *, described: bool) -> Command:
    fields = _described(given) if described else JobFields(inputs=_inputs(given), outputs=_outputs(given))
    ours = Command(command=_component(given).command, code=_code(given), **{**_said(given, _WORK), **fields})
    ours._base = _folder(given)
    return ours


def _sweep(job: Any) -> SweepJob:
    ours = SweepJob(trial=template(job.trial), **_said(job, _SEARCH), **_described(job))
    ours._base = _folder(job)
    return ours


def _pipeline(job: Any) -> PipelineJob:
    body = _said(
        job, ("name", "display_name", "experiment_name", "description", "tags", "properties", "compute")
    )
    body["settings"] = _said(job.settings, _SETTINGS)
    body["inputs"] = {name: given._data for name, given in job.inputs.items()}
    body["outputs"] = {name: given._data for name, given in job.outputs.items()}
    body["jobs"] = {name: _step(name, node) for name, node in job.jobs.items()}
    return PipelineJob(body, base=_folder(job) or Path.cwd(), source=located(None, caller(), {}))


def _step(name: str, node: object) -> dict[str, Any]:
    try:
        step = adopted(node).to_document()
    except RequestError as error:
        raise RequestError(f"jobs.{name}: {error.message}", hint=error.hint) from None
    return {key: value for key, value in step.items() if key not in ("name", "experiment_name")}


def _described(job: object) -> JobFields:
    found = _said(job, JobFields.__annotations__)
    return {**found, "inputs": _inputs(job) or None, "outputs": _outputs(job) or None}  # type: ignore[typeddict-item]


def _said(given: object, names: Iterable[str]) -> dict[str, Any]:
    """The attributes ``names``, those that were set."""
    found = {name: getattr(given, name, None) for name in names}
    return {name: value for name, value in found.items() if not azure.is_unset(value)}


def _inputs(job: Any) -> dict[str, Any]:
    """Values of inputs, with their declaration where there is no value; not those that are swept."""
    declared = getattr(_component(job), "inputs", None) or {}
    swept = getattr(job, "search_space", None) or {} if kind_of(job) in _SWEEPS else {}
    found = {}
    for name, given in (getattr(job, "inputs", None) or {}).items():
        if name not in swept:
            value = _held(given)
            found[name] = declared.get(name) if value is None else value
    return found


def _outputs(job: Any) -> dict[str, Any]:
    return {name: _held(given) for name, given in (getattr(job, "outputs", None) or {}).items()}


def _held(given: Any) -> Any:
    """What was put into the slot that a job of Microsoft's has for each input and output. In a pipeline that
    may be another slot, whose text is the binding to it."""
    held = given._data if kind_of(given) in _SLOTS else given
    return str(held) if kind_of(held) in _SLOTS else held


def _component(given: Any) -> Any:
    """The component below a job that was made from one; else the job."""
    component = {"Command": "component", "Sweep": "trial"}.get(kind_of(given) or "")
    found = given if component is None else getattr(given, component)
    if isinstance(found, str):
        raise RequestError(
            f"component: is registered with Azure (got {found!r})",
            hint="load its file with load_component(...), or describe it with command(...)",
        )
    return found


def _code(given: Any) -> str | None:
    """An absolute path: a component that was read from a file lies elsewhere than the job made from it."""
    component = _component(given)
    if component.code is None or is_remote(str(component.code)):
        return None if component.code is None else str(component.code)
    return str((_folder(component) or Path.cwd()) / component.code)


def _folder(given: object) -> Path | None:
    base = getattr(given, "base_path", None)
    return None if base is None else Path(base)


def _warn_of_strays(job: object) -> None:
    """A node takes any attribute, and Azure forgets it: a mistyped name would go unnoticed."""
    if not isinstance(job, dict):
        return
    known = (*JobFields.__annotations__, *(_SEARCH if kind_of(job) in _SWEEPS else _WORK))
    for name, value in job.items():
        if not azure.is_unset(value):
            near = did_you_mean(name, known, otherwise="a job has no such setting")
            warn(f"{name} has no effect: {near}")
