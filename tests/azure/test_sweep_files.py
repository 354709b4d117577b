"""Sweep files with every key of Azure's, run to the end; and Microsoft's own, where a folder has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.trial import Phase
from barrido.store.queries import Reader

Barrido = Callable[..., "subprocess.CompletedProcess[str]"]
EXAMPLES = os.environ.get("BARRIDO_AZURE_EXAMPLES", "")

FULL = """\
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
name: full
display_name: every key there is
description: what a file for the cloud may hold
tags: {team: vision, round: 2}
properties: {owner: somebody}
experiment_name: fidelity
compute: azureml:cpu-cluster
identity: {type: user_identity}
services: {board: {type: tensor_board, log_dir: logs}}
queue_settings: {job_tier: spot, priority: low}
resources: {instance_type: Standard_D2, instance_count: 2, shm_size: 2g, locations: [westeurope]}
inputs:
  table: {type: uri_file, path: "azureml:flowers:3", mode: ro_mount}
  folder: {type: uri_folder, path: "azureml://datastores/blob/paths/pictures", mode: download}
  frame: {type: mltable, path: ./data, mode: eval_mount}
  start: {type: mlflow_model, path: ./data}
  other: {type: custom_model, path: ./data/flowers.csv}
  server: {type: triton_model, path: "file:./data"}
  rounds: 3
  name: {value: "two words"}
  ratio: {type: number, value: 0.5}
  extra: {type: string, optional: true}
outputs:
  model:
  report: {type: uri_folder, mode: upload, path: "azureml://datastores/${{default_datastore}}/paths/${{name}}/"}
trial:
  code: ./src
  environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
  environment_variables: {GREETING: hello, LEVEL: 3}
  distribution: {type: pytorch, process_count_per_instance: 1}
  resources: {instance_count: 2, instance_type: Standard_D2}
  command: >-
    python train.py
    --table ${{inputs.table}} --folder ${{inputs.folder}} --frame ${{inputs.frame}}
    --start ${{inputs.start}} --other ${{inputs.other}} --server ${{ inputs.server }}
    --rounds {inputs.rounds} --name ${{inputs.name}} --ratio ${{inputs.ratio}} [--extra ${{inputs.extra}}]
    --rate {search_space.rate} --size ${{ search_space.size }}
    --model ${{outputs.model}} --report ${{outputs.report}}
sampling_algorithm: {type: random, seed: 11, rule: sobol, logbase: 10}
search_space:
  rate: {type: LogUniform, min_value: -3, max_value: -1}
  size: {type: choice, values: [16, 32]}
objective: {goal: Maximize, primary_metric: score}
early_termination: {type: bandit, slack_factor: 0.5, evaluation_interval: 1, delay_evaluation: 10}
limits: {max_total_trials: 3, max_concurrent_trials: 2, timeout: "600", trial_timeout: 300}
"""

TRAIN = """\
import json, os, pathlib, sys
import barrido
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
given["environment"] = [os.environ["GREETING"], os.environ["LEVEL"], os.environ["AZUREML_SWEEP_rate"]]
pathlib.Path("given.json").write_text(json.dumps(given))
pathlib.Path("outputs").joinpath("weights.txt").write_text(given["--rate"])
pathlib.Path(given["--model"], "model.txt").write_text(given["--rate"])
pathlib.Path(given["--report"], "report.txt").write_text("fine")
barrido.report(score=float(given["--rate"]) * int(given["--size"]), step=1)
"""

TABLE = """\
environments:
  sklearn-1.5: local
inputs:
  azureml:flowers: ../data/flowers.csv
  azureml://datastores/blob/paths/: ../data/
"""

THEIRS = {
    "basics/hello-sweep.yml": 4,
    "single-step/lightgbm/iris/job-sweep.yml": 20,
    "single-step/scikit-learn/iris/job-sweep.yml": 20,
}


@pytest.fixture
def barrido(tmp_path: Path) -> Barrido:
    """Runs the command line as a person would, from the folder of the file."""

    def run(*args: str, cwd: Path = tmp_path, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("BARRIDO_", "MLFLOW_"))}
        program = str(Path(sys.executable).with_name("barrido"))
        return subprocess.run(
            [program, *args], cwd=cwd, env=outer, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("src", "data/pictures", ".barrido"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/train.py").write_text(TRAIN)
    (tmp_path / "data/flowers.csv").write_text("1,2\n")
    (tmp_path / ".barrido/mapping.yaml").write_text(TABLE)
    (tmp_path / "sweep.yml").write_text(FULL)
    return tmp_path


def facts(barrido: Barrido, *args: str) -> Any:
    done = barrido(*args, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_with_every_key_runs_to_its_end(project: Path, barrido: Barrido) -> None:
    done = barrido("job", "create", "-f", "sweep.yml", "-g", "group", "--stream")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = Workspace(project / ".barrido").sweep("full")
    with Reader(folder) as reader:
        recipe, trials = reader.sweep().recipe, reader.trials()
    assert [trial.phase for trial in trials] == [Phase.COMPLETED] * 3
    for trial in trials:
        check_trial(project, folder, trial.number, trial.params)
    assert (recipe.display_name, recipe.experiment, recipe.tags["round"]) == (
        "every key there is",
        "fidelity",
        "2",
    )
    assert (recipe.limits.timeout, recipe.limits.trial_timeout, recipe.seed) == (600, 300, 11)
    noted = "\n".join(recipe.notices)
    for place in ("compute", "identity", "services", "queue_settings", "properties", "trial.distribution"):
        assert f" {place}: " in noted, noted
    for words in ("instance_count", "outputs.report.path", "{inputs.rounds} is an old way to write"):
        assert words in noted, noted
    assert "sklearn" not in noted  # the table knows it


def check_trial(project: Path, folder: SweepFolder, number: int, params: Mapping[str, Any]) -> None:
    """Whether the trial was given what the file says, and left what it was to leave."""
    trial = folder.trial(number)
    given = json.loads((trial.work / "given.json").read_text())
    data = project / "data"
    expected = {
        "--table": data / "flowers.csv", "--folder": data / "pictures", "--frame": data, "--start": data,
        "--other": data / "flowers.csv", "--server": data, "--rounds": "3", "--name": "two words",
        "--ratio": "0.5", "--model": trial.named_outputs / "model",
        "--report": trial.named_outputs / "report",
    }  # fmt: skip
    for name, value in expected.items():
        assert os.path.normpath(given[name]) == str(value)
    assert "--extra" not in given
    assert 1e-3 <= params["rate"] <= 1e-1  # exponents to the base that the file names
    assert float(given["--rate"]) == params["rate"]
    assert int(given["--size"]) == params["size"]
    assert given["environment"] == ["hello", "3", given["--rate"]]
    assert (trial.work / "outputs/weights.txt").read_text() == given["--rate"]
    assert (trial.named_outputs / "model/model.txt").read_text() == given["--rate"]


def test_a_sweep_that_is_over_is_downloaded_archived_and_restored(project: Path, barrido: Barrido) -> None:
    (project / "sweep.yml").write_text(FULL.replace("max_total_trials: 3", "max_total_trials: 1"))
    assert barrido("job", "create", "-f", "sweep.yml", "--stream").returncode == 0
    assert barrido("job", "download", "-n", "full", "-p", "got", "--all").returncode == 0
    found = {path.name for path in (project / "got").rglob("*") if path.is_file()}
    assert {"weights.txt", "model.txt", "report.txt", "std_log.txt"} <= found
    assert barrido("job", "archive", "-n", "full").returncode == 0
    assert facts(barrido, "job", "list") == []
    assert [job["name"] for job in facts(barrido, "job", "list", "--archived-only")] == ["full"]
    assert facts(barrido, "job", "show", "-n", "full")["status"] == "Completed"
    assert barrido("job", "restore", "-n", "full").returncode == 0
    assert [job["name"] for job in facts(barrido, "job", "list", "--all-results")] == ["full"]


def test_a_name_that_the_table_lacks_is_refused_with_the_line_to_write(
    project: Path, barrido: Barrido
) -> None:
    table = project / ".barrido/mapping.yaml"
    table.write_text(TABLE.replace("azureml:flowers:", "azureml:flowers:2:"))
    refused = barrido("job", "create", "-f", "sweep.yml")
    assert refused.returncode == 2
    assert "inputs.table.path: is not on this machine (got 'azureml:flowers:3')" in refused.stderr
    assert f"write into {table} the lines" in refused.stderr
    assert "`  azureml:flowers:3: ../data`" in refused.stderr
    assert not (project / ".barrido/sweeps").exists()
    table.write_text(TABLE + "  azureml:flowers:3: ../data/nothing.csv\n")
    refused = barrido("job", "create", "-f", "sweep.yml")
    assert f"(got 'azureml:flowers:3', which {table}:6 maps to it)" in refused.stderr


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES, reason="BARRIDO_AZURE_EXAMPLES names no folder with Microsoft's examples")
@pytest.mark.parametrize("file", THEIRS)
def test_microsofts_own_file_runs_unchanged(file: str, tmp_path: Path, barrido: Barrido) -> None:
    """The folder holds their ``cli/``, and a ``mapping.yaml`` (whole paths) for the data and environments."""
    root = Path(EXAMPLES).absolute()
    path = root / "cli/jobs" / file
    workspace = tmp_path / ".barrido"
    workspace.mkdir()
    (workspace / "mapping.yaml").write_bytes((root / "mapping.yaml").read_bytes())
    done = barrido(
        "job", "create", "-f", str(path), "-n", "theirs", "-w", str(workspace), "--stream", cwd=path.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Reader(Workspace(workspace).sweep("theirs")) as reader:
        assert [trial.phase for trial in reader.trials()] == [Phase.COMPLETED] * THEIRS[file]
        assert reader.sweep().best_trial is not None
