"""`barrido schema`: all that is written in this repository is right by it, and mistakes are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML
from tests.docs.test_code_blocks import WHOLE, all_blocks
from tests.spec.wrong_variants import GOOD as FILE

from barrido.cli.main import run
from barrido.spec.schema import json_schema

ROOT = Path(__file__).parents[2]
GOOD = """
type: sweep
trial: {command: "python train.py --lr ${{search_space.lr}}"}
search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 3}
"""


SCHEMA = jsonschema.Draft202012Validator(json_schema())


def is_right(job: Any) -> bool:
    return bool(SCHEMA.is_valid(job))


def jobs() -> list[Path]:
    found = sorted((ROOT / "examples").rglob("*.yml"))
    return [
        path
        for path in found
        if YAML(typ="safe").load(path.read_text()).get("jobs") or "limits" in path.read_text()
    ]


@pytest.mark.parametrize("path", jobs(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_are_right(path: Path) -> None:
    assert is_right(YAML(typ="safe").load(path.read_text()))


@pytest.mark.parametrize(("path", "line", "text"), all_blocks("yaml"))
def test_what_the_pages_show_is_right(path: Path, line: int, text: str) -> None:
    job = YAML(typ="safe").load(text)
    if not text.startswith("# .barrido/mapping.yaml"):
        assert is_right(job if "type" in job else {**YAML(typ="safe").load(WHOLE), **job}), f"{path}:{line}"


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job.update(type="Sweep"),
        lambda job: job["objective"].update(goal="Maximize"),
        lambda job: job["search_space"]["lr"].update(type="Uniform"),
        lambda job: job.update(early_termination={"type": "MedianStopping"}),
        lambda job: job.update(
            early_termination={"type": "truncation-selection", "truncation_percentage": 5}
        ),
        lambda job: job.update(sampling_algorithm="Bayesian"),
    ],
)
def test_words_in_any_case_are_right(change: Callable[[dict[str, Any]], object]) -> None:
    job = YAML(typ="safe").load(GOOD)
    change(job)
    assert is_right(job)


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job["trial"].update(environment_variables={"SEED": 1, "RATE": 0.5, "ON": True}),
        lambda job: job["trial"].update(environment={"name": "sk", "version": 2}),
        lambda job: job["trial"].update(warm=True),
        lambda job: job["trial"].update(warm="On"),
        lambda job: job.update(tags={"round": 3}, properties={"is_final": False}),
    ],
)
def test_what_becomes_a_text_or_a_word_is_right(change: Callable[[dict[str, Any]], object]) -> None:
    job = YAML(typ="safe").load(GOOD)
    change(job)
    assert is_right(job)


def test_the_file_that_wrong_ones_vary_is_right() -> None:
    assert is_right(YAML(typ="safe").load(FILE))


def test_every_key_is_explained() -> None:
    definitions = json_schema()["$defs"]
    assert [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, shape in definition.get("properties", {}).items()
        if not shape.get("description")
    ] == []


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert is_right(YAML(typ="safe").load(GOOD))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job.pop("limits"),
        lambda job: job.pop("trial"),
        lambda job: job.update(type="swep"),
        lambda job: job.update(max_total_trials=3),
        lambda job: job["limits"].update(max_total_trials=0),
        lambda job: job["limits"].update(max_total_trials="many"),
        lambda job: job["search_space"]["lr"].pop("max_value"),
        lambda job: job["search_space"]["lr"].update(type="uniformly"),
        lambda job: job["objective"].update(goal="smaller"),
        lambda job: job["trial"].update(comand="echo"),
        lambda job: job.update(early_termination={"type": "bandit", "slack": 1}),
        lambda job: job.update(constraints={"a": 1}),
        lambda job: job["trial"].update(environment_variables={"SEED": [1]}),
        lambda job: job["trial"].update(warm="hot"),
    ],
)
def test_mistakes_are_wrong(spoil: Callable[[dict[str, Any]], object]) -> None:
    job = YAML(typ="safe").load(GOOD)
    spoil(job)
    assert not is_right(job)


def test_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
    file = tmp_path / "barrido.schema.json"
    assert run(["schema", "-f", str(file)]) == 0
    assert "# yaml-language-server: $schema=" in capsys.readouterr().out
    assert json.loads(file.read_text()) == json_schema()
    assert run(["schema", "-f", str(file)]) != 0
    assert "is there already" in capsys.readouterr().err
