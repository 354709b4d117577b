"""Schedulers: how they are written, what is wrong with them, and how their trials pause."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import PauseMode
from barrido.core.recipe import Pausing, Recipe, Unit
from barrido.errors import Problem
from barrido.registry import build_plan
from barrido.spec import load
from barrido.spec.load import Defaults

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Written = Callable[..., str]

RUNGS = {"max_resource": 81, "min_resource": 1, "reduction_factor": 3, "stop_last_trials": False}


@pytest.mark.parametrize(
    ("written", "scheduler"),
    [
        ("fifo", {"type": "fifo"}),
        ("{type: hyperband, max_resource: 81}", {"type": "hyperband", "variant": "algorithm", **RUNGS}),
        ("{type: HyperBand, max_resource: 81}", {"type": "hyperband", "variant": "algorithm", **RUNGS}),
        (
            "{type: hyperband, max_resource: 16, min_resource: 2, reduction_factor: 4, variant: Table,"
            " stop_last_trials: true}",
            {
                "type": "hyperband",
                "max_resource": 16,
                "min_resource": 2,
                "reduction_factor": 4,
                "stop_last_trials": True,
                "variant": "table",
            },
        ),
        ("{type: sha, max_resource: 81, trials: 9}", {"type": "successive_halving", "size": 9, **RUNGS}),
        ("{type: halving, max_resource: 81}", {"type": "successive_halving", "size": 20, **RUNGS}),
        ("{type: ASHA, max_resource: 81}", {"type": "asha", "variant": "promotion", **RUNGS}),
        (
            "{type: asha, max_resource: 81, variant: stopping}",
            {"type": "asha", "variant": "stopping", **RUNGS},
        ),
        ("{type: bohb, max_resource: 81}", {"type": "bohb", "variant": "algorithm", **RUNGS}),
    ],
)
def test_schedulers_can_be_built_as_they_stand_in_the_recipe(
    written: str, scheduler: Mapping[str, Any], sweep: Written, read: Read
) -> None:
    recipe = read(sweep(scheduler=written))
    assert recipe.scheduler == scheduler
    assert build_plan(recipe).pausing == recipe.pausing
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_bohb_brings_its_own_sampling_algorithm(sweep: Written, read: Read) -> None:
    scheduler = "{type: bohb, max_resource: 9}"
    assert read(sweep(scheduler=scheduler)).sampler == {"type": "bohb"}
    recipe = read(sweep(scheduler=scheduler, sampling_algorithm="{type: bohb, seed: 3}"))
    assert (recipe.sampler, recipe.seed) == ({"type": "bohb"}, 3)


@pytest.mark.parametrize("algorithm", ["random", "sobol", "bayesian", "tpe"])
def test_hyperband_takes_every_sampling_algorithm(algorithm: str, sweep: Written, read: Read) -> None:
    recipe = read(sweep(scheduler="{type: hyperband, max_resource: 9}", sampling_algorithm=algorithm))
    assert recipe.sampler == {"type": algorithm}


WRONG: dict[str, tuple[dict[str, str | None], list[tuple[str, str]]]] = {
    **{
        what: ({"scheduler": f"{{type: {written}}}"}, [(path, part)])
        for what, written, path, part in [
            ("no resource", "hyperband", "scheduler.max_resource", "is missing"),
            ("no resource at all", "asha, max_resource: 0", "scheduler.max_resource", "at least 1"),
            ("half a resource", "asha, max_resource: 2.5", "scheduler.max_resource", "whole number"),
            ("Ray's word for it", "asha, max_t: 9", "scheduler.max_t", "did you mean 'max_resource'?"),
            ("the paper's letter for it", "hyperband, R: 9", "scheduler.R", "did you mean 'max_resource'?"),
            ("W&B's word for it", "hyperband, max_iter: 9", "scheduler.max_iter", "mean 'max_resource'?"),
            ("Ray's word for the least", "asha, max_resource: 9, grace_period: 2",
                "scheduler.grace_period", "did you mean 'min_resource'?"),
            ("the Greek letter", "asha, max_resource: 9, eta: 2", "scheduler.eta", "'reduction_factor'?"),
            ("nothing to halve by", "asha, max_resource: 9, reduction_factor: 1",
                "scheduler.reduction_factor", "at least 2"),
            ("a least above the most", "asha, max_resource: 9, min_resource: 10",
                "scheduler.min_resource", "at most max_resource, 9 (got 10)"),
            ("a mistyped variant", "hyperband, max_resource: 9, variant: tabel",
                "scheduler.variant", "did you mean 'table'?"),
            ("a variant of another", "sha, max_resource: 9, variant: table",
                "scheduler.variant", "is not a known key"),
            ("a way to pause that there is not", "asha, max_resource: 9, pause: suspended",
                "scheduler.pause", "did you mean 'suspend'?"),
            ("memory without a unit", "asha, max_resource: 9, memory: 2G", "scheduler.memory", "2GB, 500"),
            ("no memory", "asha, max_resource: 9, memory: 0", "scheduler.memory", "amount of memory (got 0)"),
            ("an input that there is not", "asha, max_resource: 9, resource: epoch",
                "scheduler.resource", "neither report, seconds, nor an input (got 'epoch')"),
            ("a mistyped unit", "asha, max_resource: 9, resource: second",
                "scheduler.resource", "did you mean 'seconds'?"),
            ("a parameter that is swept", "asha, max_resource: 9, resource: lr",
                "scheduler.resource", "is a parameter that is swept (got 'lr')"),
            ("a mistyped scheduler", "hyperbnd, max_resource: 9", "scheduler.type", "'hyperband'?"),
        ]
    },
    "the name alone": ({"scheduler": "hyperband"}, [("scheduler.max_resource", "for example `max_resource")]),
    "nothing to compare": ({"objective": None, "scheduler": "{type: hyperband, max_resource: 9}"}, [
        ("scheduler", "needs an `objective`")]),
    "an input of a process that is frozen": ({
        "scheduler": "{type: hyperband, max_resource: 9, resource: epochs, pause: suspend}",
        "inputs": "{epochs: 9}"}, [("scheduler.pause", "cannot be suspend")]),
    "an input of a process that is not begun again": ({
        "scheduler": "{type: asha, variant: stopping, max_resource: 9, resource: epochs}",
        "inputs": "{epochs: 9}"}, [("scheduler.variant", "write `variant: promotion`")]),
    "an input that is a file": ({
        "scheduler": "{type: hyperband, max_resource: 9, resource: epochs}",
        "inputs": "{epochs: {type: uri_file, path: src/train.py}}"}, [("scheduler.resource", "is a file")]),
    "bohb with another sampler": ({
        "scheduler": "{type: bohb, max_resource: 9}", "sampling_algorithm": "tpe"}, [
        ("sampling_algorithm", "write `type: hyperband` for the scheduler, which goes with tpe")]),
    "a resource and no scheduler": ({"trial": "{command: 'echo ${{resource}} ${{search_space.lr}}'}"}, [
        ("trial.command", "${{resource}} needs a scheduler that says how far trials go")]),
    "a checkpoint and no rungs": ({
        "scheduler": "fifo", "trial": "{command: 'echo ${{checkpoint_dir}} ${{search_space.lr}}'}"}, [
        ("trial.command", "${{checkpoint_dir}} needs a scheduler")]),
    "a mistyped reference": ({"trial": "{command: 'echo ${{resorce}} ${{search_space.lr}}'}"}, [
        ("trial.command", "did you mean ${{resource}}?")]),
    "everything at once": ({
        "scheduler": "{type: hyperband, max_resource: 0, eta: 3, pause: sleep, memory: much}"}, [
        ("scheduler.max_resource", "at least 1"),
        ("scheduler.pause", "must be auto"),
        ("scheduler.memory", "amount of memory"),
        ("scheduler.eta", "reduction_factor")]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"), [pytest.param(*case, id=what) for what, case in WRONG.items()]
)
def test_what_is_wrong_with_a_scheduler_is_said(
    changes: dict[str, str | None], expected: list[tuple[str, str]], sweep: Written, mistakes: Mistakes
) -> None:
    found = mistakes(sweep(**changes))
    assert [problem.path for problem in found] == [path for path, _ in expected], [str(p) for p in found]
    for problem, (_, part) in zip(found, expected, strict=True):
        assert part in str(problem)


def test_a_command_job_has_no_scheduler(command: Written, mistakes: Mistakes) -> None:
    (problem,) = mistakes(command(scheduler="fifo"))
    assert "belongs to `type: sweep`" in str(problem)
    (problem,) = mistakes(command(command="echo ${{resource}}"))
    assert "only the trials of a sweep can have one" in str(problem)


SUSPENDED = Pausing(mode=PauseMode.SUSPEND, spill=PauseMode.RESTART, memory=4 * 2**30, spares_gpus=True)


@pytest.mark.parametrize(
    ("command", "settings", "pausing", "notice"),
    [
        ("", "", SUSPENDED, "they may hold 4,096 MiB of memory, half of what is free: those beyond it, and"),
        (
            "",
            "resource: Seconds, memory: 1GiB",
            Pausing(unit=Unit.SECONDS, memory=2**30, spares_gpus=True),
            "they may hold 1,024 MiB of memory: those beyond it",
        ),
        ("", "pause: suspend, memory: 2000", Pausing(memory=2000), "beyond it are ended and begin anew"),
        (
            "--to ${{checkpoint_dir}}",
            "",
            Pausing(spill=PauseMode.CHECKPOINT, memory=4 * 2**30, spares_gpus=True),
            "are ended and go on from ${{checkpoint_dir}}",
        ),
        ("--n ${{resource}}", "", Pausing(mode=PauseMode.RESTART), "begin anew when they are promoted"),
        (
            "--n ${{resource}} --to ${{checkpoint_dir}}",
            "",
            Pausing(mode=PauseMode.CHECKPOINT, spill=PauseMode.CHECKPOINT),
            "go on from ${{checkpoint_dir}} when they are promoted",
        ),
        (
            "--n ${{inputs.epochs}}",
            "resource: epochs",
            Pausing(unit=Unit.INPUT, input="epochs", mode=PauseMode.RESTART),
            "begin anew when they are promoted",
        ),
        (
            "--to ${{checkpoint_dir}}",
            "pause: checkpoint, memory: 2GB",
            Pausing(mode=PauseMode.CHECKPOINT, spill=PauseMode.CHECKPOINT),
            "memory: has no effect",
        ),
        (
            "",
            "pause: checkpoint",
            Pausing(mode=PauseMode.CHECKPOINT),
            "the folder that BARRIDO_CHECKPOINT_DIR names",
        ),
        ("", "pause: restart, resource: epochs", Pausing(
            unit=Unit.INPUT, input="epochs", mode=PauseMode.RESTART), "variable AZUREML_SWEEP_epochs"),
    ],
)  # fmt: skip
def test_how_trials_pause_follows_from_the_command_unless_it_is_said(
    command: str, settings: str, pausing: Pausing, notice: str, sweep: Written, folder: Path
) -> None:
    defaults = Defaults("iris", 2, lambda: "x", lambda: 7, memory=lambda: 8 * 2**30)
    text = sweep(
        trial=f"{{command: 'python train.py --lr ${{{{search_space.lr}}}} {command}', code: ./src}}",
        inputs="{epochs: 27}",
        scheduler=f"{{type: hyperband, max_resource: 27, {settings}}}",
    )
    (folder / "sweep.yml").write_text(text)
    recipe = load.load("sweep.yml", defaults=defaults)
    assert recipe.pausing == pausing
    (said,) = recipe.notices
    assert notice in said


def test_those_that_wait_for_nobody_hold_no_memory(sweep: Written, read: Read) -> None:
    recipe = read(sweep(scheduler="{type: asha, variant: stopping, max_resource: 27}"))
    assert recipe.pausing.memory is None
    assert recipe.notices == ()


def test_what_is_free_is_looked_at_on_this_machine() -> None:
    free = Defaults.here().memory()
    assert free is not None
    assert free > 2**20


def test_the_input_that_carries_the_resource_needs_no_value(sweep: Written, read: Read) -> None:
    command = "python train.py --lr ${{search_space.lr}} --epochs ${{inputs.epochs}}"
    recipe = read(
        sweep(
            trial=f"{{command: '{command}', code: src}}",
            inputs="{epochs: }",
            scheduler="{type: hyperband, max_resource: 9, resource: epochs}",
        )
    )
    assert recipe.pausing.input == "epochs"
    assert recipe.scheduler["stop_last_trials"]
