"""Trials that leave their workers: frozen with all of their processes, or ended once they have saved."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from barrido.core.events import Cause, Launched, Paused, PauseMode
from barrido.core.protocols import Logged, Order, Signal, Step, Verdict
from barrido.core.recipe import Work
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import collect, exits, is_paused, offsets, until_ended, until_reports, values

Make = Callable[..., LocalExecutor]
Wait = Callable[[Callable[[], object]], None]

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def run_to(executor: LocalExecutor, order: Order, rung: int, had: int = 0) -> list[Signal]:
    """Act as a controller whose trial has made ``had`` reports: answer them, and suspend it at ``rung``."""
    told: list[Signal] = []
    is_there = False
    while not is_paused(told):
        assert not exits(told)
        for one in executor.events(60.0):
            told.append(one)
            if isinstance(one, Logged):
                was_there, is_there = is_there, had + len(values(told)) >= rung
                if is_there and not was_there:
                    executor.pause(order.trial, order.attempt, PauseMode.SUSPEND, "others first")
                step = Step.PAUSE if is_there else Step.GO_ON
                until = None if is_there else rung
                executor.answer(order.trial, order.attempt, offsets(told), Verdict(step, "", until))
    return told


REPORTS = """
    from barrido.trial import report
    for n in range(1, 28):
        report(loss=n)
"""
THREADED = """
    import threading
    from barrido.trial import report
    def train():
        for n in range(1, 28):
            report(loss=n)
    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive():
        sum(range(1000))
"""
SHELL = """n=1; while [ $n -le 27 ]; do python -m barrido.trial loss=$n; n=$((n + 1)); done"""


@pytest.mark.parametrize("script", ["plain", "threaded", "shell", "warm"])
def test_it_makes_exactly_the_reports_of_its_rung(
    script: str, staged: Make, write: Callable[[str], str]
) -> None:
    command = SHELL if script == "shell" else write(THREADED if script == "threaded" else REPORTS)
    executor = staged(work=Work(command="", warm="on" if script == "warm" else "off"))
    order = Order(0, 1, {"command": command}, until=1)
    executor.launch(order)
    told: list[Signal] = []
    for rung in (1, 3, 9):
        order = Order(0, 1, order.params, until=rung)
        if rung > 1:
            executor.unpause(order)
        told += run_to(executor, order, rung, had=len(values(told)))
        told += executor.events(0.1)
        assert values(told) == [float(n) for n in range(1, rung + 1)]
        assert isinstance(told[-1], Paused)
    executor.unpause(Order(0, 1, order.params, until=None))
    told += until_ended(executor)
    assert values(told) == [float(n) for n in range(1, 28)]
    launches = [one for one in told if isinstance(one, Launched)]
    assert [one.warm for one in launches] == [script == "warm"] * 4
    assert exits(told)[0].code == 0


def test_a_report_at_its_rung_goes_on_when_the_verdict_is_to_go_on(
    staged: Make, write: Callable[[str], str]
) -> None:
    executor = staged()
    executor.launch(Order(0, 1, {"command": write(REPORTS)}, until=2))
    told = until_reports(executor, 2)
    assert values([*told, *executor.events(0.1)]) == [1.0, 2.0]
    executor.answer(0, 1, offsets(told), Verdict(Step.GO_ON, "", 5))
    told += until_reports(executor, 3)
    assert values([*told, *executor.events(0.1)]) == [1.0, 2.0, 3.0, 4.0, 5.0]
    executor.answer(0, 1, offsets(told), Verdict(Step.GO_ON, "", None))
    assert values([*told, *until_ended(executor)]) == [float(n) for n in range(1, 28)]


def test_through_a_file_it_overshoots_and_all_of_it_is_told_before_the_pause(staged: Make) -> None:
    executor = staged()
    line = """echo "{\\"name\\": \\"loss\\", \\"value\\": $n}" >> "$BARRIDO_METRICS" """
    command = f"n=1; while :; do {line}; n=$((n + 1)); sleep 0.002; done"
    order = Order(0, 1, {"command": command}, until=3)
    executor.launch(order)
    told = run_to(executor, order, 3)
    assert isinstance(told[-1], Paused)
    assert list(executor.events(0.1)) == []
    executor.unpause(order)
    told += until_reports(executor, 3)
    executor.stop(0, 1, "enough")
    told += until_ended(executor)
    assert values(told) == [float(n) for n in range(1, len(values(told)) + 1)]


BEATS = """
    import os, sys, time
    kind, path = sys.argv[1:]
    if kind == "left":
        os.setsid()
        if os.fork():
            os._exit(0)
    if kind == "parent":
        import subprocess
        for child in ("child", "left"):
            subprocess.Popen([sys.executable, __file__, child, path])
    for n in range(100_000):
        with open(path + "/" + kind, "a") as file:
            file.write(".")
        time.sleep(0.001)
"""


def test_its_children_stand_still_too_wherever_they_went(
    staged: Make, write: Callable[[str], str], tmp_path: Path, wait_for: Wait
) -> None:
    executor = staged(grace_s=0.2)
    order = Order(0, 1, {"command": f"{write(BEATS)} parent {tmp_path}"})
    witnesses = [tmp_path / kind for kind in ("parent", "child", "left")]

    def sizes() -> list[int]:
        return [path.stat().st_size if path.exists() else 0 for path in witnesses]

    def have_grown(since: list[int]) -> bool:
        return all(now > then for now, then in zip(sizes(), since, strict=True))

    executor.launch(order)
    at_rest = sizes()
    for _ in range(3):
        wait_for(partial(have_grown, at_rest))
        executor.pause(0, 1, PauseMode.SUSPEND, "others first")
        collect(executor, is_paused)
        at_rest = sizes()
        time.sleep(0.05)
        assert sizes() == at_rest
        executor.unpause(order)
    executor.stop(0, 1, "enough")
    until_ended(executor)


HEARS = """
    import os, signal, sys, time

    def heard(*_):
        open(sys.argv[1] + "/heard", "w").close()
        os._exit(0)

    if not os.fork():
        os.setsid()
        signal.signal(signal.SIGTERM, heard)
        open(sys.argv[1] + "/left", "w").close()
    time.sleep(1000)
"""


def test_stopped_while_it_is_frozen_even_who_left_its_group_is_asked_to_end(
    staged: Make, write: Callable[[str], str], tmp_path: Path, wait_for: Wait
) -> None:
    executor = staged()
    order = Order(0, 1, {"command": f"{write(HEARS)} {tmp_path}"})
    executor.launch(order)
    wait_for((tmp_path / "left").exists)
    executor.pause(0, 1, PauseMode.SUSPEND, "others first")
    collect(executor, is_paused)
    executor.stop(0, 1, "enough")
    until_ended(executor)
    assert (tmp_path / "heard").exists()


def test_a_script_that_starts_processes_all_the_time_is_frozen(
    staged: Make, write: Callable[[str], str], tmp_path: Path, wait_for: Wait
) -> None:
    executor = staged(grace_s=0.2)
    command = write(
        """
        import pathlib, subprocess, sys, threading
        def start():
            while True:
                subprocess.run(["true"], start_new_session=True)
                pathlib.Path(sys.argv[1]).touch()
        for _ in range(4):
            threading.Thread(target=start).start()
        """
    )
    order = Order(0, 1, {"command": f"{command} {tmp_path}/started"})
    executor.launch(order)
    wait_for((tmp_path / "started").exists)
    for _ in range(10):
        executor.pause(0, 1, PauseMode.SUSPEND, "others first")
        collect(executor, is_paused)
        executor.unpause(order)
        collect(executor, lambda signals: any(isinstance(one, Launched) for one in signals))
        (tmp_path / "started").unlink(missing_ok=True)
        wait_for((tmp_path / "started").exists)
    executor.stop(0, 1, "enough")
    until_ended(executor)


def test_the_memory_that_it_holds_is_counted(staged: Make, write: Callable[[str], str]) -> None:
    executor = staged()
    command = write(
        """
        import os, time
        from barrido.trial import report
        held = bytearray(os.urandom(1 << 20)) * 64
        if os.fork() == 0:  # shares it: counted once
            time.sleep(600)
        report(loss=1)
        """
    )
    order = Order(0, 1, {"command": command}, until=1)
    executor.launch(order)
    paused = run_to(executor, order, 1)[-1]
    assert isinstance(paused, Paused)
    assert 64 << 20 < paused.memory < 120 << 20
    assert not paused.gpu


@pytest.fixture
def frozen(make: Make, staged: Make, write: Callable[[str], str]) -> tuple[Order, list[Signal]]:
    """A suspended trial whose controller is gone, and what that was told."""
    executor = staged()
    order = Order(0, 1, {"command": write(REPORTS)}, until=3)
    executor.launch(order)
    told = run_to(executor, order, 3)
    executor.close()
    return order, told


def test_the_next_controller_lets_it_go_on_to_exactly_its_next_rung(
    staged: Make, frozen: tuple[Order, list[Signal]]
) -> None:
    order, told = frozen
    executor = staged()
    executor.adopt(Order(0, 1, order.params), offsets(told))
    assert list(executor.events(0.1)) == []
    executor.unpause(Order(0, 1, order.params, until=9))
    after = run_to(executor, order, 9, had=3)
    assert isinstance(after[0], Launched)
    assert values(after) == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_killed_while_it_is_frozen_it_has_ended(staged: Make, frozen: tuple[Order, list[Signal]]) -> None:
    order, told = frozen
    executor = staged()
    executor.adopt(order, offsets(told))
    for process in psutil.process_iter(["cmdline"]):
        if order.params["command"].split()[1] in (process.info["cmdline"] or ())[:2]:
            process.kill()
    (exited,) = exits(until_ended(executor))
    assert (exited.cause, exited.code) == (Cause.EXIT, -signal.SIGKILL)


def test_where_it_is_stopped_while_it_is_frozen_it_takes_no_further_step(
    staged: Make, frozen: tuple[Order, list[Signal]]
) -> None:
    order, told = frozen
    executor = staged()
    executor.adopt(order, offsets(told))
    executor.stop(0, 1, "no room")
    after = until_ended(executor)
    assert values(after) == []
    assert exits(after)[0].code == -signal.SIGTERM
