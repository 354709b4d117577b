"""What a job that came back says of what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import pytest

from barrido import Input, MLClient, Objective, command
from barrido.core.events import Requested, Verb
from barrido.core.layout import Workspace
from barrido.core.recipe import Recipe
from barrido.sdk.jobs import recipe_of
from barrido.sweep import (
    BanditPolicy,
    BayesianSamplingAlgorithm,
    Choice,
    GridSamplingAlgorithm,
    HyperbandScheduler,
    LogUniform,
    MedianStoppingPolicy,
    RandomSamplingAlgorithm,
    SobolSamplingAlgorithm,
    SweepJob,
    SweepJobLimits,
    TPESamplingAlgorithm,
    TruncationSelectionPolicy,
    Uniform,
)

Tell = Callable[..., Any]


@pytest.fixture
def client(workspace: Workspace) -> MLClient:
    return MLClient(workspace_name=workspace.root)


def settings(recipe: Recipe) -> dict[str, Any]:
    """As `story` takes them."""
    return {one.name: getattr(recipe, one.name) for one in fields(recipe) if one.name != "name"}


def sweep(**changes: Any) -> SweepJob:
    """Of a learning rate and a kind of model, as ``changes`` have it."""
    trial = command(
        command="echo --lr ${{search_space.lr}} --epochs ${{inputs.epochs}} --model ${{search_space.model}}",
        inputs={"epochs": 3, "data": Input(type="string", optional=True)},
        environment_variables={"MODE": "fast"},
    )
    space = {
        "lr": LogUniform(-6, -1),
        "model": Choice([{"name": "tree", "depth": Choice([2, 4])}, {"name": "line", "c": Uniform(0, 1)}]),
    }
    asked: dict[str, Any] = {
        "search_space": space,
        "objective": Objective(goal="maximize", primary_metric="acc"),
        "limits": SweepJobLimits(
            max_total_trials=20, max_concurrent_trials=2, timeout=600, stop_after={"trials": 9}
        ),
    }
    return SweepJob(trial=trial, **{**asked, **changes})


def test_a_sweep_says_what_it_was_asked_for(story: Tell, client: MLClient) -> None:
    story("asked", **settings(recipe_of(sweep(early_termination=BanditPolicy(slack_factor=0.2)))))
    job = client.jobs.get("asked")
    assert job.limits == SweepJobLimits(
        max_total_trials=20,
        max_concurrent_trials=2,
        timeout=600,
        max_failed_trials=3,
        max_retries=0,
        retry_backoff=1.0,
        stop_after={"trials": 9, "min_improvement": 0.0},
    )
    assert job.objective == Objective(goal="maximize", primary_metric="acc")
    assert [*job.search_space] == ["lr", "model"]
    assert job.search_space["lr"] == LogUniform(-6, -1)
    assert job.early_termination == BanditPolicy(slack_factor=0.2, evaluation_interval=1)
    assert isinstance(job.sampling_algorithm, RandomSamplingAlgorithm)
    assert job.command.startswith("echo --lr ${{search_space.lr}}")
    assert job.inputs == {"epochs": "3", "data": None}
    assert job.environment_variables == {"MODE": "fast"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sampling_algorithm": RandomSamplingAlgorithm(seed=7, logbase=10)},
        {"sampling_algorithm": SobolSamplingAlgorithm(seed=7)},
        {"sampling_algorithm": RandomSamplingAlgorithm(rule="sobol", seed=7)},
        {"sampling_algorithm": BayesianSamplingAlgorithm(seed=7)},
        {"sampling_algorithm": TPESamplingAlgorithm(seed=7)},
        {"sampling_algorithm": "grid", "search_space": {"lr": Choice([1, 2]), "model": Choice(["a"])}},
        {"early_termination": BanditPolicy(slack_amount=0.5, delay_evaluation=4)},
        {"early_termination": MedianStoppingPolicy(evaluation_interval=2)},
        {"early_termination": TruncationSelectionPolicy(truncation_percentage=20)},
        {
            "early_termination": TruncationSelectionPolicy(
                truncation_percentage=20, exclude_finished_jobs=True
            )
        },
    ],
    ids=str,
)
def test_the_same_asked_again_is_the_same_sweep(story: Tell, client: MLClient, changes: Any) -> None:
    recipe = recipe_of(sweep(**changes))
    story("asked", **settings(recipe))
    job = client.jobs.get("asked")
    assert isinstance(job.limits, SweepJobLimits)
    again = recipe_of(
        SweepJob(
            trial=command(command=job.command, inputs={"epochs": job.inputs["epochs"]}),
            search_space=job.search_space,
            objective=job.objective,
            limits=job.limits,
            sampling_algorithm=job.sampling_algorithm,
            early_termination=job.early_termination,
        )
    )
    for name in ("space", "objective", "sampler", "policy", "limits"):
        assert getattr(again, name) == getattr(recipe, name), name
    # A grid takes no seed: nothing of it is drawn
    assert again.seed == recipe.seed or isinstance(job.sampling_algorithm, GridSamplingAlgorithm)


def test_limits_are_what_they_were_changed_to(story: Tell, client: MLClient) -> None:
    told = story().start()
    told.tell(Requested("r", Verb.UPDATE, told.at, changes={"max_total_trials": 9, "timeout": 60.0}))
    limits = client.jobs.get("iris").limits
    assert isinstance(limits, SweepJobLimits)
    assert (limits.max_total_trials, limits.timeout) == (9, 60.0)


def test_a_scheduler_with_a_sampler_of_its_own_leaves_the_sweep_without_one(
    story: Tell, client: MLClient
) -> None:
    story("plain", **settings(recipe_of(sweep(scheduler=HyperbandScheduler(max_resource=9)))))
    story("model", **settings(recipe_of(sweep(scheduler={"type": "bohb", "max_resource": 9}))))
    assert isinstance(client.jobs.get("plain").sampling_algorithm, RandomSamplingAlgorithm)
    assert client.jobs.get("model").sampling_algorithm is None


def test_somebody_elses_sampler_is_told_as_it_was_asked_for(story: Tell, client: MLClient, echo: str) -> None:
    story(sampler={"type": echo, "logbase": 2}, seed=3)
    assert client.jobs.get("iris").sampling_algorithm == {"type": echo, "logbase": 2, "seed": 3}


def test_a_trial_says_what_it_runs_and_nothing_of_the_search(story: Tell, client: MLClient) -> None:
    told = story("asked", **settings(recipe_of(sweep(limits={"max_total_trials": 2, "trial_timeout": 30}))))
    told.start()
    trial = client.jobs.get("asked_0")
    assert (trial.search_space, trial.objective, trial.sampling_algorithm) == ({}, None, None)
    assert trial.early_termination is None
    assert asdict(trial.limits) == {"timeout": 30}  # type: ignore[arg-type]
    assert trial.command == client.jobs.get("asked").command


def test_a_command_says_what_it_runs(story: Tell, client: MLClient) -> None:
    job = command(command="echo ${{inputs.x}}", inputs={"x": 1})
    job.set_limits(timeout=5)
    story("fit", **settings(recipe_of(job)))
    found = client.jobs.get("fit")
    assert (found.command, found.inputs, found.search_space) == ("echo ${{inputs.x}}", {"x": "1"}, {})
    assert asdict(found.limits) == {"timeout": 5}  # type: ignore[arg-type]


def test_outputs_lie_with_the_best_trial(story: Tell, client: MLClient, workspace: Workspace) -> None:
    told = story().start()
    assert client.jobs.get("iris").outputs == {}
    told.finish()
    best = workspace.sweep("iris").trial(2).named_outputs / "model"
    job = client.jobs.get("iris")
    assert job.outputs == {"model": best}
    assert job.outputs["model"] == client.jobs.get("iris_2").outputs["model"]
    assert client.jobs.get("iris_0").outputs == {
        "model": workspace.sweep("iris").trial(0).named_outputs / "model"
    }
