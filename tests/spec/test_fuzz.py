"""Whatever stands in a file, the answer is a recipe or an error of ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from barrido.core.pipeline import PipelineRecipe
from barrido.core.recipe import Recipe
from barrido.errors import Problem, SpecError
from barrido.spec import load
from barrido.spec.document import parse
from barrido.spec.load import Defaults
from barrido.spec.source import Findings, Source

DOCUMENT: dict[str, Any] = {
    "type": "sweep",
    "name": "iris",
    "tags": {"a": "b"},
    "trial": {"command": "python train.py ${{search_space.lr}} [--n ${{inputs.n}}]", "code": "src"},
    "inputs": {"n": 3, "d": {"type": "uri_folder", "path": "data"}},
    "outputs": {"model": None},
    "sampling_algorithm": {"type": "random", "seed": 3, "logbase": 10},
    "search_space": {
        "lr": {"type": "loguniform", "min_value": -6, "max_value": 0},
        "k": {"type": "choice", "values": [1, "a", {"x": {"type": "randint", "upper": 3}}]},
    },
    "objective": {"goal": "maximize", "primary_metric": "accuracy"},
    "limits": {"max_total_trials": 4, "timeout": 60, "stop_after": {"trials": 3}},
    "early_termination": {"type": "bandit", "slack_factor": 0.1},
}

COMPONENT: dict[str, Any] = {
    "type": "command",
    "inputs": {
        "lr": {"type": "number", "min": 0, "max": 1},
        "n": {"type": "integer", "default": 3, "enum": [1, 3]},
        "d": {"type": "uri_folder", "optional": True},
    },
    "outputs": {"model": {"type": "uri_folder"}},
    "code": "./src",
    "command": "python train.py ${{inputs.lr}} ${{inputs.n}} $[[${{inputs.d}}]] ${{outputs.model}}",
}
PIPELINE: dict[str, Any] = {
    "type": "pipeline",
    "name": "iris",
    "inputs": {"rate": 0.5, "data": {"type": "uri_folder", "path": "data"}},
    "outputs": {"best": None},
    "settings": {"continue_on_step_failure": True},
    "jobs": {
        "train": {
            "type": "sweep",
            "trial": COMPONENT,
            "inputs": {"d": "${{parent.inputs.data}}"},
            "search_space": {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}},
            "objective": {"goal": "maximize", "primary_metric": "accuracy"},
            "limits": {"max_total_trials": 2},
            "outputs": {"model": "${{parent.outputs.best}}"},
        },
        "use": {
            "component": COMPONENT,
            "inputs": {"lr": "${{parent.inputs.rate}}", "d": "${{parent.jobs.train.outputs.model}}"},
        },
    },
}

TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "type",
            "choice",
            "uniform",
            "command",
            "${{inputs.n}}",
            "${{",
            "azureml:x",
            "../x",
            "~nobody9/x",
            "x" * 300,
            f"./{'x' * 300}",
            f"python {'x' * 300}.py",
            "${{parent.inputs.rate}}",
            "${{parent.jobs.train.outputs.model}}",
            "component",
            "\0",
            "e",
            "1e999",
        ]
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.just(10**400),
    st.just("\ud800"),
    st.just(-(10**20)),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3))
)

GENTLE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in _places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, whole: Any) -> Any:
    """``whole`` with some of its values replaced, removed, or moved to another key."""
    document: Any = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_places(document)))
        if not path:
            continue
        around = document
        for part in path[:-1]:
            around = around[part]
        match draw(st.sampled_from(["replace", "remove", "move"])):
            case "replace":
                around[path[-1]] = draw(VALUES)
            case "remove":
                del around[path[-1]]
            case _ if isinstance(around, dict):
                around[draw(TEXTS)] = around.pop(path[-1])
    return document


def _checked(document: Any, folder: Path, defaults: Defaults) -> Recipe | tuple[Problem, ...]:
    try:
        return load.check(document, source=Source("x.py:1"), base=folder, defaults=defaults)
    except SpecError as error:
        return error.problems


def _checked_pipeline(
    document: Any, folder: Path, defaults: Defaults
) -> PipelineRecipe | tuple[Problem, ...]:
    findings = Findings(Source("x.py:1"))
    try:
        return load.check_pipeline(document, findings, base=folder, defaults=defaults)
    except SpecError as error:
        return error.problems


def mistakes(path: Path | str, **settings: Any) -> tuple[Problem, ...]:
    try:
        load.load(path, **settings)
    except SpecError as error:
        return error.problems
    return ()


def test_the_document_that_is_mutated_is_right(folder: Path, defaults: Defaults) -> None:
    assert isinstance(_checked(DOCUMENT, folder, defaults), Recipe)


@GENTLE
@given(document=mutated(DOCUMENT))
def test_a_dict_gives_a_recipe_or_a_spec_error(document: Any, folder: Path, defaults: Defaults) -> None:
    result = _checked(document, folder, defaults)
    if isinstance(result, Recipe):
        assert Recipe.from_json(result.to_json()) == result
    else:
        assert result
        assert all(problem.what and problem.where for problem in result)


def test_the_pipeline_that_is_mutated_is_right(folder: Path, defaults: Defaults) -> None:
    assert isinstance(_checked_pipeline(PIPELINE, folder, defaults), PipelineRecipe)


@settings(GENTLE, max_examples=400)
@given(document=mutated(PIPELINE))
def test_a_pipeline_gives_a_recipe_or_a_spec_error(document: Any, folder: Path, defaults: Defaults) -> None:
    result = _checked_pipeline(document, folder, defaults)
    if isinstance(result, PipelineRecipe):
        assert PipelineRecipe.from_json(result.to_json()) == result
    else:
        assert result
        assert all(problem.what and problem.where for problem in result)


@settings(GENTLE, max_examples=100)
@given(document=mutated(DOCUMENT))
def test_a_file_gives_what_its_dict_gives(document: Any, folder: Path, defaults: Defaults) -> None:
    path = folder / "fuzz.yml"
    path.write_text(json.dumps(document, default=str))  # JSON is YAML
    found = mistakes(path, defaults=defaults)
    assert all(problem.what and problem.where.startswith(str(path)) for problem in found)


@GENTLE
@given(text=st.text(alphabet="ab:- \n\t[]{}&*!|>'\"%@`#,?~0.\\$", max_size=60))
def test_any_text_can_be_parsed_or_is_said_to_be_wrong(text: str) -> None:
    read = parse(text, name="x")
    assert read.value is not None or read.findings.problems or text.strip()


@settings(GENTLE, max_examples=100)
@given(path=st.one_of(TEXTS, st.text(alphabet="abt.[]0", max_size=10)), value=st.text(max_size=20))
def test_anything_may_be_set_on_the_command_line(
    path: str, value: str, sweep: Callable[..., str], folder: Path, defaults: Defaults
) -> None:
    (folder / "fuzz.yml").write_text(sweep())
    mistakes("fuzz.yml", set_values=[(path, value)], defaults=defaults)


@settings(GENTLE, max_examples=100)
@given(raw=st.binary(max_size=60))
def test_any_bytes_may_be_in_a_file(raw: bytes, folder: Path, defaults: Defaults) -> None:
    (folder / "fuzz.yml").write_bytes(raw)
    found = mistakes("fuzz.yml", defaults=defaults)
    assert found
