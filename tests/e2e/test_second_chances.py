"""Real trials that fail: run again after a while, told apart, and run once more when the sweep is over."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.faults.processes import finish, kill

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.trial import Phase
from barrido.replay.proof import prove
from barrido.store.queries import Reader, TrialRow

Barrido = Callable[..., "subprocess.CompletedProcess[str]"]

SWEEP = """\
type: sweep
name: luck
trial:
  code: code
  command: python train.py ${{search_space.k}}
  warm: "off"
search_space:
  k: {type: choice, values: [0, 1, 2, 3]}
sampling_algorithm: grid
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 4, max_concurrent_trials: 2, max_failed_trials: 9, LIMITS}
"""

TRAIN = """\
import os, signal, sys
from pathlib import Path
import barrido
k, tries = sys.argv[1], Path(WITNESS)
with tries.open("a") as witness:
    witness.write(k + "\\n")
nth = tries.read_text().split().count(k)
barrido.report(loss=float(k) - nth / 10, step=1)
BODY
barrido.report(loss=float(k), step=2)
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a sweep over k = 0 … 3 whose script has ``body`` in its middle; ``nth`` counts the attempts."""

    def write(body: str, limits: str = "max_retries: 2, retry_backoff: 0.2") -> Path:
        (tmp_path / "code").mkdir(exist_ok=True)
        witness = repr(str(tmp_path / "witness"))
        text = TRAIN.replace("WITNESS", witness).replace("BODY", body)
        (tmp_path / "code/train.py").write_text(text)
        (tmp_path / "sweep.yml").write_text(SWEEP.replace("LIMITS", limits))
        return tmp_path / "sweep.yml"

    return write


def rows_of(where: Path) -> list[TrialRow]:
    with Reader(SweepFolder(where / ".barrido/sweeps/luck")) as reader:
        return reader.trials()


def test_a_script_that_fails_twice_is_run_a_third_time(
    barrido: Barrido, write: Callable[..., Path], tmp_path: Path
) -> None:
    file = write("if k == '2' and nth < 3: raise OSError(f'flaky {nth}')\nif k == '3': sys.exit(7)")
    done = barrido("job", "create", "-f", str(file), "--stream", MLFLOW_TRACKING_URI="off")
    assert done.returncode == 0, done.stdout + done.stderr
    two, three = rows_of(tmp_path)[2:]
    assert (two.phase, two.attempt, two.failure, two.reports) == (Phase.COMPLETED, 3, None, 2)
    assert two.best_value == pytest.approx(1.7)  # of its third attempt, which reported 2 - 3/10
    assert two.reason == "attempt 3, as the one before failed: exit code 1: OSError: flaky 2"
    assert (three.phase, three.attempt, three.exit_code, str(three.failure)) == (
        Phase.FAILED, 3, 7, "exit_code",
    )  # fmt: skip
    assert sorted((tmp_path / "witness").read_text().split()) == sorted("01222333")
    folder = SweepFolder(tmp_path / ".barrido/sweeps/luck")
    logs = sorted(path.name for path in folder.trial(2).log.parent.iterdir())
    assert logs == ["std_log.1.txt", "std_log.2.txt", "std_log.txt"]
    assert "flaky 1" in (folder.trial(2).log.with_name("std_log.1.txt")).read_text()
    with Reader(folder) as reader:
        said = [note.text for note in reader.notes() if note.trial == 2]
    assert [text.partition(" in ")[0] for text in said] == [
        "attempt 1 failed, attempt 2 follows",
        "attempt 2 failed, attempt 3 follows",
    ]
    shown = json.loads(barrido("job", "show", "luck_3", "-o", "json").stdout)
    assert (shown["failure"], shown["attempt"]) == ("exit_code", 3)
    assert "failure     exit code" in barrido("job", "show", "luck_3").stdout
    assert (
        json.loads(barrido("job", "export", "luck", "-o", "json").stdout)["trials"][3]["failure"]
        == "exit_code"
    )
    assert prove(folder).trials == 4


def test_a_signal_is_a_failure_and_a_timeout_is_not_run_again(
    barrido: Barrido, write: Callable[..., Path], tmp_path: Path
) -> None:
    body = "if k == '1' and nth == 1: os.kill(os.getpid(), signal.SIGSEGV)\nif k == '2': signal.pause()"
    file = write(body, "max_retries: 1, retry_backoff: 0, trial_timeout: 2")
    assert barrido("job", "create", "-f", str(file), "--stream", MLFLOW_TRACKING_URI="off").returncode == 0
    one, two = rows_of(tmp_path)[1:3]
    assert (one.phase, one.attempt) == (Phase.COMPLETED, 2)
    assert one.reason.startswith("attempt 2, as the one before failed: killed by signal 11 (SIGSEGV)")
    assert (two.phase, two.attempt, str(two.failure)) == (Phase.CANCELED, 1, "timeout")


def test_those_that_failed_run_again_when_the_sweep_is_over(
    barrido: Barrido, write: Callable[..., Path], tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    file = write(
        f"if k in '13' and not Path({str(mended)!r}).exists(): sys.exit('no data')", "max_retries: 0"
    )
    assert barrido("job", "create", "-f", str(file), "--stream", MLFLOW_TRACKING_URI="off").returncode == 0
    assert [row.phase for row in rows_of(tmp_path)].count(Phase.FAILED) == 2
    mended.touch()
    again = barrido("job", "rerun", "luck", "--failed")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [
        "luck: opened again by cli: it was completed",
        "luck: each of 2 failed trials again by cli is run next, max_total_trials = 6",
    ]
    assert barrido("job", "stream", "luck").returncode == 0
    rows = rows_of(tmp_path)
    assert [(row.params["k"], row.origin, row.phase) for row in rows[4:]] == [
        (1, "trial 1 again, by cli", Phase.COMPLETED),
        (3, "trial 3 again, by cli", Phase.COMPLETED),
    ]
    folder = SweepFolder(tmp_path / ".barrido/sweeps/luck")
    with Reader(folder) as reader:
        sweep = reader.sweep()
    assert (sweep.phase.value, sweep.reason) == ("completed", "all 6 trials are done")
    assert sweep.ended_at is not None
    assert sweep.ended_at > rows[3].ended_at  # type: ignore[operator]
    assert prove(folder).trials == 6
    finished = barrido("job", "rerun", "luck", "--failed")
    assert "no trial has failed that was not run again since: nothing is run" in finished.stdout
    with Reader(folder) as reader:
        assert reader.sweep().phase.is_terminal
    for wrong in (("luck_1", "--failed"), ("luck",), ("luck", "-t", "99")):
        refused = barrido("job", "rerun", *wrong)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 400 MiB, if this system lets us make one."""
    name = f"barrido-test-{os.getpid()}"
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(root, name)
        with suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(400 << 20))
                with suppress(OSError):
                    (group / "memory.swap.max").write_text("0")
                yield group
            finally:
                while pids := (group / "cgroup.procs").read_text().split():  # the workspace's MLflow server
                    for pid in map(int, pids):
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGTERM)
                    time.sleep(0.02)
                group.rmdir()
            return
    pytest.skip("control groups are not ours to make here")


def test_the_kernels_kill_for_want_of_memory_is_told_apart(
    small_group: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    file = write("if k == '1' and nth == 1: hog = b'x' * (1 << 30)\nif k == '2' and nth == 1: "
                 "os.kill(os.getpid(), signal.SIGKILL)", "max_retries: 1, retry_backoff: 0.1")  # fmt: skip
    command = [str(Path(sys.executable).with_name("barrido")), "job", "create", "-f", str(file), "--stream"]
    inside = f"echo $$ > {shlex.quote(str(small_group))}/cgroup.procs && exec {shlex.join(command)}"
    outer = {k: v for k, v in os.environ.items() if not k.startswith("BARRIDO_")}
    done = subprocess.run(
        ["sh", "-c", inside],
        cwd=tmp_path,
        env={**outer, "MLFLOW_TRACKING_URI": "off"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = rows_of(tmp_path)[1:3]
    assert one.reason.startswith("attempt 2, as the one before failed: out of memory, killed by the kernel")
    assert two.reason.startswith("attempt 2, as the one before failed: killed by signal 9 (SIGKILL)")
    with Reader(SweepFolder(tmp_path / ".barrido/sweeps/luck")) as reader:
        exits = [body for _, body in reader.happened() if body["kind"] == "exited" and body["code"] == -9]
    assert {body["trial"]: body["cause"] for body in exits} == {1: "out_of_memory", 2: "exit"}
    assert "perhaps for want of memory" in next(body["detail"] for body in exits if body["trial"] == 2)


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_controller_that_is_killed_while_a_trial_waits_changes_nothing(
    barrido: Barrido, write: Callable[..., Path], tmp_path: Path
) -> None:
    file = write("if k == '0' and nth < 2: sys.exit(9)", "max_retries: 1, retry_backoff: 8")
    assert barrido("job", "create", "-f", str(file), MLFLOW_TRACKING_URI="off").returncode == 0
    folder = Workspace(tmp_path / ".barrido").sweep("luck")
    wait_until(lambda: rows_of(tmp_path) and rows_of(tmp_path)[0].phase is Phase.QUEUED)
    for _ in range(2):
        assert kill(folder)
        app.resume(folder)
    finish(folder)
    zero = rows_of(tmp_path)[0]
    assert (zero.phase, zero.attempt) == (Phase.COMPLETED, 2)
    assert sorted((tmp_path / "witness").read_text().split()) == sorted("00123")
    with Reader(folder) as reader:
        events = [body for _, body, _ in reader.events()]
    (ended, _) = (body["at"] for body in events if body["kind"] == "exited" and body["trial"] == 0)
    (_, begun) = (body["at"] for body in events if body["kind"] == "launched" and body["trial"] == 0)
    resumed = [body["at"] for body in events if body["kind"] == "resumed"]
    assert len(resumed) == 2
    assert all(ended < at < begun for at in resumed)
    assert begun - ended >= 0.75 * 8
    prove(folder)
