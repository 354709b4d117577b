"""People's wishes: nothing that lies in ``requests/`` can bring a controller down."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from barrido.controller import requests
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder
from barrido.core.wire import dumps, encode

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
    ],
    ids=str,
)
def test_a_request_that_makes_no_sense_is_refused_in_words(folder: SweepFolder, body: Any) -> None:
    (folder.requests / "a.json").write_text(json.dumps({**WELL, **body}))
    (taken,) = requests.take(folder, at=1.0)
    assert taken.event is None
    assert taken.refusal.startswith("request a.json is refused: ")


@pytest.mark.parametrize("raw", [b"", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_a_file_that_is_no_request_is_refused(folder: SweepFolder, raw: bytes) -> None:
    (folder.requests / "a.json").write_bytes(raw)
    (taken,) = requests.take(folder, at=1.0)
    assert taken.event is None


@pytest.mark.parametrize("body", [{"id": []}, {"id": {"a": 1}}, {"origin": "\ud800"}], ids=ascii)
def test_odd_names_can_be_remembered_and_written(folder: SweepFolder, body: Any) -> None:
    (folder.requests / "a.json").write_text(json.dumps({**WELL, **body}))
    (taken,) = requests.take(folder, at=1.0)
    assert taken.event is not None
    assert hash(taken.event.request)
    assert dumps(encode(taken.event)).encode()


def test_what_cannot_be_removed_is_not_taken_in_again_and_again(folder: SweepFolder) -> None:
    (folder.requests / "a.json").mkdir()
    taken = requests.take(folder, at=1.0)
    left = requests.drop(taken)
    assert left == [folder.requests / "a.json"]
    assert requests.take(folder, at=1.0, but=set(left)) == []


def test_requests_of_the_same_instant_keep_their_order(folder: SweepFolder) -> None:
    asked = [
        requests.put(folder, verb, origin="sdk") for _ in range(20) for verb in (Verb.PAUSE, Verb.UNPAUSE)
    ]
    for path in folder.requests.iterdir():
        os.utime(path, (1, 1))
    assert [one.event.request for one in requests.take(folder, at=1.0) if one.event] == asked


def test_requests_that_are_gone_or_cannot_be_listed_are_none(folder: SweepFolder) -> None:
    (folder.requests / "a.json").symlink_to(folder.root / "nowhere")
    assert not requests.take(folder, at=1.0)
    (folder.requests / "a.json").unlink()
    folder.requests.rmdir()
    folder.requests.write_text("not a folder")
    assert not requests.take(folder, at=1.0)
