from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from barrido.cli.output import as_yaml
from barrido.cli.saved import to_document
from barrido.spec.load import Defaults, load

SWEEP = """
type: sweep
experiment_name: flowers
tags: {team: blue}
trial:
  code: ./src
  warm: off
  command: |
    python train.py --lr ${{search_space.lr}} --data ${{inputs.data}} [--note ${{inputs.note}}] \\
      --epochs ${{inputs.epochs}} --to ${{outputs.model}}
    echo "done: 100%"
  environment_variables: {MODE: "on", COUNT: 3}
  metrics: {val/acc: 'epoch (?P<step>\\d+).*"acc": (\\S+)'}
inputs:
  data: {type: uri_file, path: data.csv}
  epochs: 10
  note: {type: string, optional: true}
outputs:
  model: {type: uri_folder}
search_space:
  lr: {type: loguniform, min_value: -6, max_value: -1}
  net:
    type: choice
    values:
      - {kind: mlp, width: {type: randint, upper: 64}}
      - {kind: linear}
  flag: {type: choice, values: ["on", true, 1e-3, "1e-3"]}
sampling_algorithm: {type: random, rule: sobol}
resume_from: [earlier, earliest]
early_termination: {type: bandit, slack_factor: 0.2, delay_evaluation: 3}
objective: {goal: Maximize, primary_metric: val/acc}
limits: {max_total_trials: 7, timeout: 3600, stop_after: {trials: 5, min_improvement: 0.001}}
"""

HYPERBAND = """
type: sweep
trial: {command: "echo ${{search_space.lr}} ${{inputs.epochs}}"}
inputs: {epochs: 9}
search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
objective: {goal: Maximize, primary_metric: val/acc}
limits: {max_total_trials: 7}
scheduler: {type: hyperband, max_resource: 9, variant: table, resource: epochs}
"""
HALVING = HYPERBAND.replace("type: hyperband", "type: sha").replace(
    "variant: table, resource: epochs", "trials: 9"
)
BOHB = HYPERBAND.replace("type: hyperband", "type: bohb").replace(
    "resource: epochs", "resource: seconds, pause: suspend"
)

ON_GPUS = (
    BOHB + "compute: ray://head:10001\nresources: {cpu: 2, gpu: 0.5, memory: 4GB, custom: {node_a: 1}}\n"
)
WITH_THREADS = HYPERBAND + "resources: {cpu: 1, gpu: 0}\n"

COMMAND = """
type: command
code: ./src
command: python train.py --epochs ${{inputs.epochs}}
warm: on
inputs: {epochs: 10}
limits: {timeout: 60}
"""


@pytest.mark.parametrize("text", [SWEEP, HYPERBAND, HALVING, BOHB, ON_GPUS, WITH_THREADS, COMMAND])
def test_a_saved_file_makes_the_same_sweep_wherever_it_lies(tmp_path: Path, text: str) -> None:
    here = tmp_path / "here"
    (here / "src").mkdir(parents=True)
    (here / "src" / "train.py").touch()
    (here / "data.csv").touch()
    (here / "sweep.yml").write_text(text)
    recipe = load(here / "sweep.yml", defaults=Defaults.here(here))
    (tmp_path / "saved.yml").write_text(as_yaml(to_document(recipe)))
    again = load(tmp_path / "saved.yml", set_values=[("name", recipe.name)], defaults=Defaults.here(tmp_path))
    assert replace(again, notices=recipe.notices) == recipe
