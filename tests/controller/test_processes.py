"""Controllers as processes: who comes second, and who leaves before they are up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import barrido
from barrido import app, foreground
from barrido.controller import requests
from barrido.controller.late import take_late
from barrido.controller.lock import SweepLock
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Limits, Recipe, Work
from barrido.errors import ControllerError, RequestError
from barrido.replay.proof import prove
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


def wait_until_taken(folder: SweepFolder, request: str) -> list[str]:
    deadline = time.monotonic() + 60.0
    with Reader(folder) as reader:
        while (said := reader.answer_to(request)) is None:
            assert time.monotonic() < deadline, folder.log.read_text()
            time.sleep(0.02)
        return said


def test_a_sweep_that_is_over_is_annotated_and_nothing_else_of_it_changes(tmp_path: Path) -> None:
    folder = app.create(replace(recipe(), tags={"old": "yes"}), Workspace(tmp_path))
    wait_until_over(folder)
    while app.is_running(folder):
        time.sleep(0.02)
    with Reader(folder) as reader:
        sweep, trials, notes, log = reader.sweep(), reader.trials(), reader.notes(), folder.log.read_text()
        tracked = sorted(path.name for path in folder.tracking.iterdir())
        app.request(folder, Verb.ANNOTATE, changes={"note": "why", "tags": {"old": None}}, origin="test")
        asked = app.request(
            folder, Verb.ANNOTATE, trial=1, changes={"tags": {"keep": "é <b>"}}, origin="test"
        )
        wait_until_taken(folder, asked)  # by the one that was started for the first, if it is still there
        while app.is_running(folder):
            time.sleep(0.02)
        assert reader.sweep() == replace(sweep, note="why", tags={})
        assert reader.trials() == [trials[0], replace(trials[1], tags={"keep": "é <b>"})]
        assert (reader.notes(), folder.log.read_text()) == (notes, log)
    assert sorted(path.name for path in folder.tracking.iterdir()) == tracked
    assert not any(folder.requests.iterdir())
    assert prove(folder).phase.is_terminal


def test_all_that_is_written_on_a_sweep_at_once_while_it_ends_is_kept(tmp_path: Path) -> None:
    folder = app.create(recipe(), Workspace(tmp_path))

    def annotate(n: int) -> str:
        return app.request(folder, Verb.ANNOTATE, changes={"tags": {f"n{n}": "x"}}, origin="test")

    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(annotate, range(24)))
    for one in asked:
        assert wait_until_taken(folder, one) == []
    with Reader(folder) as reader:
        assert reader.sweep().tags == {f"n{n}": "x" for n in range(24)}
    wait_until_over(folder)
    assert prove(folder)


def test_points_by_hand_run_in_a_real_sweep_and_never_in_one_that_is_over(tmp_path: Path) -> None:
    asked = recipe(max_total_trials=3)
    folder = app.create(
        replace(asked, work=Work(command="sleep 0.2; : ${{search_space.x}}")), Workspace(tmp_path)
    )
    app.request(folder, Verb.PAUSE, origin="test")
    wish = app.request(folder, Verb.ENQUEUE, changes={"params": {"x": 1}}, origin="test")
    (said,) = wait_until_taken(folder, wish)
    assert (
        said
        == "a point put in by hand by test is run when the sweep is unpaused, max_total_trials = 4: x = 1.0"
    )
    with Reader(folder) as reader:
        assert reader.sweep().queued == 1
    app.request(folder, Verb.RERUN, trial=0, origin="test")
    app.request(folder, Verb.UNPAUSE, origin="test")
    assert wait_until_over(folder) == "all 5 trials are done"
    with Reader(folder) as reader:
        trials = reader.trials()
        assert {t.origin: t.params for t in trials if t.origin} == {
            "by hand, by test": {"x": 1.0},
            "trial 0 again, by test": trials[0].params,
        }
        assert reader.sweep().queued == 0
    before = list(folder.requests.iterdir())
    for verb, trial, changes in (
        (Verb.ENQUEUE, None, {"params": {"x": 0.5}}),
        (Verb.RERUN, 77, {}),
        (Verb.RERUN, None, {}),  # none failed
        (Verb.ANNOTATE, 77, {"note": "x"}),
        (Verb.ANNOTATE, None, {"note": "\x1b"}),
    ):
        with pytest.raises(RequestError):
            app.request(folder, verb, trial=trial, changes=changes, origin="test")
    with pytest.raises(RequestError, match="is over") as caught:
        app.request(folder, Verb.ENQUEUE, changes={"params": {"x": 0.5}}, origin="test")
    assert "resume_from: quick" in caught.value.hint
    assert list(folder.requests.iterdir()) == before


def test_a_wish_for_which_no_controller_can_be_started_is_taken_back(tmp_path: Path) -> None:
    folder = app.create(replace(recipe(), name="deaf"), Workspace(tmp_path))
    wait_until_over(folder)
    while app.is_running(folder):
        time.sleep(0.02)
    folder.log.unlink()
    folder.log.mkdir()  # the controller cannot write its log, and leaves
    with pytest.raises(ControllerError):
        app.request(folder, Verb.ANNOTATE, changes={"note": "twice"}, origin="test")
    assert not any(folder.requests.glob("*.json"))


def test_what_is_asked_while_the_last_wishes_are_taken_in_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = app.create(replace(recipe(), name="late"), Workspace(tmp_path))
    wait_until_over(folder)
    while app.is_running(folder):
        time.sleep(0.02)
    put = partial(requests.put, folder, Verb.ANNOTATE, origin="test")
    put(changes={"tags": {"first": "1"}})

    def take_and_be_asked(*args: Any, **more: Any) -> None:
        take_late(*args, **more)
        with Reader(folder) as reader:
            if "second" not in reader.sweep().tags and len(requests.waiting(folder)) == 0:
                put(changes={"tags": {"second": "2"}})  # the lock is still held: whoever asks relies on that

    monkeypatch.setattr(foreground, "take_late", take_and_be_asked)
    foreground.run(folder, BytesIO())
    with Reader(folder) as reader:
        assert reader.sweep().tags == {"first": "1", "second": "2"}
