"""Where trials run, what each needs there, and what is said when there is no room for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from barrido.core.recipe import Recipe, Resources
from barrido.errors import Problem, SpecError
from barrido.executors.slots import Machine
from barrido.spec.limits import check_limits
from barrido.spec.load import Defaults
from barrido.spec.schema import json_schema
from barrido.spec.source import Source

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Notices = Callable[..., list[str]]
Written = Callable[..., str]

GIB = 2**30
STAGED = {"scheduler": "{type: hyperband, max_resource: 9, pause: suspend}"}


@pytest.fixture
def defaults(defaults: Defaults) -> Defaults:
    """A machine with 4 processors, 2 GPUs, and memory of 8 GiB."""
    return replace(defaults, slots=4, machine=lambda _: Machine(4, 8 * GIB, ("0", "1")))


def with_needs(needs: str) -> str:
    return f"{{command: 'echo ${{{{search_space.lr}}}}', resources: {needs}}}"


@pytest.mark.parametrize(
    ("written", "resources"),
    [
        ("{cpu: 2}", Resources(cpu=2)),
        ("{cpu: 0.5, gpu: 0.25}", Resources(cpu=0.5, gpu=0.25)),
        ("{gpu: 0}", Resources(gpu=0)),
        ("{gpu: 2}", Resources(gpu=2)),
        ("{gpu: 1.0}", Resources(gpu=1)),
        ("{memory: 4GB}", Resources(memory=4 * 10**9)),
        ("{memory: 512MiB}", Resources(memory=512 * 2**20)),
        ("{memory: 1048576}", Resources(memory=2**20)),
        ("{}", Resources()),
        ("", Resources()),
    ],
)
def test_what_a_trial_needs_is_in_the_recipe(
    written: str, resources: Resources, sweep: Written, command: Written, read: Read
) -> None:
    for text in (
        sweep(trial=with_needs(written)),
        sweep(resources=written),
        command(resources=written),
    ):
        recipe = read(text)
        assert recipe.work.resources == resources
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_sweep_that_was_stored_without_resources_can_be_read(sweep: Written, read: Read) -> None:
    body = read(sweep()).to_json()
    for name in ("compute", "places"):
        del body[name]
    del body["work"]["resources"]
    older = Recipe.from_json(body)
    assert (older.compute, older.places, older.work.resources) == ("local", None, Resources())


def test_what_stands_beside_the_trial_wins(sweep: Written, read: Read) -> None:
    recipe = read(sweep(trial=with_needs("{cpu: 2, gpu: 1, memory: 1GB}"), resources="{gpu: 0.5, cpu: 2}"))
    assert recipe.work.resources == Resources(cpu=2, gpu=0.5, memory=10**9)
    assert recipe.notices == (
        "sweep.yml:2: trial.resources.gpu: has no effect: `resources.gpu` beside `trial` is 0.5",
    )


@pytest.mark.parametrize(
    ("needs", "key", "part"),
    [
        ("{cpu: 0}", "cpu", "must be more than 0 (got 0)"),
        ("{cpu: -2}", "cpu", "must be more than 0 (got -2)"),
        ("{cpu: .nan}", "cpu", "must be a finite number (got nan)"),
        ("{cpu: .inf}", "cpu", "must be a finite number"),
        ("{cpu: true}", "cpu", "must be a number (got true)"),
        ("{cpu: '2'}", "cpu", "write 2 without the quotes"),
        ("{gpu: -1}", "gpu", "must be at least 0 (got -1)"),
        ("{gpu: 1.5}", "gpu", "must be whole when it is above 1 (got 1.5)"),
        ("{gpu: 1.5}", "gpu", "write 1 or 2; below 1, several trials share one"),
        ("{gpu: all}", "gpu", "must be a number (got 'all')"),
        ("{memory: 4 XB}", "memory", "for example 2GB, 500 MiB, or a number of bytes"),
        ("{memory: '4'}", "memory", "must be an amount of memory (got '4')"),
        ("{memory: 0}", "memory", "must be an amount of memory (got 0)"),
        ("{memory: -1GB}", "memory", "must be an amount of memory"),
        ("{custom: {a: 0}}", "custom.a", "must be more than 0"),
        ("{custom: {GPU: 1}}", "custom.GPU", "write `gpu` beside `custom`"),
        ("{custom: [a]}", "custom", "must be a mapping"),
        ("{gpus: 1}", "gpus", "did you mean 'gpu'?"),
        ("{memry: 1GB}", "memry", "did you mean 'memory'?"),
        ("{ram: 1GB}", "ram", "did you mean 'memory'?"),
        ("{instance_cout: 1}", "instance_cout", "did you mean 'instance_count'?"),
        ("[1]", "", "must be a mapping"),
        ("4", "", "for example `resources: {cpu: 2, gpu: 0.5}`"),
    ],
)
def test_what_cannot_be_needed_is_said_with_its_line(
    needs: str, key: str, part: str, sweep: Written, mistakes: Mistakes
) -> None:
    (problem,) = mistakes(sweep(trial=with_needs(needs)))
    assert (problem.where, problem.path) == ("sweep.yml:2", f"trial.resources.{key}".removesuffix("."))
    assert part in str(problem)
    (problem,) = mistakes(sweep(resources=needs))
    assert (problem.where, problem.path) == ("sweep.yml:6", f"resources.{key}".removesuffix("."))
    assert part in str(problem)


def test_all_mistakes_are_said_at_once(sweep: Written, mistakes: Mistakes) -> None:
    found = mistakes(
        sweep(
            trial=with_needs("{cpu: 0, gpu: 1.5}"),
            resources="{memory: lots, gpuu: 1}",
            compute="ray:atuo",
            limits="{max_total_trials: 0}",
        )
    )
    assert [(problem.where, problem.path) for problem in found] == [
        ("sweep.yml:2", "trial.resources.cpu"),
        ("sweep.yml:2", "trial.resources.gpu"),
        ("sweep.yml:5", "limits.max_total_trials"),
        ("sweep.yml:6", "resources.memory"),
        ("sweep.yml:6", "resources.gpuu"),
        ("sweep.yml:7", "compute"),
    ]


def test_azures_own_keys_are_taken_with_one_notice(sweep: Written, read: Read) -> None:
    recipe = read(
        sweep(
            trial=with_needs("{instance_count: 2, instance_type: Standard_NC6, docker_args: '', cpu: 1}"),
            resources="{shm_size: 2g}",
        )
    )
    assert recipe.work.resources == Resources(cpu=1)
    assert recipe.notices == (
        "sweep.yml:2: trial.resources: instance_count, instance_type and docker_args have no effect here:"
        " no machine is rented; cpu, gpu, memory and custom say what a trial needs",
        "sweep.yml:6: resources: shm_size has no effect here:"
        " no machine is rented; cpu, gpu, memory and custom say what a trial needs",
    )


@pytest.mark.parametrize(
    ("written", "compute"),
    [
        ("local", "local"),
        ("Local", "local"),
        ("azureml:local", "local"),
        ("ray", "ray"),
        ("Ray", "ray"),
        ("ray:auto", "ray:auto"),
        ("'ray: auto'", None),
        ("ray://head:10001", "ray://head:10001"),
        ("ray://192.168.1.20:10001", "ray://192.168.1.20:10001"),
        ("RAY://head.example.org:65535", "ray://head.example.org:65535"),
        ("'ray://[::1]:10001'", "ray://[::1]:10001"),
    ],
)
def test_compute_says_where_trials_run(
    written: str, compute: str | None, sweep: Written, command: Written, read: Read, mistakes: Mistakes
) -> None:
    if compute is None:
        (problem,) = mistakes(sweep(compute=written))
        assert "did you mean 'ray:auto'?" in problem.hint
        return
    for text in (sweep(compute=written), command(compute=written)):
        recipe = read(text)
        assert (recipe.compute, recipe.notices) == (compute, ())


def test_any_other_name_is_this_machine(sweep: Written, read: Read) -> None:
    for name in ("aml-cluster", "ray-cluster", "rays", "azureml:ray"):
        recipe = read(sweep(compute=name))
        assert recipe.compute == "local"
        assert recipe.notices == (
            f"sweep.yml:6: compute: '{name}' is not known here: trials run on this machine",
        )


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("ray:atuo", "did you mean 'ray:auto'?"),
        ("ray:local", "it can be local, ray, ray:auto or ray://host:10001"),
        ("'ray:'", "it can be local, ray, ray:auto or ray://host:10001"),
        ("ray:/head:10001", "did you mean 'ray://head:10001'?"),
        ("ray:10.0.0.1", "did you mean 'ray://10.0.0.1:10001'?"),
        ("ray://head", "write `ray://head:10001`"),
        ("ray://", "for example `ray://192.168.1.20:10001`"),
        ("ray://head:0", "for example `ray://192.168.1.20:10001`"),
        ("ray://head:65536", "for example `ray://192.168.1.20:10001`"),
        ("ray://head:port", "for example `ray://192.168.1.20:10001`"),
        ("ray://my head:10001", "for example `ray://192.168.1.20:10001`"),
        ("ray://-head:10001", "for example `ray://192.168.1.20:10001`"),
        ("ray://head:10001/x", "for example `ray://192.168.1.20:10001`"),
        ("ray://head/x", "write `ray://head:10001`"),
    ],
)
def test_an_address_that_cannot_be_is_said(
    written: str, hint: str, sweep: Written, mistakes: Mistakes
) -> None:
    (problem,) = mistakes(sweep(compute=written, resources="{gpu: 99, custom: {node_a: 1}}"))
    assert (problem.where, problem.path) == ("sweep.yml:6", "compute")
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("needs", "key", "part"),
    [
        ("{cpu: 5}", "cpu", "this machine has 4 processors (got 5)"),
        ("{gpu: 3}", "gpu", "this machine has 2 GPUs (got 3)"),
        ("{gpu: 3}", "gpu", "CUDA_VISIBLE_DEVICES"),
        ("{memory: 9GiB}", "memory", "this machine has 8,192 MiB of memory"),
        ("{memory: 9GiB}", "memory", "write `compute: ray:auto`"),
        ("{custom: {node_a: 1}}", "custom", "only a Ray cluster has"),
    ],
)
def test_what_this_machine_does_not_have_is_a_mistake(
    needs: str, key: str, part: str, sweep: Written, command: Written, mistakes: Mistakes, read: Read
) -> None:
    for text, where, path in (
        (sweep(trial=with_needs(needs)), "sweep.yml:2", f"trial.resources.{key}"),
        (sweep(resources=needs), "sweep.yml:6", f"resources.{key}"),
        (command(resources=needs), "sweep.yml:4", f"resources.{key}"),
    ):
        (problem,) = mistakes(text)
        assert (problem.where, problem.path) == (where, path)
        assert part in str(problem)
    recipe = read(sweep(resources=needs, compute="ray://head:10001"))
    assert recipe.places is None  # what a cluster has is not known yet


def test_a_machine_without_gpus_says_so(
    sweep: Written, mistakes: Mistakes, monkeypatch: pytest.MonkeyPatch, defaults: Defaults
) -> None:
    object.__setattr__(defaults, "machine", lambda _: Machine(4, 0, ()))
    (problem,) = mistakes(sweep(resources="{gpu: 0.5}"))
    assert problem.what == "this machine has no GPU (got 0.5)"


@pytest.mark.parametrize(
    ("needs", "places", "has"),
    [
        ("{gpu: 1}", 2, "2 GPUs, and a trial needs 1"),
        ("{gpu: 2}", 1, "2 GPUs, and a trial needs 2"),
        ("{gpu: 0.5}", 4, "2 GPUs, and a trial needs 0.5"),
        ("{gpu: 0.4}", 4, "2 GPUs, and a trial needs 0.4"),
        ("{cpu: 3}", 1, "4 processors, and a trial needs 3"),
        ("{cpu: 0.7, gpu: 0}", 5, "4 processors, and a trial needs 0.7"),
        ("{memory: 3GiB}", 2, "8,192 MiB of memory, and a trial needs 3,072 MiB"),
        ("{gpu: 0.5, memory: 3GiB, cpu: 1}", 2, "8,192 MiB of memory, and a trial needs 3,072 MiB"),
    ],
)
def test_more_trials_at_a_time_than_there_is_room_for_become_fewer(
    needs: str, places: int, has: str, sweep: Written, read: Read
) -> None:
    recipe = read(sweep(resources=needs, limits="{max_total_trials: 20, max_concurrent_trials: 8}"))
    assert (recipe.limits.max_concurrent_trials, recipe.places) == (places, places)
    assert recipe.notices == (
        f"sweep.yml:5: limits.max_concurrent_trials: is lowered from 8 to {places}: this machine has {has}",
    )
    recipe = read(sweep(resources=needs))  # nobody asked for more
    assert (recipe.limits.max_concurrent_trials, recipe.notices) == (min(4, places), ())
    recipe = read(sweep(resources=needs, limits="{max_total_trials: 20, max_concurrent_trials: 1}"))
    assert (recipe.limits.max_concurrent_trials, recipe.places, recipe.notices) == (1, places, ())


def test_the_limit_cannot_be_raised_above_what_there_is_room_for(sweep: Written, read: Read) -> None:
    recipe = read(sweep(resources="{gpu: 1}"))
    current = recipe.limits
    assert check_limits({"max_concurrent_trials": 2}, recipe, current, source=Source("x")) == {
        "max_concurrent_trials": 2
    }
    with pytest.raises(SpecError) as raised:
        check_limits({"max_concurrent_trials": 3}, recipe, current, source=Source("x"))
    (problem,) = raised.value.problems
    assert problem.path == "limits.max_concurrent_trials"
    assert problem.what == "is more than there is room for, 2 (got 3)"
    free = read(sweep())
    check_limits({"max_concurrent_trials": 99}, free, free.limits, source=Source("x"))


def test_nobody_sets_by_hand_which_gpus_a_trial_sees(sweep: Written, mistakes: Mistakes, read: Read) -> None:
    trial = with_needs("{gpu: 1}").replace("}}'", "}}', environment_variables: {CUDA_VISIBLE_DEVICES: '1'}")
    (problem,) = mistakes(sweep(trial=trial))
    assert problem.path == "trial.environment_variables.CUDA_VISIBLE_DEVICES"
    read(sweep(trial=trial.replace("gpu: 1", "cpu: 1")))


def test_trials_that_wait_give_their_gpus_back(sweep: Written, read: Read) -> None:
    for needs, spares in (("{gpu: 0.5}", True), ("{gpu: 0}", False), ("{cpu: 1}", False)):
        assert read(sweep(resources=needs, **STAGED)).pausing.spares_gpus is spares


def test_trials_that_hold_gpus_and_save_are_ended_when_they_wait(sweep: Written, read: Read) -> None:
    trial = "{command: 'echo ${{search_space.lr}} ${{checkpoint_dir}}'}"
    scheduler = "{type: hyperband, max_resource: 9}"
    modes = [
        read(sweep(trial=trial, scheduler=scheduler, resources=f"{{gpu: {gpu}}}")).pausing.mode
        for gpu in (0, 1)
    ]
    assert modes == ["suspend", "checkpoint"]


def test_editors_know_the_keys() -> None:
    known = json_schema()["$defs"]["Resources"]["properties"]
    assert {"cpu", "gpu", "memory", "custom", "instance_type", "shm_size"} <= known.keys()
