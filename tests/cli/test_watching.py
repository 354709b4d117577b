"""Real sweeps, in processes of their own, watched and controlled from command lines."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

BARRIDO = [sys.executable, "-m", "barrido.cli"]
DEADLINE_S = 90.0

TRAIN = """\
lr=$1
for value in 3 2 "$lr"; do
    printf '{"name": "loss", "value": %s}\\n' "$value" >> "$BARRIDO_METRICS"
done
echo "trained with $lr"
mkdir -p outputs && echo "$lr" > outputs/model.txt
while [ ! -e "$GATE" ]; do sleep 0.05; done
"""

SWEEP = """\
type: sweep
trial:
  code: ./src
  command: sh train.sh ${{search_space.lr}}
  environment_variables: {GATE: %s}
search_space:
  lr: {type: choice, values: [0.5, 0.25, 1.5]}
sampling_algorithm: grid
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 10, max_concurrent_trials: 2}
"""


class Desk:
    """A folder with a sweep in it, and a shell to type in. Trials end once ``open()`` was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "src").mkdir()
        (folder / "src" / "train.sh").write_text(TRAIN)
        self._gate = folder / "gate"
        (folder / "sweep.yml").write_text(SWEEP % self._gate)
        (folder / "failing.yml").write_text(
            SWEEP.replace("sh train.sh", "echo no such metric; echo; echo >&2 boom; exit 3; echo") % "none"
        )
        # Not COLUMNS: the test runner's own width, which would be believed over the terminal's.
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("BARRIDO") and name not in ("COLUMNS", "LINES")
        }
        self.env |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}

    def open(self) -> None:
        self._gate.touch()

    def type(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run ``barrido job …`` to its end."""
        return subprocess.run(
            [*BARRIDO, "job", *args],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
        )  # fmt: skip

    def data(self, *args: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.type(*args, "-o", "json").stdout)
        return found

    def controller(self) -> int:
        return int((self.folder / ".barrido/sweeps/iris/lock").read_text())


def _hears_ctrl_c() -> None:
    """As in a shell's foreground, also when the tests themselves run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """``barrido job …`` on a terminal of its own; what it writes is in ``text`` as it comes."""

    def __init__(self, desk: Desk, *args: str, columns: int = 80, lines: int = 24) -> None:
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (lines, columns))
        self._shown = b""
        self.process = subprocess.Popen(
            [*BARRIDO, "job", *args],
            cwd=desk.folder, env=desk.env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=_hears_ctrl_c,
        )  # fmt: skip
        os.close(theirs)
        self._reader = Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()

    def _read(self, fd: int) -> None:
        with os.fdopen(fd, "rb", buffering=0) as file:
            try:
                while new := file.read(65536):
                    self._shown += new
            except OSError:  # how Linux says that nobody holds the other end any more
                pass

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._shown.decode(errors="replace"))

    @property
    def raw(self) -> bytes:
        return self._shown

    def end(self) -> int:
        code = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return code


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.open()
    for sweep in json.loads(desk.type("list", "-o", "json").stdout):
        if sweep["phase"] not in ("completed", "failed", "canceled"):
            desk.type("cancel", sweep["name"])
            desk.type("stream", sweep["name"])


@pytest.mark.parametrize("columns", [60, pytest.param(80, marks=pytest.mark.slow)])
def test_a_terminal_shows_the_sweep_as_it_runs_and_what_came_of_it(desk: Desk, columns: int) -> None:
    terminal = Terminal(desk, "create", "-f", "sweep.yml", "-n", "iris", "--stream", columns=columns)
    wait_until(lambda: "best     loss 0.25  trial 1" in terminal.text, "the best trial is shown")
    assert "0/3" in terminal.text
    assert "\x1b[" in terminal.raw.decode()  # the picture is redrawn in place
    desk.open()
    assert terminal.end() == 0
    lines = [line.rstrip() for line in terminal.text.replace("\r", "\n").split("\n")]
    over = max(n for n, line in enumerate(lines) if line.startswith("iris completed"))
    picture, end = lines[:over], lines[over:]
    assert end[0].startswith("iris completed: all 3 points of the search space were tried (3 tri")
    assert "best trial: 1, loss 0.25, with lr=0.25" in end
    assert "  outputs: .barrido/sweeps/iris/trials/1/work/outputs" in end
    assert [line.split()[:3] for line in end if line.strip()[:1].isdigit()] == [
        ["1", "completed", "0.25"], ["0", "completed", "0.5"], ["2", "completed", "1.5"],
    ]  # fmt: skip
    assert [line for line in picture if len(line) >= columns] == []


def test_colours_are_for_terminals_that_want_them(desk: Desk) -> None:
    terminal = Terminal(desk, "show", "iris")
    assert terminal.end() == 2
    assert terminal.raw.startswith(b"error: there is no sweep 'iris'")
    del desk.env["NO_COLOR"]
    terminal = Terminal(desk, "show", "iris")
    assert terminal.end() == 2
    assert terminal.raw.startswith(b"\x1b[31m\x1b[1merror:\x1b[0m there is no sweep 'iris'")
    assert desk.type("show", "iris").stderr.startswith("error: there is no sweep 'iris'")


def test_ctrl_c_leaves_the_sweep_running_and_says_so(desk: Desk) -> None:
    terminal = Terminal(desk, "create", "-f", "sweep.yml", "-n", "iris", "--stream")
    wait_until(lambda: "0/3" in terminal.text, "the picture is drawn")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "'iris' goes on in the background" in terminal.text
    assert "come back with `barrido job stream iris`, stop it with `barrido job cancel iris`" in terminal.text
    assert "error" not in terminal.text
    assert desk.data("show", "iris")["phase"] == "running"
    desk.open()
    assert desk.type("stream", "iris").returncode == 0


@pytest.mark.slow
def test_a_controller_that_dies_is_noticed_and_its_sweep_can_be_resumed(desk: Desk) -> None:
    assert desk.type("create", "-f", "sweep.yml", "-n", "iris").stdout.splitlines() == [
        "iris runs in the background, in .barrido/sweeps/iris",
        "  watch it:  barrido job stream iris",
        "  stop it:   barrido job cancel iris",
    ]
    terminal = Terminal(desk, "stream", "iris")
    wait_until(lambda: "0/3" in terminal.text, "the picture is drawn")
    os.kill(desk.controller(), signal.SIGKILL)
    assert terminal.end() == 1
    assert "error: the controller of 'iris' died before the sweep was over" in terminal.text
    assert "barrido job resume iris" in terminal.text
    desk.open()
    resumed = desk.type("resume", "iris", "--stream")
    assert resumed.returncode == 0, resumed.stderr
    assert "best trial: 1, loss 0.25, with lr=0.25" in resumed.stdout


def test_a_log_tells_the_story_line_by_line(desk: Desk) -> None:
    desk.open()
    done = desk.type(
        "create", "-f", "sweep.yml", "-n", "iris", "--stream", "--set", "search_space.lr.values=[0.75]"
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    for line in (
        r"iris: 1 trial, 1 at a time, minimize loss",
        r"\[\d+:\d\d\] trial 0 completed: loss 0.75, lr=0.75, .*s",
        r"\[\d+:\d\d\] best so far: loss 0.75, trial 0",
        r"iris completed: the only point of the search space was tried \(1 trial, .*s\)",
    ):
        assert re.search(f"^{line}$", done.stdout, re.M), done.stdout


def test_a_sweep_that_fails_says_why_with_the_last_lines_of_the_first_failure(desk: Desk) -> None:
    done = desk.type("create", "-f", "failing.yml", "-n", "iris", "-s")
    assert done.returncode == 1
    assert "error: sweep 'iris' failed: the first 3 trials failed; trial" in done.stderr
    assert "exit code 3: boom" in done.stderr
    assert "no such metric" in done.stderr
    assert re.search(r"hint: the whole log is \.barrido/sweeps/iris/trials/\d/logs/std_log\.txt", done.stderr)


@pytest.mark.slow
def test_a_sweep_can_be_paused_changed_and_canceled(desk: Desk) -> None:
    made = desk.data("create", "-f", "sweep.yml", "-n", "iris")
    assert (made["name"], made["phase"], made["command"]) == (
        "iris", "running", "sh train.sh ${{search_space.lr}}",
    )  # fmt: skip
    assert "is paused" in desk.type("pause", "iris").stdout
    assert desk.data("show", "iris")["phase"] == "paused"
    assert desk.type("unpause", "-n", "iris").returncode == 0
    updated = desk.type("update", "iris", "--set", "limits.timeout=500", "--set", "limits.max_total_trials=2")
    assert (updated.returncode, updated.stdout) == (0, "iris: timeout = 500, max_total_trials = 2\n")
    limits = desk.data("show", "iris")["limits"]
    assert isinstance(limits, dict)
    assert (limits["timeout"], limits["max_total_trials"]) == (500, 2)
    updated = desk.type(
        "update", "iris", "--set", "limits.stop_after.trials=5", "--set", "limits.timeout=null"
    )
    assert updated.stdout == 'iris: stop_after = {"trials": 5, "min_improvement": 0.0}, timeout = none\n'
    limits = desk.data("show", "iris")["limits"]
    assert isinstance(limits, dict)
    assert (limits["timeout"], limits["stop_after"]) == (None, {"trials": 5, "min_improvement": 0.0})
    assert desk.type("cancel", "iris", "--trial", "0").returncode == 0
    wait_until(lambda: desk.data("show", "iris_0")["phase"] == "canceled", "trial 0 is gone")
    again = desk.type("cancel", "iris_0")
    assert (again.returncode, again.stderr) == (
        2, "error: trial 0 of 'iris' is over (canceled): it cannot be canceled\n",
    )  # fmt: skip
    assert desk.type("cancel", "iris").returncode == 0
    assert desk.type("stream", "iris").returncode == 0
    assert desk.data("show", "iris")["status"] == "Canceled"
    assert desk.type("cancel", "iris").returncode == 2


@pytest.mark.slow
def test_the_best_trials_outputs_can_be_downloaded(desk: Desk) -> None:
    desk.open()
    assert desk.type("create", "-f", "sweep.yml", "-n", "iris", "-s").returncode == 0
    done = desk.type("download", "iris", "-p", "got")
    assert (done.returncode, done.stdout) == (0, "iris is in got\n"), done.stderr
    assert (desk.folder / "got/artifacts/outputs/model.txt").read_text() == "0.25\n"
    assert desk.type("download", "iris_2", "-p", "third").returncode == 0
    assert (desk.folder / "third/artifacts/outputs/model.txt").read_text() == "1.5\n"
    assert "trained with 1.5" in desk.type("stream", "iris_2").stdout


@pytest.mark.slow
def test_a_sweep_can_be_saved_and_run_again(desk: Desk) -> None:
    desk.open()
    done = desk.type("create", "-f", "sweep.yml", "-n", "iris", "-s", "--save-as", "saved.yml")
    assert done.returncode == 0, done.stderr
    assert desk.type("validate", "-f", "saved.yml").stdout.endswith("saved.yml is right\n")
    again = desk.type("create", "-f", "saved.yml", "-n", "again", "-s")
    assert "best trial: 1, loss 0.25, with lr=0.25" in again.stdout


def test_points_trials_and_words_are_added_from_the_command_line(desk: Desk) -> None:
    assert desk.type("create", "-f", "sweep.yml", "-n", "iris", "--set", "tags.of=yaml").returncode == 0
    wait_until(lambda: len(desk.data("trials", "iris")) == 2, "two trials run")
    wrong = desk.type("enqueue", "iris", "--set", "lrr=0.5", "--set", "lr=[")
    assert (wrong.returncode, wrong.stderr.splitlines()[0]) == (2, "error: --set lr: '[' is not YAML")
    wrong = desk.type("enqueue", "iris", "--set", "lrr=0.5")
    assert wrong.returncode == 2
    assert "there is no parameter 'lrr'; did you mean lr?" in wrong.stderr
    assert "lr is missing" in wrong.stderr
    added = desk.type("enqueue", "iris", "--set", "lr=0.25")
    assert added.stdout == (
        "iris: a point put in by hand by cli is run next, max_total_trials = 11: lr = 0.25\n"
    )
    again = desk.type("rerun", "iris_1")
    assert again.stdout == "iris: trial 1 again by cli is run next, max_total_trials = 12\n"
    assert desk.data("show", "iris")["queued_by_hand"] == 2
    assert "2 points put in by hand" in desk.type("show", "iris").stdout
    assert desk.type("annotate", "iris_0", "--note", "too\nslow", "--tag", "keep=a=b").returncode == 0
    assert desk.data("show", "iris_0")["note"] == "too\nslow"
    desk.open()
    assert desk.type("stream", "iris").returncode == 0
    said = desk.type("annotate", "iris", "--tag", "of=", "--tag", "is=over")
    assert (said.returncode, said.stdout) == (0, "iris is annotated\n")
    sweep: Any = desk.data("show", "iris")
    trials: Any = desk.data("trials", "iris")
    assert (sweep["tags"], sweep["trials"]["total"]) == ({"is": "over"}, 5)
    assert sweep["reason"] == "all 3 points of the search space were tried, and 2 more by hand"
    assert [trial["origin"] for trial in trials if trial["origin"]] == [
        "by hand, by cli", "trial 1 again, by cli",
    ]  # fmt: skip
    assert trials[0]["tags"] == {"keep": "a=b"}
    table = desk.type("trials", "iris").stdout
    assert "origin" in table
    assert "note" in table
    late = desk.type("enqueue", "iris", "--set", "lr=0.5")
    assert late.returncode == 2
    assert "resume_from: iris" in late.stderr
    none = desk.type("rerun", "iris", "--failed")
    assert (none.returncode, "no trial of 'iris' has failed" in none.stderr) == (2, True)
    assert "did you mean 'annotate'" in desk.type("tag", "iris").stderr
    assert desk.type("annotate", "iris").returncode == 2
    assert desk.type("annotate", "iris", "--tag", "x").returncode == 2
    assert desk.type("replay", "iris").returncode == 0
