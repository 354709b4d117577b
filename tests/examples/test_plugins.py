"""The packages in examples/plugins: pip installs them, each does what it promises, and runs a sweep."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from barrido.core.layout import Workspace
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.registry import build_sampler
from barrido.store.queries import Reader
from barrido.store.workspace import sweeps

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
KINDS = ("sampler", "scheduler", "executor")
TRAIN = """
import os, sys, barrido
for step in range(1, 10):
    barrido.report(loss=float(sys.argv[1]), niceness=os.nice(0), step=step)
"""
SWEEP = """\
type: sweep
trial: {{command: "python train.py ${{{{search_space.x}}}}", code: ./code}}
search_space: {{x: {{type: choice, values: [1, 2, 3, 4, 5, 6]}}}}
objective: {{goal: minimize, primary_metric: loss}}
limits: {{max_total_trials: 6, max_concurrent_trials: 1}}
{}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed all three, and nothing else."""
    folder = tmp_path_factory.mktemp("plugins")
    copies = [shutil.copytree(EXAMPLES / kind, folder / kind) for kind in KINDS]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([*pip, *map(str, copies)], check=True, timeout=300)
    return folder / "site"


def environment(site: Path) -> dict[str, str]:
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("BARRIDO_", "MLFLOW_"))}
    return {**outer, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}


def run(site: Path, folder: Path, settings: str) -> Workspace:
    """A sweep of six trials from a file with ``settings``, to its end."""
    (folder / "code").mkdir()
    (folder / "code" / "train.py").write_text(TRAIN)
    (folder / "sweep.yml").write_text(SWEEP.format(settings))
    barrido = str(Path(sys.executable).with_name("barrido"))
    done = subprocess.run(
        [barrido, "job", "create", "-f", "sweep.yml", "--stream"],
        cwd=folder,
        env=environment(site),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return Workspace(folder / ".barrido")


def read(workspace: Workspace) -> Reader:
    (folder,) = sweeps(workspace)
    return Reader(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass(site: Path, tmp_path: Path, kind: str) -> None:
    (test,) = (EXAMPLES / kind).glob("test_*.py")
    copy = shutil.copy(test, tmp_path)
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*pytest_, "-c", os.devnull, "--basetemp", str(tmp_path / "temp"), copy],
        env=environment(site),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_sweep_with_the_sampler(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = run(site, tmp_path, "sampling_algorithm: {type: halton, skip: 4, seed: 7}")
    monkeypatch.syspath_prepend(site)
    with read(workspace) as reader:
        recipe, trials = reader.sweep().recipe, reader.trials()
        assert recipe.packages == {"sampler": "barrido-halton 1.0"}
        expected = build_sampler(recipe).ask([], [], range(6), 7)
        assert [trial.params for trial in trials] == expected
        assert sorted(trial.params["x"] for trial in trials) == [1, 2, 3, 4, 5, 6]


def test_a_sweep_with_the_scheduler(site: Path, tmp_path: Path) -> None:
    """One trial at a time, from the best value to the worst: all but the first are behind from the start."""
    settings = "sampling_algorithm: grid\nscheduler: {type: patience, max_resource: 8, patience: 3}"
    with read(run(site, tmp_path, settings)) as reader:
        assert reader.sweep().phase is SweepPhase.COMPLETED
        trials = reader.trials()
        assert trials[0].phase is Phase.COMPLETED
        assert [trial.phase for trial in trials[1:]] == [Phase.PRUNED] * 5
        assert "in the worse half 3 times in a row" in trials[1].reason


def test_a_sweep_with_the_executor(site: Path, tmp_path: Path) -> None:
    settings = "sampling_algorithm: grid\ncompute: nice:3"
    with read(run(site, tmp_path, settings)) as reader:
        assert [trial.phase for trial in reader.trials()] == [Phase.COMPLETED] * 6
        told = {row.value for number in range(6) for row in reader.metrics(number, name="niceness")}
        assert told == {min(19, os.nice(0) + 3)}
