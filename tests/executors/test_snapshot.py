from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from barrido.core.layout import SweepFolder
from barrido.errors import RequestError
from barrido.executors import snapshot as module
from barrido.executors.ignore import IgnoreRules
from barrido.executors.snapshot import SHARED_BYTES, snapshot
from barrido.executors.workdir import WorkFolders


@pytest.fixture
def code(tmp_path: Path) -> Path:
    code = tmp_path / "project"
    files = {
        "train.py": "print(1)",
        "lib/model.py": "x = 1",
        "data/big.csv": "1,2",
        "data/keep.csv": "3,4",
        ".git/HEAD": "ref",
        ".barrido/sweeps/old/sweep.db": "db",
        "__pycache__/train.pyc": "pyc",
        "lib/__pycache__/model.pyc": "pyc",
        ".venv/bin/python": "python",
    }
    for name, text in files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    return code


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_what_nobody_needs_is_always_left_out(code: Path, tmp_path: Path) -> None:
    assert snapshot(code, tmp_path / "into") == []
    assert files_in(tmp_path / "into") == {"train.py", "lib/model.py", "data/big.csv", "data/keep.csv"}


def test_gitignore_counts_and_amlignore_goes_before_it(code: Path, tmp_path: Path) -> None:
    (code / ".gitignore").write_text("data/*\n!data/keep.csv\n")
    snapshot(code, tmp_path / "one")
    assert files_in(tmp_path / "one") == {"train.py", "lib/model.py", "data/keep.csv", ".gitignore"}
    (code / ".amlignore").write_text("lib/\n")
    snapshot(code, tmp_path / "two")
    assert "lib/model.py" not in files_in(tmp_path / "two")
    assert "data/big.csv" in files_in(tmp_path / "two")


@pytest.mark.parametrize(
    ("patterns", "path", "is_folder", "is_out"),
    [
        (["*.csv"], "a/b/c.csv", False, True),
        (["*.csv"], "a.csv.gz", False, False),
        (["/data"], "data", True, True),
        (["/data"], "x/data", True, False),
        (["data/"], "data", False, False),
        (["data/"], "x/data", True, True),
        (["a/b"], "a/b", False, True),
        (["a/b"], "x/a/b", False, False),
        (["**/b"], "x/y/b", False, True),
        (["a/**"], "a/x/y", False, True),
        (["a/**"], "a", True, False),
        (["a/**/z"], "a/z", False, True),
        (["a/**/z"], "a/x/y/z", False, True),
        (["file?.txt"], "file1.txt", False, True),
        (["file?.txt"], "file/.txt", False, False),
        (["[a-c].txt"], "b.txt", False, True),
        (["[!a-c].txt"], "b.txt", False, False),
        (["[!a-c].txt"], "d.txt", False, True),
        (["# comment", "", "   "], "# comment", False, False),
        (["\\#file"], "#file", False, True),
        (["\\!file"], "!file", False, True),
        (["*.txt", "!a.txt"], "a.txt", False, False),
        (["!a.txt", "*.txt"], "a.txt", False, True),
        (["name   "], "name", False, True),
        (["a+b(c).txt"], "a+b(c).txt", False, True),
        (["["], "[", False, True),
        (["/"], "a", True, False),
        (["sub/[x]*"], "sub/xyz", False, True),
        (["*"], ".hidden", False, True),
    ],
)
def test_ignore_patterns(patterns: list[str], path: str, is_folder: bool, is_out: bool) -> None:
    assert IgnoreRules(patterns).leaves_out(path, is_folder=is_folder) is is_out


def test_links_that_stay_inside_stay_links(code: Path, tmp_path: Path) -> None:
    (code / "latest").symlink_to("train.py")
    (code / "lib" / "up").symlink_to("../data")
    assert snapshot(code, tmp_path / "into") == []
    assert (tmp_path / "into" / "latest").readlink() == Path("train.py")
    assert (tmp_path / "into" / "lib" / "up" / "keep.csv").read_text() == "3,4"
    assert (tmp_path / "into" / "lib" / "up").resolve().is_relative_to(tmp_path / "into")


def test_links_that_lead_out_still_lead_to_the_same(code: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "part.csv").write_text("5")
    (code / "file").symlink_to("../outside/part.csv")
    (code / "folder").symlink_to("../outside")
    (code / "broken").symlink_to("../nowhere")
    (code / "absolute").symlink_to(code / "train.py")
    notices = snapshot(code, tmp_path / "deep" / "er" / "into")
    into = tmp_path / "deep" / "er" / "into"
    assert not (into / "file").is_symlink()
    assert (into / "file").read_text() == "5"
    assert (into / "folder" / "part.csv").read_text() == "5"
    assert (into / "absolute").read_text() == "print(1)"
    assert not (into / "absolute").is_symlink()
    assert not os.path.lexists(into / "broken")
    assert len(notices) == 2
    assert any("broken link" in notice for notice in notices)
    assert any("linked, not copied" in notice for notice in notices)


def test_large_files_are_linked_and_said(code: Path, tmp_path: Path) -> None:
    with (code / "weights.bin").open("wb") as file:
        file.truncate(65 << 20)
    (notice,) = snapshot(code, tmp_path / "into")
    assert "weights.bin" in notice
    assert "65 MiB" in notice
    assert (tmp_path / "into" / "weights.bin").readlink() == code / "weights.bin"


def test_later_edits_do_not_change_it(code: Path, tmp_path: Path) -> None:
    snapshot(code, tmp_path / "into")
    (code / "train.py").write_text("print(2)")
    assert (tmp_path / "into" / "train.py").read_text() == "print(1)"


def test_taken_again_it_is_replaced_as_a_whole(code: Path, tmp_path: Path) -> None:
    into = tmp_path / "ws" / "code"
    snapshot(code, into)
    (code / "train.py").unlink()
    snapshot(code, into)
    assert "train.py" not in files_in(into)
    assert [path.name for path in into.parent.iterdir()] == ["code"]


def test_it_does_not_copy_itself(code: Path) -> None:
    into = code / "ws" / "sweeps" / "s" / "code"
    snapshot(code, into)
    assert "train.py" in files_in(into)
    assert not any(name.startswith("ws/sweeps/s/code") for name in files_in(into))
    snapshot(code, code / "other", leave_out=[code / "ws"])
    assert not any(name.startswith("ws") for name in files_in(code / "other"))


def test_programs_stay_programs_and_pipes_are_left_out(code: Path, tmp_path: Path) -> None:
    (code / "run.sh").write_text("#!/bin/sh\n")
    (code / "run.sh").chmod(0o755)
    os.mkfifo(code / "pipe")
    snapshot(code, tmp_path / "into")
    assert os.access(tmp_path / "into" / "run.sh", os.X_OK)
    assert not (tmp_path / "into" / "pipe").exists()


def test_a_single_file_may_be_the_code(code: Path, tmp_path: Path) -> None:
    snapshot(code / "train.py", tmp_path / "into")
    assert files_in(tmp_path / "into") == {"train.py"}


def test_a_missing_folder_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        snapshot(tmp_path / "nowhere", tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_far_too_many_files_are_a_wrong_request(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    with pytest.raises(RequestError, match="more than 3 files"):
        snapshot(code, tmp_path / "ws" / "into")
    assert list((tmp_path / "ws").iterdir()) == []


def test_every_attempt_gets_a_private_copy(code: Path, tmp_path: Path) -> None:
    (code / "empty").mkdir()
    (code / "latest").symlink_to("train.py")
    (code / "middle.bin").write_bytes(b"x" * (SHARED_BYTES + 1))
    (code / "exact.bin").write_bytes(b"y" * SHARED_BYTES)
    sweep = SweepFolder(tmp_path / "sweep")
    snapshot(code, sweep.code)
    folders = WorkFolders(sweep, has_code=True, outputs=("model", "report"))
    work = folders.prepare(0, 1).work
    assert (work / "empty").is_dir()
    assert (work / "latest").readlink() == Path("train.py")
    assert (work / "exact.bin").read_bytes() == b"y" * SHARED_BYTES
    assert (work / "middle.bin").readlink() == sweep.code / "middle.bin"
    assert not (sweep.code / "middle.bin").stat().st_mode & 0o222  # shared: not to be written to
    (work / "train.py").write_text("changed")
    assert (sweep.code / "train.py").read_text() == "print(1)"
    assert (folders.prepare(1, 1).work / "train.py").read_text() == "print(1)"
    assert {path.name for path in sweep.trial(0).named_outputs.iterdir()} == {"model", "report"}
    assert (work / "outputs").is_dir()


@pytest.mark.parametrize("has_code", [True, False])
def test_made_ready_twice_an_attempt_keeps_what_it_has(code: Path, tmp_path: Path, has_code: bool) -> None:
    sweep = SweepFolder(tmp_path / "sweep")
    snapshot(code, sweep.code)
    folders = WorkFolders(sweep, has_code=has_code, outputs=())
    (folders.prepare(0, 1).work / "mine").touch()
    folders.prepare(0, 1)
    assert (sweep.trial(0).work / "mine").exists()
    (folders.prepare(0, 2).work / "second").touch()
    folders.prepare(0, 2)
    assert (sweep.trial(0).work / "second").exists()
    assert not (sweep.trial(0).work / "mine").exists()
    assert (sweep.trial(0).root / "work.1" / "mine").exists()


@pytest.mark.parametrize("has_code", [True, False])
def test_a_folder_that_was_made_ahead_is_like_any_other(code: Path, tmp_path: Path, has_code: bool) -> None:
    sweep = SweepFolder(tmp_path / "sweep")
    snapshot(code, sweep.code)
    folders = WorkFolders(sweep, has_code=has_code, outputs=("model",))
    one = folders.prepare(0, 1).root
    folders.make_spare()
    other = folders.prepare(1, 1).root
    assert _paths(other) == _paths(one)
    assert not (sweep.root / "spare").exists()

    folders.make_spare()
    (folders.prepare(1, 1).work / "mine").touch()  # has one: keeps it
    folders.prepare(1, 2)
    assert (other / "work.1" / "mine").exists()
    assert (other / "work").is_dir()
    folders.drop_spare()
    assert not (sweep.root / "spare").exists()


def test_a_folder_that_cannot_be_made_ahead_is_tried_once(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = SweepFolder(tmp_path / "sweep")
    snapshot(code, sweep.code)
    folders = WorkFolders(sweep, has_code=True, outputs=())
    folders.prepare(0, 1)
    tries = []

    def fail(_: object, place: str) -> None:
        tries.append(place)
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as full:
        full.setattr(module.CodeCopies, "copy_to", fail)
        for _ in range(3):
            folders.make_spare()
        assert len(tries) == 1
        with pytest.raises(OSError, match="full"):
            folders.prepare(1, 1)
    assert (folders.prepare(1, 1).work / "train.py").exists()
    folders.make_spare()
    assert (sweep.root / "spare/work/train.py").exists()


def _paths(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_a_second_attempt_after_one_that_never_had_a_folder(code: Path, tmp_path: Path) -> None:
    sweep = SweepFolder(tmp_path / "sweep")
    folders = WorkFolders(sweep, has_code=False, outputs=())
    (folders.prepare(0, 2).work / "mine").touch()
    folders.prepare(0, 2)
    assert (sweep.trial(0).work / "mine").exists()


def test_every_file_of_it_is_on_the_disk_when_it_is_there(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.fstat(file).st_ino))
    for number in range(40):
        (code / f"{number}.py").touch()
    snapshot(code, tmp_path / "into")
    assert len(files_in(tmp_path / "into")) == 44
    assert synced == {(tmp_path / "into" / name).stat().st_ino for name in files_in(tmp_path / "into")}


def test_a_file_that_does_not_reach_the_disk_is_told(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        snapshot(code, tmp_path / "into")
    assert not (tmp_path / "into").exists()
