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
    assert lines[0] == "RunId: iris"
    body = "\n".join(lines)
    assert "trial 0 completed (acc = 0.5; x = 0)\nbest so far: trial 0 (acc = 0.5; x = 0)" in body
    assert "best so far: trial 1 (acc = 0.75; x = 1)" in body
    assert "trial 2 failed: exit code 1: ValueError: no (acc = 0.6; x = 2)" in body
    assert "1 of 3 trials done, 2 running, about" in body
    assert lines[lines.index("Execution Summary") :] == [
        "Execution Summary",
        "=================",
        "RunId: iris",
        "Status: Completed (all 3 trials are done)",
        "Trials: 3 (2 completed, 1 failed)",
        "Best: trial 1 (acc = 0.75; x = 1)",
        "Duration: 15 s",
    ]


def test_a_failed_sweep_raises_with_what_went_wrong(story: Tell) -> None:
    sweep = story(limits=Limits(max_total_trials=3, max_concurrent_trials=1, max_failed_trials=1)).start()
    sweep.launched(0).exited(0, 2, detail="Traceback\nValueError: no such column")
    out = io.StringIO()
    with pytest.raises(SweepFailed, match=r"(?s)the first trial failed; trial 0: .*no such column"):
        stream_sweep(sweep.folder, out=out)
    assert "Status: Failed" in out.getvalue()


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
    with pytest.raises(ControllerError, match="the controller of 'iris' is gone") as caught:
        stream_sweep(sweep.folder, out=io.StringIO())
    assert "jobs.resume('iris')" in caught.value.hint


def test_a_trial_is_followed_by_what_it_prints(story: Tell) -> None:
    sweep = story().start().launched(0)
    log = sweep.folder.trial(0).log
    out = io.StringIO()

    def written(text: str, then: Callable[[], object] = bool) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(text)
        then()

    clock = Script(
        lambda: written("epoch 1\nepo"),
        lambda: written("ch 2\n"),
        lambda: written("bye ü\n", then=lambda: sweep.exited(0, 3)),
    )
    with SweepLock(sweep.folder), pytest.raises(SweepFailed, match="'iris_0' failed: exit code 3"):
        stream_trial(sweep.folder, 0, "iris_0", out=out, clock=clock)
    assert "epoch 1\nepoch 2\nbye ü\n\nExecution Summary\n" in out.getvalue()
    assert out.getvalue().count("epoch 1") == 1
