"""People's wishes: nothing that lies in ``requests/`` can bring a controller down."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from barrido.controller import requests
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Limits, Recipe, Work
from barrido.core.wire import dumps, encode

RECIPE = Recipe(
    name="asked",
    space={
        "lr": {"type": "uniform", "min_value": 0.0, "max_value": 1.0},
        "depth": {"type": "int", "low": 1, "high": 9},
    },
    limits=Limits(max_total_trials=2, max_concurrent_trials=1),
    work=Work(command="true"),
)
WELL = {"version": 1, "id": "a", "verb": "cancel", "trial": None, "changes": {}, "origin": "cli"}


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    folder = SweepFolder(tmp_path)
    folder.requests.mkdir()
    return folder


@pytest.mark.parametrize(
    "body",
    [
        {"trial": []},
        {"trial": {}},
        {"trial": float("nan")},
        {"trial": "3"},
        {"trial": True},
        {"trial": 3, "verb": "pause"},
        {"verb": "explode"},
        {"changes": [1]},
        {"changes": {"timeout": float("nan")}},
        {"version": 2},
        {"changes": {"timeout": 5}},
        {"verb": "rerun", "changes": {"failed": True}},
        {"verb": "rerun", "trial": 3, "changes": {"note": "x"}},
        {"verb": "enqueue"},
        {"verb": "enqueue", "changes": {"params": 3}},
        {"verb": "enqueue", "changes": {"params": {"lr": 0.5}}},
        {"verb": "enqueue", "trial": 1, "changes": {"params": {"lr": 0.5, "depth": 3}}},
        {"verb": "enqueue", "changes": {"params": {"lr": float("nan"), "depth": 10**400}}},
        {"verb": "annotate"},
        {"verb": "annotate", "changes": {"note": 3}},
        {"verb": "annotate", "changes": {"note": "x" * 10_001}},
        {"verb": "annotate", "changes": {"note": "\x1b[31m"}},
        {"verb": "annotate", "changes": {"tags": {"": "x"}}},
        {"verb": "annotate", "changes": {"tags": {"k" * 251: "x"}}},
        {"verb": "annotate", "changes": {"tags": {"k": "x" * 5001}}},
        {"verb": "annotate", "changes": {"tags": {"k": "\ud800"}}},
        {"verb": "annotate", "changes": {"tags": {"k": 3}}},
        {"verb": "annotate", "changes": {"tags": []}},
        {"verb": "annotate", "changes": {"colour": "red"}},
    ],
    ids=lambda body: str(body)[:60],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(folder: SweepFolder, body: Any) -> None:
    (folder.requests / "a.json").write_text(json.dumps({**WELL, **body}))
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert taken.event is None
    assert taken.refusal.startswith("request a.json is refused: ")


@pytest.mark.parametrize("raw", [b"", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_a_file_that_is_no_request_is_refused(folder: SweepFolder, raw: bytes) -> None:
    (folder.requests / "a.json").write_bytes(raw)
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert taken.event is None


@pytest.mark.parametrize("body", [{"id": []}, {"id": {"a": 1}}, {"origin": "\ud800"}], ids=ascii)
def test_odd_names_can_be_remembered_and_written(folder: SweepFolder, body: Any) -> None:
    (folder.requests / "a.json").write_text(json.dumps({**WELL, **body}))
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert taken.event is not None
    assert hash(taken.event.request)
    assert dumps(encode(taken.event)).encode()


def test_what_cannot_be_removed_is_not_taken_in_again_and_again(folder: SweepFolder) -> None:
    (folder.requests / "a.json").mkdir()
    taken = requests.take(folder, RECIPE, at=1.0)
    left = requests.drop(taken)
    assert left == [folder.requests / "a.json"]
    assert requests.take(folder, RECIPE, at=1.0, but=set(left)) == []


def test_requests_of_the_same_instant_keep_their_order(folder: SweepFolder) -> None:
    asked = [
        requests.put(folder, verb, origin="sdk") for _ in range(20) for verb in (Verb.PAUSE, Verb.UNPAUSE)
    ]
    for path in folder.requests.iterdir():
        os.utime(path, (1, 1))
    assert [one.event.request for one in requests.take(folder, RECIPE, at=1.0) if one.event] == asked


def test_a_request_that_cannot_be_written_leaves_nothing_behind(
    folder: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(draft: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        requests.put(folder, Verb.PAUSE, origin="cli")
    assert not list(folder.requests.iterdir())


@pytest.mark.parametrize("target", ["/dev/zero", "nowhere", "a.json", "../b.json"])
def test_a_link_is_not_followed(folder: SweepFolder, target: str) -> None:
    (folder.root / "b.json").write_text(json.dumps(WELL))
    (folder.requests / "a.json").symlink_to(target)
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert (taken.event, taken.refusal) == (None, "request a.json is refused: it is no file of its own")
    assert requests.drop([taken]) == []
    assert not list(folder.requests.iterdir())
    assert (folder.root / "b.json").exists()


def test_what_is_no_file_is_not_waited_for(folder: SweepFolder) -> None:
    os.mkfifo(folder.requests / "a.json")
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert (taken.event, taken.refusal) == (None, "request a.json is refused: it is no file of its own")


@pytest.mark.parametrize(("size", "is_taken"), [(1 << 20, True), ((1 << 20) + 1, False), (1 << 40, False)])
def test_a_request_is_read_up_to_a_bound(folder: SweepFolder, size: int, is_taken: bool) -> None:
    path = folder.requests / "a.json"
    path.write_text(json.dumps(WELL).ljust(min(size, 2 << 20)))
    os.truncate(path, size)
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert (taken.event is not None) == is_taken
    assert is_taken or taken.refusal == "request a.json is refused: it is longer than 1 MiB"


def test_requests_that_are_gone_or_cannot_be_listed_are_none(
    folder: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path) -> None:
        path.unlink()
        raise FileNotFoundError(path)

    (folder.requests / "a.json").touch()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "lstat", gone)
        assert not requests.take(folder, RECIPE, at=1.0)
    folder.requests.rmdir()
    folder.requests.write_text("not a folder")
    assert not requests.take(folder, RECIPE, at=1.0)


def test_a_point_is_taken_in_as_a_sampler_would_have_given_it(folder: SweepFolder) -> None:
    requests.put(folder, Verb.ENQUEUE, changes={"params": {"depth": 3.0, "lr": 1}}, origin="cli")
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    assert taken.event is not None
    assert json.dumps(taken.event.changes) == '{"params": {"lr": 1.0, "depth": 3}}'


def test_a_refused_point_is_told_with_everything_that_is_wrong(folder: SweepFolder) -> None:
    requests.put(folder, Verb.ENQUEUE, changes={"params": {"deptj": 3, "lr": 7}}, origin="cli")
    (taken,) = requests.take(folder, RECIPE, at=1.0)
    for part in ("no parameter 'deptj'; did you mean depth?", "depth is missing", "lr cannot be 7; it is"):
        assert part in taken.refusal


def test_a_command_takes_no_points(folder: SweepFolder) -> None:
    requests.put(folder, Verb.ENQUEUE, changes={"params": {}}, origin="cli")
    requests.put(folder, Verb.RERUN, trial=0, origin="cli")
    taken = requests.take(folder, replace(RECIPE, kind="command", space={}), at=1.0)
    assert all("runs once" in one.refusal for one in taken)
