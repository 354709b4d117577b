"""How processes end, and that nothing of a trial is left when it is said to have ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from barrido.core.events import Cause, Exited, Launched
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order, Signal
from barrido.executors import leader
from barrido.executors.leader import read_life
from barrido.executors.leftovers import leftovers
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import collect, exits, until_ended, until_reports, values


@pytest.fixture(autouse=True, params=["Linux 6.9", "Linux 5.3"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 6.9, pidfds do not signal groups."""
    if request.param == "Linux 5.3":
        monkeypatch.setattr(leader, "_signals_groups", lambda: False)


Run = Callable[[str], list[Signal]]
WaitFor = Callable[[Callable[[], object]], None]


def exit_of(signals: list[Signal]) -> Exited:
    (exited,) = exits(signals)
    return exited


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pid_in(path: Path) -> int | None:
    text = path.read_text() if path.exists() else ""
    return int(text) if text.endswith("\n") else None


def test_a_command_that_ends_well(run: Run) -> None:
    signals = run("true")
    assert [type(signal) for signal in signals] == [Launched, Exited]
    assert (exit_of(signals).cause, exit_of(signals).code, exit_of(signals).detail) == (Cause.EXIT, 0, "")


def test_a_failure_shows_the_end_of_its_log(run: Run) -> None:
    exited = exit_of(run("seq 100; echo 'ValueError: ünicode' >&2; exit 7"))
    assert exited.code == 7
    lines = exited.detail.splitlines()
    assert len(lines) == 20
    assert lines[-2:] == ["100", "ValueError: ünicode"]


def test_of_a_progress_bar_the_last_state_is_shown(run: Run) -> None:
    assert exit_of(run(r"printf ' 1%%\r 50%%\r100%%\nfailed\n'; exit 1")).detail == "100%\nfailed"


def test_a_long_line_is_cut(run: Run) -> None:
    assert len(exit_of(run("head -c 100000 /dev/zero | tr '\\0' x; exit 1")).detail) == 4096


def test_a_missing_command_is_explained(run: Run) -> None:
    exited = exit_of(run("no-such-program --lr 0.1"))
    assert (exited.cause, exited.code) == (Cause.EXIT, 127)
    assert exited.detail.startswith("command not found (exit code 127)")
    assert "no-such-program" in exited.detail


def test_a_command_that_is_no_program_is_explained(run: Run) -> None:
    assert exit_of(run("/etc/passwd")).detail.startswith("the command could not be executed (exit code 126)")


def test_a_syntax_error_is_a_failure(run: Run) -> None:
    exited = exit_of(run("if then"))
    assert exited.code == 2
    assert "yntax error" in exited.detail


def test_a_command_cannot_escape_into_the_leader(run: Run) -> None:
    exited = exit_of(run("""echo "a'b" '"$1"' `echo c`; : > "$0.txt"; exit 5; }"""))
    assert exited.code == 2  # the brace is a syntax error in the command, not the end of something of ours


def test_a_child_killed_by_a_signal(run: Run) -> None:
    exited = exit_of(run("sh -c 'kill -KILL $$'"))
    assert exited.code == -9
    assert exited.detail.startswith("killed by SIGKILL, perhaps for want of memory")


def test_a_group_that_is_killed_as_a_whole(executor: LocalExecutor, folder: SweepFolder) -> None:
    executor.launch(Order(0, 1, {"command": "sleep 600"}))
    signals = collect(executor, bool)
    life = read_life(f"{folder.feed_stem(0, 1)}.life")
    assert life is not None
    assert life.pid is not None
    os.killpg(life.pid, signal.SIGKILL)
    exited = exit_of([*signals, *until_ended(executor)])
    assert (exited.cause, exited.code) == (Cause.EXIT, -9)
    assert exited.detail == "killed together with its process group"


def test_a_leader_that_is_killed_alone_takes_its_command_along(
    executor: LocalExecutor, folder: SweepFolder
) -> None:
    executor.launch(Order(0, 1, {"command": "echo $$ > pid; exec sleep 600"}))
    collect(executor, bool)
    pid_file = folder.trial(0).work / "pid"
    while pid_in(pid_file) is None:
        executor.events(0.01)
    life = read_life(f"{folder.feed_stem(0, 1)}.life")
    assert life is not None
    assert life.pid is not None
    os.kill(life.pid, signal.SIGKILL)
    assert exit_of(until_ended(executor)).code == -9
    assert not runs(pid_in(pid_file) or 0)


def test_children_that_outlive_the_command_are_gone_before_it_counts_as_ended(
    run: Run, folder: SweepFolder
) -> None:
    signals = run("sleep 600 & echo $! > pid; exit 3")
    assert exit_of(signals).code == 3
    assert not runs(pid_in(folder.trial(0).work / "pid") or 0)


def test_a_stop_reaches_children_that_left_the_session(executor: LocalExecutor, folder: SweepFolder) -> None:
    command = "setsid sh -c 'echo $$ > pid; exec sleep 600' & wait"
    executor.launch(Order(0, 1, {"command": command}))
    pid_file = folder.trial(0).work / "pid"
    while pid_in(pid_file) is None:
        executor.events(0.01)
    executor.stop(0, 1, "enough")
    started = time.monotonic()
    assert exit_of(until_ended(executor)).code == -15
    assert time.monotonic() - started < 4.0  # they got the SIGTERM too, nobody waited for the grace period
    assert not runs(pid_in(pid_file) or 0)


def test_a_stop_kills_children_that_left_and_do_not_listen(
    make: Callable[..., LocalExecutor], folder: SweepFolder
) -> None:
    executor = make(grace_s=0.3)
    command = "setsid sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 1; done' & wait"
    executor.launch(Order(0, 1, {"command": command}))
    pid_file = folder.trial(0).work / "pid"
    while pid_in(pid_file) is None:
        executor.events(0.01)
    executor.stop(0, 1, "enough")
    until_ended(executor)
    assert not runs(pid_in(pid_file) or 0)
    assert leftovers(str(folder.feed_stem(0, 1))) == []


def test_children_that_left_the_session_are_swept_at_the_end(
    executor: LocalExecutor, run: Run, folder: SweepFolder, wait_for: WaitFor
) -> None:
    run("setsid sh -c 'echo $$ > pid; exec sleep 600' & while ! [ -s pid ]; do :; done")
    pid = pid_in(folder.trial(0).work / "pid")
    assert pid is not None
    assert runs(pid)
    assert executor.sweep_leftovers() == 1
    assert not runs(pid)
    assert executor.sweep_leftovers() == 0


def test_sweeping_spares_the_trials_that_run(executor: LocalExecutor) -> None:
    executor.launch(Order(0, 1, {"command": "sleep 600"}))
    collect(executor, bool)
    assert executor.sweep_leftovers() == 0
    assert exits(executor.events(0.05)) == []


def test_a_script_may_use_its_grace_period(executor: LocalExecutor, folder: SweepFolder) -> None:
    script = """
import signal, sys, time
def save(*_):
    time.sleep(0.5)
    open("saved", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
open("ready", "w").close()
time.sleep(600)
"""
    # The shell in between dies at once; what it runs still has its time.
    executor.launch(Order(0, 1, {"command": f"true && python -c '{script}'; true"}))
    while not (folder.trial(0).work / "ready").exists():
        executor.events(0.01)
    executor.stop(0, 1, "enough")
    assert exit_of(until_ended(executor)).code == -15
    assert (folder.trial(0).work / "saved").exists()


def test_who_ignores_the_request_is_killed_after_the_grace_period(
    make: Callable[..., LocalExecutor], folder: SweepFolder
) -> None:
    executor = make(grace_s=0.4)
    command = "trap '' TERM; : > ready; while :; do sleep 60; done"
    executor.launch(Order(0, 1, {"command": command}))
    while not (folder.trial(0).work / "ready").exists():
        executor.events(0.01)
    started = time.monotonic()
    executor.stop(0, 1, "enough")
    signals = collect(executor, lambda signals: len(exits(signals)) == 1)
    assert 0.4 <= time.monotonic() - started < 4.0
    assert exit_of(signals).code == -9
    assert leftovers(str(folder.feed_stem(0, 1))) == []


def test_a_frozen_trial_can_be_stopped(executor: LocalExecutor, folder: SweepFolder) -> None:
    executor.launch(Order(0, 1, {"command": "exec sleep 600"}))
    collect(executor, bool)
    life = read_life(f"{folder.feed_stem(0, 1)}.life")
    assert life is not None
    assert life.pid is not None
    os.killpg(life.pid, signal.SIGSTOP)
    started = time.monotonic()
    executor.stop(0, 1, "enough")
    assert exit_of(until_ended(executor)).code == -15
    assert time.monotonic() - started < 4.0


@pytest.mark.parametrize("pause_s", [0.0, 0.001, 0.002, 0.004, 0.008])
def test_a_stop_right_after_the_launch_is_not_missed(executor: LocalExecutor, pause_s: float) -> None:
    for trial in range(10):
        executor.launch(Order(trial, 1, {"command": "exec sleep 600"}))
        time.sleep(pause_s)
        executor.stop(trial, 1, "changed my mind")
    started = time.monotonic()
    signals = until_ended(executor, 10)
    assert time.monotonic() - started < 4.0
    assert {exited.code for exited in exits(signals)} == {-15}


def test_what_a_trial_logs_while_it_stops_is_told(executor: LocalExecutor) -> None:
    line = '{\\"name\\": \\"loss\\", \\"value\\": 2}'
    command = (
        f"trap 'echo \"{line}\" >> $BARRIDO_METRICS; exit 0' TERM;"
        'echo \'{"name": "loss", "value": 1}\' >> "$BARRIDO_METRICS"; while :; do sleep 0.01; done'
    )
    executor.launch(Order(0, 1, {"command": command}))
    signals = until_reports(executor, 1)
    executor.stop(0, 1, "enough")
    signals += until_ended(executor)
    assert values(signals) == [1.0, 2.0]
    assert exit_of(signals).code == 0
