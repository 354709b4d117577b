"""A machine with no room, no files to give, or no power: trials wait, or begin from what is whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import Cause, Exited, Launched
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.core.recipe import Resources
from barrido.executors import leader, local
from barrido.executors.local import LocalExecutor
from barrido.executors.slots import Slots
from barrido.executors.snapshot import snapshot
from barrido.executors.workdir import WorkFolders
from barrido.testing.executors import exits, until_ended

Make = Callable[..., LocalExecutor]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "AGAIN_S", 0.01)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EROFS, errno.ENOSPC, errno.EAGAIN])
def test_a_start_that_fails_for_want_of_something_is_tried_again(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    failures = [OSError(number, os.strerror(number)) for _ in range(2)]
    spawn = leader.spawn

    def want(*given: Any) -> leader.Leader:
        if failures:
            raise failures.pop()
        return spawn(*given)

    monkeypatch.setattr(leader, "spawn", want)
    executor.launch(Order(0, 1, {"command": "exit 3"}))
    (end,) = exits(until_ended(executor))
    assert (end.cause, end.code) == (Cause.EXIT, 3)
    assert not failures


@pytest.mark.usefixtures("quick")
def test_a_start_that_always_fails_is_given_up(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def fail(*given: Any) -> leader.Leader:
        tries.append(given)
        raise OSError(errno.EMFILE, "too many files")

    monkeypatch.setattr(leader, "spawn", fail)
    executor.launch(Order(0, 1, {"command": "true"}))
    (end,) = exits(until_ended(executor))
    assert (end.cause, len(tries)) == (Cause.NO_LAUNCH, 1 + local.TRIES)
    assert "too many files" in end.detail


@pytest.mark.usefixtures("quick")
def test_a_launch_that_is_repeated_on_a_full_disk_waits_and_is_not_lost(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order(0, 1, {"command": "exit 4"})
    with monkeypatch.context() as full:
        full.setattr(local, "ROOM", 1 << 62)
        executor.adopt(order, {})
        executor.launch(order)
        assert [one for _ in range(20) for one in executor.events(0.02)] == []
    signals = until_ended(executor)
    assert [type(one) for one in signals if isinstance(one, Launched | Exited)] == [Launched, Exited]
    (end,) = exits(signals)
    assert (end.cause, end.code) == (Cause.EXIT, 4)


def test_a_work_folder_that_lost_its_content_is_made_whole(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "lib").mkdir(parents=True)
    (code / "train.py").write_text("print(1)")
    (code / "lib/model.py").write_text("x = 1")
    (code / "empty").touch()
    sweep = SweepFolder(tmp_path / "sweep")
    snapshot(code, sweep.code)
    work = WorkFolders(sweep, has_code=True, outputs=()).prepare(0, 1).work
    (work / "train.py").write_text("\0" * len("print(1)"))  # the size was on the disk, and the text was not
    (work / "lib/model.py").unlink()
    (work / "empty").write_text("\0")
    WorkFolders(sweep, has_code=True, outputs=()).prepare(0, 1)
    assert (work / "train.py").read_text() == "print(1)"
    assert (work / "empty").read_text() == ""
    assert (work / "lib/model.py").read_text() == "x = 1"


def test_gpus_that_a_power_cut_took_from_a_file_are_taken_anew(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    folder.feed.mkdir(parents=True)
    Path(f"{folder.feed_stem(0, 1)}.gpus").touch()
    slots = Slots(folder, folder.root, Resources(gpu=1), {"CUDA_VISIBLE_DEVICES": "0,1"})
    slots.recall((0, 1))
    assert slots.take((0, 1)) == ("0",)
