"""What is to be done next, as data."""

from __future__ import annotations

from typing import Any

import pytest

from barrido.core.pipeline import Binding, Moves, PipelinePhase, PipelineRecipe, Step, StepPhase, decide
from barrido.core.recipe import Limits, Recipe, Work

W, R, C = StepPhase.WAITING, StepPhase.RUNNING, StepPhase.COMPLETED
F, X, S = StepPhase.FAILED, StepPhase.CANCELED, StepPhase.SKIPPED


def step(name: str, *after: str, at_once: int = 1, compute: str = "local") -> Step:
    limits = Limits(max_total_trials=at_once, max_concurrent_trials=at_once)
    recipe = Recipe(name=f"p-{name}", compute=compute, limits=limits, work=Work(command="true"))
    return Step(name, recipe, {f"from_{other}": Binding(other, "out") for other in after})


def moves(
    steps: list[Step], *phases: StepPhase, slots: int = 2, canceled: bool = False, **changes: Any
) -> Moves:
    recipe = PipelineRecipe(name="p", steps=tuple(steps), **changes)
    standing = {step.name: phase for step, phase in zip(steps, phases, strict=True)}
    return decide(recipe, standing, is_canceled=canceled, slots=slots)


DIAMOND = [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")]


@pytest.mark.parametrize(
    ("phases", "start"),
    [
        ((W, W, W, W), ("a",)),
        ((R, W, W, W), ()),
        ((C, W, W, W), ("b", "c")),
        ((C, C, R, W), ()),
        ((C, C, C, W), ("d",)),
    ],
)
def test_a_step_starts_when_all_that_it_needs_is_there(
    phases: tuple[StepPhase, ...], start: tuple[str, ...]
) -> None:
    assert moves(DIAMOND, *phases) == Moves(start=start)


def test_steps_share_the_slots_of_the_machine() -> None:
    steps = [step("wide", at_once=3), step("narrow"), step("other")]
    assert moves(steps, W, W, W, slots=2).start == ("wide",), "one always runs"
    assert moves(steps, R, W, W, slots=4).start == ("narrow",)
    assert moves(steps, W, R, W, slots=2).start == ("other",), "who does not fit holds up nobody"
    assert moves([step("a"), step("b", at_once=9, compute="ray")], R, W, slots=1).start == ("b",)


def test_what_needs_a_step_that_did_not_complete_is_skipped_with_the_reason() -> None:
    made = moves(DIAMOND, C, F, R, W)
    assert made.skip == {"d": "needs an output of 'b', which failed"}
    assert not made.stop
    assert moves(DIAMOND, X, W, W, W).skip["b"] == "needs an output of 'a', which was canceled"
    assert moves(DIAMOND, F, S, S, W).skip["d"] == "needs an output of 'b', which was not run"


def test_a_failure_stops_everything_where_it_is_not_to_go_on() -> None:
    made = moves(DIAMOND, C, F, R, W, continue_on_step_failure=False)
    assert made.stop == ("c",)
    assert made.skip == {"d": "step 'b' failed, and continue_on_step_failure is false"}


def test_who_cancels_stops_everything() -> None:
    assert moves(DIAMOND, C, R, R, W, canceled=True) == Moves(
        stop=("b", "c"), skip={"d": "the pipeline was canceled"}
    )


@pytest.mark.parametrize(
    ("phases", "canceled", "outcome"),
    [
        ((C, C, C, C), False, PipelinePhase.COMPLETED),
        ((C, C, C, C), True, PipelinePhase.COMPLETED),
        ((C, F, C, S), False, PipelinePhase.FAILED),
        ((C, X, C, S), False, PipelinePhase.FAILED),
        ((C, X, C, S), True, PipelinePhase.CANCELED),
    ],
)
def test_it_is_over_when_all_steps_are(
    phases: tuple[StepPhase, ...], canceled: bool, outcome: PipelinePhase
) -> None:
    made = moves(DIAMOND, *phases, canceled=canceled)
    assert made.outcome is not None
    assert made.outcome[0] is outcome


def test_the_reason_names_those_who_failed_and_not_those_who_were_skipped() -> None:
    made = moves(DIAMOND, C, F, X, S)
    assert made.outcome == (PipelinePhase.FAILED, "step 'b' failed, step 'c' was canceled")


def test_a_step_is_told_what_it_reads_when_that_is_known() -> None:
    needy = step("b", "a")
    assert needy.with_inputs({"from_a": "/there"}).work.inputs == {"from_a": "/there"}
    assert needy.after == {"a"}
