"""MLflow's REST protocol, as far as the gateway answers by itself: reading, checking, refusing.

What is acknowledged here is forwarded later, so it has to be refused here if MLflow would refuse it
then. Checked against MLflow 3.17: names, lengths, limits, and numbers as protobuf's JSON reads them
(an int64 may be text, a double may be ``"NaN"`` or ``"Infinity"``).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from barrido.core.wire import number_to_json

NAME_CHARS = 250
PARAM_CHARS = 6000
TAG_CHARS = 8000
METRICS_PER_BATCH = 1000
PARAMS_PER_BATCH = 100  # and as many tags
ITEMS_PER_BATCH = 1000

_NAME = re.compile(r"[/\w.\- :]*\n?")  # MLflow's pattern ends in $, which lets a newline pass
_EXTRAS = ("model_id", "dataset_name", "dataset_digest")
_INT64 = range(-(2**63), 2**63)


class Invalid(Exception):
    """A request that MLflow would refuse. Answered with status 400 and `error`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One value as a client logs it. ``timestamp`` in milliseconds since the epoch."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    extras: tuple[tuple[str, str], ...] = ()  # which logged model and data set it belongs to

    def identity(self) -> int:
        """Equal for what MLflow keeps once: the same key, value, timestamp and step of a run."""
        value = self.value if self.value == self.value else "NaN"
        return hash((self.key, value, self.timestamp, self.step))

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "value": number_to_json(self.value),
            "timestamp": self.timestamp,
            "step": self.step,
            **dict(self.extras),
        }


Pair = tuple[str, str]

Item = tuple[str, Mapping[str, Any]]
"""One thing for MLflow to log: "param", "tag" or "metric", and its JSON."""


@dataclass(frozen=True, slots=True)
class Batch:
    metrics: Sequence[Metric] = ()
    params: Sequence[Pair] = ()
    tags: Sequence[Pair] = ()


def read_object(raw: bytes) -> dict[str, Any]:
    """A request's body. Old clients send the JSON text of a JSON text."""
    try:
        body = json.loads(raw or b"{}")
        if isinstance(body, str):
            body = json.loads(body)
    except ValueError:
        raise Invalid("the request's body is not JSON") from None
    if not isinstance(body, dict):
        raise Invalid("the request's body is not a JSON object")
    return body


def run_of(body: Mapping[str, Any]) -> str:
    """The run that a request is about, under its new or its old name; "" if it names none."""
    run = body.get("run_id") or body.get("run_uuid")
    return run if isinstance(run, str) else ""


def read_metric(body: Mapping[str, Any], where: str = "") -> Metric:
    """One metric, from a log-metric request or an item of a log-batch. Raises Invalid."""
    for name in ("key", "value", "timestamp"):
        if body.get(name) in (None, ""):
            raise Invalid(f"Missing value for required parameter '{_at(where, name)}'.")
    key = check_name(body["key"], _at(where, "name"))
    timestamp = _integer(body["timestamp"], _at(where, "timestamp"))
    if timestamp < 0:
        raise Invalid(f"Invalid value {timestamp} for parameter '{_at(where, 'timestamp')}': it is negative.")
    step = body.get("step")
    return Metric(
        key,
        _double(body["value"], _at(where, "value")),
        timestamp,
        0 if step is None else _integer(step, _at(where, "step")),
        tuple((name, str(body[name])) for name in _EXTRAS if body.get(name)),
    )


def read_pair(body: Mapping[str, Any], kind: str, where: str = "") -> Pair:
    """A parameter or tag, from its own request or an item of a log-batch. ``kind``: "param" or "tag"."""
    key = body.get("key")
    if key in (None, ""):
        raise Invalid(f"Missing value for required parameter '{_at(where, 'key')}'.")
    value = body.get("value")
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise Invalid(f"Invalid value {value!r} for parameter '{_at(where, 'value')}': it is not text.")
    limit = PARAM_CHARS if kind == "param" else TAG_CHARS
    return check_name(key, _at(where, "key")), value[:limit]  # MLflow truncates by default


def read_batch(body: Mapping[str, Any]) -> Batch:
    """A log-batch request. One thing wrong in it, and all of it is refused, as MLflow does."""
    metrics, params, tags = (_items(body, name) for name in ("metrics", "params", "tags"))
    _limit("metrics", METRICS_PER_BATCH, len(metrics))
    _limit("params", PARAMS_PER_BATCH, len(params))
    _limit("tags", PARAMS_PER_BATCH, len(tags))
    _limit("metrics, params and tags", ITEMS_PER_BATCH, len(metrics) + len(params) + len(tags))
    batch = Batch(
        [read_metric(item, f"metrics[{i}]") for i, item in enumerate(metrics)],
        [read_pair(item, "param", f"params[{i}]") for i, item in enumerate(params)],
        [read_pair(item, "tag", f"tags[{i}]") for i, item in enumerate(tags)],
    )
    keys = [key for key, _ in batch.params]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise Invalid(f"Parameters are given more than once in one request: {', '.join(twice)}.")
    return batch


def check_name(name: object, where: str = "name") -> str:
    """A metric's, parameter's or tag's name that MLflow takes; artifacts' paths are made of them.

    >>> check_name("val/loss: 0.5")
    'val/loss: 0.5'
    >>> check_name("a//b")
    Traceback (most recent call last):
    barrido.tracking.protocol.Invalid: Invalid value "a//b" for parameter 'name': as a path it is "a/b".
    """
    if not isinstance(name, str):
        raise Invalid(f"Invalid value {name!r} for parameter '{where}': it is not text.")
    shown = json.dumps(name[:300])
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"Invalid value {shown} for parameter '{where}': only letters, digits, underscores, dashes,"
            " periods, spaces, colons and slashes may be in it."
        )
    path = posixpath.normpath(name)
    if path != name or path == "." or path.startswith(("..", "/")):
        raise Invalid(f"Invalid value {shown} for parameter '{where}': as a path it is {json.dumps(path)}.")
    if len(name) > NAME_CHARS:
        raise Invalid(f"'{where}' exceeds the maximum length of {NAME_CHARS} characters.")
    return name


def error(message: str, code: str = "INVALID_PARAMETER_VALUE") -> dict[str, str]:
    """The body of a refusal, in MLflow's words."""
    return {"error_code": code, "message": message}


def pairs_to_json(pairs: Sequence[Pair]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs]


def to_items(
    *, params: Sequence[Pair] = (), tags: Sequence[Pair] = (), metrics: Sequence[Metric] = ()
) -> list[Item]:
    items: list[Item] = [("param", pair) for pair in pairs_to_json(params)]
    items += [("tag", pair) for pair in pairs_to_json(tags)]
    items += [("metric", metric.to_json()) for metric in metrics]
    return items


def to_batches(items: Sequence[Item]) -> Iterator[dict[str, list[Mapping[str, Any]]]]:
    """``items``, in order, as the fields of as few log-batch requests as MLflow takes them in.

    >>> list(to_batches(to_items(tags=[("team", "a")], params=[("lr", "0.1")])))
    [{'params': [{'key': 'lr', 'value': '0.1'}], 'tags': [{'key': 'team', 'value': 'a'}]}]
    """
    batch: dict[str, list[Mapping[str, Any]]] = {}
    for kind, body in items:
        limit = METRICS_PER_BATCH if kind == "metric" else PARAMS_PER_BATCH
        alike = batch.get(f"{kind}s", ())
        if len(alike) == limit or sum(map(len, batch.values())) == ITEMS_PER_BATCH:
            yield batch
            batch = {}
        batch.setdefault(f"{kind}s", []).append(body)
    if batch:
        yield batch


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _items(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = body.get(name)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Invalid(f"Invalid value for parameter '{name}': it is not a list of objects.")
    return items


def _limit(what: str, limit: int, count: int) -> None:
    if count > limit:
        raise Invalid(f"A batch logging request can contain at most {limit} {what}. Got {count}.")


def _integer(value: object, where: str) -> int:
    is_text = isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if is_text or is_number:
        number = int(value)  # type: ignore[call-overload]
        if number in _INT64:
            return int(number)
    raise Invalid(f"Invalid value {value!r} for parameter '{where}': it is not a 64-bit integer.")


def _double(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    elif isinstance(value, str) and (
        value in ("NaN", "Infinity", "-Infinity") or re.fullmatch(r"[-+]?[\d.]+([eE][-+]?\d+)?", value)
    ):
        try:
            return float(value)
        except ValueError:
            pass
    raise Invalid(
        f"Invalid value {value!r} for parameter '{where}': it is not a 64-bit floating-point number."
    )
