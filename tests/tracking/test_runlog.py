from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrido.tracking.protocol import Metric
from barrido.tracking.runlog import RunLog
from barrido.trial.journal import parse_line

METRICS = st.builds(
    Metric,
    st.sampled_from(["loss", "acc"]),
    st.sampled_from([0.0, 0.5, math.nan, math.inf, -math.inf]),
    st.integers(0, 2),
    st.integers(-1, 1),
    st.sampled_from([(), (("model_id", "m"),)]),
)


def key(metric: Metric) -> tuple[str, str, int, int]:
    return metric.key, str(metric.value), metric.timestamp, metric.step


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(METRICS, max_size=5), max_size=6), reopen=st.booleans())
def test_each_value_is_written_once_in_order_and_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Metric]], reopen: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "0.1.mlflow"
    log = RunLog(path, "loss")
    expected: dict[tuple[str, str, int, int], Metric] = {}
    for batch in batches:
        for metric in batch:
            expected.setdefault(key(metric), metric)
        log.append(batch)
        if reopen:
            log.close()
            log = RunLog(path, "loss")
    metrics, end = log.read(0)
    assert end == log.offset == path.stat().st_size
    assert list(map(key, metrics)) == list(expected)
    assert [metric.extras for metric in metrics] == [metric.extras for metric in expected.values()]
    assert log.reports == sum(metric.key == "loss" for metric in expected.values())
    log.close()


def test_reports_are_numbered_and_the_offset_lies_behind_them(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "feed" / "0.1.mlflow", "loss")
    assert log.append([Metric("acc", 1, 1), Metric("loss", 1, 1), Metric("loss", 2, 1)]).reports == (1, 2)
    appended = log.append([Metric("loss", 1, 1), Metric("loss", 3, 1)])
    assert appended.reports == (3,)
    assert appended.offset == log.path.stat().st_size
    lines = [parse_line(raw) for raw in log.path.read_bytes().splitlines()]
    assert [line.metrics for line in lines] == [{"acc": 1}, {"loss": 1}, {"loss": 2}, {"loss": 3}]
    log.close()


def test_a_line_torn_by_a_full_disk_is_cut_off_and_its_value_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "0.1.mlflow"
    log = RunLog(path)
    log.append([Metric("loss", 1, 1)])
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps({"name": "loss", "value": 2})[:-3].encode())
    log = RunLog(path)
    assert path.read_bytes() == whole
    log.append([Metric("loss", 2, 2)])
    metrics, _ = log.read(0)
    assert [metric.value for metric in metrics] == [1, 2]
    log.close()


def test_reading_goes_on_where_it_was_and_at_most_a_batch_at_once(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log")
    log.append([Metric("loss", step, 1, step) for step in range(2500)])
    start, steps = 0, []
    while start < log.offset:
        metrics, start = log.read(start)
        assert 0 < len(metrics) <= 1000
        steps += [metric.step for metric in metrics]
    assert steps == list(range(2500))
    log.close()
