"""The journal of a sweep inside Tune: whole lines, one after the other, whatever a crash left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from barrido.errors import RequestError
from barrido.integrations.ray.journal import Journal, last_sweep, read

HEAD: dict[str, Any] = {"recipe": {}, "run": "1"}


def test_lines_wait_in_memory_until_there_is_a_file(tmp_path: Path) -> None:
    journal, path = Journal(), tmp_path / "folder" / "j"
    journal.write(HEAD)
    assert json.loads(journal.text()) == HEAD
    journal.open(path)
    journal.write({"trial": 0, "id": "a"}, is_safe=True)
    assert read(path) == [HEAD, {"trial": 0, "id": "a"}]
    assert journal.text() == path.read_text()


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_line_is_cut_off_before_the_next(tmp_path: Path, cut: int) -> None:
    path, journal = tmp_path / "j", Journal()
    journal.open(path)
    journal.write(HEAD)
    journal.write({"trial": 0, "id": "éé"})
    os.truncate(path, path.stat().st_size - cut)
    assert read(path) == [HEAD]
    again = Journal()
    again.open(path)
    again.write({"trial": 1, "id": "b"})
    assert read(path) == [HEAD, {"trial": 1, "id": "b"}]


def test_the_last_sweep_of_a_file_counts(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == []
    assert last_sweep(["{}"]) == []
    later = {**HEAD, "run": "2"}
    assert last_sweep(map(json.dumps, [HEAD, {"id": 1}, later, {"id": 2}])) == [later, {"id": 2}]


def test_values_that_json_does_not_have_come_back(tmp_path: Path) -> None:
    journal, path = Journal(), tmp_path / "j"
    journal.open(path)
    journal.write(HEAD)
    journal.write({"result": {"loss": float("-inf")}})
    assert read(path)[1] == {"result": {"loss": float("-inf")}}


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match=r"cannot be written(.|\n)*journal="):
        Journal().open(tmp_path / "file" / "j")
