"""What must be true of a sweep at its end, whatever happened to it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.faults.campaign import victims
from tests.faults.campaign.ordeal import Ordeal, key_of
from tests.faults.campaign.victims import Key

from barrido.controller import lock
from barrido.core.layout import SweepFolder
from barrido.errors import BarridoError
from barrido.executors.leftovers import strays
from barrido.replay.proof import prove
from barrido.store.queries import MetricRow, Reader, TrialRow
from barrido.tracking.status import Status

GONE_S = 60.0  # within which nothing of a sweep that is over runs any more
MLFLOW_S = 180.0  # within which MLflow knows all of it

HEADS = ("lost", "doubled", "orphans", "stuck", "replay", "wrong")


@dataclass(slots=True)
class Findings:
    """By head, in words. ``wrong`` is a trial too many, a best that is none, an innocent that failed."""

    of: dict[str, list[str]] = field(default_factory=lambda: {head: [] for head in HEADS})
    reports: int = 0
    trials: int = 0

    def add(self, head: str, text: str) -> None:
        self.of[head].append(text)

    def __iter__(self) -> Any:
        return iter(f"{head}: {text}" for head, texts in self.of.items() for text in texts)


@dataclass(slots=True)
class Said:
    """What one attempt's script wrote down of itself."""

    params: Any = None
    starts: int = 0
    tried: dict[int, float] = field(default_factory=dict)  # value by step
    acknowledged: set[int] = field(default_factory=set)


def audit(ordeal: Ordeal, *, ended: bool) -> Findings:
    """Everything that is wrong with the sweep. Waits for its processes to go."""
    found = Findings()
    for what in ordeal.broken:
        found.add("lost", what)
    if not ended:
        found.add("stuck", f"it did not end: {ordeal.refused[-1:]}\n{victims.state_of(ordeal.folder)}")
        return found
    _look_for_orphans(ordeal, found)
    said = _said(ordeal)
    with Reader(ordeal.folder) as reader:
        trials = reader.trials()
        metrics = {
            trial.number: [
                row
                for attempt in range(1, trial.attempt + 1)
                for row in reader.metrics(trial.number, name="loss", attempt=attempt)
            ]
            for trial in trials
        }
        sweep = reader.sweep()
    found.trials = len(trials)
    found.reports = sum(map(len, metrics.values()))
    if str(sweep.phase) != "completed":
        found.add("wrong", f"the sweep is {sweep.phase}: {sweep.reason}")
    if len(trials) != ordeal.kind.trials:
        found.add("wrong", f"{len(trials)} trials instead of {ordeal.kind.trials}")
    _compare_reports(ordeal, said, metrics, found)
    _compare_trials(ordeal, trials, said, found)
    values = [(row.value, row.trial) for rows in metrics.values() for row in rows if row.counts]
    best = min(values) if values else (None, None)
    if (sweep.best_value, sweep.best_trial) != best:
        found.add("wrong", f"the best is {sweep.best_trial} with {sweep.best_value}, not {best}")
    try:
        prove(ordeal.folder)
    except BarridoError as error:
        found.add("replay", error.message)
    if ordeal.studio is not None and ordeal.studio.trials(ordeal.folder.name) != len(trials):
        found.add("wrong", "the studio shows another number of trials")
    if ordeal.kind.shown:
        _compare_mlflow(ordeal, said, metrics, found)
    return found


def _look_for_orphans(ordeal: Ordeal, found: Findings) -> None:
    folder = ordeal.folder
    deadline = time.monotonic() + GONE_S + (MLFLOW_S if ordeal.kind.shown else 0.0)
    while there := _left(folder):
        if time.monotonic() > deadline:
            for one in there:
                found.add("orphans", one)
            return
        if lock.holder(folder) is None and not (victims.gateways(folder) or victims.keepers(folder)):
            deadline = min(deadline, time.monotonic() + 5.0)
        time.sleep(0.05)


def _left(folder: SweepFolder) -> list[str]:
    left = []
    for stem, one in strays(os.fspath(folder.feed)):
        left.append(f"process {one.pid} of {os.path.basename(stem)}")  # noqa: PTH119
        one.close()
    for name, those in (
        ("controller", victims.controllers(folder)),
        ("gateway", victims.gateways(folder)),
        ("keeper", victims.keepers(folder)),
        ("nursery", victims.nursery(folder)),
    ):
        left += [f"{name} {one.pid}" for one in those]
    return left


def _said(ordeal: Ordeal) -> dict[Key, Said]:
    said = {}
    for path in ordeal.ledger.iterdir():
        one = said[key_of(path.name)] = Said()
        for line in path.read_text().splitlines():
            body = json.loads(line)
            match body["what"]:
                case "start":
                    one.starts += 1
                    one.params = body["params"]
                case "try":
                    one.tried[body["step"]] = body["value"]
                case "ack":
                    one.acknowledged.add(body["step"])
    return said


def _compare_reports(
    ordeal: Ordeal, said: dict[Key, Said], metrics: dict[int, list[MetricRow]], found: Findings
) -> None:
    kept: dict[Key, list[MetricRow]] = {}
    for rows in metrics.values():
        for row in rows:
            kept.setdefault((row.trial, row.attempt), []).append(row)
    for key in sorted(said.keys() | kept.keys()):
        one, rows = said.get(key, Said()), kept.get(key, [])
        name = f"trial {key[0]}, attempt {key[1]}"
        if one.starts > 1 and key not in ordeal.cut:  # a power cut can take all trace of a first start
            found.add("doubled", f"{name} ran {one.starts} times")
        steps = Counter(row.step for row in rows)
        for step, times in steps.items():
            if times > 1:
                found.add("doubled", f"{name}: step {step} is there {times} times")
        if (missing := one.acknowledged - steps.keys()) and key not in ordeal.cut:
            found.add("lost", f"{name}: steps {sorted(missing)} of {sorted(one.acknowledged)}")
        for row in rows:
            if row.step is None or one.tried.get(row.step) != row.value:
                found.add("wrong", f"{name}: {row.value} at step {row.step} was never reported")


def _compare_trials(ordeal: Ordeal, trials: list[TrialRow], said: dict[Key, Said], found: Findings) -> None:
    for trial in trials:
        name = f"trial {trial.number}"
        may_fail = any(number == trial.number for number, _ in ordeal.hurt)
        may_fail |= (trial.number, trial.attempt) in ordeal.cut  # run again, but not for ever
        if trial.phase not in ("completed", "pruned") and not (trial.phase == "failed" and may_fail):
            found.add("wrong", f"{name} is {trial.phase}, attempt {trial.attempt}: {trial.reason}")
        for (number, attempt), one in said.items():
            if number == trial.number and one.params not in (None, dict(trial.params)):
                found.add("wrong", f"{name} ran with other parameters in attempt {attempt}")
    if unknown := {number for number, _ in said} - {trial.number for trial in trials}:
        found.add("lost", f"trials that ran and are not there: {sorted(unknown)}")


def _compare_mlflow(
    ordeal: Ordeal, said: dict[Key, Said], metrics: dict[int, list[MetricRow]], found: Findings
) -> None:
    status = Status.read(ordeal.folder.tracking / "status.json")
    if not status.complete:
        found.add("lost", f"MLflow does not know all of it: {status}")
        return
    shown: dict[int, Counter[tuple[int, float]]] = {number: Counter() for number in metrics}
    with closing(sqlite3.connect(ordeal.where.mlflow / "mlflow.db", timeout=20)) as db:
        rows = db.execute(
            "SELECT tags.value, metrics.step, metrics.value FROM metrics JOIN tags USING (run_uuid)"
            " JOIN tags AS sweeps USING (run_uuid) WHERE metrics.key = 'loss'"
            " AND tags.key = 'barrido.trial' AND sweeps.key = 'barrido.sweep' AND sweeps.value = ?",
            (ordeal.folder.name,),
        )
        for number, step, value in rows:
            shown.setdefault(int(number), Counter())[step, value] += 1
    for number, rows_of in metrics.items():
        stored = Counter((row.step or 0, row.value) for row in rows_of)
        if lacking := stored - shown[number]:
            found.add("lost", f"MLflow lacks {dict(lacking)} of trial {number}")
        unheard = Counter(  # under way to the gateway when their script died: in MLflow, or not
            (step, value)
            for key, one in said.items()
            for step, value in one.tried.items()
            if key[0] == number and step not in one.acknowledged
        )
        if more := shown[number] - stored - unheard:
            found.add("doubled", f"MLflow has {dict(more)} of trial {number} too many")
