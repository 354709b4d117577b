"""The engines against the documentation's prose, taken literally: all histories, no bookkeeping.

Values are hundredths and compared as fractions, so a trial exactly on a bound is exactly on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrido.core.recipe import Goal
from barrido.policies import applies, build

Value = Fraction | None  # in the user's scale; None: not a number


@dataclass
class Job:
    values: list[Value] = field(default_factory=list)
    is_finished: bool = False


def best(values: list[Value], goal: Goal) -> Value:
    usable = [value for value in values if value is not None]
    if not usable:
        return None
    return max(usable) if goal is Goal.MAXIMIZE else min(usable)


def is_worse(one: Value, other: Value, goal: Goal) -> bool:
    if one is None or other is None:
        return one is None and other is not None
    return one < other if goal is Goal.MAXIMIZE else one > other


def mean(values: list[Value]) -> Value:
    usable = [value for value in values if value is not None]
    return sum(usable, Fraction(0)) / len(usable) if len(usable) == len(values) else None


def prose_bandit(jobs: dict[int, Job], trial: int, n: int, goal: Goal, config: dict[str, Any]) -> bool:
    """Worse than the best of all jobs by more than the slack; each job with its first n reports at most."""
    top = best([best(job.values[:n], goal) for job in jobs.values()], goal)
    if top is None:
        return False
    maximize = goal is Goal.MAXIMIZE
    if "slack_amount" in config:
        slack = Fraction(str(config["slack_amount"]))
    else:
        factor = Fraction(str(config["slack_factor"]))
        slack = abs(top) * (factor / (1 + factor) if maximize else factor)
    return is_worse(best(jobs[trial].values[:n], goal), top - slack if maximize else top + slack, goal)


def prose_median(jobs: dict[int, Job], trial: int, n: int, goal: Goal, config: dict[str, Any]) -> bool:
    """Best worse than the median of the running averages of all jobs that have n reports."""
    averages = [mean(job.values[:n]) for job in jobs.values() if len(job.values) >= n]
    if len(averages) < 2:
        return False
    ranked = sorted((a for a in averages if a is not None), reverse=goal is Goal.MAXIMIZE)
    from_best: list[Value] = [*ranked, *[None] * (len(averages) - len(ranked))]
    median = mean([from_best[(len(averages) - 1) // 2], from_best[len(averages) // 2]])
    own = best(jobs[trial].values[:n], goal)
    return own is None or is_worse(own, median, goal)


def prose_truncation(jobs: dict[int, Job], trial: int, n: int, goal: Goal, config: dict[str, Any]) -> bool:
    """Among the worst p percent, rounded down, of the jobs that have n reports."""
    left_out = {
        number for number, job in jobs.items() if config["exclude_finished_jobs"] and job.is_finished
    } - {trial}
    pool = [number for number in sorted(jobs) if len(jobs[number].values) >= n and number not in left_out]
    own = best(jobs[trial].values[:n], goal)
    bests = {number: best(jobs[number].values[:n], goal) for number in pool}
    ahead_in_line = [
        number
        for number, value in bests.items()
        if is_worse(value, own, goal) or (value == own and number < trial)
    ]
    percentage: int = config["truncation_percentage"]
    return len(ahead_in_line) < len(pool) * percentage // 100


CONFIGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "bandit, amount": st.fixed_dictionaries(
        {"type": st.just("bandit"), "slack_amount": st.integers(0, 20).map(lambda k: k / 100)}
    ),
    "bandit, factor": st.fixed_dictionaries(
        {"type": st.just("bandit"), "slack_factor": st.sampled_from([0, 0.1, 0.2, 0.25, 0.5, 1, 3])}
    ),
    "median": st.just({"type": "median_stopping"}),
    "truncation": st.fixed_dictionaries(
        {
            "type": st.just("truncation_selection"),
            "truncation_percentage": st.sampled_from([1, 20, 34, 50, 75, 99]),
            "exclude_finished_jobs": st.booleans(),
        }
    ),
}
PROSE = {
    "bandit": prose_bandit,
    "median_stopping": prose_median,
    "truncation_selection": prose_truncation,
}
TRIALS = 5
HUNDREDTHS = st.one_of(st.none(), st.integers(-30, 30))
HAPPENING = st.tuples(
    st.integers(0, TRIALS - 1), st.sampled_from(["report"] * 8 + ["last report", "lost"]), HUNDREDTHS
)


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_every_verdict_is_the_proses(name: str, data: st.DataObject) -> None:
    config: dict[str, Any] = {
        **data.draw(CONFIGS[name]),
        "evaluation_interval": data.draw(st.sampled_from([0, 1, 2, 3])),
        "delay_evaluation": data.draw(st.sampled_from([0, 2, 3])),
    }
    goal = data.draw(st.sampled_from(list(Goal)))
    happenings = data.draw(st.lists(HAPPENING, min_size=10, max_size=60))

    policy = build(config, goal)
    jobs: dict[int, Job] = {}
    for trial, kind, hundredths in happenings:
        job = jobs.setdefault(trial, Job())
        if job.is_finished:
            continue
        if kind == "lost":
            job.values.clear()
        job.values.append(None if hundredths is None else Fraction(hundredths, 100))
        n = len(job.values)
        policy.observe(trial, n, inf if hundredths is None else goal.sign * hundredths / 100)
        if kind == "last report":
            job.is_finished = True
            policy.ended(trial)
        interval, delay = config["evaluation_interval"] or 1, config["delay_evaluation"]
        assert applies(policy, n) == (n % interval == 0 and n >= delay)
        if applies(policy, n):
            verdict = policy.judge(trial, n)
            assert verdict.stops == PROSE[config["type"]](jobs, trial, n, goal, config), verdict
            assert bool(verdict.reason) == verdict.stops
