"""What other packages bring, by name: found, checked with everything else, and missed when it is gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Recipe
from barrido.errors import RequestError, SpecError
from barrido.executors.local import LocalExecutor
from barrido.registry import build_executor, build_plan, build_sampler
from barrido.spec.defaults import Defaults
from barrido.spec.load import load

MODULE = """
from barrido.executors.local import LocalExecutor
from barrido.samplers.random import RandomSampler
from barrido.schedulers.asha import ASHA

class Mine(RandomSampler):
    def __init__(self, space, *, option, other=1):
        super().__init__(space)
        if option > 5:
            raise ValueError(f"option must be at most 5 (got {option})")
        if option < 0:
            {}["below zero"]

class Student(Mine):
    learns = True

class Stopping(ASHA):
    def __init__(self, *, trials, max_resource, reduction_factor=3):
        super().__init__(
            trials=trials, max_resource=max_resource, reduction_factor=reduction_factor, variant="stopping"
        )

class Slow(LocalExecutor):
    def __init__(self, folder, recipe, argument, **settings):
        super().__init__(folder, recipe, **settings)
        self.argument = argument

    @staticmethod
    def check(argument):
        if argument not in ("", "very"):
            raise ValueError(f"is slow, or very slow (got {argument!r})")
"""
POINTS = """
[barrido.samplers]
mine = strange_search:Mine
student = strange_search:Student
random = strange_search:Mine
broken = strange_search.nowhere:Mine
[barrido.schedulers]
My-Stopping = strange_search:Stopping
[barrido.executors]
slow = strange_search:Slow
local = strange_search:Slow
"""
SWEEP = """\
type: sweep
trial: {{command: "true"}}
search_space: {{x: {{type: uniform, min_value: 0, max_value: 1}}}}
limits: {{max_total_trials: 9}}
{}
"""
OBJECTIVE = "objective: {goal: minimize, primary_metric: loss}\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Puts a package where Python finds it."""

    def put(name: str = "strange-search", points: str = POINTS) -> Path:
        site = tmp_path / name
        info = site / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(points)
        (site / "strange_search.py").write_text(MODULE)
        monkeypatch.syspath_prepend(site)
        return site

    yield put
    sys.modules.pop("strange_search", None)


def written(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "sweep.yml"
    path.write_text(SWEEP.format(text))
    return load(path, defaults=Defaults.here())


def wrong(tmp_path: Path, text: str) -> list[str]:
    """What is wrong, each with its key and hint."""
    with pytest.raises(SpecError) as caught:
        written(tmp_path, text)
    return [f"{p.path}: {p.what}" + (f"; {p.hint}" if p.hint else "") for p in caught.value.problems]


def test_each_kind_is_found_by_its_name(install: Callable[..., Path], tmp_path: Path) -> None:
    install()
    recipe = written(
        tmp_path,
        OBJECTIVE
        + "sampling_algorithm: {type: mine, option: 3, seed: 7}\n"
        + "scheduler: {type: my_stopping, max_resource: 9, reduction_factor: 2}\n"
        + "compute: slow:very",
    )
    assert (recipe.sampler, recipe.seed) == ({"type": "mine", "option": 3}, 7)
    assert recipe.scheduler == {"type": "my_stopping", "max_resource": 9, "reduction_factor": 2}
    assert recipe.compute == "slow:very"
    assert recipe.packages == dict.fromkeys(("executor", "sampler", "scheduler"), "strange-search 1.2")
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert type(build_sampler(recipe)).__name__ == "Mine"
    assert type(build_plan(recipe).scheduler).__name__ == "Stopping"
    tracker: Any = SimpleNamespace(environment=lambda trial, attempt: {})
    executor = build_executor(recipe, SweepFolder(tmp_path / "sweep"), tracker)
    assert isinstance(executor, LocalExecutor)
    assert vars(executor)["argument"] == "very"
    executor.close()


def test_what_is_ours_cannot_be_replaced(install: Callable[..., Path], tmp_path: Path) -> None:
    install()
    recipe = written(tmp_path, "sampling_algorithm: random\ncompute: local")
    assert recipe.packages == {}
    assert type(build_sampler(recipe)).__module__ == "barrido.samplers.random"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "sampling_algorithm: {type: mine, optoin: 3}",
            [
                "sampling_algorithm.optoin: is not a known key; did you mean 'option'?",
                "sampling_algorithm.option: is missing",
            ],
        ),
        (
            "sampling_algorithm: {type: mine, option: 6}",
            ["sampling_algorithm: option must be at most 5 (got 6)"],
        ),
        (
            "sampling_algorithm: {type: mine, option: -1}",
            ["sampling_algorithm: strange-search 1.2 failed: KeyError: 'below zero'"],
        ),
        (
            "sampling_algorithm: {type: student, option: 1}",
            ["sampling_algorithm: needs an `objective`: nothing is compared without one; add one"],
        ),
        (
            "sampling_algorithm: {type: broken}",
            [
                "sampling_algorithm: strange-search 1.2, which brings the sampler 'broken', cannot be "
                "imported: ModuleNotFoundError: No module named 'strange_search.nowhere'"
            ],
        ),
        (
            "sampling_algorithm: {type: xyz}",
            [
                "sampling_algorithm.type: is not a sampling algorithm (got 'xyz'); it can be broken, mine, "
                "random, student, grid, sobol, bayesian, tpe or bohb"
            ],
        ),
        (
            OBJECTIVE + "scheduler: {type: my-stopping, max_resource: 9, trials: 4, eta: 2}",
            [
                "scheduler.trials: is not a known key; it can be max_resource or reduction_factor",
                "scheduler.eta: is not a known key; it can be max_resource or reduction_factor",
            ],
        ),
        (
            OBJECTIVE + "scheduler: {type: my_stopping}",
            ["scheduler.max_resource: is missing; what the best trials get"],
        ),
        ("compute: slow:quick", ["compute: is slow, or very slow (got 'quick')"]),
    ],
)
def test_mistakes_are_found_with_their_places(
    install: Callable[..., Path], tmp_path: Path, text: str, problems: list[str]
) -> None:
    install()
    found = wrong(tmp_path, text)
    assert len(found) == len(problems), found
    for one, expected in zip(found, problems, strict=True):
        assert expected in one


def test_two_packages_that_bring_the_same(install: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("strange-search", "stranger-search"):
        install(name, "[barrido.samplers]\nmine = strange_search:Mine\n")
    (problem,) = wrong(tmp_path, "sampling_algorithm: {type: mine, option: 1}")
    assert "several packages bring a sampler 'mine': strange-search 1.2, stranger-search 1.2" in problem


def test_who_resumes_without_the_package_is_told_what_to_install(
    install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install()
    recipe = written(
        tmp_path,
        OBJECTIVE
        + "sampling_algorithm: {type: mine, option: 3}\n"
        + "scheduler: {type: my_stopping, max_resource: 9}\ncompute: slow",
    )
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(site)])
    tracker: Any = SimpleNamespace(environment=lambda trial, attempt: {})
    for build in (
        build_sampler,
        build_plan,
        lambda recipe: build_executor(recipe, SweepFolder(tmp_path / "sweep"), tracker),
    ):
        with pytest.raises(RequestError, match="is not installed here") as caught:
            build(recipe)
        assert "install strange-search 1.2 into the Python" in caught.value.hint


def test_nobody_looks_for_packages_where_all_names_are_ours(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yml"
    path.write_text(SWEEP.format("sampling_algorithm: sobol\ncompute: local"))
    code = (
        "import sys, barrido.cli.main, importlib.metadata as m\n"
        "theirs = m.entry_points\n"
        "def watched(*, group):\n"
        "    assert not group.startswith('barrido'), group\n"
        "    return theirs(group=group)\n"
        "m.entry_points = watched\n"
        "from barrido.spec.load import load\n"
        "from barrido.spec.defaults import Defaults\n"
        "from barrido.registry import build_sampler, build_plan\n"
        "recipe = load(sys.argv[1], defaults=Defaults.here())\n"
        "build_sampler(recipe), build_plan(recipe)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
