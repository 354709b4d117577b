"""The client with real processes: submit, stream, look, download, pause, cancel."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from barrido import (
    ControllerError,
    MLClient,
    Output,
    RequestError,
    SpecError,
    SweepFailed,
    TrialNotFound,
    command,
)
from barrido.controller import lock
from barrido.controller.clock import WallClock
from barrido.core.recipe import StopAfter
from barrido.store.queries import Reader
from barrido.sweep import BanditPolicy, Choice

TRAIN = """
import argparse, json, os, pathlib, sys
import barrido

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--model", default=None)
args = parser.parse_args()
print(f"training with x = {args.x}", flush=True)
if args.x < 0:
    sys.exit("x must not be negative")
for step in range(1, 4):
    barrido.report(acc=args.x * step, step=step)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/params.json").write_text(json.dumps(barrido.params()))
if args.model:
    pathlib.Path(args.model, "model.txt").write_text(f"model {args.x}")
"""
WAIT = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists():\n    time.sleep(0.02)\n"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MLClient]:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "src" / "wait.py").write_text(WAIT)
    monkeypatch.chdir(tmp_path)
    client = MLClient(workspace_name=tmp_path / "ws")
    yield client
    for job in client.jobs.list():
        if job.status not in ("Completed", "Failed", "Canceled"):
            client.jobs.begin_cancel(job.name).result(timeout=60)


def training(**settings: Any) -> Any:
    return command(
        code="./src",
        command="python train.py --x ${{inputs.x}} --model ${{outputs.model}}",
        inputs={"x": 0.1},
        outputs={"model": Output(type="uri_folder")},
        **settings,
    )


def swept(name: str, values: list[float], **settings: Any) -> Any:
    job = training()(x=Choice(values)).sweep(
        sampling_algorithm="grid", primary_metric="acc", goal="Maximize", max_concurrent_trials=2, **settings
    )
    job.name = name
    return job


def wait_for(client: MLClient, name: str, status: str) -> None:
    clock = WallClock()
    deadline = clock.now() + 60
    while (now := _status(client, name)) != status:
        assert clock.now() < deadline, f"{name} is {now} after a minute, not {status}"
        clock.wait(0.05)


def _status(client: MLClient, name: str) -> str:
    try:
        return client.jobs.get(name).status
    except TrialNotFound:
        return "not there"


def test_a_sweep_is_submitted_streamed_looked_at_and_downloaded(
    client: MLClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    returned = client.create_or_update(swept("first", [0.1, 0.3, 0.2], max_total_trials=4))
    assert returned.name == "first"
    client.jobs.stream(returned.name)
    told = capsys.readouterr().out
    assert "best so far: acc 0.9, trial 1" in told
    assert "first completed: all 3 points of the search space were tried (3 trials, " in told
    assert "best trial: 1, acc 0.9, with x=0.3" in told

    job = client.jobs.get("first")
    assert (job.status, job.properties["best_child_run_id"]) == ("Completed", "first_1")
    assert job.value == pytest.approx(0.9)
    assert [trial.parameters for trial in job.trials] == [{"x": 0.1}, {"x": 0.3}, {"x": 0.2}]
    assert [trial.metrics["acc"] for trial in job.trials] == pytest.approx([0.3, 0.9, 0.6])

    client.jobs.download("first", download_path=tmp_path / "best", all=True)
    assert (tmp_path / "best" / "artifacts" / "outputs" / "params.json").read_text() == '{"x": 0.3}'
    assert "x = 0.3" in (tmp_path / "best" / "artifacts" / "user_logs" / "std_log.txt").read_text()
    assert (tmp_path / "best" / "named-outputs" / "model" / "model.txt").read_text() == "model 0.3"
    client.jobs.download("first_0", download_path=tmp_path / "other", output_name="model")
    assert (tmp_path / "other" / "named-outputs" / "model" / "model.txt").read_text() == "model 0.1"

    client.jobs.stream("first_2")
    assert "training with x = 0.2" in capsys.readouterr().out
    with pytest.raises(RequestError, match="there already is a sweep 'first'"):
        client.create_or_update(swept("first", [0.1]))


def test_a_plain_command_runs_as_one_trial(
    client: MLClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = client.jobs.create_or_update(training(name="once"), tags={"team": "a"}, experiment_name="exp")
    assert (job.type, job.tags, job.experiment_name) == ("command", {"team": "a"}, "exp")
    client.jobs.stream("once")
    assert "training with x = 0.1" in capsys.readouterr().out
    job = client.jobs.get("once")
    assert job.status == "Completed"
    assert job.metrics["acc"] == pytest.approx(0.3)
    client.jobs.download("once", download_path=tmp_path / "once", all=True)
    assert (tmp_path / "once" / "named-outputs" / "model" / "model.txt").exists()


def test_a_sweep_whose_first_trials_fail_raises_with_their_last_words(client: MLClient) -> None:
    client.create_or_update(swept("bad", [-1, -2, -3, -4]))
    with pytest.raises(SweepFailed, match="x must not be negative"):
        client.jobs.stream("bad")
    job = client.jobs.get("bad")
    assert job.status == "Failed"
    assert "x must not be negative" in job.reason


def test_a_policy_stops_trials_that_fall_behind(client: MLClient, capsys: pytest.CaptureFixture[str]) -> None:
    job = swept("cut", [1.0, 0.1, 0.2])
    job.set_limits(max_concurrent_trials=1)
    job.early_termination = BanditPolicy(slack_amount=0.2)
    client.create_or_update(job)
    client.jobs.stream("cut")
    assert [trial.status for trial in client.jobs.get("cut").trials] == ["Completed", "Canceled", "Canceled"]
    told = capsys.readouterr().out
    assert "trial 1 stopped: " in told
    assert "(3 trials, 2 stopped, " in told


def test_a_sweep_goes_on_where_it_was_after_its_controller_died(client: MLClient, tmp_path: Path) -> None:
    waiting = command(
        code="./src",
        command=f"python wait.py {tmp_path}/go && python train.py --x ${{{{inputs.x}}}}",
        inputs={"x": 1},
    )
    job = waiting(x=Choice([0.1, 0.2])).sweep(
        primary_metric="acc", goal="maximize", max_concurrent_trials=1, sampling_algorithm="grid"
    )
    job.name = "orphan"
    client.create_or_update(job)
    wait_for(client, "orphan_0", "Running")
    pid = lock.holder(client.workspace.sweep("orphan"))
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(client, "orphan", "NotResponding")
    with pytest.raises(ControllerError, match="the controller of 'orphan' died"):
        client.jobs.stream("orphan")
    (tmp_path / "go").touch()
    client.jobs.resume("orphan")
    client.jobs.stream("orphan")
    done = client.jobs.get("orphan")
    assert (done.status, done.properties["best_child_run_id"]) == ("Completed", "orphan_1")
    assert [trial.metrics["acc"] for trial in done.trials] == pytest.approx([0.3, 0.6])


def test_a_trial_and_then_the_sweep_are_cancelled(client: MLClient, tmp_path: Path) -> None:
    waiting = command(
        code="./src", command=f"python wait.py {tmp_path}/go ${{{{inputs.x}}}}", inputs={"x": 1}
    )
    job = waiting(x=Choice(list(range(6)))).sweep(
        primary_metric="acc", goal="maximize", max_concurrent_trials=2, sampling_algorithm="grid"
    )
    job.name = "long"
    client.create_or_update(job)
    wait_for(client, "long_0", "Running")
    client.jobs.pause("long")
    wait_for(client, "long", "Paused")
    client.jobs.begin_cancel("long_0").result(timeout=60)
    assert client.jobs.get("long_0").status == "Canceled"
    client.jobs.update("long", max_total_trials=3, stop_after={"trials": 9})
    client.jobs.unpause("long")
    wait_for(client, "long_2", "Running")
    with Reader(client.workspace.sweep("long")) as reader:
        assert reader.sweep().limits.stop_after == StopAfter(9)
    with pytest.raises(SpecError, match=r"end.py:\d+: limits.stop_after.trials: must be at least 1"):
        client.jobs.update("long", stop_after={"trials": 0})
    poller = client.jobs.begin_cancel("long")
    poller.wait(timeout=60)
    assert poller.done()
    assert poller.status() == "Canceled"
    assert [trial.status for trial in client.jobs.get("long").trials] == ["Canceled"] * 3


def test_points_are_added_and_jobs_are_written_on(client: MLClient, tmp_path: Path) -> None:
    waiting = command(
        code="./src", command=f"python wait.py {tmp_path}/go ${{{{inputs.x}}}}", inputs={"x": 1}
    )
    job = waiting(x=Choice([1, 2, 3])).sweep(
        primary_metric=None, goal=None, max_concurrent_trials=1, sampling_algorithm="grid"
    )
    job.name, job.tags = "mine", {"of": "job"}
    client.create_or_update(job)
    wait_for(client, "mine_0", "Running")
    for wrong in ({}, {"x": 7}, {"x": "1"}, {"y": 1}, {"x": float("nan")}, {"x": object()}):
        with pytest.raises(RequestError, match="x "):
            client.jobs.enqueue("mine", wrong)
    with pytest.raises(RequestError, match="mapping"):
        client.jobs.enqueue("mine", [1])  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="'mine' is no trial"):
        client.jobs.rerun("mine")
    with pytest.raises(TrialNotFound):
        client.jobs.rerun("mine_7")
    with pytest.raises(RequestError, match="no trial of 'mine' has failed"):
        client.jobs.rerun("mine", failed=True)
    with pytest.raises(RequestError, match="'mine_0' is a trial"):
        client.jobs.rerun("mine_0", failed=True)
    for note, tags in ((None, None), (3, None), ("x" * 10_001, None), (None, {"a": 1}), (None, [1])):
        with pytest.raises(RequestError):
            client.jobs.annotate("mine", note, tags)  # type: ignore[arg-type]
    assert not any(client.workspace.sweep("mine").requests.iterdir())
    client.jobs.enqueue("mine", {"x": 3.0})
    client.jobs.rerun("mine_0")
    client.jobs.annotate("mine_0", note="first", tags={"keep": "yes"})
    clock = WallClock()
    with Reader(client.workspace.sweep("mine")) as reader:
        while reader.sweep().queued < 2:
            clock.wait(0.02)
    (tmp_path / "go").touch()
    wait_for(client, "mine", "Completed")
    client.jobs.update("mine", tags={"of": None, "is": "over"})
    client.jobs.annotate("mine", "done")
    while not (found := client.jobs.get("mine")).note:  # its controller may not have left yet, and hears it
        clock.wait(0.02)
    assert (found.note, found.tags) == ("done", {"is": "over"})
    assert [(one.parameters["x"], one.origin) for one in found.trials] == [
        (1, ""), (3, "by hand, by sdk"), (1, "trial 0 again, by sdk"), (2, ""), (3, ""),
    ]  # fmt: skip
    assert (found.trials[0].note, found.trials[0].tags) == ("first", {"keep": "yes"})
    with pytest.raises(RequestError, match="is over"):
        client.jobs.enqueue("mine", {"x": 1})
    client.jobs.rerun("mine_1")
    while len((found := client.jobs.get("mine")).trials) < 6 or found.status != "Completed":
        clock.wait(0.02)
    assert (found.trials[5].parameters["x"], found.trials[5].origin) == (3, "trial 1 again, by sdk")
