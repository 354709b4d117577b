"""Every example runs, from its own folder, with real processes and a real MLflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.store.queries import NoteRow, Reader, SweepRow, TrialRow
from barrido.store.workspace import sweeps

PATIENCE_S = 300


@dataclass(frozen=True)
class Ran:
    """What a run left: its sweep, its trials and notes, and what it printed."""

    folder: SweepFolder
    sweep: SweepRow
    trials: Sequence[TrialRow]
    notes: Sequence[NoteRow]
    output: str

    def phases(self) -> list[Phase]:
        return [trial.phase for trial in self.trials]


def run(command: Sequence[str], folder: Path, workspace: Workspace) -> Ran:
    """Run ``command`` in ``folder``; the sweep that it made."""
    before = {sweep.name for sweep in sweeps(workspace)}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**_environment(), "BARRIDO_WORKSPACE": str(workspace.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    (made,) = (sweep for sweep in sweeps(workspace) if sweep.name not in before)
    with Reader(made) as reader:
        return Ran(made, reader.sweep(), reader.trials(), reader.notes(), done.stdout)


def _environment() -> dict[str, str]:
    """The environment without a tracking server of the developer's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}


def script(name: str, examples: Path, workspace: Workspace) -> Ran:
    return run([sys.executable, name], examples / "tutorial", workspace)


def file(name: str, folder: Path, workspace: Workspace) -> Ran:
    command = [str(Path(sys.executable).with_name("barrido")), "job", "create", "-f", name, "--stream"]
    return run(command, folder, workspace)


def check_grid(ran: Ran) -> None:
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert [trial.params for trial in ran.trials] == [{"reg_rate": rate} for rate in (0.01, 0.1, 1)]
    assert set(ran.phases()) == {Phase.COMPLETED}
    assert all(trial.best_value is not None and 0.6 < trial.best_value <= 1 for trial in ran.trials)
    assert ran.sweep.best_value == max(trial.best_value or 0 for trial in ran.trials)
    assert ran.sweep.recipe.experiment == "sweep-example"


def test_the_tutorials_grid_runs_from_python_as_it_stands_there(examples: Path, workspace: Workspace) -> None:
    ran = script("sweep_grid.py", examples, workspace)
    check_grid(ran)
    (stranger,) = [note.text for note in ran.notes if "known here" in note.text]
    assert "'aml-cluster' and environment 'AzureML-sklearn-0.24-ubuntu18.04-py37-cpu@latest'" in stranger


def test_a_policy_stops_trials_of_a_script_that_logs_every_epoch(
    examples: Path, workspace: Workspace
) -> None:
    ran = file("sweep_epochs_bandit.yml", examples / "tutorial", workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert ran.phases() == [Phase.COMPLETED] * 4 + [Phase.PRUNED] * 2
    assert [trial.reports for trial in ran.trials] == [12] * 4 + [5] * 2
    assert all("− 0.2 = " in trial.reason for trial in ran.trials[4:])


def test_a_shell_script_reports_through_a_file_and_through_the_command(
    examples: Path, workspace: Workspace
) -> None:
    ran = file("sweep.yml", examples / "shell", workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert [trial.reports for trial in ran.trials] == [5] * 6
    assert ran.trials[ran.sweep.best_trial or 0].params["rate"] == 0.45
    with Reader(ran.folder) as reader:
        assert reader.metric_names() == ["final_x", "loss"]


def test_what_a_program_only_prints_is_found_by_patterns(examples: Path, workspace: Workspace) -> None:
    ran = file("sweep.yml", examples / "printed", workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert [trial.reports for trial in ran.trials] == [8] * 4
    assert ran.trials[ran.sweep.best_trial or 0].params["rate"] == 0.05
    with Reader(ran.folder) as reader:
        assert reader.metric_names() == ["loss", "val_loss"]
        assert [row.step for row in reader.metrics(0, name="loss")] == [*range(1, 9)]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_a_node_script_reports_as_json_lines(examples: Path, workspace: Workspace) -> None:
    ran = file("sweep.yml", examples / "node", workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert len(ran.trials) == 8
    assert all(trial.reports == 20 or trial.phase is Phase.PRUNED for trial in ran.trials)
    assert ran.sweep.best_value is not None
    assert ran.sweep.best_value < 1


@pytest.mark.slow
def test_the_tutorials_grid_runs_from_a_file(examples: Path, workspace: Workspace) -> None:
    ran = file("sweep.yml", examples / "tutorial", workspace)
    check_grid(ran)
    assert f"best trial: {ran.sweep.best_trial}" in ran.output


@pytest.mark.slow
def test_random_sampling_runs(examples: Path, workspace: Workspace) -> None:
    check_drawn(script("sweep_random.py", examples, workspace))


@pytest.mark.slow
def test_sobol_with_a_seed_gives_the_same_points_again(examples: Path, workspace: Workspace) -> None:
    first, second = (script("sweep_sobol.py", examples, workspace) for _ in range(2))
    check_drawn(first)
    assert first.sweep.recipe.seed == 123
    assert [trial.params for trial in first.trials] == [trial.params for trial in second.trials]


@pytest.mark.slow
def test_bayesian_sampling_of_the_tutorial_runs(examples: Path, workspace: Workspace) -> None:
    ran = script("sweep_bayesian.py", examples, workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert [trial.reports for trial in ran.trials] == [12] * 8
    assert all(trial.params["batch_size"] in (16, 32, 64) for trial in ran.trials)
    assert all(0.05 <= trial.params["learning_rate"] <= 0.1 for trial in ran.trials)
    assert [trial.expected is not None for trial in ran.trials] == [False] * 4 + [True] * 4


@pytest.mark.slow
def test_a_model_is_chosen_with_its_own_parameters(examples: Path, workspace: Workspace) -> None:
    ran = file("sweep.yml", examples / "conditional", workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert set(ran.phases()) == {Phase.COMPLETED}
    tried = [trial.params["model"] for trial in ran.trials]
    assert {tuple(model) for model in tried} == {("name", "c", "gamma"), ("name", "units", "rate")}
    early, late = ran.trials[:6], ran.trials[6:]
    assert max(t.best_value or 0 for t in late) >= max(t.best_value or 0 for t in early)
    assert (ran.sweep.best_value or 0) > 0.88


@pytest.mark.slow
def test_hyperband_freezes_a_plain_script_and_makes_no_report_too_many(
    examples: Path, workspace: Workspace
) -> None:
    ran = file("sweep.yml", examples / "hyperband", workspace)
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert len(ran.trials) == 49
    assert sum(trial.reports for trial in ran.trials) == 357
    assert {trial.attempt for trial in ran.trials} == {1}
    assert ran.phases().count(Phase.COMPLETED) == 1 + 1 + 2 + 4
    assert "357 reports, as much as 13.2 full trainings of 27" in ran.output
    assert (ran.sweep.best_value or 1) < 0.1


def check_drawn(ran: Ran) -> None:
    assert ran.sweep.phase is SweepPhase.COMPLETED
    assert [trial.reports for trial in ran.trials] == [12] * 4
    assert all(trial.params["batch_size"] in (16, 32, 64) for trial in ran.trials)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sweep_bandit.py", "sweep_median.py", "sweep_truncation.py"])
def test_the_tutorials_policies_stop_the_two_trials_that_fall_behind(
    name: str, examples: Path, workspace: Workspace
) -> None:
    check_policy(script(name, examples, workspace))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sweep_epochs_median.yml", "sweep_epochs_truncation.yml"])
def test_the_policies_files_stop_the_two_trials_that_fall_behind(
    name: str, examples: Path, workspace: Workspace
) -> None:
    check_policy(file(name, examples / "tutorial", workspace))


def check_policy(ran: Ran) -> None:
    assert ran.sweep.phase is SweepPhase.COMPLETED
    *ahead, fifth, sixth = ran.trials
    assert ahead[0].phase is Phase.COMPLETED
    for trial in (fifth, sixth):
        assert trial.phase is Phase.PRUNED
        assert trial.reports in (4, 5)
        assert trial.reason
