"""What a trial logged to MLflow is downloaded with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido import MLClient
from barrido.core.layout import Workspace
from barrido.sdk.artifacts import logged_folders
from barrido.tracking.backend import backend
from barrido.tracking.config import Config
from barrido.tracking.ledger import Kind, Ledger, Run

Tell = Callable[..., Any]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def remember(tracking: Path, trial: int, run_id: str, uri: str, *, attempt: int = 1) -> None:
    """As the tracking process does when MLflow has made a trial's run."""
    ledger = Ledger(tracking / "mirror.db")
    ledger.save(
        Run(
            alias=f"{trial}.{attempt}", kind=Kind.TRIAL, trial=trial, attempt=attempt, run_id=run_id,
            info={"run_id": run_id, "artifact_uri": uri},
        )
    )  # fmt: skip
    ledger.close()


def test_a_download_brings_the_artifacts_of_the_last_attempt(
    story: Tell, workspace: Workspace, tmp_path: Path
) -> None:
    sweep = story().start().finish()
    for attempt, run_id in [(1, "first"), (2, "second")]:
        place = workspace.mlflow / "artifacts" / "1" / run_id / "artifacts"
        write(place / "plots" / "curve.txt", run_id)
        remember(
            sweep.folder.tracking, 2, run_id, place.as_uri() if attempt == 2 else str(place), attempt=attempt
        )
    client = MLClient(workspace_name=workspace.root)
    client.jobs.download("iris", download_path=tmp_path / "best")
    assert (tmp_path / "best" / "artifacts" / "plots" / "curve.txt").read_text() == "second"
    client.jobs.download("iris_1", download_path=tmp_path / "other")
    assert not (tmp_path / "other" / "artifacts").exists()


@pytest.mark.parametrize("uri", ["mlflow-artifacts:/1/abc/artifacts", "s3://bucket/abc", "", "/not/there"])
def test_artifacts_elsewhere_stay_there(story: Tell, uri: str) -> None:
    sweep = story().start().finish()
    assert list(logged_folders(sweep.folder, 2)) == []
    remember(sweep.folder.tracking, 2, "abc", uri)
    assert list(logged_folders(sweep.folder, 2)) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow and SQLAlchemy: nothing of ours
def test_a_download_brings_the_logged_models(story: Tell, workspace: Workspace, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    sweep = story().start().finish()
    own = backend(workspace, None)
    assert own is not None
    own.folder.mkdir(parents=True)
    sweep.folder.tracking.mkdir(parents=True, exist_ok=True)
    Config.new(url=None, backend=own, eager=False).write(sweep.folder.tracking)
    client = mlflow.MlflowClient(tracking_uri=own.store_uri)
    experiment = client.create_experiment("iris", artifact_location=str(own.artifacts / "1"))
    run = client.create_run(experiment)
    remember(sweep.folder.tracking, 2, run.info.run_id, run.info.artifact_uri)
    for content in ("older", "newer"):
        model = client.create_logged_model(experiment, name="model", source_run_id=run.info.run_id)
        write(Path(model.artifact_location) / "MLmodel", content)
    MLClient(workspace_name=workspace.root).jobs.download("iris", download_path=tmp_path / "best")
    assert (tmp_path / "best" / "artifacts" / "model" / "MLmodel").read_text() == "newer"
    (other,) = (tmp_path / "best" / "artifacts").glob("m-*/MLmodel")
    assert other.read_text() == "older"
