"""Tune without Ray: its controller's loop, one event at a time, with trials that are numbers.

It calls schedulers and searchers as Tune's own does, in the same order, and counts every iteration.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pyarrow.fs import LocalFileSystem

PENDING, RUNNING, PAUSED, TERMINATED, ERROR = "PENDING", "RUNNING", "PAUSED", "TERMINATED", "ERROR"

Loss = Callable[[Mapping[str, Any], int], float]


@dataclass(eq=False)
class FakeTrial:
    trial_id: str
    evaluated_params: dict[str, Any]
    storage: Any
    status: str = PENDING
    last_result: dict[str, Any] = field(default_factory=dict)
    saved: int = 0  # the iteration of its last checkpoint
    iteration: int = 0
    num_failures: int = 0
    placement_group_factory: Any = None

    def set_status(self, status: str) -> None:
        self.status = status

    def init_local_path(self) -> None:
        pass

    def on_checkpoint(self, result: Any) -> None:
        self.saved = result.metrics["training_iteration"]

    def update_last_result(self, result: dict[str, Any]) -> None:
        self.last_result = result


class FakeSearchAlg:
    """Gives ``points`` one after the other, or what ``searcher`` suggests, ``total`` in all."""

    def __init__(self, source: Any, total: int, prefix: str = "t") -> None:
        self.searcher: Any = source if hasattr(source, "suggest") else None
        self._points = source
        self.total_samples = total
        self.given = 0
        self.has_ended = False
        self.prefix = prefix

    def is_finished(self) -> bool:
        return self.has_ended or self.given >= self.total_samples

    def next_trial(self, storage: Any) -> FakeTrial | None:
        trial_id = f"{self.prefix}{self.given}"
        point = self._points[self.given] if self.searcher is None else self.searcher.suggest(trial_id)
        if point == "FINISHED":
            self.has_ended = True
            return None
        if point is None:
            return None
        self.given += 1
        return FakeTrial(trial_id, dict(point), storage)


class FakeTune:
    """``workers`` is what the cluster has room for; ``fails`` are (parameters' x, iteration) pairs.

    A trial ends by itself after ``length`` iterations; it saves a checkpoint at each if ``saves``.
    """

    def __init__(
        self,
        scheduler: Any,
        search_alg: FakeSearchAlg,
        loss: Loss,
        folder: Path,
        *,
        workers: int = 2,
        length: int = 9,
        fails: frozenset[tuple[Any, int]] = frozenset(),
        saves: bool = True,
        pulls: int = 1,
    ) -> None:
        self.scheduler, self.search_alg = scheduler, search_alg
        self._loss, self._workers, self._length = loss, workers, length
        self._fails, self._saves, self._pulls = fails, saves, pulls
        self._folder = folder
        self.trials: list[FakeTrial] = []
        self.executed: Counter[tuple[Any, int]] = Counter()
        self.most_running = 0
        self._turn = 0

    def storage(self) -> Any:
        return SimpleNamespace(
            storage_filesystem=LocalFileSystem(),
            experiment_fs_path=str(self._folder),
            experiment_driver_staging_path=str(self._folder / "run" / "name" / "staging"),
            trial_fs_path=str(self._folder),
            current_checkpoint_index=0,
        )

    def add(self, trial: FakeTrial) -> None:
        self.trials.append(trial)
        self.scheduler.on_trial_add(self, trial)

    def run(self, steps: int = 100_000) -> bool:
        """Whether everything is over after so many steps."""
        return any(self._is_over() or self.step() for _ in range(steps)) or self._is_over()

    def step(self) -> bool:
        """One round of the controller; never the last word."""
        while not self.search_alg.is_finished() and self._count(PENDING) < self._pulls:
            trial = self.search_alg.next_trial(self.storage())
            if trial is None:
                break
            self.add(trial)
        chosen = self.scheduler.choose_trial_to_run(self)
        pending = [trial for trial in self.trials if trial.status == PENDING]
        for trial in [*([chosen] if chosen is not None else []), *pending]:
            if trial.status in (PENDING, PAUSED):
                trial.status = PENDING
                if self._count(RUNNING) < self._workers:
                    trial.status, trial.iteration = RUNNING, trial.saved
        running = [trial for trial in self.trials if trial.status == RUNNING]
        self.most_running = max(self.most_running, len(running))
        if running:
            self._turn += 1
            self._train(running[self._turn % len(running)])
        return False

    def _train(self, trial: FakeTrial) -> None:
        x, n = trial.evaluated_params["x"], trial.iteration + 1
        if n > self._length:
            self._over(trial)
            return
        self.executed[x, n] += 1
        if (x, n) in self._fails:
            self.scheduler.on_trial_error(self, trial)
            self._tell_search(trial.trial_id, error=True)
            trial.status, trial.num_failures = ERROR, 1
            return
        trial.iteration = n
        result: dict[str, Any] = {
            "loss": self._loss(trial.evaluated_params, n),
            "training_iteration": n,
            "time_total_s": 1.0,
        }
        if self._saves:
            checkpoint = f"{trial.trial_id}_checkpoint_{n:06d}"
            (self._folder / checkpoint).mkdir()
            result["checkpoint_dir_name"] = checkpoint
        decision = self.scheduler.on_trial_result(self, trial, dict(result))
        if decision != "STOP" and self.search_alg.searcher is not None:
            self.search_alg.searcher.on_trial_result(trial.trial_id, dict(result))
        trial.last_result = result
        trial.saved = n if self._saves else 0
        if decision == "PAUSE":
            trial.status = PAUSED
        elif decision == "STOP":
            self._over(trial)

    def _over(self, trial: FakeTrial) -> None:
        self.scheduler.on_trial_complete(self, trial, dict(trial.last_result))
        self._tell_search(trial.trial_id, result=dict(trial.last_result))
        trial.status = TERMINATED

    def stop_trial(self, trial: FakeTrial) -> None:
        self.scheduler.on_trial_remove(self, trial)
        self._tell_search(trial.trial_id)
        trial.status = TERMINATED

    def _tell_search(self, trial_id: str, **how: Any) -> None:
        if self.search_alg.searcher is not None:
            self.search_alg.searcher.on_trial_complete(trial_id, **how)

    def get_trials(self) -> list[FakeTrial]:
        return self.trials

    def _count(self, status: str) -> int:
        return sum(trial.status == status for trial in self.trials)

    def _is_over(self) -> bool:
        return self.search_alg.is_finished() and self.trials != [] and self._count_open() == 0

    def _count_open(self) -> int:
        return sum(trial.status not in (TERMINATED, ERROR) for trial in self.trials)

    def snapshot(self) -> list[FakeTrial]:
        return copy.deepcopy(self.trials)

    def restored(self, scheduler: Any, snapshot: list[FakeTrial], search_alg: FakeSearchAlg) -> FakeTune:
        """What `Tuner.restore` makes of a snapshot: what had not ended is pending."""
        again = FakeTune(
            scheduler,
            search_alg,
            self._loss,
            self._folder,
            workers=self._workers,
            length=self._length,
            fails=self._fails,
            saves=self._saves,
            pulls=self._pulls,
        )
        again.executed = self.executed
        for trial in snapshot:
            if trial.status not in (TERMINATED, ERROR):
                trial.status = PENDING
            again.add(trial)
        return again

    def lengths(self) -> list[int]:
        """How far each trial came, ascending."""
        return sorted(trial.last_result.get("training_iteration", 0) for trial in self.trials)


def points(count: int) -> list[dict[str, Any]]:
    """Numbers that are not in order."""
    return [{"x": (7 * k) % count} for k in range(count)]
