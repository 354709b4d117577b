"""Shows the sweep in MLflow: compares what the store says with what MLflow was told, and tells the rest.

Every step may be repeated, and what was done is noted only after it was done. So it does not matter
where the process dies, or how often MLflow is away: the next look takes up what is missing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from barrido.core.events import Cause
from barrido.tracking import portrait
from barrido.tracking.door import Doors
from barrido.tracking.forward import Forwarder
from barrido.tracking.ledger import Kind, Run
from barrido.tracking.notices import Notices
from barrido.tracking.portrait import SweepRow, TrialRow, milliseconds
from barrido.tracking.protocol import Invalid, Metric, Pair, check_name, to_items
from barrido.tracking.reader import StoreReader
from barrido.tracking.runs import Runs
from barrido.tracking.upstream import Unreachable, Upstream

log = logging.getLogger(__name__)

LOOK_S = 0.3
RETRY_S = 2.0
CONCURRENT = 4


class Mirror:
    def __init__(
        self,
        reader: StoreReader,
        runs: Runs,
        forwarder: Forwarder,
        doors: Doors,
        upstream: Upstream,
        notices: Notices,
    ) -> None:
        self._reader = reader
        self._runs = runs
        self._ledger = runs.ledger
        self._forwarder = forwarder
        self._doors = doors
        self._upstream = upstream
        self._notices = notices
        self._gate = asyncio.Semaphore(CONCURRENT)
        self._first = 0  # all trials below are mirrored to their end
        self.sweep = reader.sweep()

    @property
    def complete(self) -> bool:
        """Whether the sweep is over, and MLflow knows all of it. One that is over may be opened again."""
        sweep = self._reader.sweep()
        return sweep.phase.is_terminal and self._ledger.fact("complete") == sweep.ended_at

    async def run(self) -> None:
        """Until it is canceled."""
        behind = True
        while True:
            self.sweep = self._reader.sweep()
            if not await self._upstream.ready(RETRY_S):
                behind = True
                await asyncio.sleep(LOOK_S)
                continue
            try:
                if self._reader.changed() or behind:
                    await self._look()
                    behind = False
            except Unreachable as error:
                log.info("%s", error)
                behind = True
            await asyncio.sleep(RETRY_S if behind else LOOK_S)

    async def _look(self) -> None:
        """One comparison. Raises Unreachable when not everything could be told."""
        sweep = self.sweep = self._reader.sweep()
        trials = self._reader.trials(self._first)
        if sweep.is_search:
            await self._runs.real(self._runs.of_sweep())
            if self._runs.of_sweep().status is not None and not sweep.phase.is_terminal:
                await self._begin_again(sweep)
        done = await asyncio.gather(*(self._show(row) for row in trials), return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result
        self._first = next(
            (row.number for row, is_done in zip(trials, done, strict=True) if not is_done),
            max((row.number + 1 for row in trials), default=self._first),
        )
        if sweep.is_search:
            await self._show_best(sweep)
        if (status := portrait.sweep_status(sweep.phase)) is not None and not self.complete:
            if sweep.is_search:
                await self._end_sweep(sweep, status)
            self._ledger.note("complete", sweep.ended_at)

    async def _show(self, row: TrialRow) -> bool:
        """One trial. Whether it is over, and MLflow knows all of it."""
        run = self._runs.of_trial(row.number, row.attempt)
        if run.status is not None:
            return True
        status = portrait.trial_status(row.phase)
        if not (row.was_launched or run.asked):
            return status is not None
        async with self._gate:
            for attempt in range(1, row.attempt):
                await self._end_earlier(row, attempt)
            await self._runs.real(run)
            if status is None:
                await self._copy_stored(run)
                return False
            await self._end(run, row, status)
            return True

    async def _copy_stored(self, run: Run, tags: Sequence[Pair] = ()) -> None:
        """What came through other doors than MLflow's, and ``tags`` along with it.

        All that came, where a power cut took some of the journal; what MLflow has already it keeps once.
        """
        is_cut = self._reader.heard(run.trial, run.attempt) > self._forwarder.written(run)
        first = -1 if is_cut else run.stored
        while True:
            metrics, last = self._reader.metrics(run.trial, run.attempt, first, every_door=is_cut)
            if more := to_items(tags=tags, metrics=self._nameable(run, metrics)):
                await self._forwarder.flush(run, more)
            if last == first:
                return
            run.stored, first, tags = last, last, ()
            self._ledger.save(run)

    def _nameable(self, run: Run, metrics: Sequence[Metric]) -> list[Metric]:
        kept = []
        for metric in metrics:
            try:
                check_name(metric.key)
            except Invalid as error:
                text = f"metric {metric.key!r} is not shown in MLflow: {error}"
                self._notices.say(text, trial=run.trial, once=("name", metric.key))
            else:
                kept.append(metric)
        return kept

    async def _end_earlier(self, row: TrialRow, attempt: int) -> None:
        """An attempt that another one followed: it failed, was lost with its machine, or goes on in it."""
        run = self._runs.of_trial(row.number, attempt)
        if run.status is not None:
            return
        ended = self._reader.exit_of(row.number, attempt)
        if not run.asked and (ended is None or ended.cause is Cause.LOST):
            return
        if self._runs.goes_on(self._runs.of_trial(row.number, attempt + 1)):
            await self._end_nested(run, {"status": "KILLED", "end_time": milliseconds(time.time())})
            await self._copy_stored(run)
            await self._forwarder.flush(run)
            self._close(run, "CONTINUED")
        else:
            earlier = portrait.earlier_attempt(row, attempt, ended)
            await self._end(run, earlier, portrait.trial_status(earlier.phase) or "KILLED")

    async def _end(self, run: Run, row: TrialRow, status: str) -> None:
        """The last words on a run, after all its metrics."""
        last = {"status": status, "end_time": milliseconds(row.ended_at or time.time())}
        await self._end_nested(run, last)
        await self._copy_stored(run, portrait.end_tags(row))
        await self._runs.update(run, last)
        self._close(run, status)

    async def _end_nested(self, run: Run, last: Mapping[str, Any]) -> None:
        for nested in self._ledger.nested(run.trial, run.attempt):
            if nested.status is None:
                await self._forwarder.flush(nested)
                if nested.holders:  # its script did not live to end it
                    await self._runs.update(nested, last)
                self._close(nested, nested.status or last["status"])

    def _close(self, run: Run, status: str) -> None:
        run.status = status
        self._ledger.save(run)
        self._doors.close(run)

    async def _show_best(self, sweep: SweepRow) -> None:
        """Mark the best trial, unmark the one that was, and write the parent's score."""
        before = self._ledger.fact("best") or {"trial": None, "value": None, "told": True}
        trial, value = sweep.best_trial, sweep.best_value
        if trial is None or value is None:
            return
        if (before["trial"], before["value"], before["told"]) == (trial, value, True):
            return
        row = self._reader.trial(trial)
        if row is None:
            return
        best = self._runs.of_trial(trial, row.attempt)
        best_id = await self._runs.real(best)
        plan = before
        if (before["trial"], before["value"]) != (trial, value):
            # Written before it is done, so that a repetition writes the score with the same time.
            plan = {"trial": trial, "value": value, "told": False, "at": milliseconds(time.time())}
            plan["former"] = before["trial"] if before["told"] else before.get("former")
            self._ledger.note("best", plan)
        parent = self._runs.of_sweep()
        score = Metric("score", value, plan["at"], trial)
        tags = [("best_child_run_id", best_id), ("score", str(value))]
        await self._runs.log(parent, to_items(tags=tags, metrics=[score]))
        await self._runs.log(best, to_items(tags=[("barrido.best", "true")]))
        former = plan.get("former")
        for run in list(self._ledger.runs.values()) if former not in (None, trial) else ():
            if run.kind is Kind.TRIAL and run.trial == former and run.run_id is not None:
                await self._runs.log(run, to_items(tags=[("barrido.best", "false")]))
        self._ledger.note("best", {**plan, "told": True})

    async def _begin_again(self, sweep: SweepRow) -> None:
        """The sweep was over, and is opened again."""
        self._ledger.note("complete", None)
        run = self._runs.of_sweep()
        await self._runs.log(run, to_items(tags=[("barrido.phase", sweep.phase.value)]))
        await self._runs.update(run, {"status": "RUNNING"})
        run.status = None
        self._ledger.save(run)

    async def _end_sweep(self, sweep: SweepRow, status: str) -> None:
        run = self._runs.of_sweep()
        tags = {"barrido.phase": sweep.phase.value, "barrido.reason": sweep.reason}
        await self._runs.log(run, to_items(tags=portrait.tag_pairs(tags)))
        ended_at = milliseconds(sweep.ended_at or time.time())
        await self._runs.update(run, {"status": status, "end_time": ended_at})
        run.status = status
        self._ledger.save(run)
