"""What people see while they wait."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from barrido.controller.lock import SweepLock
from barrido.core.recipe import Limits
from barrido.errors import ControllerError, StreamLeft, SweepFailed
from barrido.sdk.stream import stream_sweep, stream_trial

Tell = Callable[..., Any]


class Script:
    """A clock by which something happens each time someone waits."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = iter(steps)
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    def wait(self, seconds: float) -> None:
        self._now += seconds
        next(self._steps)()


def test_a_sweep_is_told_from_its_first_trial_to_its_summary(story: Tell) -> None:
    sweep = story().start().launched(0).launched(1).reported(0, 0.5)
    out = io.StringIO()
    clock = Script(
        lambda: sweep.exited(0, after=10),
        lambda: sweep.reported(1, 0.75).exited(1, after=3),
        lambda: sweep.launched(2).reported(2, 0.6).exited(2, 1, after=2, detail="Traceback\nValueError: no"),
    )
    with SweepLock(sweep.folder):
        stream_sweep(sweep.folder, out=out, clock=clock)
    lines = out.getvalue().splitlines()
    assert lines[0] == "iris: 3 trials, 2 at a time, maximize acc"
    body = [line.partition("] ")[2] for line in lines]
    assert "trial 0 completed: acc 0.5, x=0, 10s" in body
    assert [line for line in body if line.startswith("best")] == [
        "best so far: acc 0.5, trial 0",
        "best so far: acc 0.75, trial 1",
    ]
    assert "trial 2 failed: acc 0.6, x=2, 2s (exit code 1: ValueError: no)" in body
    assert "1 of 3 trials done, 2 running, about 0:10 left" in body
    assert [
        line.split() for line in lines[lines.index("iris completed: all 3 trials are done (3 trials, 15s)") :]
    ] == [
        ["iris", "completed:", "all", "3", "trials", "are", "done", "(3", "trials,", "15s)"],
        [],
        ["trial", "status", "x", "acc", "reports", "time", "reason"],
        ["1", "completed", "1", "0.75", "1", "13s"],
        ["2", "failed", "2", "0.6", "1", "2s", "exit", "code", "1:", "ValueError:", "no"],
        ["0", "completed", "0", "0.5", "1", "10s"],
        [],
        ["best", "trial:", "1,", "acc", "0.75,", "with", "x=1"],
        ["log:", str(sweep.folder.trial(1).log)],
    ]


def test_a_sweep_with_warm_trials_says_how_many_there_were(story: Tell) -> None:
    sweep = story().start().launched(0).reported(0, 0.5)
    out = io.StringIO()
    clock = Script(
        lambda: sweep.launched(1, warm=True).exited(0, after=10),
        lambda: sweep.launched(2, warm=True).reported(2, 0.5).exited(1).exited(2, after=1),
    )
    with SweepLock(sweep.folder):
        stream_sweep(sweep.folder, out=out, clock=clock)
    lines = [line.partition("] ")[2] or line for line in out.getvalue().splitlines()]
    assert "1 of 3 trials done, 2 running, 1 of 2 started warm, about 0:10 left" in lines
    assert [line.partition(" (")[2] for line in lines if line.startswith("iris completed")] == [
        "3 trials, 2 of 3 started warm, 11s)"
    ]


def test_a_failed_sweep_raises_with_what_went_wrong(story: Tell) -> None:
    sweep = story(limits=Limits(max_total_trials=3, max_concurrent_trials=1, max_failed_trials=1)).start()
    sweep.launched(0).exited(0, 2, detail="Traceback\nValueError: no such column")
    out = io.StringIO()
    with pytest.raises(SweepFailed, match=r"(?s)the first trial failed; trial 0: .*no such column"):
        stream_sweep(sweep.folder, out=out)
    assert "iris failed (1 trial, " in out.getvalue()


def test_ctrl_c_ends_the_watching_and_says_how_to_come_back(story: Tell) -> None:
    sweep = story().start()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with SweepLock(sweep.folder), pytest.raises(StreamLeft, match="'iris' goes on") as caught:
        stream_sweep(sweep.folder, out=io.StringIO(), clock=Script(interrupted))
    assert "ml_client.jobs.stream('iris')" in caught.value.hint
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.exit_code == 130


def test_a_sweep_whose_controller_is_gone_is_not_waited_for(story: Tell) -> None:
    sweep = story().start()
    with pytest.raises(ControllerError, match="the controller of 'iris' died") as caught:
        stream_sweep(sweep.folder, out=io.StringIO())
    assert "jobs.resume('iris')" in caught.value.hint


def test_a_trial_is_followed_by_what_it_prints(story: Tell) -> None:
    sweep = story().start().launched(0)
    log = sweep.folder.trial(0).log
    out = io.StringIO()

    def written(text: bytes, then: Callable[[], object] = bool) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(text)
        then()

    clock = Script(
        lambda: written(b"epoch 1\nepo"),
        lambda: written(b"ch 2\n"),
        lambda: written(b"bye \xc3"),
        lambda: written(b"\xbc\n", then=lambda: sweep.reported(0, 0.5).exited(0, after=4)),
    )
    with SweepLock(sweep.folder):
        stream_trial(sweep.folder, 0, "iris_0", out=out, clock=clock)
    assert out.getvalue() == "epoch 1\nepoch 2\nbye ü\niris_0 completed: acc 0.5, x=0, 4s\n"


def test_a_trial_that_failed_says_where_its_log_is(story: Tell) -> None:
    sweep = story().start().launched(0).exited(0, 3, detail="boom")
    with pytest.raises(SweepFailed, match="'iris_0' failed: exit code 3: boom") as caught:
        stream_trial(sweep.folder, 0, "iris_0", out=io.StringIO())
    assert str(sweep.folder.trial(0).log) in caught.value.hint
