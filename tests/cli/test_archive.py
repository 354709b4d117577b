"""Jobs that are put away: by whom, when, and where they show."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

import barrido as package
from barrido.constants import ListViewType
from barrido.controller.clock import WallClock
from barrido.controller.lock import SweepLock
from barrido.core.layout import Workspace
from barrido.errors import RequestError
from barrido.figures.sweeps import listing
from barrido.sdk.studio_link import announced
from barrido.tracking.status import GIVE_UP_S, Status


@pytest.fixture
def three(tale: Callable[..., Any]) -> None:
    """Two sweeps that are over, and one that nobody runs."""
    for name in ("iris", "wine"):
        told = tale(name)
        told.launch(0)
        told.report(0, 0.5)
        told.end(0)
    tale("open").launch(0)


def names(said: Any) -> list[str]:
    assert said.code == 0, said.err
    return sorted(job["name"] for job in json.loads(said.out))


def test_what_is_archived_is_left_out_of_lists_and_comes_back(
    three: None, barrido: Callable[..., Any], workspace: Workspace
) -> None:
    assert barrido("job", "archive", "-n", "iris").out.startswith("iris is archived")
    assert barrido("job", "archive", "iris").code == 0
    assert names(barrido("job", "list", "-o", "json")) == ["open", "wine"]
    assert names(barrido("job", "list", "--archived-only", "-o", "json")) == ["iris"]
    assert names(barrido("job", "list", "--include-archived", "-o", "json")) == ["iris", "open", "wine"]
    assert {one["name"]: one["is_archived"] for one in listing(workspace)["sweeps"]} == {
        "iris": True, "wine": False, "open": False,
    }  # fmt: skip
    assert barrido("job", "trials", "iris").code == 0
    assert barrido("job", "restore", "iris").code == 0
    assert barrido("job", "restore", "-n", "iris").code == 0
    assert names(barrido("job", "list", "-o", "json")) == ["iris", "open", "wine"]
    assert "no archived sweeps" in barrido("job", "list", "--archived-only").out


def test_the_sdk_has_the_same_views(three: None, workspace: Workspace) -> None:
    jobs = package.MLClient().jobs
    jobs.archive("wine")
    for view, expected in [
        (None, ["iris", "open"]),
        (ListViewType.ACTIVE_ONLY, ["iris", "open"]),
        ("ARCHIVED_ONLY", ["wine"]),
        (ListViewType.ALL, ["iris", "open", "wine"]),
    ]:
        assert sorted(job.name for job in jobs.list(list_view_type=view)) == expected
    with pytest.raises(RequestError, match="'Actve' is no view"):
        jobs.list(list_view_type="Actve")
    jobs.restore("wine")
    assert len(jobs.list()) == 3


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["archive", "open"], "is not over: only what is over can be archived"),
        (["delete", "-y", "open"], "is not over: only what is over can be deleted"),
        (["delete", "iris_0"], "is a trial: it goes with its sweep"),
        (["delete", "iris"], "nobody can be asked\n  hint: add --yes"),
        (["archive", "iris_0"], "is a trial: it goes with its sweep"),
        (["restore", "irs"], "did you mean 'iris'?"),
        (["update", "open", "--set", "tags.a=b"], "`barrido job annotate open --tag KEY=TEXT`"),
        (["list", "--archived-only", "--include-archived"], "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_refused(
    args: list[str], part: str, three: None, barrido: Callable[..., Any]
) -> None:
    said = barrido("job", *args)
    assert said.code == 2
    assert part in said.err


def test_what_is_deleted_is_gone_and_its_name_is_free(
    three: None, barrido: Callable[..., Any], tale: Callable[..., Any], workspace: Workspace
) -> None:
    assert barrido("job", "delete", "-n", "iris", "--yes").out == "iris is removed\n"
    assert names(barrido("job", "list", "-o", "json")) == ["open", "wine"]
    assert sorted(path.name for path in workspace.sweeps.iterdir()) == ["open", "wine"]
    assert "there is no sweep 'iris'" in barrido("job", "delete", "iris", "-y").err
    tale("iris").launch(0)
    assert package.MLClient().jobs.begin_delete("wine").result() == ["wine"]
    assert names(barrido("job", "list", "-o", "json")) == ["iris", "open"]


def test_nothing_is_deleted_that_mlflow_is_still_being_told(
    three: None, barrido: Callable[..., Any], workspace: Workspace
) -> None:
    folder = workspace.sweep("iris")
    folder.tracking.mkdir()
    (folder.tracking / "mirror.db").touch()
    now = WallClock().now()
    with sqlite3.connect(folder.db) as db:
        db.execute("UPDATE sweep SET ended_at = ?", (now,))
    assert "MLflow is still being told" in barrido("job", "delete", "iris", "-y").err
    Status(complete=True).write(folder.tracking / "status.json")
    assert barrido("job", "delete", "iris", "-y").code == 0


def test_nobody_waits_for_an_mlflow_that_was_given_up(
    three: None, barrido: Callable[..., Any], workspace: Workspace
) -> None:
    folder = workspace.sweep("iris")
    folder.tracking.mkdir()
    (folder.tracking / "mirror.db").touch()
    with sqlite3.connect(folder.db) as db:
        db.execute("UPDATE sweep SET ended_at = ?", (WallClock().now() - GIVE_UP_S,))
    assert barrido("job", "delete", "iris", "-y").code == 0


def test_a_sweep_that_is_run_is_not_deleted(
    three: None, barrido: Callable[..., Any], workspace: Workspace
) -> None:
    with SweepLock(workspace.sweep("iris")):
        assert "'iris' is already running" in barrido("job", "delete", "iris", "-y").err
    assert workspace.sweep("iris").db.exists()


def test_a_page_that_no_studio_serves_is_not_opened(three: None, barrido: Callable[..., Any]) -> None:
    said = barrido("job", "show", "-n", "iris", "--web")
    assert said.code == 0
    assert "`barrido studio` starts one" in said.err
    assert "status        completed" in said.out


def test_a_page_of_the_studio_that_runs_is_opened(
    three: None, barrido: Callable[..., Any], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    with announced(workspace, "http://127.0.0.1:7788/?token=t"):
        assert barrido("job", "show", "iris_0", "-e").code == 0
    assert opened == ["http://127.0.0.1:7788/?token=t#/s/iris/t/0"]
