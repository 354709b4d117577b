"""Pipelines that were written in the language of Microsoft's ``dsl``, or read by its ``load_job``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from barrido import MLClient, RequestError
from barrido.sdk.azure_jobs import adopted

pytestmark = pytest.mark.filterwarnings("ignore:The `context` parameter is deprecated")

YAML = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
display_name: from a file
settings: {default_compute: azureml:cpu-cluster, continue_on_step_failure: false}
inputs:
  raw: {type: uri_file, path: ./data.csv}
outputs:
  best: {type: uri_folder}
jobs:
  double:
    command: cat ${{inputs.raw}} ${{inputs.raw}} > ${{outputs.out}}/twice.csv
    environment: azureml:any@latest
    inputs: {raw: "${{parent.inputs.raw}}"}
    outputs: {out: {type: uri_folder}}
  search:
    type: sweep
    trial: ./train.yml
    inputs:
      data: ${{parent.jobs.double.outputs.out}}
    outputs:
      model: ${{parent.outputs.best}}
    search_space:
      lr: {type: choice, values: [0.25, 0.75, 0.5]}
    sampling_algorithm: grid
    objective: {goal: maximize, primary_metric: acc}
    limits: {max_total_trials: 4}
"""
TRAIN = """
type: command
name: train
version: 1
code: ./src
environment: azureml:any@latest
inputs:
  data: {type: uri_folder}
  lr: {type: number}
outputs:
  model: {type: uri_folder}
command: python train.py --lr ${{inputs.lr}} --data ${{inputs.data}}/twice.csv --model ${{outputs.model}}
"""


def by_dsl(ms: Any) -> Any:
    from azure.ai.ml import dsl

    double = ms.command(
        name="double",
        command="cat ${{inputs.raw}} ${{inputs.raw}} > ${{outputs.out}}/twice.csv",
        environment="azureml:any@latest",
        inputs={"raw": ms.Input(type="uri_file")},
        outputs={"out": ms.Output(type="uri_folder")},
    )
    train = ms.load_component("train.yml")

    @dsl.pipeline(display_name="by the dsl")
    def whole(raw):  # type: ignore[no-untyped-def] # the decorator reads annotations
        doubled = double(raw=raw)
        search = train(data=doubled.outputs.out, lr=ms.Choice([0.25, 0.75, 0.5])).sweep(
            primary_metric="acc", goal="maximize", sampling_algorithm="grid", max_total_trials=4
        )
        return {"best": search.outputs.model}

    job = whole(raw=ms.Input(type="uri_file", path="./data.csv"))
    job.settings.default_compute = "cpu-cluster"
    job.settings.continue_on_step_failure = False
    return job


@pytest.fixture(params=["by the dsl", "from a file"])
def pipeline(request: pytest.FixtureRequest, ms: Any, project: Path) -> Any:
    (project / "train.yml").write_text(TRAIN)
    (project / "pipeline.yml").write_text(YAML)
    return by_dsl(ms) if request.param == "by the dsl" else ms.load_job("pipeline.yml")


def test_a_pipeline_runs_to_its_end_and_gives_the_best_trials_output(pipeline: Any, project: Path) -> None:
    pipeline.name = "whole"
    client = MLClient()
    assert client.jobs.validate(pipeline).error_messages == {}
    returned = client.jobs.create_or_update(pipeline)
    assert returned.type == "pipeline"
    client.jobs.stream(returned.name)
    assert client.jobs.get("whole").status == "Completed"
    client.jobs.download("whole", download_path=project / "got", output_name="best")
    (found,) = (project / "got").rglob("model.txt")
    assert found.read_text() == "0.75 1,21,2"


def test_a_pipeline_keeps_its_settings_and_its_bindings(pipeline: Any) -> None:
    said = adopted(pipeline).to_document()
    assert said["settings"]["continue_on_step_failure"] is False
    assert said["settings"]["default_compute"].endswith("cpu-cluster")
    assert said["inputs"]["raw"].path.endswith("data.csv")
    first, search = said["jobs"].values()
    assert first["inputs"] == {"raw": "${{parent.inputs.raw}}"}
    assert search["inputs"]["data"].startswith("${{parent.jobs.double")
    assert search["outputs"] == {"model": "${{parent.outputs.best}}"}
    assert search["search_space"]["lr"] == {"type": "choice", "values": [0.25, 0.75, 0.5]}


def test_a_step_that_cannot_be_run_is_named(ms: Any) -> None:
    from azure.ai.ml import spark

    step = spark(
        code="./src",
        entry={"file": "train.py"},
        driver_cores=1,
        driver_memory="1g",
        executor_cores=1,
        executor_memory="1g",
        executor_instances=1,
    )
    job = ms.PipelineJob(jobs={"crunch": step})
    with pytest.raises(RequestError, match=r"jobs\.crunch: a Spark of azure\.ai\.ml cannot be run here"):
        MLClient().jobs.create_or_update(job)
