"""Makes of each step of a pipeline the description of a sweep or a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from barrido.core.pipeline import PIPELINE_TAG, STEP_TAG, Binding
from barrido.spec.bindings import binding
from barrido.spec.component import WORK, Component, ComponentFiles, ComponentInput, component
from barrido.spec.messages import did_you_mean, got
from barrido.spec.origins import ComposedFindings, Origins
from barrido.spec.source import Findings, Path

KINDS = ("command", "sweep")
_OF_AZURE = ("parallel", "spark", "import", "automl", "pipeline", "data_transfer", "finetuning")
_DESCRIBED = ("component", "inputs", "outputs", "name", "type", "tags", "compute")


@dataclass
class StepDraft:
    """A step as the ``document`` of a job.

    ``findings`` are about the document, and are told where its parts stand. ``outputs`` are the types of its
    outputs by name, None if they cannot be known; ``takes`` what is declared of its inputs; ``bound`` the
    inputs that other steps make; ``given`` the names of the pipeline's outputs by those of its own.
    """

    document: dict[str, Any]
    findings: ComposedFindings
    origins: Origins
    outputs: dict[str, str] | None = None
    takes: Mapping[str, ComponentInput] = field(default_factory=dict)
    bound: dict[str, Binding] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    @property
    def is_aimless(self) -> bool:
        """Whether it is a sweep that compares nothing."""
        return self.document["type"] == "sweep" and self.document.get("objective") is None


class StepReader:
    """Reads the steps of ``pipeline``, whose job is to be called ``name``."""

    def __init__(
        self,
        pipeline: Mapping[str, Any],
        name: str,
        findings: Findings,
        files: ComponentFiles,
        base: FilePath,
    ) -> None:
        self._pipeline = pipeline
        self._name = name
        self._findings = findings
        self._files = files
        self._base = base
        inputs = pipeline.get("inputs")
        self._inputs: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}

    def read(self, step: str, body: Mapping[str, Any]) -> StepDraft | None:
        """The draft of a step; None if it cannot be known what it is to run, which is said."""
        place = ("jobs", step)
        kind = self._kind(body, place)
        if kind is None:
            return None
        origins = Origins(self._findings, place)
        findings = ComposedFindings(origins, self._findings)
        rest = {key: value for key, value in body.items() if key not in _DESCRIBED}
        draft = StepDraft({"type": kind, **rest}, findings, origins)
        template = "component" if kind == "command" else "trial"
        found = self._component(body.get(template), (*place, template))
        if found is None and _names_component(body.get(template)):
            return None
        if found is not None:
            self._take(found, draft, template)
        self._describe(step, body, draft)
        self._give_inputs(body, found, draft, place)
        self._name_outputs(body, found, draft, place)
        self._fill(draft, place)
        return draft

    def _kind(self, body: Mapping[str, Any], place: Path) -> str | None:
        kind = body.get("type", "command")
        if isinstance(kind, str) and kind.strip().lower() in KINDS:
            kind = kind.strip().lower()
            if "type" not in body and "trial" in body:
                self._findings.wrong((*place, "type"), "is missing", "add the line `type: sweep`")
                return None
            if kind == "command" and "trial" in body and "component" not in body:
                what = "belongs to a step of `type: sweep`; a command has a `component`"
                self._findings.wrong((*place, "trial"), what)
                return None
            if kind == "sweep" and "component" in body:
                self._findings.wrong((*place, "component"), "is called `trial` in a step that sweeps")
                return None
            return kind
        what = f"is not a kind of step that barrido runs (got {got(kind)})"
        hint = "a step is a command or a sweep"
        if isinstance(kind, str) and kind.strip().lower() not in _OF_AZURE:
            hint = did_you_mean(kind, KINDS, otherwise=hint)
        self._findings.wrong((*place, "type"), what, hint)
        return None

    def _component(self, given: Any, place: Path) -> Component | None:
        if isinstance(given, str):
            return self._files.at(given, place, self._findings)
        if not _names_component(given):
            return None
        own = ComposedFindings(Origins(self._findings, place), self._findings)
        return component(given, self._findings, place, self._base, own)

    def _take(self, found: Component, draft: StepDraft, template: str) -> None:
        """What the component says of how its command is run; the step may say some of it itself."""
        work = found.work()
        if template == "trial":
            draft.document["trial"] = work
            draft.origins.put(("trial",), found.findings, found.place)
            return
        for key, value in work.items():
            if key not in draft.document:
                draft.document[key] = value
                draft.origins.put((key,), found.findings, (*found.place, key))
            elif key in ("command", "code"):
                draft.findings.wrong((key,), "is the component's", "take it out, or take `component` out")
            elif key == "environment_variables" and isinstance(draft.document[key], Mapping):
                draft.document[key] = {**value, **draft.document[key]}

    def _describe(self, step: str, body: Mapping[str, Any], draft: StepDraft) -> None:
        """Names, tags and where it runs."""
        top = self._findings
        tags = body.get("tags")
        draft.document |= {
            "display_name": body.get("display_name") or step,
            "tags": {**(tags if isinstance(tags, Mapping) else {}), PIPELINE_TAG: self._name, STEP_TAG: step},
        }
        if self._pipeline.get("experiment_name") is not None:
            draft.document["experiment_name"] = self._pipeline["experiment_name"]
            draft.origins.put(("experiment_name",), top, ("experiment_name",))
        settings = self._pipeline.get("settings")
        settings = settings if isinstance(settings, Mapping) else {}
        for value, place in (
            (body.get("compute"), ("jobs", step, "compute")),
            (settings.get("default_compute"), ("settings", "default_compute")),
            (self._pipeline.get("compute"), ("compute",)),
        ):
            if value is not None:
                draft.document["compute"] = value
                draft.origins.put(("compute",), top, place)
                return

    def _give_inputs(
        self, body: Mapping[str, Any], found: Component | None, draft: StepDraft, place: Path
    ) -> None:
        given = self._mapping(body, "inputs", place)
        swept = body.get("search_space")
        swept = swept if isinstance(swept, Mapping) else {}
        inputs: dict[str, Any] = {}
        declared = (found.model.inputs or {}) if found is not None else None
        draft.takes = declared or {}
        for section, names in (("inputs", given), ("search_space", swept)):
            for name in names:
                if declared is not None and name not in declared:
                    hint = did_you_mean(name, declared) if declared else "it declares none"
                    draft.findings.wrong((section, name), "is not an input of the component", hint)
        for name, value in given.items():
            if declared is None or name in declared:
                inputs[name] = self._input(name, value, draft, (*place, "inputs", name))
        for name, wanted in (declared or {}).items():
            if name in given or name in swept:
                continue
            if wanted.default is not None:
                inputs[name] = wanted.default
            elif wanted.optional:
                inputs[name] = None
            else:
                what = f"{got(name)} is missing: the component needs it"
                draft.findings.wrong(("inputs",), what, f"add `{name}` under the step's `inputs`")
                inputs[name] = ""  # said once: the command refers to it with good reason
                continue
            if found is not None:
                draft.origins.put(("inputs", name), found.findings, (*found.place, "inputs", name))
        draft.document["inputs"] = inputs

    def _input(self, name: str, value: Any, draft: StepDraft, place: Path) -> Any:
        """What an input of a step is: its value, that of the pipeline's input, or the words of a binding."""
        bound = binding(value, place, self._findings)
        at = ("inputs", name)
        wanted = draft.takes.get(name)
        if bound is not None and bound.step:
            draft.bound[name] = Binding(bound.step, bound.made)
            return value["path"] if isinstance(value, Mapping) and "path" in value else value
        if bound is not None and bound.output:
            what = f"is an output of the pipeline: {got(bound.output)}"
            draft.findings.wrong(
                at, what, "bind it to the step that makes it: ${{parent.jobs.STEP.outputs.NAME}}"
            )
            return None
        if bound is not None:
            if bound.input not in self._inputs:
                hint = did_you_mean(bound.input, self._inputs) if self._inputs else "it has none"
                draft.findings.wrong(at, f"the pipeline has no input {got(bound.input)}", hint)
                return None
            value = self._inputs[bound.input]
            draft.origins.put(at, self._findings, ("inputs", bound.input))
        return value if wanted is None else self._fitting(value, wanted, at, draft)

    def _fitting(self, value: Any, wanted: ComponentInput, at: Path, draft: StepDraft) -> Any:
        """``value``, if it is what the component takes. A text for a file or a folder is its path."""
        is_path = isinstance(value, Mapping) and "path" in value
        literal = _literal(value)
        if wanted.is_path and not is_path and isinstance(literal, str):
            return {"type": wanted.type, "path": literal}
        if is_path and not wanted.is_path:
            draft.findings.wrong(at, f"must be a {wanted.type} (got a path)")
        elif wanted.is_path and not is_path and literal is not None:
            what = f"must be a file or a folder (got {got(literal)})"
            draft.findings.wrong(at, what, f"for example `{{type: {wanted.type}, path: ./data}}`")
        elif not is_path and literal is not None and (wrong := wanted.objection(literal)):
            draft.findings.wrong(at, wrong)
        return value

    def _name_outputs(
        self, body: Mapping[str, Any], found: Component | None, draft: StepDraft, place: Path
    ) -> None:
        given = self._mapping(body, "outputs", place)
        declared: Mapping[str, Any] | None = None
        if found is not None:
            declared = found.value.get("outputs") or {}
        outputs: dict[str, Any] = dict(declared or {})
        for name in outputs:
            if found is not None:
                draft.origins.put(("outputs", name), found.findings, (*found.place, "outputs", name))
        for name, value in given.items():
            where = (*place, "outputs", name)
            if declared is not None and name not in declared:
                hint = did_you_mean(name, declared) if declared else "it declares none"
                self._findings.wrong(where, "is not an output of the component", hint)
                continue
            bound = binding(value, where, self._findings)
            if bound is not None and bound.output:
                draft.given[name] = bound.output
            elif bound is not None:
                hint = "an output is given to the pipeline: ${{parent.outputs.NAME}}"
                self._findings.wrong(where, "is no place that a step can write to", hint)
            elif value is not None and not isinstance(value, str):
                outputs[name] = value
                draft.origins.put(("outputs", name), self._findings, where)
            outputs.setdefault(name, None)
        draft.document["outputs"] = outputs
        draft.outputs = {name: _type(value) for name, value in outputs.items()}

    def _mapping(self, body: Mapping[str, Any], key: str, place: Path) -> Mapping[str, Any]:
        value = body.get(key)
        if value is None or isinstance(value, Mapping):
            return value or {}
        self._findings.wrong((*place, key), f"must be a mapping, `key: value` (got {got(value)})")
        return {}

    def _fill(self, draft: StepDraft, place: Path) -> None:
        """Give literals of the pipeline's inputs to what else is bound to them: limits, a search space."""
        for key, value in draft.document.items():
            if key not in ("inputs", "outputs"):
                draft.document[key] = self._filled(value, (*place, key))

    def _filled(self, value: Any, place: Path) -> Any:
        if isinstance(value, Mapping):
            return {key: self._filled(item, (*place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, (*place, n)) for n, item in enumerate(value)]
        if place[-1] == "command" or (bound := binding(value, place, self._findings)) is None:
            return value
        given = self._inputs.get(bound.input)
        literal = _literal(given)
        if not bound.input or literal is None:
            what = "can only be bound to a literal among the pipeline's inputs"
            self._findings.wrong(place, f"{what} (got {value!r:.80})")
        return literal


def _names_component(given: Any) -> bool:
    """Whether it is a file, or says more than how a command is run."""
    if isinstance(given, Mapping):
        return bool(given.keys() - {*WORK, "warm", "queue_settings"})
    return isinstance(given, str)


def _literal(given: Any) -> Any:
    """The value of a literal input; None if it has none."""
    return given.get("value", given.get("default")) if isinstance(given, Mapping) else given


def _type(output: Any) -> str:
    """``uri_folder`` if nothing else is said."""
    kind = output.get("type") if isinstance(output, Mapping) else None
    return kind.strip().lower() if isinstance(kind, str) else "uri_folder"
