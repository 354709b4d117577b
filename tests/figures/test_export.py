from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tale

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Work
from barrido.figures.export import to_csv, to_json
from barrido.store.queries import Reader

NAN = float("nan")


@pytest.fixture
def told(tmp_path: Path) -> Tale:
    """Two trials, one of them with a value that is no number and a reason that is a formula."""
    points = [{"lr": 0.1, "solver": 'a "b", c'}, {"lr": -0.5, "solver": "=cmd|' /C calc'!A0"}]
    tale = Tale(
        Workspace(tmp_path),
        "iris",
        points,
        space={
            "lr": {"type": "uniform", "min_value": -1, "max_value": 1},
            "solver": {"type": "choice", "values": [point["solver"] for point in points]},
        },
        work=Work(command="python train.py", environment_variables={"API_KEY": "s3cret"}),
        tracking_uri="https://ann:s3cret@mlflow.example.com",
    )
    for trial in range(2):
        tale.launch(trial)
    tale.report(0, 0.7, NAN)
    tale.report(1, 0.9, float("inf"), 0.8)
    tale.end(0)
    tale.end(1, 3, "Error:\nsecond, line")
    return tale


def rows_of(folder: SweepFolder) -> list[dict[str, str]]:
    with Reader(folder) as reader:
        text = "".join(to_csv(reader))
    assert "\r\n" in text
    return list(csv.DictReader(io.StringIO(text, newline="")))


def json_of(folder: SweepFolder) -> Any:
    with Reader(folder) as reader:
        return json.loads("".join(to_json(reader)))


def test_a_row_holds_a_trial_its_parameters_and_its_last_metrics(told: Tale) -> None:
    first, second = rows_of(told.folder)
    assert list(first) == [
        "number", "status", "phase", "value", "lr", "solver", "Accuracy", "queued_at", "started_at",
        "ended_at", "reason", "note",
    ]  # fmt: skip
    assert (first["number"], first["status"], first["value"], first["lr"]) == ("0", "Completed", "0.7", "0.1")
    assert first["solver"] == 'a "b", c'
    assert first["Accuracy"] == "NaN"
    assert re.fullmatch(r"2023-11-14T22:13:\d\d\.000Z", first["started_at"])
    assert (second["status"], second["Accuracy"]) == ("Failed", "0.8")


def test_a_spreadsheet_finds_no_formula_and_numbers_stay_numbers(told: Tale) -> None:
    _, second = rows_of(told.folder)
    assert second["solver"] == "'=cmd|' /C calc'!A0"
    assert second["lr"] == "-0.5"


def test_names_that_collide_say_what_they_are(tmp_path: Path) -> None:
    told = Tale(Workspace(tmp_path), "iris", [{"Accuracy": 0.1, "value": 2, "param.value": 3, "lr": 4}])
    told.launch(0)
    told.report(0, 0.7)
    told.end(0)
    (row,) = rows_of(told.folder)
    assert (row["param.Accuracy"], row["metric.Accuracy"]) == ("0.1", "0.7")
    assert (row["value"], row["param.value"], row["param.param.value"], row["lr"]) == ("0.7", "2", "3", "4")


def test_json_holds_every_value_of_every_attempt_and_what_people_were_told(told: Tale) -> None:
    body = json_of(told.folder)
    assert (body["format"], body["version"]) == ("barrido-sweep", 1)
    assert body["sweep"]["metric"] == "Accuracy"
    assert [trial["params"]["lr"] for trial in body["trials"]] == [0.1, -0.5]
    (series,) = body["trials"][1]["metrics"]
    assert (series["name"], series["attempt"], series["value"]) == ("Accuracy", 1, [0.9, "Infinity", 0.8])
    assert body["trials"][0]["metrics"][0]["value"] == [0.7, "NaN"]
    assert len(series["at"]) == len(series["step"]) == 3
    with Reader(told.folder) as reader:
        assert [note["text"] for note in body["notes"]] == [note.text for note in reader.notes()]


def test_json_tells_no_secrets(told: Tale) -> None:
    with Reader(told.folder) as reader:
        text = "".join(to_json(reader))
    assert "s3cret" not in text
    assert json.loads(text)["recipe"]["work"]["environment_variables"] == ["API_KEY"]


def test_a_trial_that_has_not_begun_has_a_row_of_its_own(tmp_path: Path) -> None:
    told = Tale(Workspace(tmp_path), "iris", [{"lr": 0.1}])
    (row,) = rows_of(told.folder)
    assert (row["phase"], row["value"], row["started_at"], row["lr"]) == ("launching", "", "", "0.1")
    assert json_of(told.folder)["trials"][0]["metrics"] == []


def test_half_a_character_can_be_written(tmp_path: Path) -> None:
    """File names that are not UTF-8 have such halves, and so may a parameter that is one."""
    told = Tale(Workspace(tmp_path), "iris", [{"file": "caf\udce9"}])
    with Reader(told.folder) as reader:
        assert b"caf\\udce9" in "".join(to_csv(reader)).encode()
        assert json.loads("".join(to_json(reader)).encode())["trials"][0]["params"]["file"] == "caf\udce9"


def test_only_one_trial_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """Twenty trials of 1,000 values would take 5 MB as rows."""
    told = Tale(Workspace(tmp_path), "iris", [{"lr": 0.1}] * 20)
    with sqlite3.connect(told.folder.db) as db:
        db.executemany(
            "INSERT INTO metrics VALUES (?, 1, ?, 'report', 'Accuracy', 0.12345678, ?, 1700000000.5, 1)",
            ((trial, seq, seq) for trial in range(20) for seq in range(1000)),
        )
    db.close()
    with Reader(told.folder) as reader:
        tracemalloc.start()
        length = sum(map(len, to_json(reader)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert length > 500_000
    assert peak < 1_500_000
