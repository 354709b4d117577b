"""Metrics found in a trial's log: what counts as a line, what as a value, and what may never stall us."""

from __future__ import annotations

import os
import threading
import time
import warnings
from pathlib import Path

import pytest
from tests.executors.conftest import Make

from barrido.core.events import Exited
from barrido.core.layout import LOG, SweepFolder
from barrido.core.protocols import Logged, Order
from barrido.core.recipe import Work
from barrido.executors import patterns as door
from barrido.executors.attempt import Attempt
from barrido.executors.patterns import (
    LONGEST,
    MOST_SLOW,
    MOST_TICKS,
    TICK_S,
    LogTail,
    compiled,
    problem_of,
)
from barrido.executors.tail import CHUNK
from barrido.testing.executors import until_ended

LOSS = compiled({"loss": r"loss=(\S+)"})


def found(
    tmp_path: Path, raw: bytes, patterns: dict[str, str], *, final: bool = True
) -> tuple[list[object], list[str]]:
    log = tmp_path / "log.txt"
    log.write_bytes(raw)
    tail = LogTail(os.fspath(log), compiled(patterns))
    values: list[object] = []
    complaints: list[str] = []
    while (news := tail.read(7.0, final=final)) is not None or (final and tail.is_behind()):
        if news is None:
            continue
        values += [(p.name, p.value, p.step) if p.step is not None else (p.name, p.value) for p in news[0]]
        complaints += news[1]
    return values, complaints


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"loss=0.5\n", [0.5]),
        (b"loss=0.5", [0.5]),  # the last line needs no end
        (b"a\r\nloss=1\r\nloss=2\r\n", [1.0, 2.0]),
        (b"10% loss=3\r20% loss=2\r30% loss=1\r", [3.0, 2.0, 1.0]),  # a progress bar
        (b"\x1b[1;32mloss=\x1b[0m4e-3 \x1b[K\n", [0.004]),
        (b"\xff\xfe loss=1 \xf0\x28\n", [1.0]),
        (b"loss=inf\nloss=-inf\n", [float("inf"), float("-inf")]),
        (b"loss=1 loss=2\n", [1.0]),  # once a line
        (b"", []),
        (b"nothing\n\n\n", []),
        (b"x" * (3 * LONGEST) + b" loss=1\nloss=2\n", [2.0]),  # too far to the right
        (b"loss=3 " + b"x" * (2 * CHUNK) + b" loss=1\nloss=2\n", [3.0, 2.0]),
    ],
)
def test_lines_and_values(tmp_path: Path, raw: bytes, values: list[float]) -> None:
    assert found(tmp_path, raw, {"loss": r"loss=(\S+)"}) == ([("loss", value) for value in values], [])


def test_groups(tmp_path: Path) -> None:
    raw = b"epoch 3: train 0.5 val 0.7\nepoch x: train ? val 1\n"
    patterns = {
        "train": r"epoch (?P<step>\w+): train (\S+)",
        "val": r"(?P<kind>val) (?P<value>\S+)".replace("?P<kind>", "?:"),
    }
    values, complaints = found(tmp_path, raw, patterns)
    assert values == [("train", 0.5, 3), ("val", 0.7), ("val", 1.0)]
    assert complaints == ["train: '?' is no number: epoch x: train ? val 1"]
    _, complaints = found(tmp_path, b"epoch x: train 1 \n", patterns)
    assert complaints == ["train: the step 'x' is no whole number: epoch x: train 1 "]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"loss=(\S+)", ""),
        (r"(?P<step>\d+) (\S+)", ""),
        (r"(?P<step>\d+) (?P<value>\S+) (more)", ""),
        (r"(a)(b)", "has more groups than one for the value"),
        (r"loss", "has no group for the value"),
        (r"(?P<step>\d+)", "has no group for the value"),
        (r"(?P<loss>\d+)", "has a group named loss; known are value and step"),
        (r"(", "is no regular expression: missing ), unterminated subpattern at position 0"),
        (r"(?P<value>a){9999999999}", "is no regular expression"),
    ],
)
def test_patterns_that_cannot_be(pattern: str, problem: str) -> None:
    said = problem_of(pattern)
    assert said.startswith(problem)
    assert bool(said) == bool(problem)


def test_half_a_line_waits(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"loss=1\nloss=")
    tail = LogTail(os.fspath(log), LOSS)
    assert [point.value for point in (tail.read(0.0) or ([], []))[0]] == [1.0]
    assert tail.offset == 7
    assert tail.read(0.0) is None
    with log.open("ab") as more:
        more.write(b"25\nloss=3")
    assert [point.value for point in (tail.read(0.0) or ([], []))[0]] == [25.0]
    assert tail.read(0.0) is None
    assert [point.value for point in (tail.read(0.0, final=True) or ([], []))[0]] == [3.0]


def test_a_line_that_is_too_long_is_one_line_however_slowly_it_comes(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"loss=3 " + b"x" * LONGEST + b" loss=")
    tail = LogTail(os.fspath(log), LOSS)
    values = [point.value for point in (tail.read(0.0) or ([], []))[0]]
    for more in (b"7 ", b"loss=8 ", b"loss=9\rloss=1\n"):
        with log.open("ab") as file:
            file.write(more)
        tail = LogTail(os.fspath(log), LOSS, tail.offset)  # as the next controller does
        values += [point.value for point in (tail.read(0.0) or ([], []))[0]]
    assert values == [3.0, 1.0]


def test_a_trial_that_prints_without_end_is_read_a_piece_at_a_time(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    log = folder.trial(0).log
    log.parent.mkdir(parents=True)
    log.write_bytes(b"loss=1\n" * (3 * CHUNK // 7))
    attempt = Attempt.of(Order(0, 1, {"command": ""}), folder, {}, told=True, patterns=LOSS)
    attempt.claimed = True
    assert [CHUNK - 7 < one.offset <= CHUNK for one in attempt.read(LOG, 0.0, final=False)] == [True]
    rest = []
    while attempt.is_behind():
        rest += attempt.read(LOG, 0.0, final=True)
    assert rest[-1].offset == log.stat().st_size
    assert len(rest) >= 2


def test_what_is_too_much_at_the_end_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "MOST_LEFT", 20)
    values, complaints = found(tmp_path, b"loss=1\n" * 10 + b"loss=2\n" * 3, {"loss": r"loss=(\S+)"})
    assert values == [("loss", 2.0)] * 2  # the line that it begins in is not whole
    assert complaints == ["71 bytes were not looked at: it grew faster than it could be read"]


def test_who_reads_on_from_an_offset_misses_and_repeats_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("".join(f"noise\nloss={k}\n" for k in range(200)))
    whole = LogTail(os.fspath(log), LOSS)
    values: list[float] = []
    while (news := whole.read(0.0)) is not None:
        values += [point.value for point in news[0]]
    assert values == list(range(200))
    cut = log.read_bytes().index(b"loss=77\n")
    later = LogTail(os.fspath(log), LOSS, cut)
    assert [p.value for p in (later.read(0.0) or ([], []))[0]] == list(range(77, 200))


def test_a_pattern_that_never_ends_stalls_nobody(tmp_path: Path) -> None:
    line = b"a" * 40 + b"!\n"
    began = time.process_time()
    values, complaints = found(tmp_path, line * 50 + b"loss=1\n", {"bad": r"(a+)+$", "loss": r"loss=(\S+)"})
    assert time.process_time() - began < 0.35 * MOST_SLOW + 1.0
    assert values == [("loss", 1.0)]
    assert len(complaints) == MOST_SLOW
    assert complaints[-1].startswith("the pattern of bad takes too long; it is not looked for any more: aaa")


def test_a_pattern_that_is_slow_in_every_line_is_given_up(tmp_path: Path) -> None:
    line = b"a" * 18 + b"!\n"
    began = time.process_time()
    values, complaints = found(
        tmp_path, line * 20_000 + b"loss=1\n", {"bad": r"(a+)+$", "loss": r"loss=(\S+)"}
    )
    assert time.process_time() - began < (MOST_TICKS + 2 * MOST_SLOW) * TICK_S + 1.5
    assert values == [("loss", 1.0)]
    assert len(complaints) == MOST_SLOW


def test_lines_that_take_long_together_are_not_too_slow(tmp_path: Path) -> None:
    values, complaints = found(
        tmp_path, b"".join(b"loss=%d\n" % k for k in range(60_000)), {"loss": r"(?:x?){9}loss=(\S+)"}
    )
    assert len(values) == 60_000
    assert complaints == []


def test_in_another_thread_there_is_no_alarm(tmp_path: Path) -> None:
    told: list[object] = []
    thread = threading.Thread(
        target=lambda: told.append(found(tmp_path, b"loss=1\n", {"loss": r"loss=(\S+)"}))
    )
    thread.start()
    thread.join()
    assert told == [([("loss", 1.0)], [])]


@pytest.mark.parametrize("polls", [False, True])
def test_an_executor_tells_what_trials_print(make: Make, polls: bool) -> None:
    executor = make(polls=polls, work=Work(command="", metrics={"loss": r"loss=(\S+)"}))
    executor.launch(Order(0, 1, {"command": "echo loss=2; echo loss=1 >&2; printf 'the end: loss=0.5'"}))
    signals = until_ended(executor, 1)
    logged = [one for one in signals if isinstance(one, Logged)]
    assert [point.value for one in logged for point in one.points] == [2.0, 1.0, 0.5]
    assert {one.door for one in logged} == {"log"}
    assert signals.index(logged[-1]) < len(signals) - 1


@pytest.mark.parametrize("polls", [False, True])
def test_what_is_printed_is_told_while_the_trial_runs(make: Make, polls: bool) -> None:
    executor = make(polls=polls, work=Work(command="", metrics={"loss": r"loss=(\S+)"}))
    executor.launch(Order(0, 1, {"command": "echo loss=2; exec sleep 60"}))
    signals: list[object] = []
    while not any(isinstance(one, Logged) for one in signals):
        signals += executor.events(5.0)
    assert executor.running() == [(0, 1)]
    executor.stop(0, 1, "seen")
    until_ended(executor, 1)


@pytest.mark.parametrize("polls", [False, True])
def test_what_is_left_of_a_long_log_comes_in_pieces_and_holds_up_nobody(make: Make, polls: bool) -> None:
    executor = make(polls=polls, work=Work(command="", metrics={"loss": r"loss=(\S+)"}))
    line = "loss=1 " + 120 * "x"
    lines = 6 * CHUNK // len(line)
    executor.launch(Order(0, 1, {"command": f"yes {line!r} | head -n {lines}; echo loss=2"}))
    most, last, ends = 0, 0.0, 0
    while not ends:
        signals = executor.events(10.0)
        points = [point for one in signals if isinstance(one, Logged) for point in one.points]
        most, last = max(most, len(points)), points[-1].value if points else last
        lines -= len(points)
        ends = sum(isinstance(one, Exited) for one in signals)
    assert (lines, last) == (-1, 2.0)
    assert most < 3.5 * CHUNK / len(line)
    assert executor.events(0.0) == []


def test_the_end_is_not_told_before_all_was_read_by_the_next_who_reads_on(make: Make) -> None:
    metrics = {"loss": r"loss=(\S+)"}
    line = "loss=1 " + 120 * "x"
    lines = 4 * CHUNK // len(line)
    order = Order(0, 1, {"command": f"yes {line!r} | head -n {lines}"})
    first = make(work=Work(command="", metrics=metrics))
    first.launch(order)
    seen, offset = 0, 0
    while not seen:
        for one in first.events(10.0):
            if isinstance(one, Logged):
                seen, offset = seen + len(one.points), one.offset
    first.close()  # as a controller that dies
    second = make(work=Work(command="", metrics=metrics))
    second.adopt(order, {LOG: offset})
    signals = until_ended(second, 1)
    assert seen + sum(len(one.points) for one in signals if isinstance(one, Logged)) == lines


def test_a_pattern_that_python_may_read_otherwise_one_day_is_taken_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert problem_of(r"[[](\S+)") == ""
        assert compiled({"loss": r"[[](\S+)"})["loss"].search("[3") is not None


def test_another_attempt_is_not_told_what_the_first_one_printed(make: Make) -> None:
    executor = make(work=Work(command="", metrics={"loss": r"loss=(\S+)"}))
    executor.launch(Order(0, 1, {"command": "echo loss=1"}))
    until_ended(executor, 1)
    executor.launch(Order(0, 2, {"command": "echo loss=2"}))
    signals = until_ended(executor, 1)
    values = [point.value for one in signals if isinstance(one, Logged) for point in one.points]
    assert values == [2.0]
