"""Brings acknowledged metrics to MLflow, in batches, in order, each once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from barrido.core.layout import SweepFolder
from barrido.tracking.ledger import Kind, Run
from barrido.tracking.notices import Notices
from barrido.tracking.protocol import Metric
from barrido.tracking.runlog import RunLog
from barrido.tracking.runs import Runs
from barrido.tracking.upstream import Refused, Unreachable, Upstream

log = logging.getLogger(__name__)

PAUSE_S = 0.25
"""How long metrics are gathered before they are forwarded, when MLflow is quick."""

SHARE = 3
"""Forwarding rests this many times as long as it took, so that it never takes a core of its own."""

MAX_PAUSE_S = 5.0
CONCURRENT = 4


class Logs:
    """The `RunLog` of each run that has one; opened when needed, closed when the run is over."""

    def __init__(self, folder: SweepFolder, primary: str | None) -> None:
        self._folder = folder
        self._primary = primary
        self._open: dict[str, RunLog] = {}

    def path(self, run: Run) -> Path:
        if run.kind is Kind.TRIAL:
            return Path(f"{self._folder.feed_stem(run.trial, run.attempt)}.mlflow")
        return self._folder.tracking / "nested" / f"{run.alias}.jsonl"

    def of(self, run: Run) -> RunLog:
        found = self._open.get(run.alias)
        if found is None:
            primary = self._primary if run.kind is Kind.TRIAL else None
            found = self._open[run.alias] = RunLog(self.path(run), primary)
        return found

    def behind(self, run: Run) -> bool:
        """Whether ``run`` has metrics that were not forwarded."""
        if run.status is not None or run.kind is Kind.SWEEP:
            return False
        found = self._open.get(run.alias)
        if found is not None:
            return found.offset > run.forwarded
        try:
            return self.path(run).stat().st_size > run.forwarded
        except FileNotFoundError:
            return False

    def forget(self, run: Run) -> None:
        if (found := self._open.pop(run.alias, None)) is not None:
            found.close()


class Forwarder:
    def __init__(self, runs: Runs, logs: Logs, upstream: Upstream, notices: Notices) -> None:
        self._runs = runs
        self._logs = logs
        self._upstream = upstream
        self._notices = notices
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._dirty: set[str] = {run.alias for run in runs.ledger.runs.values() if logs.behind(run)}
        self._news = asyncio.Event()
        if self._dirty:
            self._news.set()

    def touch(self, run: Run) -> None:
        """``run`` has something to forward."""
        self._dirty.add(run.alias)
        self._news.set()

    async def run(self) -> None:
        """For ever: what is new, every quarter of a second; less often when MLflow is slow or away."""
        gate = asyncio.Semaphore(CONCURRENT)
        while True:
            await self._news.wait()
            self._news.clear()
            await self._upstream.up.wait()
            began = time.monotonic()
            runs = [self._runs.ledger.runs[alias] for alias in sorted(self._dirty)]
            runs += [run for run in self._runs.ledger.waiting() if run.alias not in self._dirty]
            done = await asyncio.gather(*(self._try(run, gate) for run in runs))
            took = time.monotonic() - began
            if not all(done):
                self._news.set()
                await asyncio.sleep(MAX_PAUSE_S if self._upstream.up.is_set() else PAUSE_S)
            else:
                await asyncio.sleep(min(MAX_PAUSE_S, max(PAUSE_S, SHARE * took)))

    async def _try(self, run: Run, gate: asyncio.Semaphore) -> bool:
        async with gate:
            try:
                await self.flush(run)
            except Unreachable as error:
                log.info("%s: %s", run.alias[:8], error)
                return False
            return True

    async def flush(self, run: Run) -> None:
        """Forward all that is there now. Raises Unreachable."""
        if not self.has_work(run):
            self._dirty.discard(run.alias)
            return
        async with self._locks[run.alias]:
            try:
                run_id = await self._runs.real(run)
            except Refused as refused:
                self._notices.say(f"MLflow refused to create a nested run: {refused}", trial=run.number)
                run.status = "REFUSED"
                self._runs.ledger.save(run)
                self._dirty.discard(run.alias)
                return
            self._dirty.discard(run.alias)
            try:
                if self._logs.behind(run):
                    lines = self._logs.of(run)
                    while run.forwarded < lines.offset:
                        metrics, end = lines.read(run.forwarded)
                        await self._send(run, run_id, metrics)
                        run.forwarded = end
                        self._runs.ledger.save(run)
                await self._runs.drain(run)
            except Unreachable:
                self._dirty.add(run.alias)
                raise

    def has_work(self, run: Run) -> bool:
        return self._logs.behind(run) or (run.status is None and self._runs.ledger.has_deferred(run))

    async def send(self, run: Run, metrics: Sequence[Metric]) -> None:
        """Metrics from elsewhere (the store). Raises Unreachable."""
        await self._send(run, await self._runs.real(run), metrics)

    async def _send(self, run: Run, run_id: str, metrics: Sequence[Metric]) -> None:
        """One batch; where MLflow refuses it, the smaller ones in it, down to the item that is bad."""
        if not metrics:
            return
        body = {"run_id": run_id, "metrics": [metric.to_json() for metric in metrics]}
        self._runs.touch(run)
        try:
            await self._upstream.post("runs/log-batch", body)
        except Refused as refused:
            if refused.status == 404 or "'active' state" in str(refused):
                self._notices.say(
                    f"run {run_id} was deleted in MLflow; its metrics are not shown there", trial=run.number
                )
            elif len(metrics) > 1:
                middle = len(metrics) // 2
                await self._send(run, run_id, metrics[:middle])
                await self._send(run, run_id, metrics[middle:])
            else:
                metric = metrics[0]
                self._notices.say(
                    f"MLflow refused metric {metric.key!r} (value {metric.value}, step {metric.step}):"
                    f" {refused}",
                    trial=run.number,
                    once=(run.alias, metric.key),
                )
