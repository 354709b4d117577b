"""The links of jobs to the studio that serves their workspace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from barrido import MLClient
from barrido.core.layout import Workspace
from barrido.sdk.studio_link import FILE, announced, link_to

Tell = Callable[..., Any]
LINK = "http://127.0.0.1:8270/?token=secret"


def test_a_job_knows_its_page_as_long_as_a_studio_runs(story: Tell, workspace: Workspace) -> None:
    story().start().finish()
    jobs = MLClient(workspace_name=workspace.root).jobs
    sweep, trial = jobs.get("iris"), jobs.get("iris_1")
    with announced(workspace, LINK):
        assert sweep.studio_url == sweep.services["Studio"].endpoint == f"{LINK}#/s/iris"
        assert trial.studio_url == f"{LINK}#/s/iris/t/1"
        assert (workspace.root / FILE).stat().st_mode & 0o777 == 0o600
    assert sweep.studio_url == trial.studio_url == ""
    assert not (workspace.root / FILE).exists()
    assert "secret" not in repr(sweep)


def test_what_a_studio_that_was_killed_left_behind_is_not_believed(workspace: Workspace) -> None:
    program = (
        "import os\n"
        "from barrido.app import workspace\n"
        "from barrido.sdk.studio_link import announced\n"
        f"with announced(workspace({str(workspace.root)!r}), {LINK!r}): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert json.loads((workspace.root / FILE).read_text())["link"] == LINK
    assert link_to(workspace, "") == ""


def test_of_two_studios_the_latest_is_found_and_stays_when_the_first_ends(workspace: Workspace) -> None:
    first = announced(workspace, "http://first")
    first.__enter__()
    with announced(workspace, "http://second"):
        first.__exit__(None, None, None)
        assert link_to(workspace, "x") == "http://second#/x"
    assert link_to(workspace, "x") == ""


def test_a_workspace_that_was_not_there_is_not_left_behind(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    with announced(workspace, LINK):
        assert link_to(workspace, "") == f"{LINK}#/"
    assert not workspace.root.exists()


def test_where_nothing_can_be_written_a_studio_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workspace = Workspace(tmp_path / "file/workspace")
    with announced(workspace, LINK):
        assert link_to(workspace, "") == ""
