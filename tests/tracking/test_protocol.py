from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrido.tracking import protocol
from barrido.tracking.protocol import Invalid, Metric, to_batches, to_items

NAMES = st.text(alphabet="aB9é_-. :/%\n!", max_size=8) | st.sampled_from(
    ["a" * 250, "a" * 251, "..", ".", "a/../b", "/a", "a/", "val/loss: 0.5", "ü ñ", "日本", "a//b", "./a"]
)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [0, 1, -3, 0.5, 1e300, "NaN", "Infinity", "-Infinity", "0.25", "1e-3", "nan", "", "x", None, True, [], {}]
)
WHOLE: st.SearchStrategy[Any] = st.sampled_from(
    [0, 1, -5, 2**63 - 1, 2**63, "12", "-3", "x", 1.0, 1.5, True, None, []]
)


@given(params=st.integers(0, 250), tags=st.integers(0, 250), metrics=st.integers(0, 2500))
@settings(max_examples=30, deadline=None)
def test_batches_keep_everything_in_order_and_within_mlflows_limits(
    params: int, tags: int, metrics: int
) -> None:
    items = to_items(
        params=[(f"p{i}", "") for i in range(params)],
        tags=[(f"t{i}", "") for i in range(tags)],
        metrics=[Metric(f"m{i}", 0.0, 1) for i in range(metrics)],
    )
    batches = list(to_batches(items))
    for batch in batches:
        assert 0 < sum(map(len, batch.values())) <= 1000
        assert max(len(batch.get("params", ())), len(batch.get("tags", ()))) <= 100
    for field, count in (("params", params), ("tags", tags), ("metrics", metrics)):
        keys = [body["key"] for batch in batches for body in batch.get(field, ())]
        assert keys == [f"{field[0]}{i}" for i in range(count)]
    assert len(batches) <= 1 or params + tags + metrics > 1000 or max(params, tags) > 100


def accepts(read: Any, body: dict[str, Any]) -> bool:
    try:
        read(body)
    except Invalid:
        return False
    return True


def test_a_metric_is_read_as_protobuf_reads_it() -> None:
    body = {"key": "loss", "value": "0.5", "timestamp": "123", "step": "7", "model_id": "m", "extra": 1}
    metric = protocol.read_metric(body)
    assert metric == protocol.Metric("loss", 0.5, 123, 7, (("model_id", "m"),))
    assert protocol.read_metric({**body, "step": None}).step == 0
    assert protocol.read_metric({**body, "step": 2.0}).step == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"key": None}, {"key": ""}, {"key": 3}, {"value": None}, {"value": "nan"}, {"value": True},
        {"value": [1]}, {"timestamp": None}, {"timestamp": -1}, {"timestamp": 1.5}, {"step": "x"},
        {"step": True}, {"step": 2**63}, {"key": "../up"}, {"key": "a" * 251},
    ],
)  # fmt: skip
def test_what_mlflow_does_not_take_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        protocol.read_metric({"key": "loss", "value": 1, "timestamp": 1, "step": 1, **bad})


def test_a_batch_says_which_of_its_items_is_wrong() -> None:
    good = {"key": "a", "value": 1, "timestamp": 1}
    with pytest.raises(Invalid, match=r"metrics\[1\]\.value"):
        protocol.read_batch({"metrics": [good, {**good, "value": "x"}]})


@pytest.mark.parametrize(("name", "count"), [("metrics", 1001), ("params", 101), ("tags", 101)])
def test_a_batch_has_mlflows_limits(name: str, count: int) -> None:
    item = {"value": "1", "timestamp": 1}
    body = {name: [{"key": f"k{i}", **item} for i in range(count - 1)]}
    protocol.read_batch(body)
    body[name].append({"key": "last", **item})
    with pytest.raises(Invalid, match=str(count)):
        protocol.read_batch(body)


def test_a_parameter_twice_in_a_batch_is_refused() -> None:
    with pytest.raises(Invalid, match="lr"):
        protocol.read_batch({"params": [{"key": "lr", "value": "1"}, {"key": "lr", "value": "1"}]})


def test_json_in_json_is_read_as_old_clients_send_it() -> None:
    assert protocol.read_object(json.dumps(json.dumps({"a": 1})).encode()) == {"a": 1}
    with pytest.raises(Invalid):
        protocol.read_object(b"[1]")


@cache
def judge() -> Any:
    from flask import Flask

    return Flask("judge")


def mlflow_accepts(body: dict[str, Any]) -> bool:
    """The verdict of MLflow's own request parser and checks."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.service_pb2 import LogMetric

    handlers: Any = import_module("mlflow.server.handlers")
    validation: Any = import_module("mlflow.utils.validation")

    schema = {
        "key": [handlers._assert_required, handlers._assert_string],
        "value": [handlers._assert_required, handlers._assert_floatlike],
        "timestamp": [handlers._assert_intlike, handlers._assert_required],
        "step": [handlers._assert_intlike],
    }
    with judge().test_request_context(json=body, method="POST"):
        try:
            message = handlers._get_request_message(LogMetric(), schema=schema)
            validation._validate_metric(message.key, message.value, message.timestamp, message.step)
        except (MlflowException, TypeError):
            return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(key=NAMES, value=VALUES, timestamp=WHOLE, step=WHOLE)
def test_nothing_is_acknowledged_that_mlflow_would_refuse(
    key: str, value: Any, timestamp: Any, step: Any
) -> None:
    body = {"key": key, "value": value, "timestamp": timestamp, "step": step}
    if accepts(protocol.read_metric, body):
        assert mlflow_accepts(body)
    plain = {"key": key, "value": 1, "timestamp": 1, "step": 1}
    assert accepts(protocol.read_metric, plain) == mlflow_accepts(plain)
