"""Which parameters mattered, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def learned(tale: Callable[..., Any]) -> None:
    """A sweep called iris, whose Accuracy is its lr; ``idle`` does nothing."""
    told = tale(points=[{"idle": (k * 0.37) % 1, "lr": (k + 0.5) / 12} for k in range(12)])
    for k in range(12):
        told.launch(k)
        told.report(k, (k + 0.5) / 12)
        told.end(k)


def test_what_mattered_most_comes_first(barrido: Callable[..., Any], learned: None) -> None:
    head, *rows = barrido("job", "importance", "iris").out.splitlines()
    assert head.split() == ["parameter", "share"]
    assert [row.split()[0] for row in rows] == ["lr", "idle", "together"]
    assert rows[0].split()[2].count("█") > 25
    data = json.loads(barrido("job", "importance", "iris", "-o", "json").out)
    assert (data["name"], list(data["importance"])) == ("iris", ["lr", "idle"])
    assert data["importance"]["lr"] > 0.9
    assert sum(data["importance"].values()) + data["together"] == pytest.approx(1.0)


def test_too_few_trials_and_sweeps_that_compare_nothing_are_said(
    barrido: Callable[..., Any], tale: Callable[..., Any], finished: Any
) -> None:
    said = barrido("job", "importance", "iris")
    assert said.code == 2
    assert said.err.startswith(
        "error: what matters cannot be told from 2 finished trials: it takes at least 10"
    )
    tale("aimless", objective=None)
    said = barrido("job", "importance", "aimless")
    assert said.code == 2
    assert "in 'aimless' nothing is compared" in said.err
