"""The mistakes people make, and what they are told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Barrido = Callable[..., "subprocess.CompletedProcess[str]"]

MANY = """\
type: sweep
trial:
  code: ./cod
  command: python train.py --lr ${{search_space.lrr}} --n ${{inputs.n}}
  environment: azureml:x@latest
search_spac:
  x: {type: choice, values: [1]}
search_space:
  lr: {type: uniform, min_value: 1, max_value: 0.1}
  batch-size: {type: choice, values: []}
sampling_algorithm: grid
objective: {goal: maximise, primary_metric: acc}
early_termination: {type: bandit, slack_factor: 0.1, slack_amount: 0.2}
limits: {max_concurrent_trials: 0}
"""


def test_all_mistakes_are_told_at_once_with_line_value_and_way_out(barrido: Barrido, tmp_path: Path) -> None:
    (tmp_path / "sweep.yml").write_text(MANY)
    (tmp_path / "code").mkdir()
    done = barrido("job", "create", "-f", "sweep.yml")
    assert done.returncode == 2
    said = done.stderr
    for fragment in (
        "sweep.yml:6: search_spac",
        "did you mean 'search_space'",
        "sweep.yml:3: trial.code",
        "did you mean",
        "lrr",
        "inputs.n",
        "sweep.yml:9: search_space.lr",
        "batch-size",
        "sweep.yml:12: objective.goal",
        "did you mean 'maximize'",
        "slack_amount",
        "max_total_trials",
        "sweep.yml:14: limits.max_concurrent_trials",
    ):
        assert fragment in said, f"{fragment!r} is missing in:\n{said}"
    assert not (tmp_path / ".barrido").exists()


SWEEP = {
    "type": "sweep",
    "name": "s",
    "trial": {"command": "sh -c 'exit 3' ${{search_space.x}}", "environment": "azureml:here@latest"},
    "search_space": {"x": {"type": "choice", "values": [1, 2, 3, 4, 5]}},
    "sampling_algorithm": "grid",
    "objective": {"goal": "minimize", "primary_metric": "loss"},
    "limits": {"max_total_trials": 5, "max_concurrent_trials": 1},
}


def write(tmp_path: Path, command: str) -> None:
    trial = {**SWEEP["trial"], "command": command}  # type: ignore[dict-item]
    (tmp_path / "sweep.yml").write_text(json.dumps({**SWEEP, "trial": trial}))


def test_three_failing_trials_fail_the_sweep_with_the_first_ones_last_lines(
    barrido: Barrido, tmp_path: Path
) -> None:
    write(tmp_path, "echo could not open data.csv >&2; exit 3 # ")
    done = barrido("job", "create", "-f", "sweep.yml", "--stream")
    assert done.returncode == 1
    assert "the first 3 trials failed" in done.stdout + done.stderr
    assert "exit code 3" in done.stdout + done.stderr
    assert "could not open data.csv" in done.stderr
    shown = json.loads(barrido("job", "trials", "s", "-o", "json").stdout)
    assert len(shown) == 3


def test_a_metric_that_is_never_logged_is_a_loud_error_that_names_those_that_were(
    barrido: Barrido, tmp_path: Path
) -> None:
    write(tmp_path, "barrido report Loss=0.5 accuracy=0.9")
    done = barrido("job", "create", "-f", "sweep.yml", "--stream")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "never logged the primary metric 'loss'" in said
    assert "'Loss', 'accuracy'" in said


def test_a_command_that_does_not_exist_is_refused_before_anything_runs(
    barrido: Barrido, tmp_path: Path
) -> None:
    write(tmp_path, "pyton3 train.py ${{search_space.x}}")
    done = barrido("job", "create", "-f", "sweep.yml")
    assert done.returncode == 2
    assert "pyton3" in done.stderr
    assert not (tmp_path / ".barrido").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB. Only root can make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_a_read_only_workspace_is_said_to_be_so(barrido: Barrido, tmp_path: Path, small_disk: Path) -> None:
    write(tmp_path, "barrido report loss=1")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = barrido("job", "create", "-f", "sweep.yml", "-w", str(small_disk / "ws"))
    assert done.returncode == 1
    assert "not writable" in done.stderr
    assert "--workspace" in done.stderr


@pytest.mark.slow
def test_a_full_disk_is_said_to_be_full_and_nothing_is_half_done(
    barrido: Barrido, tmp_path: Path, small_disk: Path
) -> None:
    write(tmp_path, "barrido report loss=1")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(b"x" * (2 << 20))
    done = barrido("job", "create", "-f", "sweep.yml", "-w", str(small_disk / "ws"))
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert not (small_disk / "ws" / "sweeps" / "s").exists()
    ballast.unlink()
    done = barrido("job", "create", "-f", "sweep.yml", "-w", str(small_disk / "ws"), "--stream")
    assert done.returncode == 0, done.stderr
