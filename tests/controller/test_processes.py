"""Controllers as processes: who comes second, and who leaves before they are up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import barrido
from barrido import app
from barrido.controller.lock import SweepLock
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Limits, Recipe, Work
from barrido.errors import RequestError
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore


def recipe(**limits: Any) -> Recipe:
    return Recipe(
        name="quick",
        space={"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        limits=Limits(**{"max_total_trials": 2, "max_concurrent_trials": 1, **limits}),
        work=Work(command="true ${{search_space.x}}"),
    )


def written(where: Workspace, asked: Recipe) -> SweepFolder:
    folder = where.sweep(asked.name)
    folder.requests.mkdir(parents=True)
    folder.feed.mkdir()
    SqliteStore.create(folder, asked, version=barrido.__version__, at=0.0).close()
    return folder


def wait_until_over(folder: SweepFolder) -> str:
    deadline = time.monotonic() + 60.0
    with Reader(folder) as reader:
        while not (sweep := reader.sweep()).phase.is_terminal:
            assert time.monotonic() < deadline, folder.log.read_text()
            time.sleep(0.02)
        return sweep.reason


def test_whoever_asked_may_leave_before_the_controller_is_up(tmp_path: Path) -> None:
    folder = written(Workspace(tmp_path), recipe())
    ours, theirs = os.pipe()
    os.close(ours)
    with folder.log.open("ab") as out:
        subprocess.run(
            [sys.executable, "-m", "barrido.daemon", str(folder.root), str(theirs)],
            pass_fds=(theirs,),
            stdout=out,
            stderr=out,
            check=True,
        )
    os.close(theirs)
    assert wait_until_over(folder) == "all 2 trials are done"


def test_of_two_that_create_a_sweep_at_once_one_does_and_one_is_told(tmp_path: Path) -> None:
    where = Workspace(tmp_path)

    with ThreadPoolExecutor(3) as pool:
        tries = [pool.submit(app.create, recipe(), where) for _ in range(3)]
    errors = [error for one in tries if (error := one.exception()) is not None]
    assert [type(error) for error in errors] == [RequestError, RequestError]
    assert all("there already is a sweep 'quick'" in str(error) for error in errors)
    assert wait_until_over(where.sweep("quick")) == "all 2 trials are done"


def test_two_wishes_for_a_sweep_without_a_controller_are_both_fulfilled(tmp_path: Path) -> None:
    folder = written(Workspace(tmp_path), recipe(max_total_trials=1))
    with ThreadPoolExecutor(3) as pool:
        wishes = [
            pool.submit(app.request, folder, Verb.UPDATE, changes={"max_total_trials": n}, origin="sdk")
            for n in (3, 4, 5)
        ]
        for wish in wishes:
            if (error := wish.exception()) is not None:
                assert isinstance(error, RequestError)  # it was over already
    assert wait_until_over(folder)


def test_a_controller_that_dies_before_it_is_up_leaves_the_silence_as_it_was(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    with SweepLock(folder):
        pass
    os.utime(folder.lock, (1000.0, 1000.0))
    with SweepLock(folder) as first:
        assert first.silent_s > 1e6
    with SweepLock(folder) as second:
        assert second.silent_s >= first.silent_s
        second.beat()
    with SweepLock(folder) as third:
        assert third.silent_s < 60


def test_names_that_are_not_unicode_do_not_keep_a_sweep_from_being_written(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    try:
        (code / "caf\udce9").symlink_to("nowhere")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    asked = recipe()
    asked = replace(asked, work=replace(asked.work, code=str(code)))
    folder = app.create(asked, Workspace(tmp_path / "ws"))
    assert wait_until_over(folder) == "all 2 trials are done"
    with Reader(folder) as reader:
        assert any("broken link" in note.text for note in reader.notes())


def test_what_a_crash_left_of_a_sweep_that_never_was_is_removed_later(tmp_path: Path) -> None:
    where = Workspace(tmp_path)
    old, new = (where.sweeps / f".draft-{age}" for age in ("old", "new"))
    for draft in (old, new):
        (draft / "code").mkdir(parents=True)
    os.utime(old, (1000.0, 1000.0))
    folder = app.create(recipe(), where)
    assert wait_until_over(folder) == "all 2 trials are done"
    assert sorted(path.name for path in where.sweeps.iterdir()) == [".draft-new", "quick"]
