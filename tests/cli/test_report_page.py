from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Said, Tale

from barrido.core.layout import SweepFolder

Barrido = Callable[..., Said]


def test_a_report_lies_where_people_are(finished: SweepFolder, barrido: Barrido, tmp_path: Path) -> None:
    said = barrido("job", "report", "iris")
    assert said.code == 0
    assert "iris is in iris.html (0." in said.out
    assert (tmp_path / "iris.html").read_text().startswith("<!doctype html>")
    assert not list(tmp_path.glob(".iris*"))


def test_a_file_is_written_over_only_when_asked(
    finished: SweepFolder, barrido: Barrido, tmp_path: Path
) -> None:
    there = tmp_path / "mine.html"
    there.write_text("precious")
    said = barrido("job", "report", "iris", "-f", "mine.html")
    assert said.code == 2
    assert "mine.html is there already" in said.err
    assert "--force" in said.err
    assert there.read_text() == "precious"
    assert barrido("job", "report", "iris", "-f", "mine.html", "--force").code == 0
    assert there.read_text() != "precious"


def test_a_place_that_takes_no_file_is_named(finished: SweepFolder, barrido: Barrido) -> None:
    said = barrido("job", "export", "iris", "-f", "nowhere/iris.csv")
    assert said.code == 2
    assert "nowhere/iris.csv cannot be written: No such file or directory" in said.err


def test_there_is_no_report_before_anything_ran(tale: Callable[..., Tale], barrido: Barrido) -> None:
    tale()
    said = barrido("job", "report", "iris")
    assert said.code == 2
    assert "no trial of 'iris' has started yet" in said.err
    assert not Path("iris.html").exists()


def test_an_export_is_printed_or_written(finished: SweepFolder, barrido: Barrido, tmp_path: Path) -> None:
    printed = barrido("job", "export", "iris").out
    assert [row["value"] for row in csv.DictReader(io.StringIO(printed))] == ["0.8", "0.95", ""]
    said = barrido("job", "export", "iris", "-o", "json", "-f", "iris.json")
    assert said.out.strip() == "iris is in iris.json"
    assert len(json.loads((tmp_path / "iris.json").read_text())["trials"]) == 3
    barrido("job", "export", "iris", "-f", "iris.csv")
    assert (tmp_path / "iris.csv").read_bytes().count(b"\r\n") == 4
