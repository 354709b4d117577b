"""Pipelines that are wrong, each with all that must be said of it: (file:line, path, part of the message)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.pipelines.conftest import Bench

from barrido.errors import SpecError

TRAIN = """\
type: command
inputs:
  data: {type: uri_folder}
  depth: {type: integer, default: 3, min: 1}
  rate: {type: number, default: 0.1}
outputs:
  model: {type: uri_folder}
code: ./src
command: python step.py t --read ${{inputs.data}} --x ${{inputs.rate}} --out ${{outputs.model}}
"""

RIGHT = """\
type: pipeline
inputs:
  rate: 0.5
  data: {type: uri_folder, path: ./src}
outputs:
  best:
jobs:
  train:
    type: sweep
    trial: ./train.yml
    inputs:
      data: ${{parent.inputs.data}}
    search_space:
      rate: {type: uniform, min_value: 0, max_value: 1}
    objective: {goal: maximize, primary_metric: score}
    limits: {max_total_trials: 2}
    outputs:
      model: ${{parent.outputs.best}}
  use:
    type: command
    code: ./src
    command: python step.py use --read ${{inputs.model}}
    inputs:
      model: ${{parent.jobs.train.outputs.model}}
"""

Said = tuple[str, str, str]
CASES: dict[str, tuple[str, str, list[Said]]] = {
    "an unknown key": ("outputs:\n  best:", "output:\n  best:", [
        ("5", "output", "did you mean 'outputs'?"),
        ("18", "jobs.train.outputs.model", "the pipeline has no output 'best'")]),
    "steps by another name": ("jobs:", "steps:", [
        ("7", "steps", "did you mean 'jobs'?")]),
    "no steps": (RIGHT[RIGHT.index("jobs:"):], "jobs: {}\n", [
        ("7", "jobs", "is empty")]),
    "a kind of step of Azure's": ("    type: sweep", "    type: parallel", [
        ("9", "jobs.train.type", "(got 'parallel')")]),
    "a mistyped kind of step": ("    type: sweep", "    type: swep", [
        ("9", "jobs.train.type", "did you mean 'sweep'?")]),
    "no kind for a sweep": ("    type: sweep\n", "", [
        ("8", "jobs.train.type", "add the line `type: sweep`")]),
    "a component that is not there": ("./train.yml", "./trian.yml", [
        ("10", "jobs.train.trial", "did you mean 'train.yml'?")]),
    "a component in Azure": ("./train.yml", "azureml:train:1", [
        ("10", "jobs.train.trial", "save its YAML beside the pipeline")]),
    "the component of a sweep by the other name": ("trial: ./train.yml", "component: ./train.yml", [
        ("10", "jobs.train.component", "is called `trial` in a step that sweeps")]),
    "an input that the component has not": ("      data: $", "      dta: $", [
        ("12", "jobs.train.inputs.dta", "did you mean 'data'?"),
        ("11", "jobs.train.inputs", "'data' is missing: the component needs it")]),
    "an input of the pipeline that there is not": ("parent.inputs.data", "parent.inputs.dat", [
        ("12", "jobs.train.inputs.data", "did you mean 'data'?")]),
    "something swept that is no input": ("      rate: {type: uniform", "      rat: {type: uniform", [
        ("14", "jobs.train.search_space.rat", "did you mean 'rate'?")]),
    "a distribution that is wrong": ("max_value: 1}", "max_value: x}", [
        ("14", "jobs.train.search_space.rate.max_value", "must be a number")]),
    "limits that are wrong": ("max_total_trials: 2", "max_total_trials: 0", [
        ("16", "jobs.train.limits.max_total_trials", "must be at least 1")]),
    "a step that is not there": ("parent.jobs.train.outputs", "parent.jobs.trian.outputs", [
        ("24", "jobs.use.inputs.model", "did you mean 'train'?")]),
    "an output that is not there": ("parent.jobs.train.outputs.model", "parent.jobs.train.outputs.mode", [
        ("24", "jobs.use.inputs.model", "the step 'train' has no output 'mode'")]),
    "an output of the step itself": ("parent.jobs.train.outputs.model", "parent.jobs.use.outputs.model", [
        ("24", "jobs.use.inputs.model", "is an output of the step itself")]),
    "an output of the pipeline, read": ("${{parent.jobs.train.outputs.model}}", "${{parent.outputs.best}}", [
        ("24", "jobs.use.inputs.model", "is an output of the pipeline")]),
    "no binding": ("${{parent.jobs.train.outputs.model}}", "${{parent.job.train.model}}", [
        ("24", "jobs.use.inputs.model", "is not a binding")]),
    "steps that wait for each other": ("      data: ${{parent.inputs.data}}",
        "      data: ${{parent.jobs.use.outputs.out}}", [
        ("12", "jobs.train.inputs.data", "the step 'use' has no output 'out'"),
        ("8", "jobs.train", "waits for itself: train needs use needs train")]),
    "nothing to compare trials by": ("    objective: {goal: maximize, primary_metric: score}\n", "", [
        ("17", "jobs.train.outputs.model", "without an objective there is none"),
        ("23", "jobs.use.inputs.model", "without an objective there is none")]),
    "a number that is a path": ("  data: {type: uri_folder, path: ./src}", "  data: 3", [
        ("4", "inputs.data", "must be a file or a folder (got 3)")]),
    "data that is not there": ("path: ./src", "path: ./scr", [
        ("4", "inputs.data.path", "did you mean 'src'?")]),
    "a name for a step that a trial has": ("  use:", "  train_1:", [
        ("19", "jobs.train_1", "is what trial 1 of the step 'train' is called")]),
    "a name for a step that is none": ("  use:", "  use it:", [
        ("19", "jobs.use it", "must be letters, digits")]),
    "a name without end": ("  use:", f"  {'u' * 199}:", [
        ("19", f"jobs.{'u' * 199}", "must not be longer than 200")]),
    "a setting of a step's": ("inputs:\n  rate: 0.5", "default_compute: x\ninputs:\n  rate: 0.5", [
        ("2", "default_compute", "it belongs under `settings`")]),
    "a program that is not there": ("python step.py use", "python stepp.py use", [
        ("22", "jobs.use.command", "there is no file")]),
    "a reference that is not there": ("${{inputs.model}}", "${{inputs.modle}}", [
        ("22", "jobs.use.command", "did you mean ${{inputs.model}}?")]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_where_it_stands(case: str, bench: Bench) -> None:
    old, new, said = CASES[case]
    assert RIGHT.count(old) == 1 or case == "no steps"
    check(
        bench,
        RIGHT.replace(old, new),
        TRAIN,
        [(f"pipeline.yml:{line}", path, what) for line, path, what in said],
    )


IN_COMPONENT: dict[str, tuple[str, str, list[Said]]] = {
    "a kind of component of Azure's": ("type: command", "type: parallel", [
        ("1", "type", "(got 'parallel')")]),
    "an input without a type": ("{type: uri_folder}\n  depth", "{}\n  depth", [
        ("3", "inputs.data.type", "is missing")]),
    "a default of another type": ("default: 3", "default: x", [
        ("4", "inputs.depth.default", "type integer")]),
    "a default below the least": ("default: 3", "default: 0", [("4", "inputs.depth.default", "at least 1")]),
    "no command": (TRAIN[TRAIN.index("command: python"):], "", [("1", "command", "is missing")]),
    "code that is not there": ("./src", "./scr", [("8", "code", "did you mean 'src'?")]),
    "a reference that is not there": ("inputs.rate}}", "inputs.rte}}", [("9", "command", "does not exist")]),
    "files of elsewhere": ("code:", "additional_includes: [x]\ncode:", [
        ("8", "additional_includes", "into the `code` folder")]),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_COMPONENT)
def test_what_is_wrong_in_a_component_is_said_with_its_own_lines(case: str, bench: Bench) -> None:
    old, new, said = IN_COMPONENT[case]
    check(
        bench,
        RIGHT,
        TRAIN.replace(old, new),
        [(f"train.yml:{line}", path, what) for line, path, what in said],
    )


def check(bench: Bench, pipeline: str, train: str, said: list[Said]) -> None:
    (bench.root / "train.yml").write_text(train)
    path = bench.root / "pipeline.yml"
    path.write_text(pipeline)
    with pytest.raises(SpecError) as caught:
        bench.read(path, name="p")
    found = [(Path(problem.where).name, problem.path, str(problem)) for problem in caught.value.problems]
    assert sorted(one[:2] for one in found) == sorted(one[:2] for one in said), caught.value
    for where, place, what in said:
        assert any(one[:2] == (where, place) and what in one[2] for one in found), caught.value


def test_all_mistakes_are_said_at_once(bench: Bench) -> None:
    (bench.root / "train.yml").write_text(TRAIN.replace("./src", "./scr"))
    text = RIGHT.replace("max_total_trials: 2", "max_total_trials: 0").replace("step.py use", "stepp.py use")
    with pytest.raises(SpecError) as caught:
        bench.read(bench.write(text), name="p")
    paths = {problem.path for problem in caught.value.problems}
    assert {"code", "jobs.train.limits.max_total_trials", "jobs.use.command"} <= paths


def test_the_right_one_is_taken(bench: Bench) -> None:
    (bench.root / "train.yml").write_text(TRAIN)
    recipe = bench.read(bench.write(RIGHT), name="p")
    train, use = recipe.steps
    assert train.recipe.work.inputs["data"] == str(bench.root / "src")
    assert train.recipe.work.inputs["depth"] == "3"
    assert "rate" not in train.recipe.work.inputs
    assert use.bound["model"].step == "train"
    assert recipe.outputs["best"].output == "model"
