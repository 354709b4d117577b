"""`BarridoScheduler`: our schedulers and policies say how far Tune's trials go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial as TuneTrial
from ray.tune.result import DEFAULT_METRIC, TRAINING_ITERATION
from ray.tune.schedulers import TrialScheduler

from barrido.core.protocols import Step
from barrido.core.recipe import Objective, Recipe, Unit, Work
from barrido.core.trial import Phase, Trial
from barrido.errors import RequestError
from barrido.integrations.ray.catching_up import catch_up, put_back, run_of, saved_at, told
from barrido.integrations.ray.conductor import ENDLESS, Conductor, limits, rebuilt
from barrido.integrations.ray.journal import NAME, Journal, last_sweep, read
from barrido.integrations.ray.search import GOALS
from barrido.integrations.ray.supply import Supply
from barrido.sdk.algorithms import EarlyTerminationPolicy
from barrido.sdk.document import plain
from barrido.sdk.schedulers import Scheduler
from barrido.sdk.search import policy_json
from barrido.spec.schedulers import Fifo, SuccessiveHalving
from barrido.spec.scheduling import read_scheduler, scheduler_json, unit_of

_DECISIONS = {Step.GO_ON: TrialScheduler.CONTINUE, Step.PAUSE: TrialScheduler.PAUSE}
_OVER = (TuneTrial.TERMINATED, TuneTrial.ERROR)
_WAITS = (TuneTrial.PAUSED, TuneTrial.PENDING)
_RUNS = (Phase.LAUNCHING, Phase.RUNNING)
_RESTS = (Phase.PAUSING, Phase.PAUSED)


class BarridoScheduler(TrialScheduler):  # type: ignore[misc]
    """Hyperband, successive halving, ASHA and policies, for `ray.tune.TuneConfig.scheduler`.

    ``scheduler`` and ``early_termination`` are objects, mappings or names as a sweep takes them; at least one
    of them is needed. The resource is what Tune counts as ``training_iteration``, one for each report. Trials
    that wait at a rung are paused, and go on from the last checkpoint they reported; without one they begin
    anew, and what they report again is not compared again. A trial whose value is NaN, infinite or missing
    is the worst, and never goes on.

    All that is told is appended to ``journal``, the path of a file; by default ``barrido.jsonl`` in the
    experiment's folder. After a crash `ray.tune.Tuner.restore` goes on where it ends. One scheduler is for
    one Tuner. Raises RequestError, SpecError for what makes no sense.
    """

    # Reports that come in packs would be told when it is too late to pause
    _supports_buffered_results = False

    def __init__(
        self,
        scheduler: Mapping[str, Any] | Scheduler | str | None = None,
        *,
        early_termination: Mapping[str, Any] | EarlyTerminationPolicy | str | None = None,
        metric: str | None = None,
        mode: str | None = None,
        journal: str | Path | None = None,
    ) -> None:
        super().__init__()
        if scheduler is None and early_termination is None:
            raise RequestError(
                "BarridoScheduler needs a scheduler, an early termination policy, or both",
                hint="for example BarridoScheduler(HyperbandScheduler(max_resource=81))",
            )
        self._given = read_scheduler(plain("fifo" if scheduler is None else scheduler))
        if not isinstance(self._given, Fifo) and unit_of(self._given) is not Unit.REPORT:
            raise RequestError(
                f"inside Ray Tune the resource counts reports (got {self._given.resource!r})",
                hint="leave out resource; max_resource is a number of reports",
            )
        self._policy = policy_json(early_termination)
        self._metric: str = metric or ""
        self._mode = mode
        self._path = None if journal is None else Path(journal).absolute()
        self._conductor: Conductor | None = None
        self._supply: Supply | None = None
        self._trials: dict[str, tuple[TuneTrial, Trial]] = {}  # those that are not over, by Tune's id

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Called by Tune, before the first trial. False: it was said already."""
        if self._metric and metric:
            return False
        self._metric = self._metric or metric or DEFAULT_METRIC
        self._mode = mode or self._mode
        return True

    def on_trial_add(self, tune_controller: Any, trial: TuneTrial) -> None:
        """A trial is new, or there again after it failed, or after a restart of the driver."""
        if trial.trial_id in self._trials:
            return  # it failed, and Tune tries once more
        conductor, supply = self._led(tune_controller, trial)
        mine = conductor.find(trial.trial_id)
        if supply.search is None and (mine is None or mine.params != _params(trial)):
            if supply.draws_anew and (lost := conductor.lost) is not None:
                put_back(trial, lost.params)
            mine = conductor.add(trial.trial_id, _params(trial))
        if mine is not None:
            conductor.see(mine)
            self._take(conductor, trial, mine)
        supply.limit(conductor, len(self._trials))

    def _take(self, conductor: Conductor, trial: TuneTrial, mine: Trial) -> None:
        if trial.status in _OVER:
            conductor.ended(mine, failed=trial.status == TuneTrial.ERROR)
            return
        if mine.phase is Phase.FAILED and trial.num_failures:
            return  # Tune was told to run it all the same, and does: it takes part in nothing
        self._trials[trial.trial_id] = trial, mine
        if (known := conductor.knows(mine)) is not None:
            catch_up(trial, known)
        if mine.phase not in _RUNS:
            trial.set_status(TuneTrial.PAUSED)

    def on_trial_result(self, tune_controller: Any, trial: TuneTrial, result: dict[str, Any]) -> str:
        """Whether a trial goes on after a report, waits, or is stopped."""
        if trial.trial_id not in self._trials:
            return str(TrialScheduler.CONTINUE)
        step = self._report(trial, result)
        return str(_DECISIONS.get(step, TrialScheduler.STOP))

    def on_trial_error(self, tune_controller: Any, trial: TuneTrial) -> None:
        """A trial failed. Where Tune is going to try again, it says ERROR already, and adds it once more."""
        if trial.status != TuneTrial.ERROR:
            self._end(trial, failed=True)

    def on_trial_complete(self, tune_controller: Any, trial: TuneTrial, result: dict[str, Any]) -> None:
        """A trial has ended, or was stopped. A result that made Tune stop it was not told before."""
        if trial.trial_id in self._trials:
            self._report(trial, result)
            self._end(trial)

    def on_trial_remove(self, tune_controller: Any, trial: TuneTrial) -> None:
        """A trial was ended that did not run."""
        self._end(trial)

    def choose_trial_to_run(self, tune_controller: Any) -> TuneTrial | None:
        """The next trial that is to go on, or that waits for a worker; None if there is none."""
        conductor, supply = self._conductor, self._supply
        if conductor is None or supply is None:
            return None
        for trial, mine in list(self._trials.values()):
            if mine.phase is Phase.PAUSING and trial.status == TuneTrial.PAUSED:
                conductor.paused(mine)
        supply.adjust(conductor, len(self._trials), has_started=self._has_started(conductor))
        for trial, mine in list(self._trials.values()):
            if mine.phase not in (*_RUNS, *_RESTS) and trial.status in _WAITS:
                tune_controller.stop_trial(trial)
        going = [trial for trial, mine in self._trials.values() if mine.phase in _RUNS]
        return next((trial for status in _WAITS for trial in going if trial.status == status), None)

    def debug_string(self) -> str:
        """A line for Tune's own progress report."""
        if self._conductor is None:
            return f"barrido {self._given.type}"
        state = self._conductor.state
        best = "" if state.best is None else f", the best is trial {state.best}"
        return f"barrido {self._given.type}: {len(state.live)} run, {len(state.parked)} wait at a rung{best}"

    def save(self, checkpoint_path: str) -> None:
        """The journal, as a file of its own."""
        text = "" if self._conductor is None else self._conductor.journal.text()
        Path(checkpoint_path).write_text(text, encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Go on from what `save` wrote; the journal goes on in that file."""
        journal = Journal()
        path = Path(checkpoint_path)
        lines = last_sweep(path.read_text(encoding="utf-8").splitlines())
        journal.open(path)
        self._conductor = rebuilt(lines, journal) if lines else None

    def _has_started(self, conductor: Conductor) -> bool:
        """Whether nobody waits for a worker, or could."""
        running = sum(trial.status == TuneTrial.RUNNING for trial, _ in self._trials.values())
        return not conductor.wanted and conductor.slots <= len(conductor.state.live) <= running

    def _report(self, trial: TuneTrial, result: Mapping[str, Any]) -> Step:
        conductor, supply = self._conductor, self._supply
        if conductor is None or supply is None or self._metric not in result:
            return Step.GO_ON
        step = conductor.report(
            self._trials[trial.trial_id][1],
            result[self._metric],
            int(result[TRAINING_ITERATION]),
            result=told(result),
            checkpoint=saved_at(trial, result),
        )
        supply.limit(conductor, len(self._trials))
        return step

    def _end(self, trial: TuneTrial, *, failed: bool = False) -> None:
        conductor, supply = self._conductor, self._supply
        if conductor is not None and supply is not None and trial.trial_id in self._trials:
            conductor.ended(self._trials.pop(trial.trial_id)[1], failed=failed)
            supply.limit(conductor, len(self._trials))

    def _led(self, tune_controller: Any, trial: TuneTrial) -> tuple[Conductor, Supply]:
        """The sweep, begun or rebuilt when its first trial is there."""
        if self._conductor is None or self._supply is None:
            supply = Supply(tune_controller.search_alg, trial)
            conductor = self._conductor or self._rebuilt(trial) or self._begun(supply, trial)
            supply.most = conductor.most
            if supply.search is not None:
                supply.search.follow(conductor)
                if conductor.find(trial.trial_id) is None:  # it was suggested before there was a sweep
                    conductor.widen()
                    conductor.claim(trial.trial_id)
            self._conductor, self._supply = conductor, supply
        return self._conductor, self._supply

    def _rebuilt(self, trial: TuneTrial) -> Conductor | None:
        """The sweep of the journal, if this is a trial of it."""
        lines = read(path := self._journal(trial))
        if not lines or lines[0]["run"] != run_of(trial):
            return None
        journal = Journal()
        journal.open(path)
        return rebuilt(lines, journal)

    def _begun(self, supply: Supply, trial: TuneTrial) -> Conductor:
        if self._mode not in GOALS:
            raise RequestError(f"the mode is min or max (got {self._mode!r})", hint="TuneConfig(mode='min')")
        goal, total = GOALS[self._mode], supply.total
        given, search = self._given, supply.search
        if given.type == "bohb" and (search is None or search.algorithm != "bohb"):
            raise RequestError(
                "BOHBScheduler goes with a search that learns at its rungs",
                hint='add search_alg=BarridoSearch(sampling_algorithm="bohb"), or use HyperbandScheduler',
            )
        if isinstance(given, SuccessiveHalving) and given.trials is None and total == ENDLESS:
            raise RequestError(
                "successive halving needs to know with how many trials to begin",
                hint="SuccessiveHalvingScheduler(trials=…), or TuneConfig(num_samples=…)",
            )
        recipe = (
            Recipe(
                name="tune",
                objective=Objective(self._metric, goal),
                limits=limits(total),
                work=Work(command=""),
            )
            if search is None
            else search.recipe(metric=self._metric, goal=goal, trials=total)
        )
        config = scheduler_json(given, max_total_trials=total)
        recipe = replace(recipe, scheduler=config, policy=self._policy)
        journal = Journal()
        journal.open(self._journal(trial))
        suggests = search is not None
        return Conductor(recipe, journal, suggests=suggests, most=supply.most, run=run_of(trial))

    def _journal(self, trial: TuneTrial) -> Path:
        storage = trial.storage
        if self._path is None and storage.storage_filesystem.type_name != "local":
            raise RequestError(
                f"a journal cannot be appended to in {storage.storage_filesystem.type_name} storage",
                hint="say where it is to be on this machine: BarridoScheduler(…, journal='…')",
            )
        return self._path or Path(storage.experiment_fs_path, NAME)


def _params(trial: TuneTrial) -> dict[str, Any]:
    """What Tune chose, by name, as JSON has it; of other objects only what they are."""
    text = json.dumps(trial.evaluated_params, default=lambda value: type(value).__name__)
    params: dict[str, Any] = json.loads(text)
    return params
