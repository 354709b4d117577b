"""Pipelines: what may be written in their files, and what it means.

Source: Azure's schema of pipeline jobs (CLI v2). Each step becomes the description of a sweep or a command,
put together from the step and its component, and is checked as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any, ClassVar, Literal

from pydantic import Field

from barrido.core.pipeline import Binding, PipelineRecipe, Step
from barrido.spec.check import examine
from barrido.spec.component import ComponentFiles
from barrido.spec.defaults import Defaults
from barrido.spec.draft import Draft, plain, shaped
from barrido.spec.inputs import check_inputs
from barrido.spec.messages import did_you_mean, got
from barrido.spec.models import Anything, Input, Output
from barrido.spec.node import FilledText, Node, Text
from barrido.spec.source import Findings, Path
from barrido.spec.steps import StepDraft, StepReader
from barrido.spec.surroundings import JOB_NAME, LONGEST_NAME, OF_ANOTHER, check_name

_WITHOUT_EFFECT: Mapping[Path, str] = {
    ("settings", "default_datastore"): "outputs stay in the workspace's folder",
    ("settings", "force_rerun"): "steps are always run",
    ("identity",): "steps run as you",
    ("properties",): "use `tags` to label a pipeline",
    ("services",): "no service is opened for a pipeline",
    **dict.fromkeys((("id",), ("status",), ("creation_context",)), OF_ANOTHER),
}


class Settings(Node):
    """What holds for all steps."""

    default_compute: FilledText | None = None
    default_datastore: str | None = None
    continue_on_step_failure: bool = Field(
        True, description="whether steps that need nothing of one that failed go on"
    )
    force_rerun: bool | None = None


class PipelineJob(Node):
    """Sweeps and commands that hand their outputs to one another."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("default_compute", "continue_on_step_failure"), "it belongs under `settings`"),
        **dict.fromkeys(
            ("command", "code", "environment", "trial", "search_space", "objective", "limits"),
            "it belongs to a step: `jobs: {train: {…}}`",
        ),
    }
    aliases: ClassVar[Mapping[str, str]] = {"steps": "jobs", "experiment": "experiment_name"}
    schema_uri: str | None = Field(None, alias="$schema")
    type: Literal["pipeline"]
    name: str | None = None
    display_name: FilledText | None = None
    description: str | None = None
    tags: dict[str, Text] | None = None
    properties: dict[str, Text] | None = None
    experiment_name: FilledText | None = None
    compute: FilledText | None = None
    settings: Settings | None = None
    identity: Anything | None = None
    services: Anything | None = None
    id: Text | None = None
    status: Text | None = None
    creation_context: Anything | None = None
    inputs: dict[str, Input] | None = None
    outputs: dict[str, Output | None] | None = None
    jobs: dict[str, Anything] = Field(
        description="the steps by name",
        examples=["{train: {type: command, command: python train.py, code: ./src}}"],
    )


def is_pipeline(value: object) -> bool:
    """Whether a description says that it is one of a pipeline."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    return isinstance(kind, str) and kind.strip().lower() == "pipeline"


def examine_pipeline(
    document: object, findings: Findings, *, base: FilePath, defaults: Defaults
) -> PipelineRecipe | None:
    """The recipe of a pipeline's description; None if anything is wrong, which ``findings`` then holds."""
    if not isinstance(document, Mapping):
        findings.wrong((), f"must be a mapping of keys to values (got {got(document)})")
        return None
    value = {**plain(document, (), findings), "type": "pipeline"}
    job = shaped(PipelineJob, value, findings)
    _check_around(value, findings, base, defaults)
    name = value["name"] if isinstance(value.get("name"), str) else defaults.name()
    given = value.get("jobs")
    if isinstance(given, Mapping) and not given:
        findings.wrong(("jobs",), "is empty: a pipeline has at least one step")
    files = ComponentFiles(base)
    reader = StepReader(value, name, findings, files, base)
    drafts: dict[str, StepDraft | None] = {}
    for step, body in (given if isinstance(given, Mapping) else {}).items():
        _check_step_name(step, name, given or {}, findings)
        drafts[step] = reader.read(step, body) if isinstance(body, Mapping) else None
    _check_bindings(drafts, findings)
    _check_order(drafts, findings)
    recipes = {}
    for step, draft in drafts.items():
        if draft is not None:
            named = replace(defaults, name=partial(_job_name, name, step))
            recipes[step] = examine(draft.document, draft.findings, base=base, defaults=named)
    outputs = _outputs(value, drafts, findings)
    for others in files.findings:
        findings.add_elsewhere(others)
    if findings.problems or job is None:
        return None
    steps = tuple(
        Step(step, recipe, drafts[step].bound)  # type: ignore[union-attr]
        for step, recipe in recipes.items()
        if recipe is not None
    )
    return PipelineRecipe(
        name=name,
        display_name=job.display_name or name,
        experiment=job.experiment_name or defaults.experiment,
        description=job.description or "",
        tags=dict(job.tags or {}),
        steps=steps,
        outputs=outputs,
        continue_on_step_failure=job.settings is None or job.settings.continue_on_step_failure,
        notices=findings.notices,
    )


def _job_name(pipeline: str, step: str) -> str:
    return f"{pipeline}-{step}"


def _check_around(value: Mapping[str, Any], findings: Findings, base: FilePath, defaults: Defaults) -> None:
    """What is not in the steps. The table's own mistakes are told with the steps."""
    draft = Draft("command", value, None, findings, base, defaults.table())
    check_name(draft)
    check_inputs(draft)
    for place, why in _WITHOUT_EFFECT.items():
        if draft.get(*place):
            findings.note(place, f"has no effect here: {why}")


def _check_step_name(step: str, pipeline: str, steps: Mapping[str, Any], findings: Findings) -> None:
    job, place = _job_name(pipeline, step), ("jobs", step)
    if not JOB_NAME.fullmatch(step) or step[:1].isdigit():
        findings.wrong(place, "must be letters, digits, underscores and dashes, and begin with no digit")
    elif len(job) > LONGEST_NAME:
        what = f"its job's name, {job[:30]}…, must not be longer than {LONGEST_NAME} characters"
        findings.wrong(place, f"{what} (got {len(job)})", "give the pipeline, or the step, a shorter name")
    other, _, number = step.rpartition("_")
    if other in steps and number.isdigit() and number.isascii():
        what = f"is what trial {number} of the step {other!r} is called"
        findings.wrong(place, what, f"for example {other}_{number}th, or another name")


def _check_bindings(drafts: Mapping[str, StepDraft | None], findings: Findings) -> None:
    """Whether what steps take from others is made, and is what they take."""
    for name, draft in drafts.items():
        if draft is None:
            continue
        for input_name, binding in draft.bound.items():
            place = ("jobs", name, "inputs", input_name)
            other = drafts.get(binding.step)
            if binding.step not in drafts:
                what = f"there is no step {got(binding.step)}"
                findings.wrong(place, what, did_you_mean(binding.step, drafts))
            elif binding.step == name:
                findings.wrong(place, "is an output of the step itself")
            elif other is None or other.outputs is None:
                continue  # what is wrong with it was said
            elif binding.output not in other.outputs:
                what = f"the step {got(binding.step)} has no output {got(binding.output)}"
                hint = did_you_mean(binding.output, other.outputs) if other.outputs else "it declares none"
                findings.wrong(place, what, hint)
            else:
                _check_made(draft, input_name, other, binding, place, findings)


def _check_made(
    draft: StepDraft, name: str, other: StepDraft, binding: Binding, place: Path, findings: Findings
) -> None:
    wanted, made = draft.takes.get(name), (other.outputs or {})[binding.output]
    if wanted is not None and not wanted.is_path:
        what = f"is a {wanted.type}, and {got(binding.output)} of {got(binding.step)} is a file or a folder"
        findings.wrong(place, what, "read the value from the file in the script")
    elif wanted is not None and wanted.type == "uri_file" and made == "uri_folder":
        what = f"is a file, and {got(binding.output)} of {got(binding.step)} is a folder"
        findings.wrong(place, what, "declare `type: uri_folder`, and name the file in the script")
    if other.is_aimless:
        what = f"is that of the best trial of {got(binding.step)}, and without an objective there is none"
        findings.wrong(place, what, f"add `objective` to the step {binding.step}")


def _check_order(drafts: Mapping[str, StepDraft | None], findings: Findings) -> None:
    """Whether there is an order to run the steps in."""
    left = {
        name: {b.step for b in draft.bound.values() if b.step in drafts and b.step != name}
        for name, draft in drafts.items()
        if draft is not None
    }
    while free := [name for name, after in left.items() if not after & left.keys()]:
        for name in free:
            del left[name]
    if not left:
        return
    round_: list[str] = [next(iter(left))]
    while (following := sorted(left[round_[-1]] & left.keys())[0]) not in round_:
        round_.append(following)
    loop = [*round_[round_.index(following) :], following]
    findings.wrong(("jobs", loop[0]), f"waits for itself: {' needs '.join(loop)}")


def _outputs(
    value: Mapping[str, Any], drafts: Mapping[str, StepDraft | None], findings: Findings
) -> dict[str, Binding]:
    """Which step makes each output of the pipeline."""
    declared = value.get("outputs")
    names = list(declared) if isinstance(declared, Mapping) else []
    found: dict[str, Binding] = {}
    for step, draft in drafts.items():
        for output, name in (draft.given if draft is not None else {}).items():
            place = ("jobs", step, "outputs", output)
            if name not in names:
                hint = did_you_mean(name, names) if names else f"add `outputs: {{{name}: }}` to the pipeline"
                findings.wrong(place, f"the pipeline has no output {got(name)}", hint)
            elif name in found:
                findings.wrong(place, f"the step {got(found[name].step)} gives {got(name)} already")
            elif draft is not None and draft.is_aimless:
                what = "is that of the best trial, and without an objective there is none"
                findings.wrong(place, what, f"add `objective` to the step {step}")
            else:
                found[name] = Binding(step, output)
    for name in names:
        if name not in found and all(draft is not None for draft in drafts.values()):
            hint = f"${{{{parent.outputs.{name}}}}}"
            findings.note(("outputs", name), f"is given by no step: one would say `OUTPUT: {hint}`")
    return found
