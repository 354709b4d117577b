"""Every value of Microsoft's means what ours of the same name means, wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest

import barrido.entities
import barrido.sweep
from barrido import AmlTokenConfiguration, ManagedIdentityConfiguration, UserIdentityConfiguration, command
from barrido.core.recipe import Recipe
from barrido.sdk.document import plain
from barrido.sdk.jobs import recipe_of
from barrido.sweep import Choice, SweepJob

DISTRIBUTIONS: list[tuple[str, dict[str, Any]]] = [
    ("Choice", {"values": [0.1, 1, 2.0]}),
    ("Choice", {"values": ["a", "b", True]}),
    ("Choice", {"values": range(1, 5)}),
    ("Randint", {"upper": 10}),
    ("Uniform", {"min_value": 0.05, "max_value": 0.1}),
    ("QUniform", {"min_value": 0, "max_value": 10, "q": 2}),
    ("LogUniform", {"min_value": -6, "max_value": -1}),
    ("QLogUniform", {"min_value": 1, "max_value": 5, "q": 0.5}),
    ("Normal", {"mu": 10, "sigma": 3}),
    ("QNormal", {"mu": 10, "sigma": 3, "q": 1}),
    ("LogNormal", {"mu": 0, "sigma": 1}),
    ("QLogNormal", {"mu": 0, "sigma": 1, "q": 2}),
]
POLICIES: list[tuple[str, dict[str, Any]]] = [
    ("BanditPolicy", {"slack_factor": 0.1}),
    ("BanditPolicy", {"slack_amount": 0.2, "delay_evaluation": 5, "evaluation_interval": 2}),
    ("MedianStoppingPolicy", {}),
    ("MedianStoppingPolicy", {"delay_evaluation": 5, "evaluation_interval": 1}),
    ("TruncationSelectionPolicy", {"truncation_percentage": 20, "delay_evaluation": 4}),
]
SAMPLING: list[tuple[str, dict[str, Any]]] = [
    ("RandomSamplingAlgorithm", {"seed": 123, "rule": "sobol"}),
    ("RandomSamplingAlgorithm", {"seed": 4, "rule": "random"}),
    ("RandomSamplingAlgorithm", {"seed": 4, "logbase": 10}),
    ("RandomSamplingAlgorithm", {"seed": 4, "logbase": "e"}),
    ("GridSamplingAlgorithm", {}),
    ("BayesianSamplingAlgorithm", {}),
]
OTHERS: list[tuple[Any, str, dict[str, Any]]] = [
    (barrido, "Input", {"type": "uri_file", "path": "./data.csv", "mode": "ro_mount"}),
    (barrido, "Input", {"type": "number", "default": 0.5}),
    (barrido, "Input", {"type": "string", "optional": True}),
    (barrido, "Output", {"type": "uri_folder", "mode": "rw_mount"}),
    (barrido, "MpiDistribution", {"process_count_per_instance": 2}),
    (barrido, "PyTorchDistribution", {"process_count_per_instance": 2}),
    (barrido, "TensorFlowDistribution", {"parameter_server_count": 1, "worker_count": 2}),
    (barrido, "RayDistribution", {"port": 6379}),
    (barrido.sweep, "Objective", {"goal": "maximize", "primary_metric": "acc"}),
    (barrido.entities, "QueueSettings", {"job_tier": "Spot", "priority": "low"}),
    (barrido.entities, "JobResourceConfiguration", {"instance_count": 2, "shm_size": "2g"}),
    (barrido.entities, "CommandJobLimits", {"timeout": 60}),
    (barrido.entities, "Data", {"name": "iris", "version": "1", "type": "uri_file"}),
]


def swept(distribution: Any, **settings: Any) -> Recipe:
    job = command(command="echo ${{inputs.x}}", inputs={"x": 1})
    return recipe_of(job(x=distribution).sweep(primary_metric="acc", goal="maximize", **settings))


@pytest.mark.parametrize(("name", "settings"), DISTRIBUTIONS)
def test_a_distribution_gives_the_same_space(ms: Any, name: str, settings: dict[str, Any]) -> None:
    ours = swept(getattr(barrido.sweep, name)(**settings))
    assert swept(getattr(ms, name)(**settings)).space == ours.space
    assert ours.space["x"]["type"] == name.lower()


def test_a_choice_may_hold_branches_with_distributions(ms: Any) -> None:
    def nested(package: Any) -> Any:
        return package.Choice([{"kind": "conv", "size": package.Randint(9)}, {"kind": "dense", "size": 5}])

    assert swept(nested(ms)).space == swept(nested(barrido.sweep)).space


@pytest.mark.parametrize(("name", "settings"), POLICIES)
def test_a_policy_stops_the_same_trials(ms: Any, name: str, settings: dict[str, Any]) -> None:
    theirs, ours = (getattr(package, name)(**settings) for package in (ms, barrido.sweep))
    policy, *others = (
        {"exclude_finished_jobs": False}
        | dict(swept(choice([1, 2]), early_termination_policy=one).policy or {})
        for choice, one in ((Choice, ours), (Choice, theirs), (ms.Choice, theirs))
    )
    assert f"{policy['type'].replace('_', '')}policy" == name.lower()
    assert others == [policy, policy]


@pytest.mark.parametrize(("name", "settings"), SAMPLING)
def test_a_sampling_algorithm_draws_the_same_points(ms: Any, name: str, settings: dict[str, Any]) -> None:
    theirs, ours = (
        swept(Choice([1, 2]), sampling_algorithm=getattr(package, name)(**settings))
        for package in (ms, barrido.sweep)
    )
    assert theirs.sampler == ours.sampler
    assert "seed" not in settings or theirs.seed == ours.seed == settings["seed"]


@pytest.mark.parametrize(("home", "name", "settings"), OTHERS)
def test_any_other_value_says_the_same_in_yaml(
    ms: Any, home: Any, name: str, settings: dict[str, Any]
) -> None:
    ours, theirs = plain(getattr(home, name)(**settings)), plain(getattr(ms, name)(**settings))
    assert theirs == ours
    assert settings.items() <= theirs.items()


@pytest.mark.parametrize(
    "ours",
    [
        AmlTokenConfiguration(),
        ManagedIdentityConfiguration(client_id="an-id"),
        UserIdentityConfiguration(),
    ],
)
def test_an_identity_says_the_same_in_yaml(ms: Any, ours: Any) -> None:
    assert plain(getattr(ms, type(ours).__name__)(**vars(ours))) == plain(ours)


def test_limits_of_microsofts_are_taken_with_its_rounding(ms: Any) -> None:
    limits = ms.SweepJobLimits(max_total_trials=5, max_concurrent_trials=2, timeout=7200, trial_timeout=20)
    job = command(command="echo ${{search_space.x}}").sweep(
        primary_metric="acc", goal="maximize", search_space={"x": ms.Choice([1, 2])}
    )
    job.limits = limits
    found = recipe_of(job).limits
    assert (found.max_total_trials, found.max_concurrent_trials) == (5, 2)
    assert (found.timeout, found.trial_timeout) == (7200, 60)  # its own: no less than a minute


def test_a_sweep_of_ours_takes_a_command_of_theirs(ms: Any) -> None:
    trial = ms.CommandJob(
        command="python train.py --lr ${{search_space.lr}} --data ${{inputs.data}}",
        code="./src",
        inputs={"data": ms.Input(type="uri_file", path="./data.csv")},
        limits=ms.CommandJobLimits(timeout=90),
    )
    recipe = recipe_of(
        SweepJob(
            trial=trial,
            search_space={"lr": ms.Uniform(0, 1)},
            objective=ms.Objective("Maximize", "acc"),
            limits=ms.SweepJobLimits(max_total_trials=3),
        )
    )
    assert recipe.work.command == trial.command
    assert set(recipe.work.inputs) == {"data"}
    assert recipe.limits.trial_timeout == 90


def test_a_command_of_ours_takes_what_theirs_takes(ms: Any) -> None:
    job = command(
        command="python train.py --lr ${{inputs.lr}} --data ${{inputs.data}} --model ${{outputs.model}}",
        code="./src",
        inputs={"lr": 0.1, "data": ms.Input(type="uri_file", path="./data.csv")},
        outputs={"model": ms.Output(type="uri_folder")},
        environment=ms.Environment(name="env", image="mcr.microsoft.com/azureml/openmpi"),
        distribution=ms.MpiDistribution(process_count_per_instance=1),
        identity=ms.UserIdentityConfiguration(),
        resources=ms.JobResourceConfiguration(instance_count=1),
    )
    sweep = job(lr=ms.Choice([0.1, 0.2])).sweep(
        primary_metric="acc", goal="maximize", queue_settings=ms.QueueSettings(job_tier="Spot")
    )
    recipe = recipe_of(sweep)
    assert recipe.work.outputs == ("model",)
    assert str(recipe.work.inputs["data"]).endswith("/data.csv")
    said = "\n".join(recipe.notices)
    for setting in ("distribution", "identity", "queue_settings"):
        assert f"{setting}: has no effect here" in said
