"""What is on record of a sweep: what its trials reported, and how long that took them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median

from barrido.core.events import Launch, Launched, Reported
from barrido.core.layout import SweepFolder
from barrido.core.recipe import Objective, Recipe
from barrido.core.trial import Phase
from barrido.errors import RequestError
from barrido.replay.course import Course, Run
from barrido.replay.log import Log, read_log
from barrido.store.batch import Decision
from barrido.store.queries import TrialRow


@dataclass(frozen=True, slots=True)
class Record:
    """The reports of one trial, in the user's scale: of the last of those attempts that made most.

    ``seconds`` lie between two of them, in the median. ``is_cut``: it was ended, or still runs, and nobody
    knows how it would have gone on.
    """

    trial: int
    values: Sequence[float]
    seconds: float
    exit_code: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class History:
    """A sweep that ran. ``recipe`` has its limits as they were at last; ``records`` are by trial number."""

    recipe: Recipe
    objective: Objective
    records: tuple[Record, ...]
    course: Course

    @property
    def longest(self) -> int:
        """The most reports that a trial made."""
        return max(len(record.values) for record in self.records)


def read_history(folder: SweepFolder) -> History:
    """The record of a sweep as far as it has come. Raises RequestError if there is nothing to decide on."""
    log = read_log(folder)
    objective = log.sweep.recipe.objective
    if objective is None:
        raise RequestError(f"in {folder.name!r} nothing is compared: no rule could stop a trial")
    attempts = sorted(_attempts(log.decisions), key=lambda attempt: len(attempt.values))
    longest = {attempt.trial: attempt for attempt in attempts}
    records = (_record(trial, longest.get(trial.number)) for trial in log.trials)
    told = tuple(record for record in records if record.values or not record.is_cut)
    if not any(record.values for record in told):
        raise RequestError(
            f"no trial of {folder.name!r} has reported {objective.metric!r}: there is nothing on record"
        )
    recipe = replace(log.sweep.recipe, limits=log.sweep.limits)
    return History(recipe, objective, told, _course(log))


@dataclass(slots=True)
class _Attempt:
    trial: int
    continues: bool  # from a checkpoint, what it does again does not count
    values: array[float] = field(default_factory=lambda: array("d"))
    last_step: int = 0
    gaps: list[float] = field(default_factory=list)
    since: float | None = None  # its latest report, or since when it runs

    def run(self, at: float) -> None:
        # A controller that adopted it tells of its beginning once more
        self.since = at if self.since is None else max(self.since, at)

    def report(self, event: Reported) -> None:
        if self.since is not None:
            self.gaps.append(event.at - self.since)
        self.since = event.at
        if self.continues and event.step is not None and 0 < self.last_step >= event.step:
            return
        self.values.append(event.value)
        self.last_step = max(self.last_step, len(self.values) if event.step is None else event.step)


def _attempts(decisions: Iterable[Decision]) -> Iterator[_Attempt]:
    """All attempts, in the order in which they were launched."""
    found: dict[tuple[int, int], _Attempt] = {}
    for decision in decisions:
        match decision.event:
            case Launched(number, attempt, at) if (number, attempt) in found:
                found[number, attempt].run(at)
            case Reported(number, attempt) as event if (number, attempt) in found:
                found[number, attempt].report(event)
        for action in decision.actions:
            if isinstance(action, Launch):
                launched = _Attempt(action.trial, continues=action.start > 0)
                before = found.get((action.trial, action.attempt - 1))
                if launched.continues and before is not None:
                    launched.values, launched.last_step = before.values[:], before.last_step
                    launched.gaps = before.gaps[:]
                found[action.trial, action.attempt] = launched
    yield from found.values()


def _record(trial: TrialRow, attempt: _Attempt | None) -> Record:
    failed = trial.phase is Phase.FAILED
    ended_well = trial.phase is Phase.COMPLETED and trial.exit_code == 0
    gaps = attempt.gaps if attempt else []
    return Record(
        trial.number,
        attempt.values if attempt else array("d"),
        # Reports that are read together seem to come at once
        (median(gaps) or fmean(gaps)) if gaps else 0.0,
        (trial.exit_code or 1) if failed else 0,
        is_cut=not (failed or ended_well),
    )


def _course(log: Log) -> Course:
    sweep, decisions = log.sweep, log.decisions
    ended = decisions[-1].event.at if sweep.ended_at is None else sweep.ended_at
    return Course(
        runs=tuple(
            Run(trial.number, trial.phase, trial.reports, trial.best_value, trial.reason)
            for trial in log.trials
        ),
        reports=sum(isinstance(one.event, Reported) for one in decisions),
        seconds=ended - (sweep.started_at or ended),
        best_trial=sweep.best_trial,
        best_value=sweep.best_value,
        phase=sweep.phase,
        reason=sweep.reason,
    )
