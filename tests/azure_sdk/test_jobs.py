"""One sweep told in every way there is to tell it becomes one recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import barrido
import barrido.entities
import barrido.sweep
from barrido import MLClient, RequestError, SpecError
from barrido.core.recipe import Recipe
from barrido.registry import renderer
from barrido.sdk.jobs import recipe_of

# What Microsoft's package says about a dependency of its own.
pytestmark = pytest.mark.filterwarnings("ignore:The `context` parameter is deprecated")

COMMAND = (
    "python train.py --lr ${{inputs.lr}} --layers ${{inputs.layers}} --data ${{inputs.data}}"
    " --model ${{outputs.model}}"
)
SWEPT = COMMAND.replace("inputs.lr", "search_space.lr").replace("inputs.layers", "search_space.layers")
YAML = f"""
type: sweep
experiment_name: golden
display_name: a sweep
description: told in every way
tags: {{team: blue}}
compute: azureml:cpu-cluster
trial:
  code: ./src
  command: >-
    {SWEPT}
  environment: azureml:sklearn-1.5@latest
  environment_variables: {{SEED: "7"}}
inputs:
  data: {{type: uri_file, path: ./data.csv}}
outputs:
  model: {{type: uri_folder}}
search_space:
  lr: {{type: uniform, min_value: 0.01, max_value: 0.9}}
  layers: {{type: choice, values: [1, 2, 3]}}
sampling_algorithm: {{type: random, seed: 11, rule: sobol}}
early_termination: {{type: bandit, slack_factor: 0.2, delay_evaluation: 2, evaluation_interval: 1}}
objective: {{goal: maximize, primary_metric: acc}}
limits: {{max_total_trials: 8, max_concurrent_trials: 2, timeout: 7200, trial_timeout: 600}}
"""
COMPONENT = f"""
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
name: train
version: 1
type: command
code: ../src
environment: azureml:sklearn-1.5@latest
inputs:
  lr: {{type: number, default: 0.1}}
  layers: {{type: integer, default: 2}}
  data: {{type: uri_file}}
outputs:
  model: {{type: uri_folder}}
command: >-
  {COMMAND}
"""
LIMITS = {"max_total_trials": 8, "max_concurrent_trials": 2, "timeout": 7200, "trial_timeout": 600}


def dressed(sweep: Any, package: Any) -> Any:
    sweep.sampling_algorithm = package.RandomSamplingAlgorithm(seed=11, rule="sobol")
    sweep.early_termination = package.BanditPolicy(
        slack_factor=0.2, delay_evaluation=2, evaluation_interval=1
    )
    sweep.experiment_name, sweep.display_name = "golden", "a sweep"
    sweep.description, sweep.tags = "told in every way", {"team": "blue"}
    return sweep


def space(package: Any) -> dict[str, Any]:
    return {"lr": package.Uniform(0.01, 0.9), "layers": package.Choice([1, 2, 3])}


def by_command(package: Any, names: Any) -> Any:
    """``command(...)``, called, ``.sweep(...)``; ``package`` has the functions, ``names`` the values."""
    job = package.command(
        code="./src",
        command=COMMAND,
        inputs={
            "lr": 0.1,
            "layers": 2,
            "data": package.Input(type="uri_file", path="./data.csv"),
        },
        outputs={"model": package.Output(type="uri_folder")},
        environment_variables={"SEED": "7"},
        environment="azureml:sklearn-1.5@latest",
    )
    sweep = job(**space(names)).sweep(
        primary_metric="acc", goal="Maximize", compute="azureml:cpu-cluster", **LIMITS
    )
    return dressed(sweep, names)


def by_class(package: Any, names: Any, trial: Any) -> Any:
    sweep = names.SweepJob(
        trial=trial(
            command=SWEPT,
            code="./src",
            environment_variables={"SEED": "7"},
            environment="azureml:sklearn-1.5@latest",
        ),
        inputs={
            "data": package.Input(type="uri_file", path="./data.csv"),
        },
        outputs={"model": package.Output(type="uri_folder")},
        compute="azureml:cpu-cluster",
        search_space=space(names),
        objective=names.Objective("Maximize", "acc"),
        limits=names.SweepJobLimits(**LIMITS),
    )
    return dressed(sweep, names)


def from_file(load: Callable[[str], Any], folder: Path) -> Any:
    (folder / "sweep.yml").write_text(YAML)
    return load(str(folder / "sweep.yml"))


def by_component(ms: Any, folder: Path) -> Any:
    (folder / "parts").mkdir()
    (folder / "parts" / "train.yml").write_text(COMPONENT)
    train = ms.load_component(str(folder / "parts" / "train.yml"))
    node = train(data=ms.Input(type="uri_file", path="./data.csv"), **space(ms))
    node.environment_variables = {"SEED": "7"}
    sweep = node.sweep(primary_metric="acc", goal="Maximize", compute="azureml:cpu-cluster", **LIMITS)
    sweep.trial.environment_variables = {"SEED": "7"}
    return dressed(sweep, ms)


def same(recipe: Recipe) -> Recipe:
    """Without what is said about it, and without the form that references to swept values have."""
    assert recipe.work.code is not None
    work = replace(
        recipe.work,
        command=recipe.work.command.replace("search_space.", "inputs."),
        code=str(Path(recipe.work.code).resolve()),
    )
    return replace(recipe, name="", notices=(), work=work)


def test_a_sweep_in_yaml_and_in_python_is_one_recipe_whoever_wrote_the_classes(
    ms: Any, tmp_path: Path
) -> None:
    first = same(recipe_of(from_file(barrido.load_job, tmp_path)))
    told = {
        "our command": by_command(barrido, barrido.sweep),
        "our SweepJob": by_class(barrido, barrido.sweep, barrido.entities.CommandJob),
        "their file": from_file(ms.load_job, tmp_path),
        "their command": by_command(ms, ms),
        "their SweepJob": by_class(ms, ms, ms.CommandJob),
        "their component": by_component(ms, tmp_path),
        "our command, their values": by_command(barrido, ms),
        "our SweepJob, their values": by_class(barrido, ms, ms.CommandJob),
    }
    for way, job in told.items():
        assert same(recipe_of(job)) == first, way


def test_a_whole_sweep_of_theirs_runs_through_the_client_to_its_best_trial(ms: Any, tmp_path: Path) -> None:
    sweep = by_command(ms, ms)
    sweep.name = "theirs"
    sweep.search_space = {"lr": ms.Choice([0.2, 0.4]), "layers": ms.Choice([1, 2])}
    sweep.sampling_algorithm = ms.GridSamplingAlgorithm()
    sweep.early_termination = ms.MedianStoppingPolicy(evaluation_interval=1, delay_evaluation=3)
    client = MLClient()
    returned = client.create_or_update(sweep)
    client.jobs.stream(returned.name)
    done = client.jobs.get("theirs")
    assert (done.status, done.display_name, done.tags) == ("Completed", "a sweep", {"team": "blue"})
    best = client.jobs.get(done.properties["best_child_run_id"])
    assert best.parameters == {"lr": 0.4, "layers": 1}
    assert best.value == pytest.approx(1.2)
    assert len(client.jobs.list(parent_job_name="theirs")) == 4
    client.jobs.download("theirs", download_path=tmp_path / "got", output_name="model")
    assert (tmp_path / "got" / "named-outputs" / "model" / "model.txt").read_text() == "0.4 1,2"


def test_a_command_of_theirs_is_the_same_command(ms: Any) -> None:
    def one(package: Any) -> Any:
        return package.command(
            name="once",
            code="./src",
            command="python train.py --lr ${{inputs.lr}} --data ${{inputs.data}}",
            inputs={"lr": 0.1, "data": package.Input(type="uri_file", path="data.csv")},
            environment_variables={"A": "1"},
            timeout=90,
            description="just once",
        )

    theirs, ours = recipe_of(one(ms)), recipe_of(one(barrido))
    assert replace(theirs, seed=0) == replace(ours, seed=0)
    assert theirs.limits.timeout == 90


def test_what_is_set_on_a_node_afterwards_counts(ms: Any, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("3")
    sweep = by_command(ms, ms)
    sweep.name = "changed"
    sweep.inputs.data = ms.Input(type="uri_file", path="other.csv")
    sweep.search_space["lr"] = ms.Choice([0.5])
    sweep.set_limits(max_total_trials=3)
    sweep.set_objective(goal="minimize", primary_metric="loss")
    recipe = recipe_of(sweep)
    assert recipe.name == "changed"
    assert recipe.work.inputs["data"] == str(tmp_path / "other.csv")
    assert recipe.space["lr"] == {"type": "choice", "values": [0.5]}
    assert recipe.limits.max_total_trials == 3
    assert recipe.objective is not None
    assert (recipe.objective.metric, str(recipe.objective.goal)) == ("loss", "minimize")


def test_a_component_keeps_its_defaults_and_its_own_folder(
    ms: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "data.csv").write_text("4")
    note = "  note: {type: string, optional: true}"
    with_note = COMPONENT.replace("outputs:", f"{note}\noutputs:").rstrip() + " [--note ${{inputs.note}}]\n"
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "train.yml").write_text(with_note)
    monkeypatch.chdir(elsewhere)
    train = ms.load_component(str(tmp_path / "parts" / "train.yml"))
    sweep = train(data=ms.Input(type="uri_file", path="./data.csv"), lr=ms.Uniform(0, 1)).sweep(
        primary_metric="acc", goal="maximize", max_total_trials=2
    )
    recipe = recipe_of(sweep)
    assert Path(str(recipe.work.code)).resolve() == tmp_path / "src"
    assert recipe.work.inputs == {"layers": "2", "data": str(elsewhere / "data.csv"), "note": None}
    assert list(recipe.space) == ["lr"]


def test_overrides_in_the_call_change_their_job_as_ours(ms: Any) -> None:
    changes = {"experiment_name": "another", "tags": {"a": "b"}}
    recipe = recipe_of(by_command(ms, ms), changes)
    assert (recipe.experiment, recipe.tags) == ("another", {"a": "b"})


def test_every_mistake_in_a_job_of_theirs_is_said_at_once_by_its_attribute(ms: Any) -> None:
    sweep = by_command(ms, ms)
    sweep.objective.goal = "sideways"
    sweep.search_space["layers"] = ms.Choice([])
    sweep.search_space["lr"] = ms.Uniform(2, 1)
    sweep.early_termination = ms.BanditPolicy()
    sweep.limits.max_total_trials = 0
    sweep.inputs.data = ms.Input(type="uri_file", path="./datta.csv")
    with pytest.raises(SpecError) as caught:
        recipe_of(sweep)
    assert {problem.path for problem in caught.value.problems} == {
        "objective.goal",
        "search_space.layers.values",
        "search_space.lr.min_value",
        "early_termination",
        "limits.max_total_trials",
        "inputs.data.path",
    }
    assert all("test_jobs.py:" in problem.where for problem in caught.value.problems)
    result = MLClient().jobs.validate(sweep)
    assert not result.passed
    assert len(result.problems) == 6


def test_a_value_that_cannot_stand_where_it_is_is_named_with_its_class(ms: Any) -> None:
    sweep = by_command(ms, ms)
    sweep.search_space["lr"] = ms.Objective("maximize", "acc")
    sweep.early_termination = ms.AmlCompute(name="cpu")
    with pytest.raises(SpecError) as caught:
        recipe_of(sweep)
    said = str(caught.value)
    assert "search_space.lr" in said
    assert "early_termination" in said
    assert "AmlCompute" in said


def test_a_mistyped_attribute_of_a_node_is_not_lost_in_silence(ms: Any) -> None:
    sweep = by_command(ms, ms)
    sweep.early_termination_policy = ms.MedianStoppingPolicy()
    with pytest.warns(UserWarning, match="early_termination_policy has no effect: did you mean"):
        recipe_of(sweep)


def test_jobs_of_other_kinds_are_refused_by_name(ms: Any) -> None:
    with pytest.raises(RequestError, match=r"a Data of azure\.ai\.ml cannot be run here"):
        MLClient().jobs.create_or_update(ms.Data(name="x", path="./data.csv"))
    sweep = ms.SweepJob(trial=ms.Data(name="x", path="./data.csv"), search_space={"lr": ms.Choice([1])})
    with pytest.raises(RequestError, match=r"trial: must be a command \(got a Data of azure\.ai\.ml\)"):
        recipe_of(sweep)
    job = ms.command(command="true")
    job._component = "azureml:train:1"
    with pytest.raises(RequestError, match=r"component: is registered with Azure \(got 'azureml:train:1'\)"):
        recipe_of(job)


def test_a_trial_gets_the_command_line_that_it_gets_from_yaml(ms: Any, tmp_path: Path) -> None:
    from barrido.core.layout import SweepFolder
    from barrido.core.protocols import Order

    def line(job: Any) -> str:
        return renderer(recipe_of(job), SweepFolder(tmp_path))(Order(0, 1, {"lr": 0.25, "layers": 3}))

    assert line(by_command(ms, ms)) == line(from_file(barrido.load_job, tmp_path))
    assert "--lr 0.25 --layers 3" in line(by_command(ms, ms))
