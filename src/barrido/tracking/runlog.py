"""The metrics of one run, acknowledged to the script and not yet forwarded: an append-only file.

For a trial's own run the file is the journal of its ``mlflow`` door (`barrido.trial.journal`), with
more keys in its lines than the controller reads: what MLflow is to be told. Whether a value was seen
before, how many reports there were and what is still to be forwarded all follow from the file, so a
process that is killed has forgotten nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barrido.core.wire import number_to_json
from barrido.tracking.protocol import METRICS_PER_BATCH, Metric

CHUNK_BYTES = 512 * 1024
"""How much of a file is read at once: a request of MLflow's may have 1 MB."""

_EXTRAS = ("model_id", "dataset_name", "dataset_digest")


@dataclass(frozen=True, slots=True)
class Appended:
    """``offset`` lies behind the lines; ``reports`` are the numbers of the primary metric's among them."""

    offset: int
    reports: tuple[int, ...]
    relinked: tuple[Metric, ...]  # known values that now belong to a logged model, for MLflow alone


class RunLog:
    """Appends metrics, each once, and reads them back by offset. One writer, no locks."""

    def __init__(self, path: Path, primary: str | None = None) -> None:
        """``primary`` is the metric that is counted as reports."""
        self.path = path
        self._primary = primary
        self._seen: set[int] = set()
        self.reports = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.offset = self._load()

    def append(self, metrics: Sequence[Metric]) -> Appended:
        """Write those that are new. Raises OSError, with nothing written, when the disk is full."""
        lines: list[bytes] = []
        relinked: list[Metric] = []
        reports: list[int] = []
        known = self._seen
        fresh: set[int] = set()
        for metric in metrics:
            identity = metric.identity()
            linked = hash((identity, metric.extras)) if metric.extras else identity
            if identity in known or identity in fresh:
                if linked not in known and linked not in fresh:
                    relinked.append(metric)
                    fresh.add(linked)
                continue
            fresh.update((identity, linked))
            lines.append(_line(metric))
            if metric.key == self._primary:
                reports.append(self.reports + len(reports) + 1)
        if lines:
            self._write(b"".join(lines))
        known |= fresh
        self.reports += len(reports)
        return Appended(self.offset, tuple(reports), tuple(relinked))

    def read(self, start: int) -> tuple[list[Metric], int]:
        """The metrics from offset ``start`` on, at most a batch of them, and the offset behind them."""
        raw = os.pread(self._fd, min(CHUNK_BYTES, self.offset - start), start)
        metrics = []
        end = start
        for line in raw.splitlines(keepends=True)[:METRICS_PER_BATCH]:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            metrics.append(_metric(json.loads(line)))
        return metrics, end

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, data: bytes) -> None:
        written = os.write(self._fd, data)
        if written != len(data):
            os.ftruncate(self._fd, self.offset)  # readers take whole lines only, so they have not seen it
            raise OSError(f"could not write {len(data)} bytes to {self.path}")
        self.offset += written

    def _load(self) -> int:
        offset = 0
        with self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    os.ftruncate(
                        self._fd, offset
                    )  # torn by a full disk or a lost machine: never acknowledged
                    break
                offset += len(line)
                metric = _metric(json.loads(line))
                self._seen.add(metric.identity())
                if metric.extras:
                    self._seen.add(hash((metric.identity(), metric.extras)))
                self.reports += metric.key == self._primary
        return offset


def _line(metric: Metric) -> bytes:
    body: dict[str, Any] = {
        "name": metric.key,
        "value": number_to_json(metric.value),
        "step": metric.step,
        "time": metric.timestamp / 1000,
        "timestamp": metric.timestamp,
        **dict(metric.extras),
    }
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _metric(body: dict[str, Any]) -> Metric:
    return Metric(
        body["name"],
        float(body["value"]),
        body["timestamp"],
        body["step"],
        tuple((name, body[name]) for name in _EXTRAS if name in body),
    )
