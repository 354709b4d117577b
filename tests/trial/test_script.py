from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from barrido.trial import checkpoint_dir, params, report, script, should_stop, trial_dir
from barrido.trial.journal import Line, parse_line

Answer = Callable[..., None]


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEED", "PARAMS", "HOLD", "TRIAL_DIR"):
        monkeypatch.delenv(f"BARRIDO_{name}", raising=False)


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outside: None) -> Path:
    """The stem of a trial's feed, in which this process is the trial."""
    monkeypatch.setenv("BARRIDO_FEED", str(tmp_path / "0.1"))
    monkeypatch.setattr(script, "_gate", script._Gate())
    return tmp_path / "0.1"


@pytest.fixture
def answer(feed: Path) -> Answer:
    def answer(offset: int, step: str = "go on") -> None:
        draft = feed.with_name("draft")
        draft.write_text(json.dumps({"offsets": {"report": offset}, "step": step, "reason": ""}))
        draft.rename(f"{feed}.answer")

    return answer


def journal(feed: Path) -> list[Line]:
    path = Path(f"{feed}.report")
    return [parse_line(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def hold(monkeypatch: pytest.MonkeyPatch, interval: int = 1, delay: int = 0, limit_s: float = 5.0) -> None:
    body = {"metric": "loss", "interval": interval, "delay": delay}
    monkeypatch.setenv("BARRIDO_HOLD", json.dumps(body))
    monkeypatch.setattr(script, "HOLD_S", limit_s)


def test_a_report_is_one_line(feed: Path) -> None:
    before = time.time()
    report(loss=0.5, step=3)
    report({"val loss": 1, "acc": np.float32(0.25)}, best=inf)
    first, second = journal(feed)
    assert (first.metrics, first.step) == ({"loss": 0.5}, 3)
    assert first.time is not None
    assert before <= first.time <= time.time()
    assert (second.metrics, second.step) == ({"val loss": 1.0, "acc": 0.25, "best": inf}, None)


def test_nan_can_be_reported(feed: Path) -> None:
    report(loss=nan)
    assert repr(journal(feed)[0].metrics["loss"]) == "nan"


def test_whole_numbers_of_any_kind_are_steps(feed: Path) -> None:
    report(loss=1, step=np.int64(3))
    report(loss=1, step=4.0)  # type: ignore[arg-type]
    assert [line.step for line in journal(feed)] == [3, 4]


@pytest.mark.parametrize("place", ["outside", "feed"])
@pytest.mark.parametrize(
    ("arguments", "named", "error"),
    [
        ((), {}, ValueError),
        (({},), {}, ValueError),
        ((0.5,), {}, TypeError),
        ((), {"loss": "0.5"}, TypeError),
        ((), {"loss": None}, TypeError),
        ((), {"loss": True}, TypeError),
        ((), {"loss": [1.0]}, TypeError),
        ((), {"loss": 10**400}, TypeError),
        (({"": 1.0},), {}, ValueError),
        (({"x" * 251: 1.0},), {}, ValueError),
        (({"loss": 1.0},), {"loss": 2.0}, ValueError),
        ((), {"loss": 1.0, "step": 1.5}, TypeError),
        ((), {"loss": 1.0, "step": "1"}, TypeError),
        ((), {"loss": 1.0, "step": True}, TypeError),
        ((), {"loss": 1.0, "step": nan}, TypeError),
        ((), {"loss": 1.0, "step": 2**64}, ValueError),
    ],
)
def test_what_cannot_be_reported_is_refused_everywhere(
    request: pytest.FixtureRequest,
    place: str,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
    error: type[Exception],
) -> None:
    feed = request.getfixturevalue(place)
    with pytest.raises(error):
        report(*arguments, **named)
    assert feed is None or journal(feed) == []


def test_outside_of_a_sweep_nothing_happens(
    outside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    report(loss=0.5, step=1)
    assert params() == {}
    assert should_stop() is False
    assert trial_dir() == tmp_path
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_trial_knows_its_parameters_and_its_folder(feed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARRIDO_PARAMS", '{"lr": 0.1, "model": {"units": 64}}')
    monkeypatch.setenv("BARRIDO_TRIAL_DIR", "/ws/sweeps/s/trials/0")
    assert params() == {"lr": 0.1, "model": {"units": 64}}
    assert trial_dir() == Path("/ws/sweeps/s/trials/0")


def test_should_stop_follows_the_answer(feed: Path, answer: Answer) -> None:
    assert not should_stop()
    answer(10)
    assert not should_stop()
    for _ in range(20):  # put in anew so quickly that the file looks the same
        answer(10)
    answer(10, "stop")
    assert should_stop()


def test_a_report_waits_for_its_answer(feed: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(monkeypatch, limit_s=60.0)
    done = threading.Event()

    def trial() -> None:
        report(loss=1)
        report(loss=2)
        done.set()

    thread = threading.Thread(target=trial)
    thread.start()
    while len(journal(feed)) < 1:
        time.sleep(0.001)
    first = Path(f"{feed}.report").stat().st_size
    answer(first - 1)  # not far enough
    assert not done.wait(0.05)
    assert len(journal(feed)) == 1
    answer(first)
    while len(journal(feed)) < 2:
        time.sleep(0.001)
    assert not done.wait(0.05)
    answer(2 * first + 100)
    assert done.wait(60.0)
    thread.join()


def test_only_reports_of_the_metric_wait_and_only_where_the_policy_applies(
    feed: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(monkeypatch, interval=3, delay=4, limit_s=0.3)
    waits = []
    for n in range(1, 8):
        report(other=n)
        started = time.monotonic()
        report(loss=n)
        if time.monotonic() - started >= 0.3:
            waits.append(n)
            answer(1)  # something changed: somebody is there
    assert waits == [6]


def test_after_a_wait_in_vain_there_is_none_until_the_answer_changes(
    feed: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(monkeypatch, limit_s=0.3)
    waits = []
    for n in range(6):
        started = time.monotonic()
        report(loss=n)
        waits.append(time.monotonic() - started >= 0.3)
        if n == 2:
            answer(1)
    assert waits == [True, False, False, True, False, False]


def test_after_a_stop_reports_are_recorded_and_do_not_wait(
    feed: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(monkeypatch, limit_s=60.0)
    answer(0, "stop")
    started = time.monotonic()
    report(loss=1)
    report(loss=2)
    assert time.monotonic() - started < 30.0
    assert [line.metrics["loss"] for line in journal(feed)] == [1.0, 2.0]


def test_threads_report_whole_lines(feed: Path) -> None:
    def trial() -> None:
        for n in range(200):
            report(loss=n)

    threads = [threading.Thread(target=trial) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal(feed)) == 800


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "barrido.trial", *words], capture_output=True, text=True, check=False
    )


def test_the_command_reports(feed: Path) -> None:
    done = command("loss=0.12", "val loss=nan", "a=b=3", "step=3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (line,) = journal(feed)
    assert repr(line.metrics) == "{'loss': 0.12, 'val loss': nan, 'a=b': 3.0}"
    assert line.step == 3


@pytest.mark.parametrize(
    "words",
    [["loss"], ["loss=x"], ["=1"], ["loss=1", "loss=2"], ["step=3"], ["loss=1", "step=1.5"], ["loss="]],
)
def test_the_command_refuses_what_it_does_not_understand(feed: Path, words: list[str]) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "hint: " in done.stderr
    assert journal(feed) == []


def test_the_command_explains_itself(outside: None) -> None:
    assert command().returncode == 2
    assert "usage: barrido report" in command().stderr
    assert command("--help").returncode == 0
    assert command("loss=1").returncode == 0


def test_the_command_says_when_the_disk_refuses(feed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARRIDO_FEED", "/nowhere/0.1")
    done = command("loss=1")
    assert done.returncode == 1
    assert "could not be written" in done.stderr


def test_reporting_imports_little() -> None:
    listing = "import sys, barrido.trial; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    heavy = {"numpy", "scipy", "pydantic", "click", "rich", "dataclasses", "inspect", "asyncio"}
    assert not heavy & set(done.stdout.split())


def answer_rung(feed: Path, until: int | None, start: int = 0, offset: int = 0, step: str = "go on") -> None:
    draft = feed.with_name("draft")
    body = {"offsets": {"report": offset}, "step": step, "reason": "", "until": until, "start": start}
    draft.write_text(json.dumps(body))
    draft.rename(f"{feed}.answer")


def waits(feed: Path, value: float) -> bool:
    """Whether a report is held; nobody answers it."""
    began = time.monotonic()
    report(loss=value)
    return time.monotonic() - began >= script.HOLD_S


@pytest.fixture
def rungs(feed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BARRIDO_HOLD", json.dumps({"metric": "loss", "rungs": True}))
    monkeypatch.setattr(script, "HOLD_S", 0.2)
    return feed


def test_a_report_at_a_rung_waits_and_the_answer_names_the_next_rung(rungs: Path) -> None:
    answer_rung(rungs, until=2)
    assert [waits(rungs, 1), waits(rungs, 2)] == [False, True]
    answer_rung(rungs, until=4, offset=100)
    assert [waits(rungs, 3), waits(rungs, 4)] == [False, True]
    answer_rung(rungs, until=4, offset=101)
    assert waits(rungs, 5)  # it has gone on for want of an answer: it is late already
    answer_rung(rungs, until=None)
    assert not waits(rungs, 6)


def test_what_earlier_attempts_reported_counts(rungs: Path) -> None:
    answer_rung(rungs, until=5, start=3)
    assert [waits(rungs, 4), waits(rungs, 5)] == [False, True]


def test_what_other_processes_of_the_trial_report_counts(rungs: Path) -> None:
    answer_rung(rungs, until=4)
    command = [sys.executable, "-m", "barrido.trial", "loss=1"]
    subprocess.run(command, check=True)
    assert not waits(rungs, 2)
    subprocess.run(command, check=True)
    with Path(f"{rungs}.report").open("a") as journal:
        journal.write('cut off by a full disk\n{"metrics": 3}\n{"metrics": {"acc": 1}}\n')
    assert waits(rungs, 4)


def test_a_pause_that_a_trial_sees_asks_it_to_save_and_end(rungs: Path) -> None:
    answer_rung(rungs, until=1)
    answer_rung(rungs, until=None, step="pause")
    assert should_stop()
    assert not waits(rungs, 1)


def test_outside_of_a_sweep_checkpoints_are_in_the_current_directory(
    outside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BARRIDO_CHECKPOINT_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert checkpoint_dir() == checkpoint_dir() == tmp_path / "checkpoints"
    assert (tmp_path / "checkpoints").is_dir()
    monkeypatch.setenv("BARRIDO_CHECKPOINT_DIR", "/ws/sweeps/s/trials/0/checkpoints")
    assert checkpoint_dir() == Path("/ws/sweeps/s/trials/0/checkpoints")
