"""The tutorial's own calls, word for word but for the package's name, make the sweep they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from barrido import MLClient, command
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.core.recipe import Goal, Limits, Objective, Recipe
from barrido.registry import renderer
from barrido.sdk.jobs import recipe_of
from barrido.space import Space
from barrido.sweep import (
    BanditPolicy,
    Choice,
    MedianStoppingPolicy,
    Normal,
    QUniform,
    RandomSamplingAlgorithm,
    TruncationSelectionPolicy,
    Uniform,
)

TRAIN = "import argparse\nparser = argparse.ArgumentParser()\n"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)


def tutorial_job() -> Any:
    return command(
        code="./src",
        command="python train.py --regularization ${{inputs.reg_rate}}",
        inputs={
            "reg_rate": 0.01,
        },
        environment="AzureML-sklearn-0.24-ubuntu18.04-py37-cpu@latest",
        compute="aml-cluster",
    )


def tutorial_sweep() -> Any:
    job = tutorial_job()
    command_job_for_sweep = job(
        reg_rate=Choice(values=[0.01, 0.1, 1]),
    )
    # apply the sweep parameter to obtain the sweep_job
    sweep_job = command_job_for_sweep.sweep(
        compute="aml-cluster",
        sampling_algorithm="grid",
        primary_metric="Accuracy",
        goal="Maximize",
    )
    # set the name of the sweep job experiment
    sweep_job.experiment_name = "sweep-example"
    # define the limits for this sweep
    sweep_job.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=7200)
    return sweep_job


def test_the_tutorials_sweep_becomes_its_recipe(tmp_path: Path) -> None:
    recipe = recipe_of(tutorial_sweep())
    assert list(Space.from_json(recipe.space).grid()) == [{"reg_rate": rate} for rate in (0.01, 0.1, 1)]
    assert recipe.sampler == {"type": "grid"}
    assert recipe.objective == Objective("Accuracy", Goal.MAXIMIZE)
    assert recipe.experiment == "sweep-example"
    assert recipe.limits == Limits(max_total_trials=4, max_concurrent_trials=2, timeout=7200)
    assert recipe.policy is None
    assert recipe.work.code == str(tmp_path / "src")
    trial = renderer(recipe, SweepFolder(tmp_path))(Order(0, 1, {"reg_rate": 0.1}))
    assert trial == "python train.py --regularization 0.1"
    (notice,) = recipe.notices
    assert "'aml-cluster' and environment 'AzureML-sklearn-0.24" in notice


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            BanditPolicy(slack_amount=0.2, delay_evaluation=5, evaluation_interval=1),
            {"type": "bandit", "slack_amount": 0.2, "delay_evaluation": 5, "evaluation_interval": 1},
        ),
        (
            MedianStoppingPolicy(delay_evaluation=5, evaluation_interval=1),
            {"type": "median_stopping", "delay_evaluation": 5, "evaluation_interval": 1},
        ),
        (
            TruncationSelectionPolicy(evaluation_interval=1, truncation_percentage=20, delay_evaluation=4),
            {
                "type": "truncation_selection",
                "truncation_percentage": 20,
                "exclude_finished_jobs": False,
                "delay_evaluation": 4,
                "evaluation_interval": 1,
            },
        ),
        (
            {"type": "bandit", "slack_factor": 0.3},
            {"type": "bandit", "slack_factor": 0.3, "delay_evaluation": 0, "evaluation_interval": 1},
        ),
        ("median_stopping", {"type": "median_stopping", "delay_evaluation": 0, "evaluation_interval": 1}),
        ("MedianStopping", {"type": "median_stopping", "delay_evaluation": 0, "evaluation_interval": 1}),
        (None, None),
    ],
)
def test_the_tutorials_policies_are_taken_as_they_are(policy: Any, expected: Any) -> None:
    sweep_job = tutorial_sweep()
    sweep_job.early_termination = policy
    assert recipe_of(sweep_job).policy == expected


def test_the_tutorials_sobol_sampling_has_its_seed() -> None:
    command_job = command(
        code="./src",
        command="python train.py --b ${{inputs.batch_size}} --lr ${{inputs.learning_rate}}",
        inputs={"batch_size": 16, "learning_rate": 0.1},
    )
    command_job_for_sweep = command_job(
        batch_size=Choice(values=[16, 32, 64]),
        learning_rate=Normal(mu=10, sigma=3),
    )
    sweep_job = command_job_for_sweep.sweep(
        sampling_algorithm=RandomSamplingAlgorithm(seed=123, rule="sobol"),
        primary_metric="Accuracy",
        goal="Maximize",
    )
    recipe = recipe_of(sweep_job)
    assert (recipe.sampler, recipe.seed) == ({"type": "sobol"}, 123)
    assert recipe.space["learning_rate"] == {"type": "normal", "mu": 10, "sigma": 3}
    assert recipe.limits.max_total_trials == 1000  # what Azure ML documents


@pytest.mark.parametrize("values", [[10, 20, 30], range(1, 10), (30, 50, 100)])
def test_the_tutorials_ways_to_list_values_are_all_taken(values: Any) -> None:
    recipe = _swept(x=Choice(values=values))
    assert recipe.space["x"]["values"] == list(values)


def test_uniform_and_quniform_are_taken_with_the_tutorials_names() -> None:
    recipe = _swept(x=Uniform(min_value=0.05, max_value=0.1), y=QUniform(0, 10, 2))
    assert recipe.space == {
        "x": {"type": "uniform", "min_value": 0.05, "max_value": 0.1},
        "y": {"type": "quniform", "min_value": 0, "max_value": 10, "q": 2},
    }


def test_a_client_is_made_from_azures_arguments_and_keeps_to_a_folder(tmp_path: Path) -> None:
    client = MLClient(object(), "subscription", "group", "my-ws")
    assert client.workspace.root == tmp_path / "my-ws"
    assert MLClient().workspace.root == tmp_path / ".barrido"
    assert MLClient.from_config(credential=object()).workspace.root == tmp_path / ".barrido"
    (tmp_path / "config.json").write_text(
        '{"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}'
    )
    client = MLClient.from_config()
    assert (client.workspace.root, client.subscription_id) == (tmp_path / "w", "s")


def _swept(**space: Any) -> Recipe:
    words = " ".join(f"--{name} ${{{{inputs.{name}}}}}" for name in space)
    job = command(command=f"echo {words}", inputs=dict.fromkeys(space, 1))
    return recipe_of(job(**space).sweep(primary_metric="a", goal="minimize"))
