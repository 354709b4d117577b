"""What a trial is born into, and what starting one takes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from barrido.core.events import Cause, Exited, Launched
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order, Signal
from barrido.core.recipe import Goal, Objective, Work
from barrido.errors import BarridoError
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import collect, exits, until_ended

Run = Callable[[str], list[Signal]]
Make = Callable[..., LocalExecutor]

SHOW = 'import json, os; json.dump(dict(os.environ), open("environment", "w"))'


def environment_of(executor: LocalExecutor, folder: SweepFolder, **params: object) -> dict[str, str]:
    """What a script sees in its environment."""
    executor.launch(Order(3, 1, {"command": f"python -c '{SHOW}'", **params}))
    (exited,) = exits(until_ended(executor))
    assert exited.code == 0, exited.detail
    found: dict[str, str] = json.loads((folder.trial(3).work / "environment").read_text())
    return found


def test_a_trial_knows_who_it_is(make: Make, folder: SweepFolder) -> None:
    seen = environment_of(make(), folder, lr=0.1, layers={"units": 64})
    assert seen["BARRIDO_SWEEP"] == "sweep"
    assert seen["BARRIDO_TRIAL"] == "3"
    assert seen["BARRIDO_ATTEMPT"] == "1"
    assert seen["BARRIDO_TRIAL_DIR"] == str(folder.trial(3).root)
    assert seen["BARRIDO_FEED"] == str(folder.feed_stem(3, 1))
    assert seen["BARRIDO_METRICS"] == str(folder.feed_stem(3, 1)) + ".file"
    assert json.loads(seen["BARRIDO_PARAMS"])["layers"] == {"units": 64}
    assert seen["AZUREML_SWEEP_lr"] == "0.1"
    assert seen["AZUREML_SWEEP_layers"] == '{"units": 64}'
    assert seen["PYTHONUNBUFFERED"] == "1"
    assert "BARRIDO_HOLD" not in seen


def test_inputs_and_outputs_are_in_the_environment_too(make: Make, folder: SweepFolder) -> None:
    work = Work(command="", inputs={"data": "/data/iris.csv", "none": None}, outputs=("model",))
    seen = environment_of(make(work=work), folder)
    assert seen["AZUREML_SWEEP_data"] == "/data/iris.csv"
    assert "AZUREML_SWEEP_none" not in seen
    assert Path(seen["AZUREML_SWEEP_model"]).is_dir()
    assert not [name for name in seen if name.startswith("AZUREML_PARAMETER_")]


def test_a_command_finds_its_inputs_and_outputs_under_azures_other_prefix(
    make: Make, folder: SweepFolder
) -> None:
    work = Work(command="", inputs={"data": "/data/iris.csv", "none": None}, outputs=("model",))
    seen = environment_of(make(work=work, kind="command"), folder)
    assert seen["AZUREML_PARAMETER_data"] == seen["AZUREML_SWEEP_data"] == "/data/iris.csv"
    assert seen["AZUREML_PARAMETER_model"] == seen["AZUREML_SWEEP_model"]
    assert "AZUREML_PARAMETER_none" not in seen


def test_the_users_and_the_trackers_variables_are_there(make: Make, folder: SweepFolder) -> None:
    work = Work(command="", environment_variables={"MODE": "full", "MLFLOW_TRACKING_URI": "http://user"})
    executor = make(
        work=work,
        environment=lambda trial, attempt: {"MLFLOW_TRACKING_URI": f"http://gateway/t/{trial}"},
    )
    seen = environment_of(executor, folder)
    assert seen["MODE"] == "full"
    assert seen["MLFLOW_TRACKING_URI"] == "http://gateway/t/3"


def test_a_sweep_inside_a_trial_does_not_see_the_outer_one(make: Make, folder: SweepFolder) -> None:
    outer = {
        **os.environ,
        "BARRIDO_FEED": "/outer/feed/7.1",
        "BARRIDO_HOLD": "{}",
        "AZUREML_SWEEP_depth": "3",
        "MLFLOW_RUN_ID": "outer",
        "MLFLOW_TRACKING_URI": "http://outer",
    }
    seen = environment_of(make(outer=outer), folder)
    assert seen["BARRIDO_FEED"] == str(folder.feed_stem(3, 1))
    assert not {"BARRIDO_HOLD", "AZUREML_SWEEP_depth", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"} & seen.keys()


def test_outside_of_a_trial_the_users_own_tracking_server_stays(make: Make, folder: SweepFolder) -> None:
    outer = {**os.environ, "MLFLOW_RUN_ID": "of a notebook", "MLFLOW_TRACKING_URI": "http://mine"}
    outer.pop("BARRIDO_FEED", None)
    seen = environment_of(make(outer=outer), folder)
    assert seen["MLFLOW_TRACKING_URI"] == "http://mine"
    assert "MLFLOW_RUN_ID" not in seen


def test_trials_share_the_cores(make: Make, folder: SweepFolder) -> None:
    outer = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    cores = len(os.sched_getaffinity(0))
    seen = environment_of(make(outer=outer, concurrent=2), folder)
    assert seen["OMP_NUM_THREADS"] == seen["MKL_NUM_THREADS"] == str(max(1, cores // 2))


@pytest.mark.parametrize("where", ["outer", "work"])
def test_who_sets_the_threads_has_decided(make: Make, folder: SweepFolder, where: str) -> None:
    outer = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    chosen = {"OMP_NUM_THREADS": "5"}
    executor = (
        make(outer={**outer, **chosen})
        if where == "outer"
        else make(outer=outer, work=Work(command="", environment_variables=chosen))
    )
    seen = environment_of(executor, folder)
    assert seen["OMP_NUM_THREADS"] == "5"
    assert "MKL_NUM_THREADS" not in seen


@pytest.mark.parametrize(("where", "expected"), [("", "true"), ("outer", "false"), ("work", "false")])
def test_trials_do_not_tell_mlflows_makers_of_themselves_unless_somebody_wants_it(
    make: Make, folder: SweepFolder, where: str, expected: str
) -> None:
    outer = {name: value for name, value in os.environ.items() if name != "MLFLOW_DISABLE_TELEMETRY"}
    chosen = {"MLFLOW_DISABLE_TELEMETRY": "false"}
    executor = make(
        outer={**outer, **chosen} if where == "outer" else outer,
        work=Work(command="", environment_variables=chosen if where == "work" else {}),
    )
    assert environment_of(executor, folder)["MLFLOW_DISABLE_TELEMETRY"] == expected


def test_where_the_policy_applies_is_told_to_the_trial(make: Make, folder: SweepFolder) -> None:
    executor = make(
        policy={"type": "bandit", "evaluation_interval": None, "delay_evaluation": 3},
        objective=Objective("acc", Goal.MAXIMIZE),
    )
    seen = environment_of(executor, folder)
    assert json.loads(seen["BARRIDO_HOLD"]) == {"metric": "acc", "interval": 1, "delay": 3}


def test_python_is_the_interpreter_that_runs_barrido(run: Run, folder: SweepFolder) -> None:
    run("python -c 'import sys; print(sys.executable, sys.prefix)'")
    executable, prefix = folder.trial(0).log.read_text().split()
    assert Path(executable).samefile(sys.executable)
    assert prefix == sys.prefix


def test_an_interpreter_with_another_name_is_python_all_the_same(
    make: Make, folder: SweepFolder, tmp_path: Path
) -> None:
    home = tmp_path / "it's here"
    home.mkdir()
    (home / "python3.99").write_text('#!/bin/sh\necho ninety-nine "$@"\n')
    (home / "python3.99").chmod(0o755)
    executor = make(work=Work(command="", python=str(home / "python3.99")))
    executor.launch(Order(0, 1, {"command": "python 'a b'; python3 c"}))
    until_ended(executor)
    assert folder.trial(0).log.read_text() == "ninety-nine a b\nninety-nine c\n"


def test_the_log_can_be_read_while_the_trial_runs(executor: LocalExecutor, folder: SweepFolder) -> None:
    executor.launch(Order(0, 1, {"command": "python -c 'import time; print(1); time.sleep(600)'"}))
    collect(executor, bool)
    deadline = time.monotonic() + 60.0
    while folder.trial(0).log.read_text() != "1\n":
        assert time.monotonic() < deadline
        executor.events(0.01)


def test_standard_input_is_empty(run: Run, folder: SweepFolder) -> None:
    assert exits(run("cat; echo end"))[0].code == 0
    assert folder.trial(0).log.read_text() == "end\n"


def test_every_trial_works_in_its_own_folder(make: Make, folder: SweepFolder) -> None:
    folder.code.mkdir(parents=True)
    (folder.code / "data.txt").write_text("original")
    executor = make(work=Work(command="", code=str(folder.code)))
    for trial in range(3):
        executor.launch(Order(trial, 1, {"command": f"cat data.txt; echo {trial} > data.txt; pwd"}))
    until_ended(executor, 3)
    for trial in range(3):
        work = folder.trial(trial).work
        assert folder.trial(trial).log.read_text() == f"original{work}\n"
        assert (work / "data.txt").read_text() == f"{trial}\n"
        assert (work / "outputs").is_dir()
        assert (work / "logs").is_dir()
    assert (folder.code / "data.txt").read_text() == "original"


def test_a_second_attempt_starts_afresh(executor: LocalExecutor, folder: SweepFolder) -> None:
    executor.launch(Order(0, 1, {"command": "echo first; touch mine; exit 1"}))
    until_ended(executor)
    executor.launch(Order(0, 2, {"command": "echo second; ls"}))
    until_ended(executor)
    assert folder.trial(0).log.read_text() == "second\nlogs\noutputs\n"
    assert (folder.trial(0).root / "work.1" / "mine").exists()
    assert (folder.trial(0).log.parent / "std_log.1.txt").read_text() == "first\n"


def no_launch(signals: list[Signal]) -> Exited:
    assert [type(signal) for signal in signals] == [Exited]
    (exited,) = exits(signals)
    assert (exited.cause, exited.code) == (Cause.NO_LAUNCH, None)
    return exited


def test_without_its_code_a_trial_is_not_started(make: Make) -> None:
    executor = make(work=Work(command="", code="/gone"))
    executor.launch(Order(0, 1, {"command": "true"}))
    assert "the sweep's copy of the code is gone" in no_launch(until_ended(executor)).detail


def test_a_command_that_cannot_be_rendered_is_not_started(folder: SweepFolder, make: Make) -> None:
    executor = make()

    def render(order: Order) -> str:
        raise BarridoError("inputs.lr is missing")

    executor._render = render
    executor.launch(Order(0, 1, {"command": "true"}))
    assert "inputs.lr is missing" in no_launch(until_ended(executor)).detail


def test_a_command_that_is_too_long_is_not_started(run: Run) -> None:
    assert "Argument list too long" in no_launch(run("true " + "x" * 3_000_000)).detail


def test_a_folder_that_cannot_be_made_is_a_failed_launch(
    executor: LocalExecutor, folder: SweepFolder
) -> None:
    (folder.root / "trials").write_text("in the way")
    executor.launch(Order(0, 1, {"command": "true"}))
    assert "Not a directory" in no_launch(until_ended(executor)).detail


def test_a_claim_that_cannot_be_written_is_a_failed_launch(
    executor: LocalExecutor, folder: SweepFolder
) -> None:
    shutil.rmtree(folder.feed)
    executor.launch(Order(0, 1, {"command": "touch ran"}))
    assert "its claim could not be written" in no_launch(until_ended(executor)).detail
    assert not (folder.trial(0).work / "ran").exists()


@pytest.mark.parametrize("polls", [False, True])
def test_twenty_at_once(make: Make, folder: SweepFolder, polls: bool) -> None:
    executor = make(concurrent=20, polls=polls)
    for trial in range(20):
        command = f'echo \'{{"name": "loss", "value": {trial}}}\' >> "$BARRIDO_METRICS"; exit {trial}'
        executor.launch(Order(trial, 1, {"command": command}))
    signals = until_ended(executor, 20)
    assert {exited.trial: exited.code for exited in exits(signals)} == {n: n for n in range(20)}
    assert len([signal for signal in signals if isinstance(signal, Launched)]) == 20


def test_no_descriptor_and_no_zombie_is_left(make: Make) -> None:
    executor = make()
    others = {process.pid for process in psutil.Process().children()}
    before = sorted(Path("/proc/self/fd").iterdir())
    for trial in range(30):
        executor.launch(
            Order(trial, 1, {"command": "sleep 600" if trial % 3 == 0 else "sleep 0.01 & exit 1"})
        )
    collect(executor, lambda signals: sum(isinstance(signal, Launched) for signal in signals) == 30)
    for trial in range(0, 30, 3):
        executor.stop(trial, 1, "enough")
    while executor._supervisor.attempts:
        executor.events(None)
    assert sorted(Path("/proc/self/fd").iterdir()) == before
    assert {process.pid for process in psutil.Process().children()} <= others


def test_a_trial_inherits_no_descriptor(make: Make, folder: SweepFolder) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    executor = make()
    executor.launch(Order(0, 1, {"command": "ls /proc/self/fd"}))
    until_ended(executor)
    os.close(reading)
    os.close(writing)
    executor.launch(Order(1, 1, {"command": "ls /proc/self/fd"}))
    until_ended(executor)
    for trial in (0, 1):  # 3 is what ls reads
        assert folder.trial(trial).log.read_text().split() == ["0", "1", "2", "3"]


def test_waiting_costs_no_time(executor: LocalExecutor) -> None:
    executor.launch(Order(0, 1, {"command": "exec sleep 600"}))
    collect(executor, bool)
    before = time.process_time()
    assert list(executor.events(1.0)) == []
    assert time.process_time() - before < 0.02


@pytest.mark.parametrize("polls", [False, True])
def test_another_thread_can_wake_it(make: Make, polls: bool) -> None:
    executor = make(polls=polls)
    executor.launch(Order(0, 1, {"command": "exec sleep 600"}))
    collect(executor, bool)
    timer = threading.Timer(0.05, executor.wake)
    timer.start()
    assert list(executor.events(None)) == []
    timer.join()
    executor.wake()
    executor.wake()
    assert list(executor.events(None)) == []
    assert list(executor.events(0.0)) == []
