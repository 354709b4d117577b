"""Plain scripts go through Hyperband, by every door, in every way of pausing: not an epoch too many."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.faults.processes import end_server

from barrido.core.layout import SweepFolder, Workspace
from barrido.replay.proof import prove
from barrido.store.queries import Reader, TrialRow
from barrido.tracking.status import Status

Barrido = Callable[..., "subprocess.CompletedProcess[str]"]

PLAIN = """\
import argparse, os, time
{imports}
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--epochs", type=int, default=27)
args = parser.parse_args()
error = 1.0
for epoch in range(1, args.epochs + 1):
    error *= 1 - args.rate
    loss = error + 0.3 * args.rate
    with open(os.environ["WITNESS"], "a") as witness:
        witness.write(f"{{args.rate!r}} {{epoch}}\\n")
    {log}
"""
REPORT = PLAIN.format(imports="import barrido", log="barrido.report(loss=loss, step=epoch)")
MLFLOW = PLAIN.format(imports="import mlflow", log="mlflow.log_metric('loss', loss, step=epoch)")
LINES = PLAIN.format(
    imports="import json\nlines = []",
    log="""\
lines.append(json.dumps({"name": "loss", "value": loss, "step": epoch}) + "\\n")
    if epoch % 2 == 0 or epoch == args.epochs:  # in pairs: no rung is at an even epoch
        with open(os.environ["BARRIDO_METRICS"], "a") as metrics:
            metrics.writelines(lines)
        lines.clear()
    time.sleep(0.03)""",
)
PRINTS = PLAIN.format(
    imports="lines = []",
    log="""\
lines.append(f"epoch {epoch}: loss={loss!r}\\n")
    if epoch % 2 == 0 or epoch == args.epochs:
        print(end="".join(lines), flush=True)
        lines.clear()
    time.sleep(0.03)""",
)
CHECKPOINTS = """\
import json, os, sys
from pathlib import Path
import barrido
rate, saved = float(sys.argv[2]), Path(os.environ["BARRIDO_CHECKPOINT_DIR"], "state.json")
epoch, error = json.loads(saved.read_text()) if saved.exists() else (0, 1.0)
while epoch < 27:
    epoch, error = epoch + 1, error * (1 - rate)
    with open(os.environ["WITNESS"], "a") as witness:
        witness.write(f"{rate!r} {epoch}\\n")
    barrido.report(loss=error + 0.3 * rate, step=epoch)
    if barrido.should_stop():
        saved.write_text(json.dumps([epoch, error]))
        sys.exit()
"""
BASH = """\
set -eu
error=1.0
for epoch in $(seq 27); do
    error=$(awk "BEGIN { printf \\"%.17g\\", $error * (1 - $2) }")
    loss=$(awk "BEGIN { printf \\"%.17g\\", $error + 0.3 * $2 }")
    echo "$2 $epoch" >>"$WITNESS"
    barrido report loss="$loss" step="$epoch"
done
"""
PYTHON = "python train.py --rate ${{search_space.rate}}"

# By the resource of their lowest rung; the first is the paper's, the other what eight trials are enough for.
BRACKETS_27 = ((27, 1), (12, 3), (6, 9), (4, 27))
BRACKETS_OF_EIGHT = ((3, 27), (2, 81), (3, 27))
TOPS = 1 + 1 + 2 + 4  # of the former: how many come to the last rung


def loss_of(rate: float, epochs: int) -> float:
    """As the scripts have it, to the last bit."""
    error = 1.0
    for _ in range(epochs):
        error *= 1 - rate
    return error + 0.3 * rate


def run_by_hand(rates: Sequence[float], brackets: Sequence[tuple[int, int]], most: int) -> list[list[int]]:
    """A synchronous Hyperband over `loss_of`: the rungs that each trial comes to."""
    came: list[list[int]] = [[] for _ in rates]
    first = 0
    for count, rung in brackets:
        here, places = list(range(first, first + count)), count
        first += count
        while rung <= most:
            for trial in here:
                came[trial].append(rung)
            places //= 3
            here.sort(key=lambda trial, rung=rung: loss_of(rates[trial], rung))  # type: ignore[misc]
            here, rung = here[: max(1, places)], 3 * rung
    return came


@dataclass(frozen=True)
class Ran:
    """``epochs`` counts the lines that the scripts wrote for themselves, by rate and epoch."""

    folder: SweepFolder
    trials: Sequence[TrialRow]
    epochs: Counter[tuple[float, int]]
    output: str

    def came(self, most: int = 27) -> list[list[int]]:
        """The rungs that each trial was compared at."""
        return [[rung for rung in trial.rungs if rung <= most] for trial in self.trials]

    def rates(self) -> list[float]:
        return [float(trial.params["rate"]) for trial in self.trials]


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One for all, so that they share one MLflow server; it ends with the tests."""
    place = Workspace(tmp_path_factory.mktemp("budgets") / "ws")
    yield place
    end_server(place)


@pytest.fixture
def run(barrido: Barrido, workspace: Workspace, tmp_path: Path) -> Run:
    """Runs a script in a sweep as a person would, to its end, and sees that its log tells what happened."""

    def run(script: str, command: str = PYTHON, *, workers: int = 4, trials: int = 49, **given: Any) -> Ran:
        code = tmp_path / "code"
        code.mkdir()
        (code / ("train.sh" if command.startswith("bash") else "train.py")).write_text(script)
        witness = tmp_path / "witness"
        document = {
            "type": "sweep",
            "name": tmp_path.name,
            "trial": {
                "code": "code",
                "command": command,
                "environment_variables": {"WITNESS": str(witness)},
                **given.pop("trial", {}),
            },
            "search_space": {"rate": {"type": "uniform", "min_value": 0.01, "max_value": 0.9}},
            "sampling_algorithm": {"type": "random", "seed": 4},
            "objective": {"goal": "minimize", "primary_metric": "loss"},
            "limits": {"max_total_trials": trials, "max_concurrent_trials": workers},
            "scheduler": {"type": "hyperband", "max_resource": 27, **given.pop("scheduler", {})},
            **given,
        }
        (tmp_path / "sweep.yml").write_text(json.dumps(document))
        done = barrido("job", "create", "-f", "sweep.yml", "--stream", "-w", str(workspace.root))
        assert done.returncode == 0, done.stdout + done.stderr
        folder = workspace.sweep(tmp_path.name)
        prove(folder)
        with Reader(folder) as reader:
            found = reader.trials()
        lines = (line.split() for line in witness.read_text().splitlines())
        epochs = Counter((float(rate), int(epoch)) for rate, epoch in lines)
        assert len(found) == trials
        assert {trial.phase for trial in found} == {"completed", "pruned"}
        return Ran(folder, found, epochs, done.stdout)

    return run


def assert_each_epoch_ran_once(ran: Ran, came: Sequence[Sequence[int]], *, beyond: int = 0) -> None:
    """As far as the last rung, and those that came to 27 ``beyond`` it."""
    tops = [rungs[-1] + beyond * (rungs[-1] == 27) for rungs in came]
    needed = [(rate, e) for rate, top in zip(ran.rates(), tops, strict=True) for e in range(1, top + 1)]
    assert ran.epochs == Counter(needed)


@pytest.mark.parametrize(
    ("script", "command"),
    [
        pytest.param(REPORT, PYTHON, id="report"),
        pytest.param(MLFLOW, PYTHON, id="mlflow", marks=pytest.mark.slow),
        pytest.param(BASH, "bash train.sh --rate ${{search_space.rate}}", id="bash", marks=pytest.mark.slow),
    ],
)
def test_a_plain_script_is_suspended_at_its_rungs_and_trains_exactly_what_they_need(
    run: Run, workspace: Workspace, script: str, command: str
) -> None:
    ran = run(script, command)
    came = run_by_hand(ran.rates(), BRACKETS_27, 27)
    assert ran.came() == came
    assert sum(rungs[-1] for rungs in came) == 357
    assert_each_epoch_ran_once(ran, came)
    assert {trial.attempt for trial in ran.trials} == {1}
    assert "357 reports, as much as 13.2 full trainings of 27" in ran.output
    assert "more than the rungs needed" not in ran.output
    if script is MLFLOW:
        assert_mlflow_has(ran, workspace, [rungs[-1] for rungs in came])


def assert_mlflow_has(ran: Ran, workspace: Workspace, tops: Sequence[int]) -> None:
    """MLflow's own database has a run for each trial, with all its losses and no more."""
    deadline = time.monotonic() + 120
    while not Status.read(ran.folder.tracking / "status.json").complete:
        assert time.monotonic() < deadline, "MLflow was not told all"
        time.sleep(0.05)
    with closing(sqlite3.connect(workspace.mlflow / "mlflow.db")) as db:
        rows = db.execute(
            "SELECT runs.name, count(step), count(DISTINCT step), max(step) FROM runs JOIN metrics"
            " USING (run_uuid) WHERE key = 'loss' AND runs.name LIKE ? GROUP BY run_uuid",
            (f"{ran.folder.name}_%",),
        ).fetchall()
    assert sorted(rows) == sorted((f"{ran.folder.name}_{n}", top, top, top) for n, top in enumerate(tops))
    assert len(rows) == 49
    assert sum(count for _, count, _, _ in rows) == 357


def test_what_is_written_to_the_metrics_file_overshoots_and_says_by_how_much(
    run: Run, barrido: Barrido, workspace: Workspace
) -> None:
    ran = run(LINES)
    came = run_by_hand(ran.rates(), BRACKETS_27, 27)
    assert ran.came() == came
    written = [
        len(Path(f"{ran.folder.feed_stem(trial.number, 1)}.file").read_bytes().splitlines())
        for trial in ran.trials
    ]
    beyond = sum(written) - 357
    assert beyond > 0
    assert all(made >= rungs[-1] for made, rungs in zip(written, came, strict=True))
    assert sum(ran.epochs.values()) - sum(written) in range(2 * 49 + 1)  # it wrote its witness first
    said = f"{beyond} report{'s' * (beyond != 1)} more than the rungs needed"
    assert said in ran.output
    shown = barrido("job", "show", ran.folder.name, "-w", str(workspace.root)).stdout
    assert f"{said}: what is printed, or written to BARRIDO_METRICS, holds no trial" in shown


def test_what_is_only_printed_overshoots_too(run: Run) -> None:
    ran = run(PRINTS, trial={"metrics": {"loss": r"epoch (?P<step>\d+): loss=(\S+)"}})
    assert ran.came() == run_by_hand(ran.rates(), BRACKETS_27, 27)
    logs = [ran.folder.trial(trial.number).log.read_text() for trial in ran.trials]
    beyond = sum(log.count("loss=") for log in logs) - 357
    assert beyond > 0
    assert f"{beyond} report{'s' * (beyond != 1)} more than the rungs needed: what is printed" in ran.output


def test_a_script_that_saves_checkpoints_goes_on_from_them_and_trains_no_epoch_twice(run: Run) -> None:
    ran = run(CHECKPOINTS, scheduler={"pause": "checkpoint"})
    came = run_by_hand(ran.rates(), BRACKETS_27, 27)
    assert ran.came() == came
    assert_each_epoch_ran_once(ran, came)
    assert [trial.attempt for trial in ran.trials] == [len(rungs) for rungs in came]
    for trial in ran.trials:
        is_kept = ran.folder.trial(trial.number).checkpoints.exists()
        assert is_kept == (trial.phase == "completed")


def test_a_script_that_is_told_its_epochs_is_run_anew_for_each_rung(run: Run) -> None:
    ran = run(
        LINES,
        f"{PYTHON} --epochs ${{{{inputs.epochs}}}}",
        inputs={"epochs": 27},
        scheduler={"resource": "epochs"},
    )
    came = run_by_hand(ran.rates(), BRACKETS_27, 27)
    assert ran.came() == came
    assert [trial.attempt for trial in ran.trials] == [len(rungs) for rungs in came]
    needed = [
        (rate, epoch)
        for rate, rungs in zip(ran.rates(), came, strict=True)
        for rung in rungs
        for epoch in range(1, rung + 1)
    ]
    assert ran.epochs == Counter(needed)
    # The four brackets: 27·1 + 9·3 + 3·9 + 1·27, then 12·3 + 4·9 + 1·27, 6·9 + 2·27, and 4·27
    assert len(needed) == 108 + 99 + 108 + 108


def test_two_workers_halve_as_four_do(run: Run) -> None:
    ran = run(REPORT, workers=2)
    came = run_by_hand(ran.rates(), BRACKETS_27, 27)
    assert ran.came() == came
    assert_each_epoch_ran_once(ran, came)


def test_eight_trials_on_a_long_ladder_still_halve(run: Run) -> None:
    ran = run(REPORT, f"{PYTHON} --epochs 81", trials=8, scheduler={"max_resource": 81})
    came = run_by_hand(ran.rates(), BRACKETS_OF_EIGHT, 81)
    assert ran.came(81) == came
    assert_each_epoch_ran_once(ran, came)
    assert sum(trial.phase == "pruned" for trial in ran.trials) == 4


@pytest.mark.parametrize("stops_last", [False, True])
def test_a_script_that_would_go_on_makes_one_report_more_unless_it_is_stopped_at_once(
    run: Run, stops_last: bool
) -> None:
    ran = run(REPORT, f"{PYTHON} --epochs 1000", scheduler={"stop_last_trials": stops_last})
    came = run_by_hand(ran.rates(), BRACKETS_27, 27)
    assert ran.came() == came
    assert_each_epoch_ran_once(ran, came, beyond=0 if stops_last else 1)
    assert sum(ran.epochs.values()) == 357 + (0 if stops_last else TOPS)
    assert sum(trial.phase == "completed" for trial in ran.trials) == TOPS
