from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Tale

from barrido.core.layout import Workspace
from barrido.core.recipe import Work
from barrido.errors import RequestError
from barrido.figures import document, packing, page
from barrido.store.queries import Reader

HOSTILE = "</script><img src=x onerror=alert(1)> \"'\u2028&lt;!--"


@pytest.fixture
def told(tmp_path: Path) -> Tale:
    points = [{"lr": 0.1, "solver": HOSTILE}, {"lr": 0.2, "solver": "sgd"}, {"lr": 0.3, "solver": "sgd"}]
    tale = Tale(
        Workspace(tmp_path),
        "iris",
        points,
        space={
            "lr": {"type": "uniform", "min_value": 0, "max_value": 1},
            "solver": {"type": "choice", "values": [HOSTILE, "sgd"]},
        },
        description=HOSTILE,
        tags={HOSTILE: HOSTILE},
        work=Work(command=f"python train.py {HOSTILE}", environment_variables={"API_KEY": "s3cret"}),
        tracking_uri="https://ann:s3cret@mlflow.example.com",
    )
    for trial in range(3):
        tale.launch(trial)
    tale.report(0, 0.7, 0.8)
    tale.report(1, 0.5, 0.6)
    tale.end(0)
    tale.end(1)
    tale.end(2, 3, f"ValueError: {HOSTILE}")
    return tale


def page_of(told: Tale) -> str:
    with Reader(told.folder) as reader:
        return page.report(reader)


def data_in(text: str) -> Any:
    (body,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(body)


def test_the_page_holds_the_sweep_and_its_trials_best_first(told: Tale) -> None:
    data = data_in(page_of(told))
    assert (data["sweep"]["name"], data["sweep"]["best"]["trial"]) == ("iris", 0)
    assert data["listed"] == [0, 1, 2]
    assert data["trials"]["params"]["lr"] == [0.1, 0.2, 0.3]
    assert [one["metric"] for one in data["curves"]] == ["Accuracy"]


def test_whatever_a_text_holds_it_ends_no_element_of_the_page(told: Tale) -> None:
    text = page_of(told)
    assert "<img" not in text
    assert "\u2028" not in text
    assert data_in(text)["sweep"]["description"] == HOSTILE


def test_the_page_tells_nothing_of_the_machine(told: Tale, tmp_path: Path) -> None:
    text = page_of(told)
    assert "s3cret" not in text
    assert str(tmp_path) not in text


def test_only_what_carries_the_nonce_runs_and_nothing_is_loaded(told: Tale) -> None:
    text = page_of(told)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in policy
    nonces = set(re.findall(r"nonce[-=]\"?([\w-]+)", text))
    assert len(nonces) == 1
    assert not re.search(r'(?:src|href)="?(?:https?:)?//', text)


def test_two_pages_differ_if_their_data_does() -> None:
    def made(text: str) -> str:
        return document.document(title="x", entry=";", styles=(), data={"text": text})

    assert made("a") == made("a")
    nonce = re.compile(r"nonce-([\w-]+)")
    assert nonce.findall(made("a")) != nonce.findall(made("b"))


def test_every_module_that_is_imported_comes_along() -> None:
    found = document.modules(page.ENTRY)
    assert {"preact", "d3", "studio/report.js", "studio/charts/curves.js"} <= set(found)
    assert all(text for text in found.values())


def test_modules_import_by_bare_names() -> None:
    for name, text in document.modules(page.ENTRY).items():
        assert not re.search(r"""(?:from|import)\s*\(?["'](?:\.|/|https?:)""", text), name


def test_a_sweep_of_which_nothing_has_run_makes_no_page(tmp_path: Path) -> None:
    told = Tale(Workspace(tmp_path), "iris", [{"lr": 0.1}])
    with pytest.raises(RequestError, match="no trial of 'iris' has started yet"):
        page_of(told)


def test_many_trials_keep_the_texts_of_those_that_are_listed() -> None:
    count = packing.MANY + 1
    table = {
        "number": list(range(count)),
        "value": [0.123456789] * (count - 1) + [None],
        "reason": ["because"] * count,
        "note": ["seen"] * count,
        "tags": [{"a": "b"}] * count,
        "expected": [{"mean": 0.5, "spread": 0.1, "improvement": 0.0}, *[None] * (count - 1)],
        "rungs": [{"1": 0.5}] * count,
        "params": {"lr": [number / 7 for number in range(count)]},
    }
    packed = packing.packed_trials(table, keep={1})
    assert packed["reason"][:3] == ["", "because", ""]
    assert packed["tags"][:2] == [{}, {"a": "b"}]
    assert packed["expected"] == {"all": None}
    assert packed["rungs"][:2] == [{}, {"1": 0.5}]
    assert packed["params"]["lr"][1] == 0.1428571
    assert packed["value"][0] == 0.1234568


def test_few_trials_keep_their_numbers_as_they_are() -> None:
    table = {"number": [0, 1], "value": [1 / 3, 2 / 3], "params": {"lr": [1 / 7, 1 / 7]}}
    packed = packing.packed_trials(table, keep=())
    assert packed == {"number": [0, 1], "value": [1 / 3, 2 / 3], "params": {"lr": {"all": 1 / 7}}}


def told_at_length(tmp_path: Path, *, trials: int, metrics: int, reports: int) -> Tale:
    """A sweep whose trials logged so many metrics so often, values as long as they come."""
    told = Tale(Workspace(tmp_path), "iris", [{"lr": number / trials} for number in range(trials)])
    told.launch(0)
    told.report(0, 0.5)
    rng = np.random.default_rng(0)
    rows = [
        (trial, 1, seq, "report", f"m{seq % metrics}", value, 1_000_000 + seq, 1.0, 0)
        for trial in range(trials)
        for seq, value in enumerate((-1e-5 * rng.random(metrics * reports)).tolist(), start=1)
    ]
    db = sqlite3.connect(told.folder.db)
    db.executemany("INSERT OR IGNORE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.commit()
    db.close()
    return told


def test_where_room_is_short_the_listed_trials_keep_their_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = told_at_length(tmp_path, trials=200, metrics=4, reports=20)
    assert len(data_in(page_of(told))["curves"][1]["trials"]["trial"]) == 200
    base = len(page_of(told)) - len(embedded_curves(told))
    monkeypatch.setattr(page, "TABLE", 50)
    for room, metrics in ((120_000, 5), (30_000, 1), (10, 0)):
        monkeypatch.setattr(page, "_LARGEST", base + room)
        text = page_of(told)
        assert len(text.encode()) <= base + room
        lines = [one["trials"]["trial"] for one in data_in(text)["curves"]]
        assert len(lines) >= metrics
        assert all(len(line) <= 50 for line in lines)


def embedded_curves(told: Tale) -> str:
    return document.embedded(data_in(page_of(told))["curves"])


@pytest.mark.slow
def test_ten_thousand_trials_with_eight_metrics_stay_below_5_mb(tmp_path: Path) -> None:
    told = told_at_length(tmp_path, trials=10_000, metrics=8, reports=10)
    text = page_of(told)
    assert len(text.encode()) < 5_000_000
    assert len(data_in(text)["curves"]) == 8
