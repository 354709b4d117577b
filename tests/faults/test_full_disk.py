"""The disk is full in mid-run, and has room again later: the sweep completes, and nothing is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.faults.processes import finish, kill_all, wait_for

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.store.queries import Reader
from barrido.trial.journal import append, parse_line

pytestmark = pytest.mark.slow

TRIALS, REPORTS = 12, 10

SCRIPT = f"""
import os, time
import barrido
witness = open(os.path.join(os.environ["WITNESS"], os.environ["BARRIDO_TRIAL"]), "a")
for step in range(1, {REPORTS} + 1):
    time.sleep(0.03)
    while True:
        try:
            barrido.report(loss=1 / step, step=step)
            break
        except OSError:
            time.sleep(0.02)
    witness.write(f"{{1 / step!r}}\\n")
    witness.flush()
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as out, suppress(OSError):
        while out.write(b"x" * 4096):
            pass


def reported(folder: SweepFolder) -> int:
    with Reader(folder) as reader:
        return sum(trial.reports for trial in reader.trials())


def test_a_sweep_outlasts_a_full_disk_and_loses_nothing(disk: Path, tmp_path: Path) -> None:
    code, witness = tmp_path / "code", tmp_path / "witness"
    code.mkdir()
    witness.mkdir()
    (code / "script.py").write_text(SCRIPT)
    recipe = Recipe(
        name="full",
        space={"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=TRIALS, max_concurrent_trials=2),
        work=Work(
            command="python script.py",
            code=str(code),
            environment_variables={"WITNESS": str(witness)},
        ),
    )
    folder = app.create(recipe, Workspace(disk / "ws"))
    try:
        for reports in (5, 35, 65):
            wait_for(folder, lambda reports=reports: reported(folder) >= reports)  # type: ignore[misc]
            fill(disk / "ballast")
            # So long is it full: trials end meanwhile, and others are decided on.
            time.sleep(1.5)
            (disk / "ballast").unlink()
        finish(folder)
        with Reader(folder) as reader:
            sweep = reader.sweep()
            assert (sweep.phase, sweep.reason) == (SweepPhase.COMPLETED, f"all {TRIALS} trials are done")
            for trial in reader.trials():
                assert (trial.phase, trial.attempt) == (Phase.COMPLETED, 1), trial.reason
                said = (witness / str(trial.number)).read_text().split()
                assert [repr(row.value) for row in reader.metrics(trial.number)] == said
    finally:
        kill_all(folder)


def test_a_line_that_did_not_fit_is_taken_back_and_spoils_none_after_it(disk: Path) -> None:
    journal = disk / "0.1.report"
    line = b'{"name": "loss", "value": 0.5}\n'
    append(journal, b" " * 4080 + b"\n")
    fill(disk / "ballast")
    with pytest.raises(OSError, match=r"whole line|No space"):
        append(journal, line)
    (disk / "ballast").unlink()
    append(journal, line)
    lines = [parse_line(raw) for raw in journal.read_bytes().splitlines() if raw.strip()]
    assert [one.metrics for one in lines] == [{"loss": 0.5}]
