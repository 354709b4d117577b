"""Looking at jobs, and fetching what they made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido import MLClient, RequestError, SpecError, SweepNotFound, TrialNotFound, app
from barrido.core.events import Requested, Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Limits
from barrido.core.trial import Expectation
from barrido.entities import Job

Tell = Callable[..., Any]


@pytest.fixture
def client(workspace: Workspace) -> MLClient:
    return MLClient(workspace_name=workspace.root)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def with_files(folder: SweepFolder, number: int) -> None:
    trial = folder.trial(number)
    write(trial.work / "outputs" / "deep" / "metrics.json", f"{number}")
    write(trial.work / "logs" / "steps.txt", f"steps {number}")
    write(trial.named_outputs / "model" / "model.pkl", f"model {number}")
    write(trial.log, f"log {number}")


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_job_shows_its_best_trial_as_azure_does(story: Tell, client: MLClient) -> None:
    story().start().finish()
    job = client.jobs.get("iris")
    assert (job.name, job.type, job.status, job.reason) == (
        "iris", "sweep", "Completed", "all 3 trials are done",
    )  # fmt: skip
    assert job.properties["best_child_run_id"] == "iris_2"
    assert float(job.properties["score"]) == job.value == 0.2
    assert json.loads(job.properties["primary_metric_config"]) == {"name": "acc", "goal": "maximize"}
    assert [(trial.name, trial.status, trial.value, trial.parameters) for trial in job.trials] == [
        ("iris_0", "Completed", 0.0, {"x": 0}),
        ("iris_1", "Completed", 0.1, {"x": 1}),
        ("iris_2", "Completed", 0.2, {"x": 2}),
    ]
    assert job.services["Studio"].endpoint == job.studio_url == ""


def test_trials_are_jobs_of_their_own(story: Tell, client: MLClient) -> None:
    story().start().launched(0).exited(0, 4)
    children = client.jobs.list(parent_job_name="iris")
    assert [(child.name, child.status) for child in children] == [
        ("iris_0", "Failed"), ("iris_1", "Starting"), ("iris_2", "Starting"),
    ]  # fmt: skip
    child = client.jobs.get("iris_0")
    assert (child.parent_job_name, child.number) == ("iris", 0)
    assert child.properties == {"exit_code": "4", "failure": "exit_code"}
    with pytest.raises(TrialNotFound, match="sweep 'iris' has no trial 14") as caught:
        client.jobs.get("iris_14")
    assert "it has 3 trials, numbered 0 to 2" in caught.value.hint
    client.workspace.pipelines.mkdir(parents=True, exist_ok=True)
    for name in ("", ".", "..", "../sweeps"):
        with pytest.raises(SweepNotFound, match="there is no sweep"):
            client.jobs.get(name)
    with pytest.raises(SweepNotFound, match="there is no sweep 'irs'"):
        client.jobs.get("irs")


def test_a_trial_says_what_was_expected_of_it(story: Tell, client: MLClient) -> None:
    story(expected={1: Expectation(-0.3, 0.1, 0.05)}).start()
    assert client.jobs.get("iris_0").expected is None
    assert client.jobs.get("iris_1").expected == Expectation(0.3, 0.1, 0.05)


def test_what_mattered_in_a_sweep(story: Tell, client: MLClient) -> None:
    story(limits=Limits(max_total_trials=10, max_concurrent_trials=2)).start().finish()
    assert client.jobs.importance("iris") == {"x": pytest.approx(1.0, abs=0.02)}


def test_a_sweep_may_be_called_like_another_ones_trial(story: Tell, client: MLClient) -> None:
    story("iris").start()
    story("iris_1").start()
    assert client.jobs.get("iris_1").type == "sweep"
    assert client.jobs.get("iris_0").parent_job_name == "iris"


def test_jobs_are_listed_newest_first(story: Tell, client: MLClient) -> None:
    story("one").start().finish()
    story("two").start().finish()
    names = [job.name for job in client.jobs.list()]
    assert sorted(names) == ["one", "two"]
    assert client.jobs.list(max_results=1)[0].name == names[0]
    assert client.jobs.list(parent_job_name="one", max_results=2)[-1].name == "one_1"


def test_a_sweep_without_a_controller_does_not_respond(story: Tell, client: MLClient) -> None:
    sweep = story()
    assert client.jobs.get("iris").status == "NotStarted"
    sweep.start()
    assert client.jobs.get("iris").status == "NotResponding"
    sweep.finish()
    assert client.jobs.get("iris").status == "Completed"


def test_a_download_is_the_best_trials_outputs_and_logs(
    story: Tell, client: MLClient, tmp_path: Path
) -> None:
    sweep = story().start().finish()
    for number in range(3):
        with_files(sweep.folder, number)
    write(sweep.folder.log, "controller")
    client.jobs.download("iris", download_path=tmp_path / "a")
    best = {
        "artifacts/outputs/deep/metrics.json": "2",
        "artifacts/logs/steps.txt": "steps 2",
        "artifacts/user_logs/std_log.txt": "log 2",
    }
    assert tree(tmp_path / "a") == {**best, "hd-artifacts/controller.log": "controller"}
    client.jobs.download("iris", download_path=tmp_path / "b", all=True)
    assert tree(tmp_path / "b").items() >= {**best, "named-outputs/model/model.pkl": "model 2"}.items()
    client.jobs.download("iris", download_path=tmp_path / "c", output_name="model")
    assert tree(tmp_path / "c") == {"named-outputs/model/model.pkl": "model 2"}
    client.jobs.download("iris_1", download_path=tmp_path / "d", output_name="model")
    assert tree(tmp_path / "d") == {"named-outputs/model/model.pkl": "model 1"}
    client.jobs.download("iris_1", download_path=tmp_path / "c", output_name="model")  # over what is there
    assert tree(tmp_path / "c") == {"named-outputs/model/model.pkl": "model 1"}


def test_only_what_is_over_and_what_exists_is_downloaded(
    story: Tell, client: MLClient, tmp_path: Path
) -> None:
    sweep = story().start().launched(0)
    for name in ("iris", "iris_0"):
        with pytest.raises(RequestError, match=f"'{name}' is running: a job is downloaded when it is over"):
            client.jobs.download(name, download_path=tmp_path / "x")
    sweep.reported(0, 1.0).exited(0)
    with_files(sweep.folder, 0)
    client.jobs.download("iris_0", download_path=tmp_path / "x")  # this trial is over
    sweep.finish()
    for name in ("modle", "../model", ".."):
        with pytest.raises(RequestError, match="has no output"):
            client.jobs.download("iris", download_path=tmp_path / "x", output_name=name)


def test_a_sweep_that_measured_nothing_has_nothing_to_download(
    story: Tell, client: MLClient, tmp_path: Path
) -> None:
    sweep = story(limits=Limits(max_total_trials=1, max_concurrent_trials=1)).start()
    sweep.launched(0).exited(0, 1)
    with pytest.raises(RequestError, match="no best trial") as caught:
        client.jobs.download("iris", download_path=tmp_path / "x")
    assert "iris_0" in caught.value.hint


def test_links_that_lead_out_of_the_job_stay_behind(story: Tell, client: MLClient, tmp_path: Path) -> None:
    sweep = story().start().finish()
    with_files(sweep.folder, 2)
    model = sweep.folder.trial(2).named_outputs / "model"
    (tmp_path / "secret").write_text("secret")
    (model / "inside").symlink_to("model.pkl")
    (model / "outside").symlink_to(tmp_path / "secret")
    (model / "around").symlink_to(model)
    (model / "dangling").symlink_to(model / "nothing")
    target = tmp_path / "x" / "named-outputs" / "model"
    target.mkdir(parents=True)
    (target / "model.pkl").symlink_to(tmp_path / "secret")
    with pytest.warns(UserWarning, match="link") as caught:
        client.jobs.download("iris", download_path=tmp_path / "x", output_name="model")
    assert sorted(Path(str(w.message).split()[0]).name for w in caught) == ["around", "outside"]
    assert tree(target) == {"model.pkl": "model 2", "inside": "model 2"}
    assert (tmp_path / "secret").read_text() == "secret"


def test_asking_something_of_a_sweep_that_is_over_is_an_error(story: Tell, client: MLClient) -> None:
    sweep = story().start()
    sweep.tell(Requested("r", Verb.CANCEL, sweep.at)).exited(0).exited(1)
    assert client.jobs.get("iris").status == "Canceled"
    for ask in (client.jobs.begin_cancel, client.jobs.pause, client.jobs.unpause, client.jobs.resume):
        with pytest.raises(RequestError, match="is over"):
            ask("iris")
    with pytest.raises(RequestError, match="nothing to update"):
        client.jobs.update("iris")


def test_an_update_writes_what_azures_does(
    story: Tell, client: MLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Verb, Any]] = []
    monkeypatch.setattr(app, "request", lambda _, verb, **said: asked.append((verb, said["changes"])))
    story().start()
    client.jobs.update("iris", max_total_trials=9, tags={"a": "b", "c": None}, description="good")
    assert asked == [
        (Verb.UPDATE, {"max_total_trials": 9}),
        (Verb.ANNOTATE, {"note": "good", "tags": {"a": "b", "c": None}}),
    ]
    with pytest.warns(UserWarning, match="properties have no effect"):
        client.jobs.update("iris", properties={"a": "b"}, timeout=60)
    assert asked[2:] == [(Verb.UPDATE, {"timeout": 60})]
    with pytest.raises(RequestError, match="display name cannot be changed"):
        client.jobs.update("iris", display_name="Iris", tags={"a": "b"})
    with pytest.raises(SpecError, match=r"max_trials.*is not a known key"):
        client.jobs.update("iris", max_trials=3, tags={"a": "b"})  # type: ignore[call-arg]
    assert len(asked) == 3, "nothing is half done"


def test_a_jobs_services_are_those_it_has(story: Tell, client: MLClient) -> None:
    story().start().finish()
    assert client.jobs.show_services("iris") == client.jobs.get("iris").services


def test_a_job_that_was_submitted_cannot_be_submitted_changed(story: Tell, client: MLClient) -> None:
    story().start()
    job: Any = client.jobs.get("iris")
    with pytest.raises(RequestError, match=r"'iris' was submitted already.*\n.*jobs\.annotate\(name, …\)"):
        client.jobs.create_or_update(job, tags={"a": "b"})


def test_a_job_is_a_value_that_shows_itself(story: Tell, client: MLClient) -> None:
    story().start().finish()
    job = client.jobs.get("iris")
    assert isinstance(job, Job)
    assert "name='iris'" in repr(job)


def test_a_sweep_is_exported_as_text(story: Tell, client: MLClient) -> None:
    story().start().finish()
    head, *rows = client.jobs.export("iris").splitlines()
    assert head.startswith("number,status,phase,value,x,")
    assert [row.split(",")[3] for row in rows] == ["0.0", "0.1", "0.2"]
    assert json.loads(client.jobs.export("iris", output="json"))["sweep"]["best_trial"] == 2
    with pytest.raises(RequestError, match="'csv' or 'json'"):
        client.jobs.export("iris", output="yaml")  # type: ignore[arg-type]
