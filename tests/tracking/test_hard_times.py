"""What tracking makes of files that a full disk or a power cut left behind."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from barrido.core.layout import Workspace
from barrido.tracking.backend import backend
from barrido.tracking.notices import NoticeReader
from barrido.tracking.server import prepare

Bench = Any  # of conftest


def test_a_notice_that_is_torn_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "notices.jsonl"
    path.write_text(
        '{"at": 1, "tri{"at": 2, "trial": 3, "text": "lost"}\n{"at": 3, "trial": 4, "text": "told"}\n'
    )
    reader = NoticeReader(path)
    assert [(note.trial, note.text) for note in reader.news()] == [(4, "told")]
    assert reader.news() == ()
    assert NoticeReader(path).news() == ()


def test_what_has_no_room_for_its_mark_is_told_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "notices.jsonl"
    path.write_text('{"at": 3, "trial": 4, "text": "told"}\n')
    path.with_suffix(".read").mkdir()  # as good as a full disk: nothing can be written there
    reader = NoticeReader.__new__(NoticeReader)
    reader._path, reader._mark, reader._offset = path, path.with_suffix(".read"), 0
    assert [note.text for note in reader.news()] == ["told"]
    assert reader.news() == ()


def test_mlflow_gets_from_the_store_what_a_power_cut_took_from_the_journal(bench: Bench) -> None:
    sweep = bench.sweep
    sweep.trial(0, "completed", ended_at=1005.0)
    for seq, value in enumerate([0.5, 0.25]):
        sweep.metric(0, seq, "loss", value, door="mlflow")
    sweep.metric(0, 2, "acc", 0.75, door="file")
    sweep.db.execute("INSERT INTO feeds VALUES (0, 1, 'mlflow', 120, 1)")
    (sweep.folder.feed / "0.1.mlflow").touch()
    sweep.end(trial=0, value=0.25)

    async def test() -> None:
        async with asyncio.timeout(60), bench.open():
            assert bench.work is not None
            assert await asyncio.wait_for(bench.work, 30) == 0

    asyncio.run(test())
    shown = bench.mlflow.named("demo_0")["metrics"]
    assert sorted((one["key"], one["value"]) for one in shown) == [
        ("acc", 0.75),
        ("loss", 0.25),
        ("loss", 0.5),
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's libraries
@pytest.mark.skipif(find_spec("mlflow") is None, reason="no MLflow")
def test_a_database_that_was_half_made_is_made_anew(tmp_path: Path) -> None:
    served = backend(Workspace(tmp_path), None)
    assert served is not None
    served.folder.mkdir()
    with closing(sqlite3.connect(served.folder / "draft.db")) as db:
        db.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    prepare(served)
    assert list(served.folder.glob("draft*")) == []
    with closing(sqlite3.connect(served.folder / "mlflow.db")) as db:
        assert db.execute("SELECT name FROM experiments").fetchall() == [("Default",)]
