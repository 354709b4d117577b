"""What right descriptions mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from barrido.core.recipe import Goal, Limits, Objective, Recipe, StopAfter
from barrido.errors import SpecError
from barrido.space import Choice, Space, Uniform
from barrido.spec import load, names
from barrido.spec.load import Defaults
from barrido.spec.schema import json_schema
from barrido.spec.source import Source

Read = Callable[..., Recipe]
Written = Callable[..., str]


def test_a_small_sweep_is_filled_up_with_defaults(sweep: Written, read: Read, folder: Path) -> None:
    recipe = read(sweep())
    assert recipe.name == recipe.display_name == "calm_otter_0123456789"
    assert (recipe.kind, recipe.experiment, recipe.seed) == ("sweep", "iris", 7)
    assert recipe.sampler == {"type": "random"}
    assert recipe.policy is None
    assert recipe.scheduler == {"type": "fifo"}
    assert recipe.objective == Objective("accuracy", Goal.MAXIMIZE)
    assert recipe.limits == Limits(max_total_trials=20, max_concurrent_trials=2)
    assert recipe.space == {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}}
    assert recipe.work.command == "python train.py --lr ${{search_space.lr}}"
    assert recipe.work.code == str(folder / "src")
    assert recipe.notices == ()


def test_everything_that_is_said_is_in_the_recipe(sweep: Written, read: Read) -> None:
    recipe = read(
        sweep(
            name="my-sweep_1",
            display_name="My sweep",
            experiment_name="flowers",
            description="why",
            tags="{a: 1, b: true, c: x}",
            trial="{command: 'echo ${{inputs.lr}} ${{outputs.model}}', environment_variables: {A: 1.5}}",
            outputs="{model: , data: {type: uri_folder}}",
            limits=(
                "{max_total_trials: 5, max_concurrent_trials: 9, timeout: '7200', trial_timeout: 0.5, "
                "max_failed_trials: 2, stop_after: {trials: 4, min_improvement: 0.01},"
                " max_retries: 3, retry_backoff: 0}"
            ),
        )
    )
    assert (recipe.name, recipe.display_name, recipe.experiment) == ("my-sweep_1", "My sweep", "flowers")
    assert (recipe.description, recipe.tags) == ("why", {"a": "1", "b": "True", "c": "x"})
    assert recipe.work.environment_variables == {"A": "1.5"}
    assert recipe.work.outputs == ("model", "data")
    assert recipe.limits == Limits(
        max_total_trials=5,
        max_concurrent_trials=9,
        timeout=7200,
        trial_timeout=0.5,
        max_failed_trials=2,
        max_retries=3,
        retry_backoff=0,
        stop_after=StopAfter(4, 0.01),
    )


@pytest.mark.parametrize(
    ("written", "sampler", "seed"),
    [
        ("random", {"type": "random"}, 7),
        ("Random", {"type": "random"}, 7),
        ("sobol", {"type": "sobol"}, 7),
        ("", {"type": "random"}, 7),
        ("{type: random, rule: sobol, seed: 3}", {"type": "sobol"}, 3),
        ("{type: random, rule: Random, seed: 0}", {"type": "random"}, 0),
        ("{type: random, logbase: e}", {"type": "random"}, 7),
        ("{type: random, logbase: 10}", {"type": "random", "logbase": 10}, 7),
        ("{type: sobol, seed: 5, logbase: 2.5}", {"type": "sobol", "logbase": 2.5}, 5),
        ("{type: grid, seed: 5}", {"type": "grid"}, 5),
        ("GRID", {"type": "grid"}, 7),
        ("bayesian", {"type": "bayesian"}, 7),
        ("{type: Bayesian, seed: 5}", {"type": "bayesian"}, 5),
        ("TPE", {"type": "tpe"}, 7),
        ("{type: tpe, seed: 5}", {"type": "tpe"}, 5),
    ],
)
def test_sampling_algorithms(
    written: str, sampler: Mapping[str, Any], seed: int, sweep: Written, read: Read
) -> None:
    space = "{lr: {type: choice, values: [1, 2]}}"
    recipe = read(sweep(search_space=space, sampling_algorithm=written))
    assert (recipe.sampler, recipe.seed) == (sampler, seed)


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("", None),
        ("median_stopping", {"type": "median_stopping"}),
        ("MedianStopping", {"type": "median_stopping"}),
        (
            "{type: MedianStoppingPolicy, delay_evaluation: 5}",
            {"type": "median_stopping", "delay_evaluation": 5},
        ),
        ("{type: Bandit, slack_factor: 0.1}", {"type": "bandit", "slack_factor": 0.1}),
        ("{type: bandit, slack_amount: 0}", {"type": "bandit", "slack_amount": 0}),
        ("{type: bandit, slack_amount: 0, slack_factor: 0.2}", {"type": "bandit", "slack_factor": 0.2}),
        (
            "{type: bandit, slack_amount: 1, evaluation_interval: 0}",
            {"type": "bandit", "slack_amount": 1},
        ),
        (
            "{type: truncation_selection, truncation_percentage: 20, evaluation_interval: 2}",
            {"type": "truncation_selection", "truncation_percentage": 20, "evaluation_interval": 2},
        ),
        (
            "{type: truncation_selection, truncation_percentage: 1, exclude_finished_jobs: true}",
            {"type": "truncation_selection", "truncation_percentage": 1, "exclude_finished_jobs": True},
        ),
    ],
)
def test_policies(written: str, policy: Mapping[str, Any] | None, sweep: Written, read: Read) -> None:
    timing = {"evaluation_interval": 1, "delay_evaluation": 0}
    expected = None if policy is None else timing | dict(policy)
    assert read(sweep(early_termination=written)).policy == expected


@pytest.mark.parametrize(
    "written",
    [
        "{type: choice, values: [1, 2.5, a, 1.0, true, false]}",
        "{type: Choice, values: [a, b], ordered: true}",
        "{type: choice, values: [{conv: {type: choice, values: [1, 3]}, n: 2}, {flat: true, in: {a: 1}}]}",
        "{type: randint, upper: 10}",
        "{type: UNIFORM, min_value: 0, max_value: 1}",
        "{type: quniform, min_value: 0, max_value: 1, q: 0.4}",
        "{type: LogUniform, min_value: -6, max_value: -1}",
        "{type: qloguniform, min_value: 0, max_value: 3, q: 2}",
        "{type: normal, mu: 10, sigma: 3}",
        "{type: qnormal, mu: 0, sigma: 3.5, q: 1}",
        "{type: lognormal, mu: 0, sigma: 1}",
        "{type: QLogNormal, mu: 0, sigma: 1, q: 1}",
        "{type: float, low: 1e-4, high: 1e-1, log: true}",
        "{type: int, low: 1, high: 64, log: true}",
        "{type: int, low: 1, high: 64}",
    ],
)
def test_distributions_can_be_drawn_from_as_they_stand_in_the_recipe(
    written: str, sweep: Written, read: Read
) -> None:
    recipe = read(sweep(search_space=f"{{lr: {written}}}"))
    space = Space.from_json(recipe.space)
    (point,) = space.from_unit(np.full((1, len(space)), 0.25))
    assert space.parameters["lr"].contains(point["lr"])


def test_exponents_are_counted_to_the_base_that_the_algorithm_names(sweep: Written, read: Read) -> None:
    space = "{lr: {type: loguniform, min_value: -3, max_value: -1}}"
    recipe = read(sweep(search_space=space, sampling_algorithm="{type: random, logbase: 10}"))
    (point,) = Space.from_json(recipe.space).from_unit([[0.5]])
    assert point["lr"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("written", "names"),
    [("iris", ("iris",)), ("[iris, iris-2, iris]", ("iris", "iris-2")), (None, ())],
)
def test_earlier_sweeps_are_named_one_or_several(
    written: str | None, names: tuple[str, ...], sweep: Written, read: Read
) -> None:
    assert read(sweep(resume_from=written)).resume_from == names
    set_values = [("resume_from", written or "null")]
    assert read(sweep(), set_values=set_values).resume_from == names


@pytest.mark.parametrize("goal", ["Maximize", "MAXIMIZE", "maximize"])
def test_the_goal_may_have_any_case(goal: str, sweep: Written, read: Read) -> None:
    recipe = read(sweep(objective=f"{{goal: {goal}, primary_metric: 'Final test/loss'}}"))
    assert recipe.objective == Objective("Final test/loss", Goal.MAXIMIZE)


def test_a_sweep_without_an_objective_runs_every_trial(sweep: Written, read: Read) -> None:
    recipe = read(sweep(objective=None))
    assert recipe.objective is None
    assert recipe.notices == ("sweep.yml:1: no objective: every trial is run, nothing is compared",)
    assert read(sweep(objective="")).objective is None


def test_a_recipe_survives_json(sweep: Written, read: Read) -> None:
    recipe = read(sweep(early_termination="median_stopping", limits="{max_total_trials: 2, timeout: 9}"))
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_command_job_is_one_trial(command: Written, read: Read, folder: Path) -> None:
    recipe = read(
        command(
            type="Command",
            command="'python train.py ${{inputs.epochs}} ${{outputs.model}}'",
            inputs="{epochs: 3}",
            outputs="{model: }",
            environment_variables="{A: b}",
            limits="{timeout: 60}",
        )
    )
    assert (recipe.kind, recipe.objective, recipe.policy, dict(recipe.space)) == ("command", None, None, {})
    assert recipe.limits == Limits(
        max_total_trials=1, max_concurrent_trials=1, timeout=60, max_failed_trials=1
    )
    assert recipe.work.inputs == {"epochs": "3"}
    assert recipe.work.outputs == ("model",)
    assert recipe.work.code == str(folder / "src")
    assert recipe.work.environment_variables == {"A": "b"}


@pytest.mark.parametrize(
    ("changes", "where", "path", "part"),
    [
        ({"serach_space": "{}"}, "sweep.yml:4", "serach_space", "did you mean 'search_space'? it belongs to"),
        ({"search_space": "{}"}, "sweep.yml:4", "search_space", "it belongs to `type: sweep`"),
        ({"command": "echo ${{search_space.x}}"}, "sweep.yml:2", "command", "runs once"),
        ({"command": "echo ${{inputs.x}}"}, "sweep.yml:2", "command", "add `x` under `inputs`"),
        ({"command": None}, "sweep.yml:1", "command", "is missing"),
        ({"limits": "{max_total_trials: 3}"}, "sweep.yml:4", "limits.max_total_trials", "runs once"),
        ({"code": "./scr"}, "sweep.yml:3", "code", "did you mean 'src'?"),
        ({"timeout": "3"}, "sweep.yml:4", "timeout", "`limits.timeout`"),
    ],
)
def test_mistakes_in_a_command_job(
    changes: dict[str, str | None],
    where: str,
    path: str,
    part: str,
    command: Written,
    mistakes: Callable[..., list[Any]],
) -> None:
    (problem,) = mistakes(command(**changes))
    assert (problem.where, problem.path) == (where, path)
    assert part in str(problem)


# Dicts, as the Python SDK makes them --------------------------------------------------------------


def _document(**changes: Any) -> dict[str, Any]:
    return {
        "type": "sweep",
        "trial": {"command": "echo ${{search_space.lr}}"},
        "search_space": {"lr": Uniform(0.05, 0.1).to_json(), "k": Choice(range(3)).to_json()},
        "objective": {"goal": "Maximize", "primary_metric": "Accuracy"},
        "limits": {"max_total_trials": 4},
        **changes,
    }


def test_a_dict_is_checked_as_a_file_is(folder: Path, defaults: Defaults) -> None:
    document = _document(inputs={"d": {"type": "uri_folder", "path": Path("data")}, "n": np.int64(3)})
    recipe = load.check(document, source=Source("train.py:12"), base=folder, defaults=defaults)
    assert recipe.space["k"] == {"type": "choice", "values": [0, 1, 2]}
    assert recipe.work.inputs == {"d": str(folder / "data"), "n": "3"}
    assert [notice.split(": ")[0] for notice in recipe.notices] == ["train.py:12"]  # k is not used


def test_mistakes_in_a_dict_name_the_line_of_the_program(folder: Path, defaults: Defaults) -> None:
    document = _document(limits={"max_total_trials": 0}, inputs={"o": object(), "n": 10**5000})
    with pytest.raises(SpecError) as caught:
        load.check(document, source=Source("train.py:12"), base=folder, defaults=defaults)
    assert [str(problem) for problem in caught.value.problems] == [
        "train.py:12: inputs.o: cannot be written in a sweep (got an object of type object)",
        "train.py:12: inputs.n: is a number of more than 300 digits",
        "train.py:12: limits.max_total_trials: must be at least 1 (got 0)",
    ]


def test_halves_of_characters_are_joined_or_refused(folder: Path, defaults: Defaults) -> None:
    document = _document(display_name="\ud83d\ude00", tags={"\ud800": "x"}, description="\udc00")
    with pytest.raises(SpecError) as caught:
        load.check(document, source=Source("x.py:1"), base=folder, defaults=defaults)
    assert [problem.path for problem in caught.value.problems] == ["tags", "description"]


def test_the_dict_itself_stays_as_it_is(folder: Path, defaults: Defaults) -> None:
    document = _document(type="Sweep", sampling_algorithm={"type": "Random", "rule": None, "seed": None})
    before = json.dumps(document)
    load.check(document, source=Source(""), base=folder, defaults=defaults)
    assert json.dumps(document) == before


# Names, defaults, the schema for editors ----------------------------------------------------------


def test_made_up_names_are_two_words_and_ten_characters() -> None:
    random = Random(1)
    made = {names.generate(random) for _ in range(1000)}
    assert len(made) == 1000
    for name in made:
        adjective, noun, tail = name.split("_")
        assert adjective in names.ADJECTIVES
        assert noun in names.NOUNS
        assert len(tail) == 10
    assert len(set(names.ADJECTIVES)) == len(names.ADJECTIVES)
    assert len(set(names.NOUNS)) == len(names.NOUNS)


def test_the_experiment_is_called_after_the_folder(tmp_path: Path) -> None:
    (tmp_path / "my iris").mkdir()
    here = Defaults.here(tmp_path / "my iris")
    assert here.experiment == "myiris"
    assert here.slots >= 1
    assert here.name() != here.name()
    assert Defaults.here(Path("/")).experiment == "Default"


def test_the_schema_describes_both_kinds_of_jobs_and_every_key_of_a_sweep() -> None:
    schema = json_schema()
    assert {entry["$ref"] for entry in schema["anyOf"]} == {
        f"#/$defs/{kind}Job" for kind in ("Sweep", "Command", "Pipeline")
    }
    sweep = schema["$defs"]["SweepJob"]
    assert set(sweep["required"]) == {"type", "trial", "search_space", "limits"}
    assert sweep["additionalProperties"] is False
    assert "$schema" in sweep["properties"]
    assert {"choice", "loguniform", "float"} <= {
        definition["properties"]["type"]["anyOf"][0].get("const")
        for definition in schema["$defs"].values()
        if "anyOf" in definition["properties"].get("type", {})
    }
    text = json.dumps(schema)
    assert not [word for word in ("ge", "gt", "allow_inf_nan") if f'"{word}"' in text]
