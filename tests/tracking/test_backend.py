from __future__ import annotations

from pathlib import Path

import pytest

from barrido.core.layout import Workspace
from barrido.tracking.backend import Backend, backend


def test_without_an_address_the_workspace_has_its_own_database(tmp_path: Path) -> None:
    found = backend(Workspace(tmp_path), None)
    assert found is not None
    assert found.store_uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert found.artifacts == tmp_path / "mlflow" / "artifacts"
    assert found.own
    assert Backend.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("uri", "store", "artifacts"),
    [
        ("sqlite:///runs.db", "sqlite:///{cwd}/runs.db", "{cwd}/mlruns"),
        ("sqlite:////data/runs.db", "sqlite:////data/runs.db", "/data/mlruns"),
        ("file:///data/mlruns", "file:///data/mlruns", "/data/mlruns"),
        ("runs", "file://{cwd}/runs", "{cwd}/runs"),
        ("/data/runs", "file:///data/runs", "/data/runs"),
        (
            "postgresql+psycopg2://u:p@host/db",
            "postgresql+psycopg2://u:p@host/db",
            "{cwd}/ws/mlflow/artifacts",
        ),
    ],
)
def test_the_users_own_store_is_served_from_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, store: str, artifacts: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = backend(Workspace(tmp_path / "ws"), uri)
    assert found is not None
    assert found.store_uri == store.format(cwd=tmp_path)
    assert str(found.artifacts) == artifacts.format(cwd=tmp_path)
    assert not found.own
    assert found.folder == tmp_path / "ws" / "mlflow"


def test_different_stores_have_different_servers(tmp_path: Path) -> None:
    names = {
        found.name
        for uri in (None, "sqlite:////a.db", "sqlite:////b.db", "/a")
        if (found := backend(Workspace(tmp_path), uri))
    }
    assert len(names) == 4


@pytest.mark.parametrize("uri", ["databricks", "databricks://profile", "azureml://host/path", "uc:catalog"])
def test_services_that_are_no_mlflow_servers_are_not_guessed_at(tmp_path: Path, uri: str) -> None:
    assert backend(Workspace(tmp_path), uri) is None
