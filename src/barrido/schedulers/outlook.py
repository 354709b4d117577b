"""What a scheduler is going to do with a sweep, before it begins: for people who ask what it will cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from barrido.core.protocols import Promote, Sample
from barrido.schedulers.asha import ASHA
from barrido.schedulers.halving import SuccessiveHalving
from barrido.schedulers.hyperband import Hyperband

_REHEARSED = 2000  # trials, in all rehearsals of an asynchronous sweep


@dataclass(frozen=True, slots=True)
class BracketOutlook:
    """Trials that are compared with each other. ``rungs``: how many come to which resource."""

    rungs: tuple[tuple[int, int], ...]

    @property
    def s(self) -> int:
        """How often they are cut down."""
        return len(self.rungs) - 1

    @property
    def configurations(self) -> int:
        return self.rungs[0][0]

    @property
    def resource(self) -> int:
        """What they use in all, if those that go on have what they had."""
        used = before = 0
        for trials, resource in self.rungs:
            used += trials * (resource - before)
            before = resource
        return used

    def to_json(self) -> dict[str, Any]:
        rungs = [{"trials": trials, "resource": resource} for trials, resource in self.rungs]
        return {
            "s": self.s,
            "rungs": rungs,
            "configurations": self.configurations,
            "resource": self.resource,
        }


@dataclass(frozen=True, slots=True)
class Outlook:
    """``resource`` is None where no scheduler bounds it. ``note`` says what was not to be expected, or ""."""

    brackets: tuple[BracketOutlook, ...]
    trials: int
    resource: int | None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "brackets": [bracket.to_json() for bracket in self.brackets],
            "trials": self.trials,
            "resource": self.resource,
            "note": self.note,
        }


def outlook(config: Mapping[str, Any], trials: int) -> Outlook:
    """For the scheduler of a recipe, in a sweep of at most ``trials``. RequestError if there is none such."""
    options = {name: value for name, value in config.items() if name != "type"}
    match config["type"]:
        case "hyperband" | "bohb":
            hyperband = Hyperband(**options, trials=trials)
            size = sum(bracket.size for bracket in hyperband.full)
            few = f"max_total_trials {trials} is smaller than a full Hyperband ({size})"
            return _of_brackets(hyperband, trials, few)
        case "successive_halving":
            n = options.pop("size")
            halving = SuccessiveHalving(n=n, **options, trials=trials)
            few = f"{n} trials in a bracket are too few to be halved {len(halving.rungs) - 1} times"
            return _of_brackets(halving, trials, few)
        case "asha":
            return _of_asha(ASHA(**options, trials=trials), trials)
        case _:
            return Outlook((), trials, None)


def _of_brackets(scheduler: Hyperband | SuccessiveHalving, trials: int, few: str) -> Outlook:
    notes = []
    fitting, planned = scheduler.fitting, scheduler.planned
    if fitting[0].rungs[0] > scheduler.rungs[0]:
        notes.append(_describe_start(few, fitting[0].rungs, scheduler.rungs))
    if planned and planned[-1].size < (whole := fitting[(len(planned) - 1) % len(fitting)]).size:
        which = "the last bracket" if len(planned) > 1 else "the only bracket"
        cut = f"{which} has {planned[-1].size} of {whole.size} trials"
        is_higher = planned[-1].rungs != whole.rungs
        notes.append(_describe_start(cut, planned[-1].rungs, whole.rungs) if is_higher else cut)
    brackets = [BracketOutlook(tuple(zip(b.sizes, b.rungs, strict=True))) for b in planned]
    return Outlook(tuple(brackets), trials, sum(b.resource for b in brackets), "; ".join(notes))


def _of_asha(asha: ASHA, trials: int) -> Outlook:
    """What to expect of trials with random losses that run one after the other."""
    counts = np.zeros(len(asha.rungs))
    repeats = max(1, _REHEARSED // max(1, trials))
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        for resource in _rehearse(asha, rng.random(trials).tolist()):
            counts[asha.rungs.index(resource)] += 1 / repeats
    expected = BracketOutlook(tuple(zip(counts.round().astype(int).tolist(), asha.rungs, strict=True)))
    notes = ["so many trials can be expected at each rung; how many it will be, their losses decide"]
    if asha.rungs != asha.all_rungs:
        few = f"max_total_trials {trials} is too small for every rung"
        notes.insert(0, _describe_start(few, asha.rungs, asha.all_rungs))
    return Outlook((expected,), trials, expected.resource, "; ".join(notes))


def _rehearse(asha: ASHA, losses: Sequence[float]) -> Iterator[int]:
    """The rungs that trials with these losses come to, one after the other."""
    state, begun = asha.init(), 0
    while True:
        state, work = asha.next(state, begun if begun < len(losses) else None)
        match work:
            case Sample(until):
                trial, begun = begun, begun + 1
            case Promote(trial, until):
                pass
            case _:
                return
        while until is not None and until <= asha.rungs[-1]:
            yield until
            state, verdict = asha.report(state, trial, until, losses[trial])
            until = verdict.until


def _describe_start(few: str, rungs: Sequence[int], wished: Sequence[int]) -> str:
    return f"{few}: trials begin at {rungs[0]}, not at {wished[0]}"
