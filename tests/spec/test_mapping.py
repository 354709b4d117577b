"""The workspace's table: what stands for names of Azure's on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from barrido.core.recipe import Recipe
from barrido.errors import SpecError
from barrido.spec import load
from barrido.spec.load import Defaults
from barrido.spec.mapping import read_table

Written = Callable[..., str]


def trial(environment: str) -> str:
    return f"{{command: 'echo ${{{{search_space.lr}}}}', environment: {environment}}}"


@pytest.fixture
def mapped(folder: Path, defaults: Defaults, sweep: Written) -> Callable[[str, str], Recipe]:
    """The recipe of a sweep in a workspace whose table is ``table``."""

    def _mapped(table: str, environment: str) -> Recipe:
        path = folder / "ws" / "mapping.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(table)
        (folder / "sweep.yml").write_text(sweep(trial=trial(environment)))
        return load.load(folder / "sweep.yml", defaults=replace(defaults, table=partial(read_table, path)))

    return _mapped


def test_the_table_says_what_azures_names_stand_for(
    folder: Path, mapped: Callable[[str, str], Recipe]
) -> None:
    (folder / "ws").mkdir()
    (folder / "ws" / "sk.txt").write_text("scikit-learn\n")
    table = (
        "environments:\n  azureml:sk: {requirements: sk.txt}\n  sk:2: {requirements: [two]}\n"
        "  sk@latest: {requirements: [latest]}\n  mcr.example.com/img:1: {requirements: [image]}\n"
        "  other: azureml:sk:2\n  here: local\n"
    )
    for name, expected in (
        ("azureml:sk:1", "scikit-learn"),
        ("sk", "scikit-learn"),
        ("azureml:sk:2", "two"),
        ("azureml:sk@latest", "latest"),
        ("azureml://registries/azureml/environments/sk/versions/2", "two"),
        ("azureml://registries/azureml/environments/sk/labels/latest", "latest"),
        ("{image: 'mcr.example.com/img:1'}", "image"),
        ("{name: sk, version: 2}", "two"),
        ("{name: sk, version: 7, image: 'mcr.example.com/img:1'}", "scikit-learn"),
        ("azureml:other:5", "two"),
    ):
        environment = mapped(table, f"'{name}'" if name[0] != "{" else name).work.environment
        assert environment is not None
        assert environment.requirements == (expected,)
    recipe = mapped(table, "azureml:here:1")
    assert (recipe.work.environment, recipe.notices) == (None, ())
    (notice,) = mapped(table, "azureml:unknown:1").notices
    assert "'azureml:unknown:1' is not known here: trials run in this interpreter" in notice


@pytest.mark.parametrize(
    ("table", "what", "line"),
    [
        ("environments:\n  sk: {requirements: [a=1]}\n", "is not a requirement", 2),
        ("environments:\n  sk: {requirments: [a]}\n", "is not a known key", 2),
        ("environments:\n  sk: ./no\n", "there is no interpreter and no environment", 2),
        ("environments:\n  sk: other\n  other: sk\n", "leads back to itself", 3),
        ("environments:\n  sk: local\n  azureml:sk: local\n", "is the same as 'sk'", 3),
        ("environment:\n  sk: local\n", "is not a known key", 1),
        ("environments: [sk]\n", "must be a mapping of names", 1),
        ("- sk\n", "must be a mapping with environments and inputs", 1),
        ("inputs:\n  a: 3\n", "must be a path on this machine", 2),
        ("inputs:\n  a: https://x/y\n", "is not on this machine", 2),
        ("inputs: {a: b: c}\n", "not valid YAML", 1),
    ],
)
def test_what_is_wrong_in_the_table_is_said_with_its_place(
    folder: Path, mapped: Callable[[str, str], Recipe], table: str, what: str, line: int
) -> None:
    with pytest.raises(SpecError) as caught:
        mapped(table, "azureml:sk:1")
    (problem,) = caught.value.problems
    assert what in problem.what
    assert problem.where == f"{folder}/ws/mapping.yaml:{line}"


def test_it_is_known_where_an_input_is_written_and_a_wrong_one_is_told_once(folder: Path) -> None:
    path = folder / "mapping.yaml"
    path.write_text("inputs:\n  iris: ./no.csv\n  https://x/: data/\n  bad: https://x\n  https://y/: 3\n")
    table = read_table(path)
    assert [table.where(uri) for uri in ("azureml:iris:1", "https://x/a")] == [f"{path}:2", f"{path}:3"]
    assert [table.local(uri) for uri in ("azureml:bad:1", "https://y/a")] == ["", ""]
    assert len(table.findings.problems) == 2


def test_the_table_knows_inputs_and_all_that_lies_below_an_address(folder: Path) -> None:
    path = folder / "mapping.yaml"
    path.write_text(
        "inputs:\n  azureml:iris:1: data/train.csv\n  azureml:iris: data\n"
        "  azureml://datastores/blob/paths/: data/\n  azureml://datastores/blob/paths/deep/: /deep/\n"
        "  https://x/y.csv: /y.csv\n"
    )
    table = read_table(path)
    for uri, expected in (
        ("azureml:iris:1", f"{folder}/data/train.csv"),
        ("azureml:iris@latest", f"{folder}/data"),
        ("https://x/y.csv", "/y.csv"),
        ("https://x/z.csv", None),
        ("azureml://datastores/blob/paths/a/b.csv", f"{folder}/data/a/b.csv"),
        ("azureml://datastores/blob/paths/deep/b.csv", "/deep/b.csv"),
        ("azureml://datastores/blob/paths/../b.csv", None),
        ("azureml:wine:1", None),
    ):
        assert table.local(uri) == expected
    path.write_text("# nothing yet\n")
    empty = read_table(path)
    assert (empty.local("azureml:iris:1"), empty.findings.problems) == (None, ())
    path.chmod(0)
    if os.geteuid():
        assert read_table(path).findings.problems
