"""What is registered in a workspace: environments, data, models; and Azure's clusters: this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from barrido import MLClient, Output, RequestError, SpecError, StoreError, command
from barrido.core.layout import Workspace
from barrido.entities import AmlCompute, BuildContext, Data, Environment, Model
from barrido.sdk.jobs import recipe_of
from barrido.spec.assets import known_names
from barrido.store.assets import changed_assets, read_assets

CONDA = "name: env\ndependencies:\n  - pip\n  - pip: [tiny==1.0]\n"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris.csv").write_text("1,2")
    (tmp_path / "conda.yml").write_text(CONDA)
    return MLClient(workspace_name=tmp_path / "ws")


def iris(**settings: str) -> Data:
    return Data(**{"name": "iris", "type": "uri_file", "path": "./iris.csv", **settings})


def packages(**settings: str) -> Environment:
    return Environment(**{"name": "own", "conda_file": "./conda.yml", **settings})


def test_data_gets_a_version_and_is_found_by_it_or_as_the_latest(client: MLClient, tmp_path: Path) -> None:
    first = client.data.create_or_update(iris(description="small"))
    assert (first.name, first.version, first.id) == ("iris", "1", "azureml:iris:1")
    assert first.path == str(tmp_path / "iris.csv")
    assert client.data.create_or_update(iris(description="small")).version == "1"  # nothing is new
    assert client.data.create_or_update(iris(description="large")).version == "2"
    last: Any = client.create_or_update(iris(version="2024.1"))
    assert last.version == "2024.1"
    assert client.data.get("iris", version=1).description == "small"
    assert client.data.get("iris", label="latest").version == client.data.get("iris").version == "2024.1"
    assert [one.version for one in client.data.list("iris")] == ["2024.1", "2", "1"]
    assert [one.name for one in client.data.list()] == ["iris"]


def test_a_version_that_is_registered_again_is_replaced_and_the_latest(client: MLClient) -> None:
    for description, version in (("a", "1"), ("b", "2"), ("c", "1")):
        client.data.create_or_update(iris(description=description, version=version))
    assert [(one.version, one.description) for one in client.data.list("iris")] == [("1", "c"), ("2", "b")]


def test_the_workspaces_names_know_what_was_registered(client: MLClient, tmp_path: Path) -> None:
    client.data.create_or_update(iris())
    (tmp_path / "other.csv").write_text("3")
    client.data.create_or_update(iris(path="other.csv"))
    table = known_names(client.workspace)
    new, old = str(tmp_path / "other.csv"), str(tmp_path / "iris.csv")
    assert table.local("azureml:iris:1") == old
    assert table.local("iris@latest") == table.local("azureml:iris") == table.local("iris:2") == new
    assert table.local("azureml:iris:3") is None
    client.workspace.mapping.write_text("inputs: {iris: ../mapped.csv}\n")
    assert known_names(client.workspace).local("azureml:iris:1") == f"{client.workspace.root}/../mapped.csv"


def test_an_environment_that_was_registered_is_what_its_name_stands_for(client: MLClient) -> None:
    def environment_of(said: object) -> object:
        job = command(command="echo hello", environment=said)
        recipe = recipe_of(job, workspace=client.workspace)
        assert not [notice for notice in recipe.notices if "not known here" in notice]
        return recipe.work.environment

    registered = client.environments.create_or_update(packages())
    described = environment_of(registered)
    assert described is not None
    for name in ("own@latest", "own:1", "azureml:own:1", registered.id):
        found = environment_of(name)
        assert getattr(found, "requirements", None) == getattr(described, "requirements", "?"), name
    assert known_names(client.workspace).environment("own:2") is None


def test_a_registered_environment_is_read_where_it_was_registered_from(
    client: MLClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.environments.create_or_update(packages())
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    recipe = recipe_of(command(command="echo hello", environment="own:1"), workspace=client.workspace)
    assert recipe.work.environment is not None


def test_what_of_an_environment_has_no_effect_is_said_when_it_is_registered(client: MLClient) -> None:
    with pytest.warns(UserWarning, match="image: has no effect here"):
        client.environments.create_or_update(packages(image="ubuntu"))
    with pytest.warns(UserWarning, match="not known here"):
        made = client.environments.create_or_update(
            Environment(name="bare", build=BuildContext(path="./ctx"))
        )
    assert made.build == {"path": "./ctx"}


def test_an_environment_that_cannot_be_is_not_registered(client: MLClient) -> None:
    with pytest.raises(SpecError, match=r"environment.*condda\.yml.*\n.*did you mean .*/conda\.yml"):
        client.environments.create_or_update(packages(conda_file="./condda.yml"))
    assert read_assets(client.workspace.assets) == {}


@pytest.mark.parametrize(
    ("asset", "said"),
    [
        (Data(path="./iris.csv"), r"Data: name: must be a word \(got None\)"),
        (Data(name="../out", path="./iris.csv"), "Data: name: must be a word"),
        (iris(version="../2"), "Data: version: must be a word"),
        (iris(version=""), "Data: version: must be a word"),
        (iris(path="./irris.csv"), r"there is no file or folder .*irris\.csv\n.*did you mean 'iris\.csv'"),
        (
            iris(path="https://example.com/iris.csv"),
            r"is not on this machine[^\n]*\n.*mapping\.yaml: inputs: {http",
        ),
        (Data(name="iris"), r"path: is not on this machine \(got ''\)"),
        (Environment(name="env"), "only a Data can be registered"),
        ("iris", "only a Data can be registered .*type str"),
    ],
)
def test_data_that_cannot_be_used_is_refused(client: MLClient, asset: object, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        client.data.create_or_update(asset)
    assert read_assets(client.workspace.assets) == {}


def test_data_elsewhere_is_taken_where_the_table_says_it_lies_here(client: MLClient, tmp_path: Path) -> None:
    client.workspace.root.mkdir()
    client.workspace.mapping.write_text("inputs: {'https://example.com/iris.csv': ../iris.csv}\n")
    made = client.data.create_or_update(iris(path="https://example.com/iris.csv"))
    assert Path(made.path).resolve() == tmp_path / "iris.csv"


def test_what_was_not_registered_is_an_error_that_says_what_was(client: MLClient) -> None:
    with pytest.raises(RequestError, match=r"there is no data 'iris'.*\n.*nothing was registered yet"):
        client.data.get("iris")
    client.data.create_or_update(iris())
    with pytest.raises(RequestError, match="did you mean 'iris'"):
        client.data.get("irris")
    with pytest.raises(RequestError, match=r"has no version '7'\n.*it has 1"):
        client.data.get("iris", version="7")
    with pytest.raises(RequestError, match="there is no label 'best'"):
        client.data.get("iris", label="best")


def test_what_the_table_has_for_a_name_need_not_be_registered(client: MLClient, tmp_path: Path) -> None:
    client.workspace.root.mkdir()
    client.workspace.mapping.write_text("inputs: {iris:1: ../iris.csv}\nenvironments: {theirs: local}\n")
    found = client.data.get("iris", version="1")
    assert (Path(found.path).resolve(), found.type) == (tmp_path / "iris.csv", "uri_file")
    environment = client.environments.get("theirs", label="latest")
    assert (environment.name, environment.id) == ("theirs", "azureml:theirs@latest")
    recipe = recipe_of(command(command="echo hello", environment=environment), workspace=client.workspace)
    assert recipe.notices == ()


def test_a_model_is_copied_from_a_folder_and_can_be_downloaded(client: MLClient, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("1")
    first = client.models.create_or_update(Model(name="best", path="./model", type="custom_model"))
    (tmp_path / "model" / "weights").write_text("2")
    second = client.models.create_or_update(Model(name="best", path="./model", type="custom_model"))
    assert (first.version, second.version) == ("1", "2")
    assert Path(first.path, "weights").read_text() == "1"
    client.models.download("best", version=second.version, download_path=tmp_path / "got")
    assert (tmp_path / "got" / "best" / "model" / "weights").read_text() == "2"
    with pytest.raises(RequestError, match="there is no file or folder"):
        client.models.create_or_update(Model(name="best", path="./modell"))
    assert sorted(path.name for path in (client.workspace.models / "best").iterdir()) == ["1", "2"]
    (tmp_path / "model" / "weights").write_text("3")
    again = client.models.create_or_update(model=Model(name="best", version="1", path=tmp_path / "model"))
    assert Path(again.path, "weights").read_text() == "3"
    assert not Path(first.path).exists()


def test_a_copy_of_a_model_is_whole_and_stays_below_its_name(
    client: MLClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache" / "blobs").mkdir(parents=True)
    (tmp_path / "cache" / "blobs" / "5f").write_text("1")
    (tmp_path / "cache" / "snapshot").mkdir()
    (tmp_path / "cache" / "snapshot" / "weights").symlink_to("../blobs/5f")
    made = client.models.create_or_update(Model(name="linked", path="./cache/snapshot"))
    shutil.rmtree(tmp_path / "cache" / "blobs")
    assert Path(made.path, "weights").read_text() == "1"
    with pytest.raises(StoreError, match="could not be copied"):
        client.models.create_or_update(Model(name="linked", path="./cache/snapshot"))
    (tmp_path / "cache" / "snapshot" / "weights").unlink()
    monkeypatch.chdir(tmp_path / "cache" / "snapshot")
    (tmp_path / "cache" / "note").write_text("2")
    made = client.models.create_or_update(Model(name="above", path=".."))
    assert Path(made.path) == client.workspace.models / "above" / "1" / "cache"
    assert Path(made.path, "note").read_text() == "2"
    monkeypatch.chdir(client.workspace.root.parent)
    with pytest.raises(RequestError, match="the workspace lies in it"):
        client.models.create_or_update(Model(name="all", path="."))


def test_a_model_is_taken_from_what_a_job_made(client: MLClient) -> None:
    job = command(
        name="maker",
        command="mkdir -p outputs/net && echo one > outputs/net/a && echo two > ${{outputs.model}}/b",
        outputs={"model": Output(type="uri_folder")},
    )
    client.create_or_update(job)
    client.jobs.stream("maker")
    made = client.models.create_or_update(
        Model(name="net", path="azureml://jobs/maker/outputs/artifacts/paths/outputs/net/")
    )
    assert Path(made.path, "a").read_text() == "one\n"
    made = client.models.create_or_update(Model(name="logged", path="runs:/maker/outputs/net"))
    assert Path(made.path, "a").read_text() == "one\n"
    made = client.models.create_or_update(Model(name="whole", path="azureml://jobs/maker/outputs/model"))
    assert Path(made.path, "b").read_text() == "two\n"
    said = r"job 'maker' has no 'nett' in its artifacts\n.*there is logs, outputs"
    with pytest.raises(RequestError, match=said):
        client.models.create_or_update(
            Model(name="net", path="azureml://jobs/maker/outputs/artifacts/paths/nett/")
        )
    with pytest.raises(RequestError, match=r"has no '\.\./\.\./\.\.' in its artifacts"):
        client.models.create_or_update(
            Model(name="out", path="azureml://jobs/maker/outputs/artifacts/paths/../../..")
        )
    assert {path.name for path in client.workspace.models.rglob("*") if path.name.startswith(".")} == set()


def test_any_cluster_is_there_and_it_is_said_once_where_trials_run(client: MLClient) -> None:
    with pytest.warns(UserWarning, match="compute 'cpu': trials run on this machine") as told:
        assert client.compute.get("cpu").name == "cpu"
    assert told[0].filename == __file__
    cluster = AmlCompute(name="cpu", size="D2")  # another warning would be an error
    assert client.compute.begin_create_or_update(cluster).result() is cluster
    assert client.begin_create_or_update(cluster).result() is cluster
    assert client.compute.begin_delete("cpu").done()


def test_the_workspace_describes_itself(client: MLClient) -> None:
    described = client.workspaces.get("anything")
    assert (described.name, described.location) == ("anything", "local")
    assert described.mlflow_tracking_uri == f"sqlite:///{client.workspace.mlflow / 'mlflow.db'}"


REGISTER = """
import sys
from barrido import MLClient
from barrido.entities import Data
client = MLClient(workspace_name=sys.argv[1])
for n in range(20):
    client.data.create_or_update(Data(name="shared", path="./iris.csv", description=f"{sys.argv[2]} {n}"))
"""


def test_several_who_register_at_once_each_get_versions_of_their_own(
    client: MLClient, tmp_path: Path
) -> None:
    who = [
        subprocess.Popen([sys.executable, "-c", REGISTER, str(client.workspace.root), name])
        for name in ("ann", "bob", "cid")
    ]
    assert [one.wait(60) for one in who] == [0, 0, 0]
    versions = client.data.list("shared")
    assert sorted(int(one.version) for one in versions) == list(range(1, 61))
    assert len({one.description for one in versions}) == 60


def test_what_fails_while_it_is_registered_leaves_what_there_was(client: MLClient) -> None:
    client.data.create_or_update(iris())
    before = client.workspace.assets.read_bytes()

    def fail() -> None:
        with changed_assets(client.workspace.assets) as assets:
            assets["data"].clear()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert client.workspace.assets.read_bytes() == before


def test_a_file_of_assets_that_is_broken_is_an_error_with_its_name(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.assets.write_text("{")
    with pytest.raises(StoreError, match=r"assets\.json cannot be read"):
        known_names(workspace)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_workspace_that_cannot_be_written_says_so(client: MLClient, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="nothing can be registered"):
            client.data.create_or_update(iris())
    finally:
        tmp_path.chmod(0o700)


def test_what_only_azure_does_with_assets_is_refused_with_what_to_do(client: MLClient) -> None:
    for operations in (client.models, client.data, client.environments):
        for name in ("archive", "restore", "share"):
            with pytest.raises(RequestError, match=rf"{name}\(\) is Azure's.*\n.*register a version again"):
                getattr(operations, name)("iris", version="1")
    assert not hasattr(client.data, "nonsense")
