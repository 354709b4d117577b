"""Controllers that die, and what the next one finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import Cause, Exited, Launched
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.executors.leader import machine_id, read_life
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import collect, exits, offsets, until_ended, until_reports, values

Start = Callable[..., "subprocess.Popen[str]"]
WaitFor = Callable[[Callable[[], object]], None]
Make = Callable[..., LocalExecutor]

COUNTING = """
n=1
while [ $n -le 60 ]; do
  printf '{"name": "loss", "value": %s}\\n' $n >> "$BARRIDO_METRICS"
  n=$((n + 1)); sleep 0.01
done
exit 5
"""


@pytest.fixture
def start(folder: SweepFolder, tmp_path: Path) -> Iterator[Start]:
    """Starts controllers as processes; they launch once the file ``go`` is there."""
    started: list[subprocess.Popen[str]] = []

    def start(command: str, trials: int) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("controller_process.py")
        arguments = [str(folder.root), str(tmp_path / "go"), command, str(trials)]
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def said(process: subprocess.Popen[str], count: int) -> list[list[Any]]:
    """The next things that a controller says."""
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


def test_a_killed_controller_loses_nothing_and_doubles_nothing(
    start: Start, make: Make, tmp_path: Path
) -> None:
    first = start(COUNTING, 3)
    (tmp_path / "go").touch()
    lines = said(first, 40)
    first.kill()
    assert first.stdout is not None
    lines += [json.loads(line) for line in first.stdout if line.endswith("\n")]
    second = make()
    for trial in range(3):
        taken = {line[2]: line[3] for line in lines if line[:2] == ["logged", trial]}
        second.adopt(Order(trial, 1, {}), taken)
    signals = until_ended(second, 3)
    for trial in range(3):
        before = [value for line in lines if line[:2] == ["logged", trial] for value in line[4]]
        assert before
        assert before + values(signals, trial) == [float(n) for n in range(1, 61)]
    assert [exited.code for exited in exits(signals)] == [5, 5, 5]


def test_two_launches_at_once_run_it_once(start: Start, folder: SweepFolder, tmp_path: Path) -> None:
    command = """echo '{"name": "loss", "value": 1}' >> "$BARRIDO_METRICS"; sleep 0.05; exit 3"""
    controllers = [start(command, 20), start(command, 20)]
    (tmp_path / "go").touch()
    for controller in controllers:
        output, _ = controller.communicate(timeout=60)
        lines = [json.loads(line) for line in output.splitlines()]
        for trial in range(20):
            mine = [line for line in lines if line[1] == trial]
            assert [line[0] for line in mine] == ["launched", "logged", "exited"]
            assert mine[1][4] == [1.0]
            assert mine[2][5] == 3
    for trial in range(20):
        assert len(Path(f"{folder.feed_stem(trial, 1)}.file").read_text().splitlines()) == 1
        assert folder.trial(trial).log.read_text() == ""


def test_what_ended_while_nobody_was_there_ended_then(make: Make, folder: SweepFolder) -> None:
    first = make()
    first.launch(Order(0, 1, {"command": "exit 6"}))
    before = until_ended(first)
    first.close()
    life = f"{folder.feed_stem(0, 1)}.life"
    os.utime(life, (1_700_000_000, 1_700_000_000))
    second = make()
    second.adopt(Order(0, 1, {}), offsets(before))
    (exited,) = exits(until_ended(second))
    assert (exited.code, exited.at) == (6, 1_700_000_000)


def test_a_restarted_machine_loses_what_ran(make: Make, folder: SweepFolder) -> None:
    executor = make()
    Path(f"{folder.feed_stem(0, 1)}.life").write_text(f"another-boot {os.getpid()}\n")
    Path(f"{folder.feed_stem(0, 1)}.file").write_text('{"name": "loss", "value": 4}\n')
    executor.adopt(Order(0, 1, {}), {})
    signals = until_ended(executor)
    assert values(signals) == [4.0]
    assert [(exited.cause, exited.code) for exited in exits(signals)] == [(Cause.LOST, None)]


def test_what_had_ended_before_the_restart_is_not_lost(make: Make, folder: SweepFolder) -> None:
    executor = make()
    Path(f"{folder.feed_stem(0, 1)}.life").write_text("another-boot 123\nexit 0\n")
    executor.adopt(Order(0, 1, {}), {})
    (exited,) = exits(until_ended(executor))
    assert (exited.cause, exited.code) == (Cause.EXIT, 0)


def test_a_pid_that_was_given_away_is_not_taken_for_the_leader(make: Make, folder: SweepFolder) -> None:
    executor = make()
    Path(f"{folder.feed_stem(0, 1)}.life").write_text(f"{machine_id()} {os.getpid()}\n")
    executor.adopt(Order(0, 1, {}), {})
    executor.stop(0, 1, "would end this very test")
    (exited,) = exits(until_ended(executor))
    assert (exited.cause, exited.code) == (Cause.EXIT, -9)


def test_a_record_without_its_newline_is_not_there_yet(make: Make, folder: SweepFolder) -> None:
    path = Path(f"{folder.feed_stem(0, 1)}.life")
    make()
    path.write_text(f"{machine_id()} 123\nexit 1")
    life = read_life(str(path))
    assert life is not None
    assert (life.pid, life.code) == (123, None)


def test_a_claim_that_stays_half_written_is_given_up(make: Make, folder: SweepFolder) -> None:
    executor = make()
    Path(f"{folder.feed_stem(0, 1)}.life").write_text(machine_id())
    executor.adopt(Order(0, 1, {}), {})
    (exited,) = exits(until_ended(executor))
    assert exited.cause is Cause.LOST


def test_a_claim_may_be_completed_while_we_look(make: Make, folder: SweepFolder) -> None:
    executor = make()
    life = Path(f"{folder.feed_stem(0, 1)}.life")
    life.write_text(machine_id())
    executor.launch(Order(0, 1, {"command": "exit 9"}))
    assert list(executor.events(0.05)) == []
    with life.open("a") as file:
        file.write(" 123456789\nexit 0\n")
    signals = until_ended(executor)
    assert [type(signal) for signal in signals] == [Launched, Exited]
    assert exits(signals)[0].code == 0


def test_an_adopted_trial_leaves_nothing_behind(make: Make, folder: SweepFolder) -> None:
    first = make()
    command = (
        """setsid sleep 600 & echo '{"name": "loss", "value": 1}' >> "$BARRIDO_METRICS"; read x < gate"""
    )
    gate = folder.trial(0).work / "gate"
    gate.parent.mkdir(parents=True)
    os.mkfifo(gate)
    first.launch(Order(0, 1, {"command": command}))
    before = until_reports(first, 1)
    first.close()
    second = make()
    second.adopt(Order(0, 1, {}), offsets(before))
    gate.write_text("go\n")
    (exited,) = exits(until_ended(second))
    assert exited.code == 0
    assert second.sweep_leftovers() == 0


def test_a_closed_executor_leaves_its_trials_alone(make: Make, folder: SweepFolder) -> None:
    first = make()
    first.launch(Order(0, 1, {"command": "exec sleep 600"}))
    collect(first, bool)
    first.close()
    first.close()
    first.wake()
    second = make()
    second.adopt(Order(0, 1, {}), {})
    assert list(second.events(0.05)) == []
    second.stop(0, 1, "enough")
    assert exits(until_ended(second))[0].code == -15
