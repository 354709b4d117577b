"""`environment`: every form of it, and what is said about one that is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from barrido.core.environment import Environment
from barrido.core.recipe import Recipe
from barrido.environments import interpreters
from barrido.errors import Problem

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Notices = Callable[..., list[str]]
Written = Callable[..., str]

HERE = ".".join(map(str, sys.version_info[:3]))


def trial(environment: str) -> str:
    return f"{{command: 'echo ${{{{search_space.lr}}}}', environment: {environment}}}"


def package(path: Path) -> None:
    (path / "pyproject.toml").write_text("[project]\nname = 'mine'\nversion = '1'\n")


@pytest.fixture
def made(read: Read, sweep: Written, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Environment | None]:
    """What a form of it stands for, where there is no conda."""
    monkeypatch.setattr(interpreters, "conda", lambda: None)
    return lambda environment: read(sweep(trial=trial(environment))).work.environment


@pytest.mark.parametrize("environment", ["", "local", "azureml:local"])
def test_it_is_this_interpreter_when_nothing_else_is_said(
    read: Read, sweep: Written, environment: str
) -> None:
    recipe = read(sweep(trial=trial(environment)) if environment else sweep())
    assert (recipe.work.environment, recipe.work.python, recipe.notices) == (None, None, ())


def test_a_path_is_an_interpreter_or_a_virtual_environment(
    folder: Path, made: Callable[[str], Environment | None], read: Read, sweep: Written
) -> None:
    (folder / "venv" / "bin").mkdir(parents=True)
    python = folder / "venv" / "bin" / "python"
    python.symlink_to(sys.executable)
    for text in ("./venv", "venv", "venv/bin/python", f"file:{folder}/venv", str(python)):
        found = made(text)
        assert found is not None
        assert found.interpreter == str(python)  # not what it links to, which has other packages
    assert read(sweep(trial=trial("./venv"))).work.python == str(python)


def test_requirements_are_a_file_or_a_list(folder: Path, made: Callable[[str], Environment | None]) -> None:
    package(folder / "data")
    package(folder / "src")
    (folder / "more.txt").write_text("c>=1,<2 ; python_version > '3'\n")
    (folder / "limits.txt").write_text("a==1.5\n")
    (folder / "wheels").mkdir()
    (folder / "requirements.txt").write_text(
        "# packages\na == 1.* # why\n\nb[all]~=2.0\n-r more.txt\n--constraint=limits.txt\n-f ./wheels\n"
        "d==1 \\\n  --hash=sha256:ab\n./data\ne @ https://example.com/e.whl\n--index-url https://example.com/\n"
        "-e ./src[x]\ngit+https://example.com/f.git@main#egg=f\ng @ file:./data\n"
    )
    found = made("{requirements: requirements.txt}")
    assert found is not None
    assert found.requirements == (
        "a == 1.*",
        "b[all]~=2.0",
        "c>=1,<2 ; python_version > '3'",
        f"--constraint {folder}/limits.txt",
        f"--find-links {folder}/wheels",
        "d==1   --hash=sha256:ab",
        f"{folder}/data",
        "e @ https://example.com/e.whl",
        "--index-url https://example.com/",
        f"-e {folder}/src[x]",
        "git+https://example.com/f.git@main#egg=f",
        f"g @ file://{folder}/data",
    )
    assert set(found.files) == {str(folder / name) for name in ("limits.txt", "wheels", "data", "src")}
    assert found.name == "requirements.txt"
    (folder / "data" / "train.csv").write_text("3,4,5\n")
    again = made("{requirements: requirements.txt}")
    assert again is not None
    assert again.content != found.content  # a local package changed
    listed = made("{requirements: [numpy, './data'], name: mine}")
    assert listed is not None
    assert (listed.requirements, listed.name) == (("numpy", f"{folder}/data"), "mine")


def test_local_packages_are_named_in_all_the_ways_that_pip_knows(
    folder: Path, made: Callable[[str], Environment | None]
) -> None:
    wheel = folder / "torch-2.1+cpu-py3-none-any.whl"
    wheel.touch()
    (folder / "my package").mkdir()
    package(folder / "my package")
    package(folder)
    (folder / "below").mkdir()
    address = wheel.as_uri()
    assert "%2B" in address
    (folder / "below" / "requirements.txt").write_text(
        f"torch @ {address}#sha256=ab\n"  # as `pip freeze` has it
        f"torch @ file://localhost{folder}/{wheel.name}\n{address}\nfile:../{wheel.name}#egg=torch\n"
        f"../{wheel.name} --hash=sha256:ab\n../{wheel.name};python_version > '3' --hash=sha256:ab\n..\n"
        f"-e file:..\n-e '../my package[all]'\n-e {(folder / 'my package').as_uri()}\n"
    )
    found = made("{requirements: below/requirements.txt}")
    assert found is not None
    assert found.requirements == (
        f"torch @ {address}#sha256=ab",
        f"torch @ {address}",
        str(wheel),
        f"{folder}/below/../{wheel.name}",
        f"{folder}/below/../{wheel.name} --hash=sha256:ab",
        f"{folder}/below/../{wheel.name} ; python_version > '3' --hash=sha256:ab",
        f"{folder}/below/..",
        f"-e {folder}/below/..",
        f"-e file://{folder}/below/../my%20package[all]",
        f"-e file://{folder}/my%20package",
    )
    assert str(folder / "my package") in found.files


def test_a_module_of_a_local_package_that_gets_another_name_makes_another_environment(
    folder: Path, made: Callable[[str], Environment | None]
) -> None:
    package(folder / "data")
    (folder / "data" / "old.py").touch()
    before = made("{requirements: [./data]}")
    (folder / "data" / "old.py").rename(folder / "data" / "new.py")
    after = made("{requirements: [./data]}")
    assert before is not None
    assert after is not None
    assert before.content != after.content


def test_python_is_of_the_version_that_is_asked_for(
    made: Callable[[str], Environment | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "uv", lambda: "/bin/uv")  # which could fetch any
    for asked, expected in ((HERE, None), (HERE.rpartition(".")[0], None), ("3.1", "3.1")):
        found = made(f"{{python: '{asked}', requirements: [numpy]}}")
        assert found is not None
        assert found.python == expected


def test_without_conda_pip_installs_what_a_conda_file_lists(
    folder: Path, made: Callable[[str], Environment | None], read: Read, sweep: Written
) -> None:
    package(folder / "data")
    (folder / "more.txt").write_text("mlflow\n")
    minor = HERE.rpartition(".")[0]
    (folder / "conda.yml").write_text(
        f"name: mine\nchannels: [conda-forge]\ndependencies:\n  - python={minor}\n  - pip=23\n"
        "  - numpy=1.26\n  - conda-forge::scipy>=1.11,<2\n  - pytorch\n"
        "  - pip:\n    - -r more.txt\n    - ./data\n"
    )
    expected = ("numpy==1.26.*", "scipy>=1.11,<2", "torch", "mlflow", f"{folder}/data")
    found = made("{image: 'mcr.example.com/x:1', conda_file: conda.yml, name: theirs}")
    assert found is not None
    assert (found.requirements, found.python, found.conda) == (expected, None, None)
    assert found.name == "theirs"
    assert read(sweep(trial=trial("{image: ubuntu, conda_file: conda.yml}"))).notices == (
        f"{folder}/conda.yml:1: conda is not installed here: "
        "pip installs numpy==1.26.*, scipy>=1.11,<2, torch (from its own index, not from conda-forge)",
        "sweep.yml:2: trial.environment.image: has no effect here: no container is started",
    )
    (notice,) = read(
        sweep(trial=trial("{conda_file: {variables: {A: 1}, dependencies: [{pip: [a]}]}}"))
    ).notices
    assert "conda_file.variables: has no effect" in notice
    inline = made("{conda_file: {dependencies: [numpy, {pip: [mlflow]}]}}")
    assert inline is not None
    assert inline.requirements == ("numpy", "mlflow")


def test_a_python_that_conda_would_bring_is_looked_for(
    made: Callable[[str], Environment | None],
    read: Read,
    sweep: Written,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = "{conda_file: {dependencies: [python=3.1, {pip: [mlflow]}]}}"
    monkeypatch.setattr(interpreters, "uv", lambda: "/bin/uv")
    found = made(environment)
    assert found is not None
    assert found.python == "3.1"
    monkeypatch.setattr(interpreters, "uv", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")
    found = made(environment)
    assert found is not None
    assert found.python is None
    (notice,) = read(sweep(trial=trial(environment))).notices
    assert notice.endswith(f"there is no Python 3.1 here: it is {HERE}")
    (notice,) = read(sweep(trial=trial("{conda_file: {dependencies: [python<3]}}"))).notices
    assert notice.endswith(f"there is no Python <3 here: it is {HERE}")
    assert read(sweep(trial=trial("{conda_file: {dependencies: ['python>=3.9,<4']}}"))).notices == ()


def test_where_there_is_conda_it_gets_the_file(
    folder: Path, read: Read, sweep: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(folder / "data")
    monkeypatch.setattr(interpreters, "conda", lambda: "/opt/conda/bin/conda")
    text = (
        "{conda_file: {channels: [defaults], dependencies: [python=3.9, numpy=1.26=py39, {pip: [./data]}]}}"
    )
    recipe = read(sweep(trial=trial(text)))
    assert recipe.work.environment == Environment(
        name="inline",
        conda='{"channels": ["defaults"], "dependencies": ["python=3.9", "numpy=1.26=py39", '
        f'{{"pip": ["{folder}/data"]}}]}}',
        files={str(folder / "data"): recipe.work.environment.files[str(folder / "data")]}
        if recipe.work.environment
        else {},
    )
    assert recipe.notices == ()


def test_it_is_the_same_after_it_was_stored(folder: Path, read: Read, sweep: Written) -> None:
    package(folder / "data")
    recipe = read(sweep(trial=trial("{requirements: [numpy, ./data]}")))
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_an_environments_own_file_is_read(folder: Path, made: Callable[[str], Environment | None]) -> None:
    (folder / "azure").mkdir()
    (folder / "azure" / "env.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        "name: mine\nversion: 3\nimage: ubuntu\nconda_file: conda.yml\n"
    )
    (folder / "azure" / "conda.yml").write_text("dependencies: [numpy]\n")
    found = made("file:azure/env.yml")
    assert found is not None
    assert (found.name, found.requirements) == ("mine", ("numpy",))


WRONG: list[tuple[str, str, str, str]] = [
    ("a path that leads nowhere", "./vnv", "environment: there is no interpreter and no environment", ""),
    ("a folder without Python", "./data", "environment: has no bin/python", "python3 -m venv"),
    ("a file that is no program", "data/train.csv", "environment: is no interpreter", ""),
    ("a requirements file as text", "./r.txt", "environment: is no interpreter", "{requirements: ./r.txt}"),
    ("a list", "[numpy]", "environment: must be a name, a path, or a mapping", ""),
    ("a key mistyped", "{requirments: [a]}", "requirments: is not a known key", "mean 'requirements'?"),
    ("conda's keys at the top", "{dependencies: [a]}", "is not a known key", "belongs into a conda file"),
    ("a path as a key", "{path: ./venv}", "path: is not a known key", "is given as text"),
    ("requirements as a mapping", "{requirements: {a: 1}}", "requirements: must be the path", "[numpy,"),
    ("no requirements", "{requirements: []}", "requirements: must be the path", ""),
    ("a file that is not there", "{requirements: rr.txt}", "requirements: there is no file", "mean 'r.txt'?"),
    ("one equals sign", "{requirements: [a=1.5]}", "requirements[0]: is not a requirement", "write `a==1.5`"),
    ("no requirement at all", "{requirements: ['a b c']}", "is not a requirement", "for example"),
    ("a package that is not there", "{requirements: [./no]}", "there is no file or folder", ""),
    ("a folder that is no package", "{requirements: [./data]}", "has no pyproject.toml or setup.py", ""),
    ("two lines in one", '{requirements: ["a\\nb"]}', "requirements[0]: is more than one line", "one item"),
    ("an option of nobody's", "{requirements: ['--fast']}", "is no option of requirements files", ""),
    ("a line in a file", "{requirements: bad.txt}", "bad.txt:2: is not a requirement (got 'x y')", ""),
    ("a file that includes itself", "{requirements: loop.txt}", "includes itself", ""),
    ("both", "{requirements: [a], conda_file: c.yml}", "cannot be said beside `conda_file`", "pip: [numpy]"),
    ("a version beside conda", "{python: '3.9', conda_file: c.yml}", "python: cannot be said", "python=3.9"),
    ("a version as a number", "{python: 3.10, requirements: [a]}", "python: must be a version", "in quotes"),
    ("no version", "{python: three}", "python: must be a version, as '3.12' (got 'three')", ""),
    ("a conda file that is not there", "{conda_file: d.yml}", "there is no file", "mean"),
    ("a conda file without any", "{conda_file: {name: a}}", "dependencies: must be a list", "for example"),
    ("no key of conda's", "{conda_file: {chanels: [a], dependencies: []}}", "is not a key", "'channels'?"),
    ("no package of conda's", "{conda_file: {dependencies: [3]}}", "dependencies[0]: is no package", ""),
    ("no version of conda's", "{conda_file: {dependencies: ['a=|1']}}", "has no version that can", ""),
    ("a broken conda file", "{conda_file: broken.yml}", "broken.yml:2", ""),
    ("conda's file for Azure's", "c.yml", "dependencies: is not a known key", "conda_file: ./conda.yml"),
    ("a file of itself", "self.yml", "leads back to itself", ""),
    ("a number", "3", "must be a name, a path, or a mapping that describes it (got 3)", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "what", "hint"), [one[1:] for one in WRONG], ids=[o[0] for o in WRONG]
)
def test_what_is_wrong_is_said_with_its_place(
    folder: Path, mistakes: Mistakes, sweep: Written, environment: str, what: str, hint: str
) -> None:
    (folder / "r.txt").write_text("a\n")
    (folder / "c.yml").write_text("dependencies: [numpy]\n")
    (folder / "bad.txt").write_text("a\nx y\n")
    (folder / "self.yml").write_text("file:./self.yml\n")
    (folder / "loop.txt").write_text("-r loop.txt\n")
    (folder / "broken.yml").write_text("dependencies:\n  - a: b: c\n")
    found = mistakes(sweep(trial=trial(environment)))
    assert [problem for problem in found if what in str(problem) and hint in problem.hint], found
    assert all(problem.where for problem in found)


def test_a_python_that_nobody_has_is_a_mistake(
    mistakes: Mistakes, sweep: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "uv", lambda: None)
    (problem,) = mistakes(sweep(trial=trial("{python: '3.1'}")))
    assert "there is no Python 3.1 here" in problem.what
    assert "uv" in problem.hint


def test_all_mistakes_are_said_at_once(mistakes: Mistakes, sweep: Written) -> None:
    found = mistakes(sweep(trial=trial("{requirements: [a=1, ./no]}"), limits="{max_total_trials: 0}"))
    assert len(found) == 3


def test_a_program_may_come_with_what_is_installed(mistakes: Mistakes, sweep: Written) -> None:
    command = "{command: 'surely-no-such-program ${{search_space.lr}}', environment: {requirements: [a]}}"
    assert mistakes(sweep(trial=command)) == []


def test_on_other_machines_it_must_lie_at_the_same_path(notices: Notices, sweep: Written) -> None:
    text = sweep(trial=trial("{requirements: [numpy]}"), compute="ray:auto")
    assert [notice for notice in notices(text) if "every node of the cluster needs it" in notice]


def test_any_other_text_is_a_name_that_nobody_knows(notices: Notices, sweep: Written) -> None:
    for name in ("sklearn", "a" * 5000, "Café au lait"):
        (notice,) = notices(sweep(trial=trial(f"'{name}'")))
        assert "is not known here: trials run in this interpreter" in notice
