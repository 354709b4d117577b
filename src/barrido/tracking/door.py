"""One attempt's MLflow door: its run, its journal, and the answers that the controller gives to reports."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Recipe
from barrido.tracking import rules
from barrido.tracking.forward import Logs
from barrido.tracking.ledger import Run
from barrido.tracking.runlog import RunLog
from barrido.tracking.runs import Runs

log = logging.getLogger(__name__)

ANSWER_S = 5.0
"""How long the reply to a report is withheld at most."""

LOOK_S = 0.002

Signature = tuple[int, int, int] | None
"""What changes when a file is replaced; None while there is no file."""

_UNREAD: Signature = (-1, -1, -1)


@dataclass(slots=True)
class Door:
    """``answer`` is the file in which the controller says how far it has decided.

    With rungs, it also names the report at which the controller decides next, and says how many reports
    earlier attempts of the trial have made.
    """

    trial: int
    attempt: int
    run: Run
    log: RunLog
    swept: dict[str, str]
    ids: tuple[str, ...]  # aliases that mean this run: its own, and those of earlier attempts
    answer: Path
    policy: Mapping[str, Any] | None
    has_rungs: bool
    silent: Signature = _UNREAD  # the answer file when waiting for it was in vain

    def decides_on(self, reports: Sequence[int]) -> bool:
        """Whether the controller decides on one of these reports, numbered from 1 in this attempt."""
        if not reports:
            return False
        body = _read(self.answer) if self.has_rungs else {}
        start, until = body.get("start", 0), body.get("until")
        return any(
            rules.is_decision_point(self.policy, start + n) or (until is not None and start + n >= until)
            for n in reports
        )

    async def wait_for_answer(self, offset: int, gone: Callable[[], bool]) -> None:
        """Until everything up to ``offset`` of the journal is decided, at most `ANSWER_S`.

        A controller that did not answer in time is not waited for again until it answers something.
        ``gone`` says that the script has left.
        """
        deadline = time.monotonic() + ANSWER_S
        seen = _UNREAD
        while True:
            now = _signature(self.answer)
            if now == self.silent:
                return
            if now != seen:
                seen = now
                if _decided(self.answer) >= offset:
                    self.silent = _UNREAD
                    return
            if time.monotonic() > deadline:
                log.info("trial %d: no answer from the controller", self.trial)
                self.silent = now
                return
            if gone():
                return
            await asyncio.sleep(LOOK_S)


class Doors:
    """The doors that are in use."""

    def __init__(self, folder: SweepFolder, recipe: Recipe, runs: Runs, logs: Logs) -> None:
        self._folder = folder
        self._recipe = recipe
        self._runs = runs
        self._logs = logs
        self._doors: dict[tuple[int, int], Door] = {}

    def open(self, trial: int, attempt: int) -> Door:
        key = (trial, attempt)
        if key not in self._doors:
            run = self._runs.of_trial(trial, attempt)
            stem = self._folder.feed_stem(trial, attempt)
            self._doors[key] = Door(
                trial,
                attempt,
                run,
                self._logs.of(run),
                self._runs.trial_params(trial),
                tuple(self._runs.of_trial(trial, earlier).alias for earlier in range(attempt, 0, -1)),
                Path(f"{stem}.answer"),
                self._recipe.policy,
                self._recipe.holds_at_rungs,
            )
        return self._doors[key]

    def close(self, run: Run) -> None:
        """The attempt is over."""
        self._doors.pop((run.trial, run.attempt), None)
        self._logs.forget(run)


def _signature(path: Path) -> Signature:
    try:
        status = os.stat(path)  # noqa: PTH116 - a few hundred times a second, while trials wait
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _decided(path: Path) -> float:
    """How far the journal is decided: bytes, or everything when the trial is to stop, or is paused."""
    body = _read(path)
    if body.get("step") in ("stop", "pause"):
        return float("inf")
    return int(body.get("offsets", {}).get("mlflow", -1))


def _read(path: Path) -> Mapping[str, Any]:
    """An answer file; empty where there is none."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}
