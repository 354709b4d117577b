"""Searches that learn from earlier ones."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from barrido import (
    Choice,
    MLClient,
    RequestError,
    Search,
    SpecError,
    SweepNotFound,
    Uniform,
    app,
    command,
)
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Fate, Observation
from barrido.core.recipe import Goal, Limits, Recipe
from barrido.core.recipe import Objective as Aim
from barrido.core.trial import Expectation
from barrido.registry import build_sampler
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore

Tell = Callable[..., Any]
Heard = list[list[Observation]]


@pytest.fixture
def earlier(story: Tell) -> Any:
    """A sweep called iris: trial 0 reached 0.2, 1 failed, 2 was canceled before it said anything, 3 runs."""
    told = story(limits=Limits(max_total_trials=5, max_concurrent_trials=4)).start()
    told.launched(0).reported(0, 0.2).reported(0, 0.1).exited(0)
    told.launched(1).exited(1, 3)
    told.cancel(2).exited(2, -15)
    return told.launched(3).reported(3, 0.9)


def again(earlier: Any, echo: str, **changes: Any) -> Recipe:
    old: Recipe = earlier.recipe
    settings = {"name": "iris-2", "sampler": {"type": echo}, "resume_from": ("iris",), **changes}
    return replace(old, **settings)


def test_what_earlier_trials_came_to_is_kept_with_the_new_sweep(
    earlier: Any, echo: str, heard: Heard, workspace: Workspace, tmp_path: Path
) -> None:
    recipe, prior = app.warm_start(again(earlier, echo), workspace)
    assert recipe.notices == ()
    folder = SweepFolder(tmp_path / "new")
    SqliteStore.create(folder, recipe, version="0", at=0.0, prior=prior).close()
    store = SqliteStore(folder)
    assert store.recipe().resume_from == ("iris",)
    assert store.prior() == prior == [
        Observation(-2, {"x": 0}, (-0.2,), 2, Fate.COMPLETED),
        Observation(-1, {"x": 1}, (), 0, Fate.FAILED),
    ]  # fmt: skip
    own = Observation(0, {"x": 3}, (-0.5,), 1, Fate.COMPLETED)
    sampler = build_sampler(recipe, store.prior())
    assert sampler.ask([own], [], [1], 0) == [{"x": 3}]
    assert heard[-1] == [*prior, own]
    store.close()


def test_the_new_sweep_needs_the_earlier_one_no_more(earlier: Any, workspace: Workspace) -> None:
    limits = Limits(max_total_trials=2, max_concurrent_trials=1)
    folder = app.create(again(earlier, "tpe", limits=limits), workspace)
    shutil.rmtree(earlier.folder.root)
    deadline = time.monotonic() + 60.0
    with Reader(folder) as reader:
        while not reader.sweep().phase.is_terminal:
            assert time.monotonic() < deadline, folder.log.read_text()
            time.sleep(0.02)
        assert [trial.number for trial in reader.trials()] == [0, 1]
        assert reader.sweep().best_trial is None
    store = SqliteStore(folder)
    assert [one.number for one in store.prior()] == [-2, -1]
    store.close()


def test_a_sampler_that_does_not_learn_is_said_not_to(earlier: Any, workspace: Workspace) -> None:
    recipe, prior = app.warm_start(again(earlier, "random"), workspace)
    assert prior == []
    assert recipe.notices == ("resume_from: without effect, random does not learn from results",)


def test_a_sweep_without_a_trial_that_ended_is_said_to_be_so(
    story: Tell, echo: str, workspace: Workspace
) -> None:
    recipe, prior = app.warm_start(again(story().start(), echo), workspace)
    assert prior == []
    assert recipe.notices == ("resume_from: no trial of 'iris' has ended: nothing is learned from it",)


def test_everything_that_differs_is_said_at_once(
    earlier: Any, story: Tell, echo: str, workspace: Workspace
) -> None:
    story("other", objective=None)
    new = again(
        earlier,
        echo,
        resume_from=("iris", "irs", "other", "zzz"),
        objective=Aim("loss", Goal.MINIMIZE),
        space={"x": {"type": "choice", "values": [1, 2, 3]}},
    )
    with pytest.raises(SpecError) as caught:
        app.warm_start(new, workspace)
    assert {problem.path for problem in caught.value.problems} == {"resume_from"}
    assert [problem.what.replace(str(workspace.root), "WS") for problem in caught.value.problems] == [
        "'iris' is after another metric: there acc, here loss",
        "'iris' is after another goal: there maximize, here minimize",
        "x cannot be 0 here (trial 0 of 'iris')",
        "there is no sweep 'irs' in WS",
        "'other' has no objective: nothing is to be learned from it",
        "there is no sweep 'zzz' in WS",
    ]
    hints = [problem.hint for problem in caught.value.problems]
    assert hints[2] == "it is choice(values: [1, 2, 3])"
    assert (hints[3], hints[5]) == ("did you mean 'iris'?", "there are iris, other")


def test_other_parameters_are_another_space(earlier: Any, echo: str, workspace: Workspace) -> None:
    space = {**earlier.recipe.space, "y": {"type": "randint", "upper": 3}}
    with pytest.raises(SpecError) as caught:
        app.warm_start(again(earlier, echo, space=space), workspace)
    (problem,) = caught.value.problems
    assert problem.what == "the parameters differ: there x, here x, y (trial 0 of 'iris', and 1 more)"


def test_a_wider_space_holds_the_points_of_a_narrower_one(
    earlier: Any, echo: str, workspace: Workspace
) -> None:
    space = {"x": {"type": "randint", "upper": 100}}
    _, prior = app.warm_start(again(earlier, echo, space=space), workspace)
    assert len(prior) == 2


def test_python_says_what_to_resume_from(earlier: Any, echo: str, workspace: Workspace) -> None:
    job = command(command="true ${{inputs.x}}", inputs={"x": 1})(x=Choice(list(range(10)))).sweep(
        primary_metric="acc", goal="maximize", resume_from="iris", max_total_trials=3
    )
    assert job.to_document()["resume_from"] == "iris"
    client = MLClient(workspace_name=workspace.root)
    assert client.jobs.validate(job).notices[-1].startswith("resume_from: without effect, random")
    job.resume_from = ["iris", "iris"]
    job.objective = None
    (problem,) = client.jobs.validate(job).problems
    assert problem.path == "resume_from"
    assert "needs an `objective`" in problem.what
    assert "test_warm_start.py:" in problem.where


SPACE = {"x": Uniform(0, 1)}


def test_a_search_learns_from_another_one(echo: str, heard: Heard) -> None:
    first = Search(SPACE, goal="maximize")
    for value in (0.1, 0.9, 0.3):
        first.tell(first.ask(), value)
    first.tell(first.ask(), failed=True)
    first.report(first.ask(), 0.99)  # still open: what it will come to is not known
    second = Search(SPACE, goal="maximize", sampling_algorithm=echo, resume_from=first)
    trial = second.ask()
    assert [(one.number, one.outcome) for one in heard[-1]] == [
        (-4, Fate.COMPLETED), (-3, Fate.COMPLETED), (-2, Fate.COMPLETED), (-1, Fate.FAILED),
    ]  # fmt: skip
    assert trial.params == first.trials[1].params
    assert second.explain(trial) == Expectation(0.9, 0.1, 0.0)
    nothing_yet = second.best
    assert nothing_yet is None
    with pytest.raises(SpecError, match="the other search is to maximize, this one to minimize"):
        Search(SPACE, sampling_algorithm=echo, resume_from=first)
    with pytest.raises(SpecError, match=r"x cannot be 0\.\S+ here \(trial 0 of the other search"):
        Search({"x": Uniform(5, 6)}, goal="maximize", sampling_algorithm=echo, resume_from=first)


def test_a_search_learns_from_pairs(echo: str, heard: Heard) -> None:
    pairs = [({"x": 0.25}, 3.0), ({"x": 0.5}, None), ({"x": 0.75}, float("nan"))]
    search = Search(SPACE, goal="maximize", sampling_algorithm=echo, resume_from=pairs)
    assert search.ask().params == {"x": 0.25}
    assert heard[-1] == [
        Observation(-3, {"x": 0.25}, (-3.0,), 1, Fate.COMPLETED),
        Observation(-2, {"x": 0.5}, (), 0, Fate.FAILED),
        Observation(-1, {"x": 0.75}, (), 0, Fate.FAILED),
    ]
    with pytest.raises(SpecError, match=r"x cannot be 7 here \(trial 1 of resume_from, and 1 more\)"):
        Search(
            SPACE, sampling_algorithm=echo, resume_from=[({"x": 0.5}, 1.0), ({"x": 7}, 1.0), ({"x": 8}, 1.0)]
        )
    for wrong in ([{"x": 0.5}], [({"x": 0.5}, "good")], [3]):
        with pytest.raises(RequestError, match="item 0 is no pair"):
            Search(SPACE, sampling_algorithm=echo, resume_from=wrong)  # type: ignore[arg-type]


def test_a_search_learns_from_a_sweep(
    earlier: Any, echo: str, heard: Heard, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARRIDO_WORKSPACE", str(workspace.root))
    space = {"x": Choice(list(range(10)))}
    search = Search(space, goal="maximize", sampling_algorithm=echo, resume_from="iris")
    assert search.ask().params == {"x": 0}
    assert [one.number for one in heard[-1]] == [-2, -1]
    with pytest.raises(SpecError, match="'iris' is after another goal: there maximize, here minimize"):
        Search(space, sampling_algorithm=echo, resume_from="iris")
    with pytest.raises(SweepNotFound):
        Search(space, sampling_algorithm=echo, resume_from="irs")


def test_a_search_that_does_not_learn_says_so(earlier: Any) -> None:
    with pytest.warns(UserWarning, match="random does not learn from results") as caught:
        Search(SPACE, resume_from=[({"x": 0.5}, 1.0)])
    assert caught[0].filename == __file__
