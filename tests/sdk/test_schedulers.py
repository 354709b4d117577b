"""Schedulers, as said in Python and in a search of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from barrido import Choice, Float, MLClient, RequestError, Search, SpecError, SweepJob, command, load_job
from barrido.core.events import PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.core.recipe import Pausing, Recipe
from barrido.registry import build_plan, build_sampler, renderer
from barrido.sdk.jobs import recipe_of
from barrido.sdk.schedulers import SCHEDULERS
from barrido.sweep import (
    ASHAScheduler,
    BOHBScheduler,
    FIFOScheduler,
    HyperbandScheduler,
    SuccessiveHalvingScheduler,
)


def recipe(scheduler: Any, shell: str = "echo ${{inputs.lr}}", **settings: Any) -> Recipe:
    job = command(command=shell, inputs={"lr": 0.1, "epochs": 9})(lr=Choice([0.1, 0.2])).sweep(
        primary_metric="loss", goal="minimize", max_total_trials=10, scheduler=scheduler, **settings
    )
    return recipe_of(job)


@pytest.mark.parametrize(
    "scheduler",
    [
        HyperbandScheduler(max_resource=9),
        SuccessiveHalvingScheduler(max_resource=9, trials=9),
        ASHAScheduler(max_resource=9, variant="stopping"),
        BOHBScheduler(max_resource=9, reduction_factor=2),
        FIFOScheduler(),
    ],
)
def test_each_is_what_its_yaml_form_is(scheduler: Any) -> None:
    made, written = recipe(scheduler), recipe(scheduler.to_document())
    assert made.scheduler == written.scheduler
    assert made.scheduler["type"] == scheduler.type
    build_plan(made)
    build_sampler(made)


def test_there_is_an_object_for_each_kind_in_the_language() -> None:
    from barrido.registry import SCHEDULERS as known

    assert SCHEDULERS.keys() == known.keys()


def test_a_sampling_algorithm_that_is_the_default_does_not_get_in_bohbs_way() -> None:
    assert recipe(BOHBScheduler(max_resource=9)).sampler == {"type": "bohb"}
    with pytest.raises(SpecError, match="brings its own"):
        recipe(BOHBScheduler(max_resource=9), sampling_algorithm="tpe")


def test_settings_are_passed_on() -> None:
    made = recipe(HyperbandScheduler(max_resource=9, pause="suspend", memory="1GB", stop_last_trials=True))
    assert made.pausing == Pausing(mode=PauseMode.SUSPEND, memory=10**9)
    assert made.scheduler["stop_last_trials"]


def test_a_file_is_loaded_as_objects_that_may_be_changed(tmp_path: Path) -> None:
    (tmp_path / "sweep.yml").write_text(
        "type: sweep\ntrial: {command: 'echo ${{search_space.lr}}'}\n"
        "search_space: {lr: {type: choice, values: [1, 2]}}\n"
        "objective: {goal: minimize, primary_metric: loss}\nlimits: {max_total_trials: 9}\n"
        "scheduler: {type: hyperband, max_resource: 9, resource: seconds}\n"
    )
    job = load_job(tmp_path / "sweep.yml")
    assert isinstance(job, SweepJob)
    assert isinstance(job.scheduler, HyperbandScheduler)
    assert job.scheduler.resource == "seconds"
    job.scheduler.max_resource = 27
    assert MLClient(workspace_name=str(tmp_path)).jobs.validate(job).passed
    assert recipe_of(job).scheduler["max_resource"] == 27


@pytest.mark.parametrize(
    ("scheduler", "until", "told"),
    [
        (HyperbandScheduler(max_resource=9, pause="restart"), 3, "3"),
        (HyperbandScheduler(max_resource=9, pause="checkpoint"), 10, "9"),  # it runs to its own end
        (HyperbandScheduler(max_resource=9, pause="suspend"), 3, "9"),  # a process cannot be told again
        (ASHAScheduler(max_resource=9, variant="stopping"), 3, "9"),  # it is not begun again
        (HyperbandScheduler(max_resource=9, resource="epochs"), 3, "3"),
    ],
)
def test_a_command_is_told_how_far_to_go(scheduler: Any, until: int, told: str, tmp_path: Path) -> None:
    made = recipe(scheduler, "echo --n ${{resource}} --to '${{checkpoint_dir}}' --lr ${{inputs.lr}}")
    line = renderer(made, SweepFolder(tmp_path))(Order(4, 1, {"lr": 0.2}, until))
    assert line == f"echo --n {told} --to '{tmp_path}/trials/4/checkpoints' --lr 0.2"


def test_the_input_that_carries_the_resource_has_its_value(tmp_path: Path) -> None:
    made = recipe(HyperbandScheduler(max_resource=9, resource="epochs"), "echo ${{inputs.epochs}}")
    line = renderer(made, SweepFolder(tmp_path))(Order(0, 1, {"lr": 0.2}, 3))
    assert line == "echo 3"


def test_a_search_stops_what_falls_behind_at_a_rung() -> None:
    asha = ASHAScheduler(max_resource=9, variant="stopping")
    search = Search({"lr": Float(0.0, 1.0)}, scheduler=asha, max_trials=30)
    for _ in range(30):
        trial = search.ask()
        for _ in range(20):
            answer = search.report(trial, trial.params["lr"])
            if answer.stops:
                break
        search.tell(trial)
    reports = [trial.reports for trial in search.trials]
    assert set(reports) <= {1, 3, 9, 10}
    assert 1 <= reports.count(10) < 10 < reports.count(1)
    assert search.best is not None
    assert search.best.reports == 10
    assert {trial.phase for trial in search.trials if trial.reports == 10} == {"completed"}


@pytest.mark.parametrize(
    "scheduler",
    [HyperbandScheduler(max_resource=9), {"type": "asha", "max_resource": 9}],
)
def test_a_search_has_nobody_wait(scheduler: Any) -> None:
    with pytest.raises(RequestError, match="cannot have trials wait for others"):
        Search({"lr": Float(0.0, 1.0)}, scheduler=scheduler)
    with pytest.raises(SpecError, match="max_resource: is missing"):
        Search({"lr": Float(0.0, 1.0)}, scheduler="hyperband")
    with pytest.raises(RequestError, match="use tpe"):
        Search({"lr": Float(0.0, 1.0)}, sampling_algorithm="bohb")
