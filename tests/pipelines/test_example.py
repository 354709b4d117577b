"""The example, as a person runs it: by the command line, and from Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pipelines.conftest import PATIENCE_S

from barrido import MLClient, RequestError, SweepFailed, load_job
from barrido.cli.main import run
from barrido.core.layout import Workspace
from barrido.sdk.pipeline_job import PipelineJob
from barrido.sdk.pipelines import PipelineRun

EXAMPLE = Path(__file__).parents[2] / "examples/pipeline/pipeline.yml"

Barrido = Callable[..., tuple[int, str, str]]


@pytest.fixture
def barrido(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Barrido:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BARRIDO_WORKSPACE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def command(*args: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(args)
        said = capfd.readouterr()
        return code, said.out, said.err

    return command


def test_the_example_runs_and_every_command_knows_it(barrido: Barrido, tmp_path: Path) -> None:
    assert barrido("job", "validate", str(EXAMPLE))[:2] == (0, f"{EXAMPLE} is right\n")
    code, out, err = barrido("job", "create", "-f", str(EXAMPLE), "-n", "fit", "--stream")
    assert code == 0, err
    assert "fit completed: all 3 steps are done" in out
    assert barrido("job", "stream", "fit")[0] == 0

    code, out, _ = barrido("job", "list", "-o", "json")
    listed = {job["name"]: job["type"] for job in json.loads(out)}
    assert listed == {
        "fit": "pipeline",
        "fit-prepare": "command",
        "fit-train": "sweep",
        "fit-score": "command",
    }
    assert "3/3 steps" in barrido("job", "list")[1]

    steps = json.loads(barrido("job", "trials", "fit", "-o", "json")[1])
    assert [(one["step"], one["status"]) for one in steps] == [
        ("prepare", "completed"), ("train", "completed"), ("score", "completed"),
    ]  # fmt: skip
    assert json.loads(barrido("job", "list", "-p", "fit", "-o", "json")[1]) == steps
    shown = json.loads(barrido("job", "show", "fit", "-o", "json")[1])
    assert shown["status"] == "Completed"
    assert shown["jobs"] == steps
    assert "all 3 steps are done" in barrido("job", "show", "fit")[1]

    assert barrido("job", "download", "fit", "-p", "there")[0] == 0
    report = json.loads((tmp_path / "there/named-outputs/report/report.json").read_text())
    assert report["degree"] >= 2, "the best trial's model is not a line"
    assert report["error"] < 0.05


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cancel", "fit"), "is over (completed): there is nothing to cancel"),
        (("resume", "fit"), "is over (completed): there is nothing to resume"),
        (("pause", "fit"), "'fit' is a pipeline"),
        (("show", "fit", "--plot"), "there is nothing to draw"),
        (("download", "fit", "--output-name", "reprt"), "did you mean 'report'?"),
        (("create", str(EXAMPLE), "-n", "fit"), "there already is a pipeline 'fit'"),
        (("create", str(EXAMPLE), "--save-as", "x.yml"), "--save-as is for sweeps"),
        (("plan", str(EXAMPLE)), "is not a kind of job that has trials"),
    ],
)
def test_what_cannot_be_asked_of_a_pipeline_is_said(
    words: tuple[str, ...], said: str, barrido: Barrido, over: Path
) -> None:
    code, _, err = barrido("job", words[0], *words[1:], "-w", str(over))
    assert code == 2
    assert said in err


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the example has run."""
    place = tmp_path_factory.mktemp("over") / "ws"
    client = MLClient(workspace_name=place)
    job = load_job(EXAMPLE, params_override=[{"name": "fit"}, {"jobs.train.limits.max_total_trials": 2}])
    client.create_or_update(job)
    client.jobs.stream("fit")
    return place


def test_python_sees_it_as_it_sees_a_sweep(over: Path, tmp_path: Path) -> None:
    client = MLClient(workspace_name=over)
    fit = client.jobs.get("fit")
    assert isinstance(fit, PipelineRun)
    assert (fit.status, fit.type, fit.experiment_name) == ("Completed", "pipeline", "pipeline-example")
    assert list(fit.jobs) == ["prepare", "train", "score"]
    assert fit.outputs["report"].is_dir()
    assert {job.name for job in client.jobs.list()} == {"fit", "fit-prepare", "fit-train", "fit-score"}
    assert [job.name for job in client.jobs.list(parent_job_name="fit")] == [
        "fit-prepare",
        "fit-train",
        "fit-score",
    ]
    client.jobs.download("fit", download_path=tmp_path, output_name="report")
    assert (tmp_path / "named-outputs/report/report.json").exists()
    with pytest.raises(RequestError, match="is over"):
        client.jobs.begin_cancel("fit")


def test_an_object_may_be_changed_before_it_is_submitted(tmp_path: Path) -> None:
    client = MLClient(workspace_name=tmp_path)
    job = load_job(EXAMPLE)
    assert isinstance(job, PipelineJob)
    assert client.jobs.validate(job).passed
    job.name, job.inputs["rows"] = "worse", 3
    assert client.jobs.validate(job).error_messages == {"inputs.rows": "must be at least 20 (got 3)"}
    job.inputs["rows"] = 30
    job.jobs["prepare"] = {
        **job.jobs["prepare"],
        "environment_variables": {"PYTHONPATH": "/nowhere", "HOME": "/"},
    }
    job.jobs["train"] = {**job.jobs["train"], "limits": {"max_total_trials": 1}}
    job.jobs["score"] = {"command": "python score.py --wrong ${{inputs.model}}", "code": "./src",
                         "inputs": {"model": "${{parent.jobs.train.outputs.model}}"}}  # fmt: skip
    job.outputs.clear()
    client.create_or_update(job)
    with pytest.raises(SweepFailed, match="step 'score' failed"):
        client.jobs.stream("worse")
    assert client.jobs.get("worse").status == "Failed"
    assert Workspace(tmp_path).sweep("worse-score").db.exists()


def test_a_poller_waits_until_the_steps_have_stopped(tmp_path: Path) -> None:
    path = tmp_path / "wait.yml"
    path.write_text("type: pipeline\nname: w\njobs: {a: {command: sleep 1000}, b: {command: sleep 1000}}")
    client = MLClient(workspace_name=tmp_path / "ws")
    client.create_or_update(load_job(path))
    poller = client.jobs.begin_cancel("w")
    poller.result(timeout=PATIENCE_S)
    assert poller.status() == "Canceled"
