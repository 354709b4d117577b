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
from barrido.tracking.protocol import Item, to_items
from barrido.tracking.runlog import RunLog
from barrido.tracking.runs import Runs
from barrido.tracking.upstream import Refused, Unreachable, Upstream

log = logging.getLogger(__name__)

GATHER_S = 1.0
"""How long a run's news are gathered before they are forwarded: all of a short trial goes at once."""

PAUSE_S = 0.25
"""How often runs are looked through, when MLflow is quick."""

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
        self._due: dict[str, float] = {}  # by alias: when it is forwarded, on the monotonic clock
        for run in runs.ledger.runs.values():
            if logs.behind(run):
                self.touch(run)

    def touch(self, run: Run) -> None:
        """``run`` has something to forward."""
        self._due.setdefault(run.alias, time.monotonic() + GATHER_S)

    async def run(self) -> None:
        """For ever: what was gathered, about a second after it began; later when MLflow is slow or away."""
        gate = asyncio.Semaphore(CONCURRENT)
        while True:
            await self._upstream.up.wait()
            began = time.monotonic()
            for run in self._runs.ledger.waiting():
                self.touch(run)
            due = sorted(alias for alias, at in self._due.items() if at <= began)
            runs = [self._runs.ledger.runs[alias] for alias in due]
            done = await asyncio.gather(*(self._try(run, gate) for run in runs))
            took = time.monotonic() - began
            if all(done):
                await asyncio.sleep(min(MAX_PAUSE_S, max(PAUSE_S, SHARE * took)))
            else:
                await asyncio.sleep(MAX_PAUSE_S if self._upstream.up.is_set() else PAUSE_S)

    async def _try(self, run: Run, gate: asyncio.Semaphore) -> bool:
        async with gate:
            try:
                await self.flush(run)
            except Unreachable as error:
                log.info("%s: %s", run.alias[:8], error)
                return False
            return True

    async def flush(self, run: Run, more: Sequence[Item] = ()) -> None:
        """Forward all that is there now, and ``more`` along with it. Raises Unreachable."""
        if not (more or run.is_bare or self.has_news(run)):
            self._due.pop(run.alias, None)
            return
        async with self._locks[run.alias]:
            try:
                await self._runs.real(run)
            except Refused as refused:
                self._notices.say(f"MLflow refused to create a nested run: {refused}", trial=run.number)
                run.status = "REFUSED"
                self._runs.ledger.save(run)
                self._due.pop(run.alias, None)
                return
            self._due.pop(run.alias, None)
            try:
                await self._send(run, more)
            except Unreachable:
                self.touch(run)
                raise

    def written(self, run: Run) -> int:
        """How long the journal of a trial's run is, in bytes."""
        try:
            return self._logs.path(run).stat().st_size
        except FileNotFoundError:
            return 0

    def has_news(self, run: Run) -> bool:
        """Whether something was written to ``run`` that MLflow was not told."""
        return self._logs.behind(run) or (run.status is None and self._runs.ledger.has_deferred(run))

    async def _send(self, run: Run, more: Sequence[Item]) -> None:
        if self._logs.behind(run):
            lines = self._logs.of(run)
            while run.forwarded < lines.offset:
                metrics, end = lines.read(run.forwarded)
                await self._runs.log(run, [*more, *to_items(metrics=metrics)])
                run.forwarded, more = end, ()
                self._runs.ledger.save(run)
        await self._runs.drain(run)
        if more or run.is_bare:
            await self._runs.log(run, more)
