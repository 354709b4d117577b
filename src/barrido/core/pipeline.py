"""A pipeline: steps, each a sweep or a command of its own, that hand their outputs to one another.

What was asked for (`PipelineRecipe`), and, purely, what is to be done next (`decide`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from barrido.core.recipe import Recipe

VERSION = 1
PIPELINE_TAG, STEP_TAG = "pipeline", "step"
"""Tags of the jobs that are steps: the pipeline's name, and the step's."""


class StepPhase(StrEnum):
    """Where a step stands.

    ```
    WAITING ─▶ RUNNING ─▶ COMPLETED | FAILED | CANCELED
       └─────▶ SKIPPED | FAILED
    ```
    """

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def is_terminal(self) -> bool:
        return self not in (StepPhase.WAITING, StepPhase.RUNNING)


class PipelinePhase(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return self is not PipelinePhase.RUNNING


@dataclass(frozen=True, slots=True)
class Binding:
    """An output of a step; of a sweep, that of its best trial."""

    step: str
    output: str


@dataclass(frozen=True, slots=True)
class Step:
    """``bound`` says which of its inputs are outputs of other steps: their texts in ``recipe`` say so, too,
    and are replaced by paths when the step is started. ``recipe.name`` is the name of its job.
    """

    name: str
    recipe: Recipe
    bound: Mapping[str, Binding] = field(default_factory=dict)

    @property
    def after(self) -> frozenset[str]:
        """The steps that must have completed before."""
        return frozenset(binding.step for binding in self.bound.values())

    @property
    def weight(self) -> int:
        """How many of this machine's slots it fills."""
        limits = self.recipe.limits
        is_here = self.recipe.compute == "local"
        return min(limits.max_concurrent_trials, limits.max_total_trials) if is_here else 0

    def with_inputs(self, paths: Mapping[str, str]) -> Recipe:
        """What is to be run, now that the paths of ``bound`` inputs are known."""
        work = self.recipe.work
        return replace(self.recipe, work=replace(work, inputs={**work.inputs, **paths}))


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRecipe:
    """A pipeline as it was asked for, checked and complete. ``outputs`` are steps' that are its own, too."""

    name: str
    display_name: str = ""
    experiment: str = "Default"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...]
    outputs: Mapping[str, Binding] = field(default_factory=dict)
    continue_on_step_failure: bool = True
    notices: tuple[str, ...] = ()

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    def wanted(self, step: str) -> tuple[str, ...]:
        """The outputs of ``step`` that somebody reads."""
        bindings = [*self.outputs.values(), *(b for other in self.steps for b in other.bound.values())]
        return tuple(dict.fromkeys(binding.output for binding in bindings if binding.step == step))

    def to_json(self) -> dict[str, Any]:
        body = asdict(replace(self, steps=()))
        steps = [
            {"name": step.name, "recipe": step.recipe.to_json(), "bound": _to_json(step.bound)}
            for step in self.steps
        ]
        return {"version": VERSION, **body, "outputs": _to_json(self.outputs), "steps": steps}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PipelineRecipe:
        values = {name: value for name, value in body.items() if name != "version"}
        values["steps"] = tuple(
            Step(one["name"], Recipe.from_json(one["recipe"]), _from_json(one["bound"]))
            for one in body["steps"]
        )
        values["outputs"] = _from_json(body["outputs"])
        values["notices"] = tuple(body["notices"])
        return cls(**values)


def _to_json(bindings: Mapping[str, Binding]) -> dict[str, Any]:
    return {name: asdict(binding) for name, binding in bindings.items()}


def _from_json(body: Mapping[str, Any]) -> dict[str, Binding]:
    return {name: Binding(**one) for name, one in body.items()}


@dataclass(frozen=True, slots=True)
class Moves:
    """What is to be done: steps to start and to stop, and those that will never run, with the reason.

    ``outcome`` is that of the pipeline, with its reason, once every step is over.
    """

    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    skip: Mapping[str, str] = field(default_factory=dict)
    outcome: tuple[PipelinePhase, str] | None = None


def decide(
    recipe: PipelineRecipe, phases: Mapping[str, StepPhase], *, is_canceled: bool, slots: int
) -> Moves:
    """What is to be done, where steps stand as ``phases`` says.

    Steps whose inputs are there run at the same time as long as their trials fill no more than ``slots``; one
    always runs. A step that did not complete stops those that need it, and all others too if the pipeline is
    not to continue after a failure.
    """
    failed = [name for name, phase in phases.items() if phase in (StepPhase.FAILED, StepPhase.CANCELED)]
    why = "the pipeline was canceled" if is_canceled else ""
    if not why and failed and not recipe.continue_on_step_failure:
        why = f"{_said(failed[0], phases)}, and continue_on_step_failure is false"
    running = [step for step in recipe.steps if phases[step.name] is StepPhase.RUNNING]
    waiting = [step for step in recipe.steps if phases[step.name] is StepPhase.WAITING]
    if why:
        stop = tuple(step.name for step in running)
        return Moves((), stop, dict.fromkeys((step.name for step in waiting), why), _end(phases, is_canceled))
    skip = dict(_unreachable(waiting, phases))
    used = sum(step.weight for step in running)
    start: list[str] = []
    for step in waiting:
        is_ready = all(phases[other] is StepPhase.COMPLETED for other in step.after)
        if is_ready and (used + step.weight <= slots or not (running or start)):
            start.append(step.name)
            used += step.weight
    return Moves(tuple(start), (), skip, _end(phases, is_canceled))


def _unreachable(waiting: list[Step], phases: Mapping[str, StepPhase]) -> Iterator[tuple[str, str]]:
    for step in waiting:
        for other in sorted(step.after):
            if phases[other].is_terminal and phases[other] is not StepPhase.COMPLETED:
                yield step.name, f"needs an output of {other!r}, which {_VERBS[phases[other]]}"
                break


_VERBS = {
    StepPhase.FAILED: "failed",
    StepPhase.CANCELED: "was canceled",
    StepPhase.SKIPPED: "was not run",
}


def _said(step: str, phases: Mapping[str, StepPhase]) -> str:
    return f"step {step!r} {_VERBS[phases[step]]}"


def _end(phases: Mapping[str, StepPhase], is_canceled: bool) -> tuple[PipelinePhase, str] | None:
    if not all(phase.is_terminal for phase in phases.values()):
        return None
    bad = [name for name, phase in phases.items() if phase is not StepPhase.COMPLETED]
    if not bad:
        return PipelinePhase.COMPLETED, f"all {len(phases)} steps are done" if len(
            phases
        ) > 1 else "its step is done"
    if is_canceled:
        return PipelinePhase.CANCELED, "canceled"
    culprits = [name for name in bad if phases[name] is not StepPhase.SKIPPED]
    return PipelinePhase.FAILED, ", ".join(_said(name, phases) for name in culprits)
