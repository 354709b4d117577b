"""What-if against the same computed by hand: loops over the recorded curves, one trial at a time.

Values are hundredths and compared as fractions. What the policies mean is taken from Azure's documentation:
"best so far" is a trial's best in its first n reports, and all trials with n reports are compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import nan
from random import Random
from statistics import median
from typing import Any

import pytest

from barrido.core.layout import SweepFolder
from barrido.core.recipe import Goal, Limits, Objective, Recipe, StopAfter, Unit, Work
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.replay.course import Course, Run
from barrido.replay.record import History, Record, read_history
from barrido.replay.simulation import what_if

Curves = Mapping[int, Sequence[int]]  # hundredths, by trial
FIFO = {"type": "fifo"}
ETA, RUNGS = 3, (1, 3, 9)


def history(
    curves: Curves,
    goal: Goal = Goal.MAXIMIZE,
    *,
    workers: int = 1,
    cut: bool = False,
    failed: Sequence[int] = (),
    **limits: Any,
) -> History:
    """A sweep in which each trial ran to the end of its curve, or was stopped there."""
    sign = goal.sign
    best = {t: sign * min(sign * v for v in curve) / 100 for t, curve in curves.items() if curve}
    phase = Phase.PRUNED if cut else Phase.COMPLETED
    runs = tuple(
        Run(t, Phase.FAILED if t in failed else phase, len(curve), best.get(t), "")
        for t, curve in curves.items()
    )
    leader = min(best, key=lambda t: (sign * best[t], t))
    return History(
        Recipe(
            name="iris",
            objective=Objective("acc", goal),
            limits=Limits(max_total_trials=99, max_concurrent_trials=workers, timeout=1.0, **limits),
            work=Work(command="true"),
        ),
        Objective("acc", goal),
        tuple(
            Record(t, array("d", [v / 100 for v in curve]), 2.0, int(t in failed), cut)
            for t, curve in curves.items()
        ),
        Course(
            runs=runs,
            reports=sum(map(len, curves.values())),
            seconds=2.0 * sum(map(len, curves.values())),
            best_trial=leader,
            best_value=best[leader],
            phase=SweepPhase.COMPLETED,
            reason="",
        ),
    )


def some_curves(
    seed: int, *, trials: int = 17, most: int = 12, least: int | None = None
) -> dict[int, list[int]]:
    """Noisy curves that rise towards different heights, of ``most`` reports, or of ``least`` and more."""
    random = Random(seed)
    curves = {}
    for trial in range(trials):
        height, count = random.randint(20, 90), random.randint(most if least is None else least, most)
        curves[trial] = [round(height * (1 - 0.6 ** (n + 1))) + random.randint(-6, 6) for n in range(count)]
    return curves


def reports_of(course: Course) -> dict[int, int]:
    return {run.trial: run.reports for run in course.runs}


def exact(hundredths: int) -> Fraction:
    return Fraction(hundredths, 100)


def is_stopped_by(policy: dict[str, Any], past: Curves, trial: int, goal: Goal) -> bool:
    """Whether a trial is stopped after its last report in ``past``."""
    better = max if goal is Goal.MAXIMIZE else min
    n = len(past[trial])
    if n % policy.get("evaluation_interval", 1) or n < policy.get("delay_evaluation", 0):
        return False
    mine = exact(better(past[trial]))
    comparable = {t: curve[:n] for t, curve in past.items() if len(curve) >= n}
    match policy["type"]:
        case "bandit":
            best = exact(better(better(curve[:n]) for curve in past.values() if curve))
            if "slack_amount" in policy:
                slack = Fraction(str(policy["slack_amount"]))
                bound = best - slack if goal is Goal.MAXIMIZE else best + slack
            else:
                ratio = 1 + Fraction(str(policy["slack_factor"]))
                bound = best / ratio if goal is Goal.MAXIMIZE else best * ratio
            return mine < bound if goal is Goal.MAXIMIZE else mine > bound
        case "median_stopping":
            averages = [Fraction(sum(curve), 100 * n) for curve in comparable.values()]
            middle = median(averages)
            return len(averages) > 1 and (mine < middle if goal is Goal.MAXIMIZE else mine > middle)
        case _:
            worst_first = sorted(
                comparable,
                key=lambda t: (better(comparable[t]) if goal is Goal.MAXIMIZE else -better(comparable[t]), t),
            )
            return trial in worst_first[: len(comparable) * policy["truncation_percentage"] // 100]


def run_under(policy: dict[str, Any], curves: Curves, goal: Goal) -> tuple[dict[int, int], set[int]]:
    """How many reports each trial makes, one trial after the other; and which are stopped."""
    past: dict[int, list[int]] = {}
    stopped = set()
    for trial, curve in curves.items():
        past[trial] = []
        for value in curve:
            past[trial].append(value)
            if is_stopped_by(policy, past, trial, goal):
                stopped.add(trial)
                break
    return {trial: len(curve) for trial, curve in past.items()}, stopped


POLICIES = [
    {"type": "bandit", "slack_factor": 0.1},
    {"type": "bandit", "slack_amount": 0.2, "evaluation_interval": 2, "delay_evaluation": 5},
    {"type": "median_stopping", "delay_evaluation": 3},
    {"type": "median_stopping", "evaluation_interval": 4},
    {"type": "truncation_selection", "truncation_percentage": 30, "delay_evaluation": 2},
]


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy['type']}-{len(policy)}")
@pytest.mark.parametrize("least", [None, 1], ids=["whole", "of all lengths"])
def test_a_policy_stops_whom_its_documentation_says(
    policy: dict[str, Any], goal: Goal, least: int | None
) -> None:
    for seed in range(5):
        curves = some_curves(seed, least=least)
        found = what_if(history(curves, goal), policy=policy, scheduler=FIFO)
        spent, stopped = run_under(policy, curves, goal)
        assert reports_of(found.course) == spent
        assert {run.trial for run in found.course.stopped} == stopped
        check_sums(found, curves, spent, goal)


def check_sums(found: Any, curves: Curves, spent: dict[int, int], goal: Goal) -> None:
    """What a what-if says of the whole, from how many reports each trial made at one trial at a time."""
    better = max if goal is Goal.MAXIMIZE else min
    made, all_made = sum(spent.values()), sum(map(len, curves.values()))
    assert (found.course.reports, found.saved) == (made, all_made - made)
    assert found.saved_percent == pytest.approx(100 * (all_made - made) / all_made)
    assert found.course.seconds == pytest.approx(2.0 * made)
    best = better(better(curves[t][:n]) for t, n in spent.items() if n)
    assert found.course.best_value == best / 100
    bests = [better(curve) for curve in curves.values() if curve]
    assert found.rank == 1 + sum(better(one, best) == one != best for one in bests)
    leader = found.history.best_trial
    assert found.survives == (leader not in {run.trial for run in found.course.stopped})
    assert found.best_run.best_value == better(curves[leader][: spent[leader]]) / 100


def value_at(curve: Sequence[int], resource: int) -> int:
    """What a trial is compared by: one whose record is shorter competes with its last value."""
    return curve[min(resource, len(curve)) - 1]


def ranked(trials: Sequence[int], curves: Curves, resource: int) -> list[int]:
    """Highest first, ties by number."""
    return sorted(trials, key=lambda trial: (-value_at(curves[trial], resource), trial))


def halve(trials: Sequence[int], curves: Curves, rungs: Sequence[int], spent: dict[int, int]) -> None:
    """One bracket of successive halving; those at the top are ended at the report after it."""
    count = len(trials)
    for i, resource in enumerate(rungs):
        for trial in trials:
            spent[trial] = min(resource, len(curves[trial]))
        if resource == rungs[-1]:
            for trial in trials:
                spent[trial] = min(resource + 1, len(curves[trial]))
        else:
            trials = ranked(trials, curves, resource)[: max(1, count // ETA ** (i + 1))]


HYPERBAND_9 = ((9, (1, 3, 9)), (5, (3, 9)), (3, (9,)))
"""Algorithm 1 for R = 9 and η = 3: how many trials, compared where."""


@pytest.mark.parametrize("least", [None, 1], ids=["whole", "of all lengths"])
@pytest.mark.parametrize("brackets", [HYPERBAND_9, ((17, (1, 3, 9)),)], ids=["hyperband", "halving"])
def test_brackets_halve_as_algorithm_1_does(brackets: Any, least: int | None) -> None:
    kind = {"type": "hyperband"} if brackets is HYPERBAND_9 else {"type": "successive_halving", "size": 17}
    for seed in range(5):
        curves = some_curves(seed, least=least)
        spent: dict[int, int] = {}
        for count, rungs in brackets:
            halve(range(len(spent), len(spent) + count), curves, rungs, spent)
        found = what_if(history(curves), scheduler={**kind, "max_resource": 9})
        assert reports_of(found.course) == spent
        check_sums(found, curves, spent, Goal.MAXIMIZE)


def test_the_units_of_hyperband_are_those_of_the_paper_with_resume() -> None:
    found = what_if(
        history(some_curves(1)), scheduler={"type": "hyperband", "max_resource": 9, "stop_last_trials": True}
    )
    assert found.course.reports == 69
    more = what_if(history(some_curves(1)), scheduler={"type": "hyperband", "max_resource": 9})
    assert more.course.reports == 69 + 1 + 1 + 3  # each finalist until it is found to go on


def test_the_workers_make_no_difference_to_brackets() -> None:
    scheduler = {"type": "hyperband", "max_resource": 9}
    courses = [what_if(history(some_curves(2), workers=n), scheduler=scheduler).course for n in (1, 4, 50)]
    assert reports_of(courses[0]) == reports_of(courses[1]) == reports_of(courses[2])
    assert courses[0].seconds > courses[1].seconds > courses[2].seconds


def stop_in_rungs(curves: Curves) -> dict[int, int]:
    """ASHA's stopping form: of those that came to a rung so far the best third goes on, one at least."""
    came: dict[int, list[int]] = {resource: [] for resource in RUNGS[:-1]}
    spent = {}
    for trial, curve in curves.items():
        until = RUNGS[-1] + 1
        for resource, here in came.items():
            here.append(trial)
            if trial not in ranked(here, curves, resource)[: max(1, len(here) // ETA)]:
                until = resource
                break
        spent[trial] = min(until, len(curve))
    return spent


def promote_in_rungs(curves: Curves) -> dict[int, int]:
    """ASHA, Algorithm 2: promote whom you can, from the highest rung; otherwise begin another trial."""
    came: dict[int, list[int]] = {resource: [] for resource in RUNGS[:-1]}
    promoted: dict[int, set[int]] = {resource: set() for resource in came}
    waiting = list(curves)
    spent = {}

    def run(trial: int, resource: int) -> None:
        is_top = resource == RUNGS[-1]
        spent[trial] = min(resource + is_top, len(curves[trial]))
        if not is_top:
            came[resource].append(trial)

    while True:
        for resource, further in reversed(list(pairwise(RUNGS))):
            best = ranked(came[resource], curves, resource)[: len(came[resource]) // ETA]
            if new := [trial for trial in best if trial not in promoted[resource]]:
                promoted[resource].add(new[0])
                run(new[0], further)
                break
        else:
            if not waiting:
                return spent
            run(waiting.pop(0), RUNGS[0])


@pytest.mark.parametrize("least", [None, 1], ids=["whole", "of all lengths"])
@pytest.mark.parametrize(
    ("variant", "by_hand"), [("stopping", stop_in_rungs), ("promotion", promote_in_rungs)]
)
def test_asha_decides_as_its_paper_says(
    variant: str, by_hand: Callable[[Curves], dict[int, int]], least: int | None
) -> None:
    for seed in range(8):
        curves = some_curves(seed, trials=27, least=least)
        found = what_if(history(curves), scheduler={"type": "asha", "variant": variant, "max_resource": 9})
        spent = by_hand(curves)
        assert reports_of(found.course) == spent
        check_sums(found, curves, spent, Goal.MAXIMIZE)


def test_a_trial_whose_record_ends_too_early_ends_there_and_is_counted() -> None:
    curves = {0: [50] * 8, 1: [60] * 2, 2: [10] * 8}
    found = what_if(history(curves, cut=True), policy={"type": "bandit", "slack_amount": 0.2}, scheduler=FIFO)
    assert reports_of(found.course) == {0: 8, 1: 2, 2: 1}
    assert found.cut == 2
    assert what_if(history(curves), scheduler=FIFO).cut == 0


def test_trials_that_failed_fail_again_and_never_win_a_rung() -> None:
    curves: dict[int, Sequence[int]] = {0: [99], 1: [20] * 9, 2: [30] * 9, 3: []}
    scheduler = {"type": "successive_halving", "size": 4, "max_resource": 9, "min_resource": 3}
    found = what_if(history(curves, failed=[0, 3]), scheduler=scheduler)
    phases = {run.trial: run.phase for run in found.course.runs}
    assert phases == {0: Phase.FAILED, 1: Phase.PRUNED, 2: Phase.COMPLETED, 3: Phase.FAILED}
    assert reports_of(found.course) == {0: 1, 1: 3, 2: 9, 3: 0}


def test_what_is_no_number_is_worst() -> None:
    told = history({0: [50] * 4, 1: [60] * 4})
    records = (told.records[0], replace(told.records[1], values=array("d", [nan] * 4)))
    found = what_if(replace(told, records=records), policy={"type": "median_stopping"}, scheduler=FIFO)
    assert reports_of(found.course) == {0: 4, 1: 1}
    assert found.course.runs[1].best_value is None


def test_trials_are_called_as_they_were_though_some_are_not_on_record() -> None:
    curves = {2: [50] * 4, 5: [70] * 4, 9: [10] * 4}
    found = what_if(history(curves), policy={"type": "bandit", "slack_amount": 0.1}, scheduler=FIFO)
    assert reports_of(found.course) == {2: 4, 5: 4, 9: 1}
    assert (found.course.best_trial, found.survives) == (5, True)


def test_only_what_is_on_record_can_be_tried() -> None:
    found = what_if(history(some_curves(0, trials=5)), scheduler={"type": "hyperband", "max_resource": 81})
    assert len(found.course.runs) == 5
    assert found.course.phase is SweepPhase.COMPLETED


def test_a_best_trial_that_is_not_begun_does_not_survive() -> None:
    curves = {0: [50] * 4, 1: [50] * 4, 2: [50] * 4, 3: [90] * 4}
    found = what_if(history(curves, stop_after=StopAfter(2)), scheduler=FIFO)
    assert set(reports_of(found.course)) == {0, 1, 2}
    assert (found.best_run, found.survives, found.rank) == (None, False, 2)


def test_seconds_can_be_what_rungs_count() -> None:
    curves = {trial: [10 * (trial + 1)] * 12 for trial in range(3)}
    asha = {"type": "asha", "variant": "stopping", "max_resource": 9, "min_resource": 3}
    found = what_if(history(dict(reversed(curves.items()))), scheduler=asha, unit=Unit.SECONDS)
    # One report every other second: 9 seconds let a trial make 4 of them, and 10 one more
    assert reports_of(found.course) == {2: 5, 1: 1, 0: 1}
    assert found.survives


def test_the_rule_that_a_sweep_had_gives_what_happened(ran: Callable[..., SweepFolder]) -> None:
    one_by_one = Limits(max_total_trials=17, max_concurrent_trials=1)
    rules: dict[str, dict[str, Any]] = {
        "policy": {
            "policy": {"type": "bandit", "slack_factor": 0.1, "delay_evaluation": 2},
            "scheduler": FIFO,
        },
        "rungs": {"scheduler": {"type": "hyperband", "max_resource": 9}},
    }
    for name, rule in rules.items():
        told = read_history(ran(name, limits=one_by_one, **rule))
        found = what_if(told, **rule)
        assert found.course.runs == told.course.runs
        assert found.course.seconds == pytest.approx(told.course.seconds)
        assert (found.saved, found.rank, found.survives) == (0, 1, True)
