"""Makes the run of a trial while its script is still starting: the script's first question waits for it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from barrido.core.layout import SweepFolder
from barrido.inotify import PUT_IN, watch_over
from barrido.tracking.ledger import Run
from barrido.tracking.reader import StoreReader
from barrido.tracking.runs import Runs
from barrido.tracking.upstream import Unreachable, Upstream

log = logging.getLogger(__name__)


class Early:
    """A trial that is launched gets a folder, and the system tells of it.

    Nothing depends on this: the mirror makes every run a little later, and the gateway when it is asked.
    """

    def __init__(self, folder: SweepFolder, reader: StoreReader, runs: Runs, upstream: Upstream) -> None:
        self._reader = reader
        self._runs = runs
        self._upstream = upstream
        self._making: set[asyncio.Task[None]] = set()
        with suppress(OSError):
            folder.trials.mkdir(exist_ok=True)
        self._watch = watch_over(folder.trials, PUT_IN)
        if self._watch is not None:
            asyncio.get_running_loop().add_reader(self._watch.fileno(), self._look)

    async def close(self) -> None:
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
            self._watch.close()
        for task in self._making:
            task.cancel()
        await asyncio.gather(*self._making, return_exceptions=True)

    def _look(self) -> None:
        assert self._watch is not None
        for name in self._watch.names() or ():
            row = self._reader.trial(int(name)) if name.isdecimal() else None
            if row is None or not row.was_launched or not self._upstream.up.is_set():
                continue
            task = asyncio.create_task(self._make(self._runs.of_trial(row.number, row.attempt)))
            self._making.add(task)
            task.add_done_callback(self._making.discard)

    async def _make(self, run: Run) -> None:
        try:
            await self._runs.real(run)
        except Unreachable as error:
            log.info("%s: %s", run.alias[:8], error)
