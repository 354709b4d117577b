"""The worked examples of the documented policies, and what their reasons say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import Any

import pytest

from barrido.core.protocols import GO_ON, Policy, Verdict
from barrido.core.recipe import Goal
from barrido.errors import RequestError
from barrido.policies import applies, build

MAX, MIN = Goal.MAXIMIZE, Goal.MINIMIZE


def verdict(
    config: Mapping[str, Any], goal: Goal, others: Sequence[Sequence[float]], own: Sequence[float]
) -> Verdict:
    """On the last report of ``own``, the trial numbered after ``others``; values in the user's scale."""
    policy = build(config, goal)
    for trial, values in enumerate([*others, own]):
        feed(policy, goal, trial, values)
    return policy.judge(len(others), len(own))


def feed(policy: Policy, goal: Goal, trial: int, values: Sequence[float]) -> None:
    for n, value in enumerate(values, 1):
        policy.observe(trial, n, inf if value != value else goal.sign * value)


@pytest.mark.parametrize(
    ("interval", "delay", "points"),
    [
        (100, 200, [200, 300]),
        (2, 5, [6, 8, 10]),
        (1, 5, [5, 6, 7]),
        (None, None, [1, 2, 3]),
        (0, 0, [1, 2, 3]),
    ],
)
def test_a_policy_applies_at_the_multiples_of_its_interval_from_its_delay_on(
    interval: int | None, delay: int | None, points: list[int]
) -> None:
    policy = build(
        {"type": "median_stopping", "evaluation_interval": interval, "delay_evaluation": delay}, MAX
    )
    found = [n for n in range(1, 400) if applies(policy, n)]
    assert found[: len(points)] == points


@pytest.mark.parametrize(
    ("config", "goal", "best", "passes", "stopped"),
    [
        ({"slack_factor": 0.2}, MAX, 0.8, 0.67, 0.66),
        ({"slack_factor": 0.1}, MAX, 1.1, 1.0, 0.99),
        ({"slack_amount": 0.2}, MAX, 0.8, 0.6, 0.59),
        ({"slack_amount": 0.2}, MAX, 0.9, 0.7, 0.69),
        ({"slack_factor": 0.2}, MIN, 0.5, 0.6, 0.61),
        ({"slack_amount": 0.1}, MIN, 0.2, 0.3, 0.31),
        ({"slack_factor": 0.25}, MAX, -1.0, -1.2, -1.21),
        ({"slack_factor": 0.25}, MIN, -1.0, -0.75, -0.74),
        ({"slack_amount": 0}, MAX, 0.5, 0.5, 0.499),
    ],
)
def test_bandit_stops_strictly_beyond_its_bound(
    config: dict[str, float], goal: Goal, best: float, passes: float, stopped: float
) -> None:
    settings = {"type": "bandit", **config}
    assert verdict(settings, goal, [[best]], [passes]) == GO_ON
    assert verdict(settings, goal, [[best]], [stopped]).stops
    assert verdict(settings, goal, [], [stopped]) == GO_ON


def test_bandit_compares_at_the_same_number_of_reports() -> None:
    settings = {"type": "bandit", "slack_amount": 0.2}
    assert verdict(settings, MAX, [[0.5, 0.9]], [0.4]) == GO_ON
    assert verdict(settings, MAX, [[0.5, 0.9]], [0.4, 0.6]).stops


def test_a_trial_with_fewer_reports_lends_bandit_its_best() -> None:
    assert verdict({"type": "bandit", "slack_amount": 0.2}, MAX, [[0.9]], [0.1, 0.2]).stops


def test_median_stopping_compares_a_best_with_running_averages() -> None:
    settings = {"type": "median_stopping", "delay_evaluation": 3}
    a, b, c = [0.5, 0.6, 0.7], [0.4, 0.5, 0.6], [0.1, 0.2, 0.3]
    assert verdict(settings, MAX, [a, b], c).stops
    assert verdict(settings, MAX, [a, c], b) == GO_ON
    assert verdict(settings, MAX, [b, c], a) == GO_ON
    assert verdict(settings, MAX, [], c) == GO_ON


def test_equal_and_constant_trials_are_not_below_their_median() -> None:
    for value in (0.1, 0.7, 1 / 3, 1e-5, 5e-324, 1.7e308):
        for goal in Goal:
            constant = [value] * 3
            assert verdict({"type": "median_stopping"}, goal, [constant, constant], constant) == GO_ON


def test_truncation_stops_the_worst_part_rounded_down() -> None:
    settings = {"type": "truncation_selection", "truncation_percentage": 20}
    others = [[0.5 + trial / 100] for trial in range(9)]
    assert verdict(settings, MAX, others, [0.501]).stops
    assert verdict(settings, MAX, others, [0.511]) == GO_ON
    assert verdict(settings, MAX, others[:3], [0.1]) == GO_ON


def test_of_equal_trials_the_lower_number_ranks_worse() -> None:
    policy = build({"type": "truncation_selection", "truncation_percentage": 50}, MIN)
    for trial in (3, 1, 2, 0):
        feed(policy, MIN, trial, [0.5])
    assert [policy.judge(trial, 1).stops for trial in range(4)] == [True, True, False, False]


def test_finished_trials_can_be_left_out_of_the_ranking_but_never_the_judged_one() -> None:
    settings = {"type": "truncation_selection", "truncation_percentage": 50}
    for excluded, verdicts in ((False, [False, False]), (True, [False, True])):
        policy = build({**settings, "exclude_finished_jobs": excluded}, MAX)
        for trial, value in enumerate([0.1, 0.5, 0.9]):
            feed(policy, MAX, trial, [value])
        before = policy.judge(1, 1).stops
        policy.ended(0)
        assert [before, policy.judge(1, 1).stops] == verdicts
        assert policy.judge(0, 1).stops


def test_a_trial_that_starts_again_is_compared_as_if_it_were_new() -> None:
    bandit = build({"type": "bandit", "slack_amount": 0.1}, MAX)
    feed(bandit, MAX, 0, [0.9, 0.95])
    feed(bandit, MAX, 1, [0.5])
    assert bandit.judge(1, 1).stops
    feed(bandit, MAX, 0, [0.55])
    assert bandit.judge(1, 1) == GO_ON


@pytest.mark.parametrize(
    ("config", "goal", "others", "own", "reason"),
    [
        (
            {"type": "bandit", "slack_amount": 0.2},
            MAX,
            [[0.1], [0.9]],
            [0.3, 0.61, 0.5],
            "best 0.61 in 3 reports is below 0.9 − 0.2 = 0.7; best is trial 1",
        ),
        (
            {"type": "bandit", "slack_factor": 0.2},
            MAX,
            [[0.8]],
            [0.6],
            "best 0.6 in 1 report is below 0.8 − 0.1333 = 0.6667; best is trial 0",
        ),
        (
            {"type": "bandit", "slack_factor": 0.2},
            MIN,
            [[-2.0]],
            [-1.5],
            "best -1.5 in 1 report is above -2 + 0.4 = -1.6; best is trial 0",
        ),
        (
            {"type": "bandit", "slack_amount": 0.2},
            MAX,
            [[0.9]],
            [0.6999996],
            "best 0.6999996 in 1 report is below 0.9 − 0.2 = 0.7; best is trial 0",
        ),
        (
            {"type": "bandit", "slack_amount": 0.2},
            MAX,
            [[0.9]],
            [nan, nan],
            "no usable value in 2 reports is below 0.9 − 0.2 = 0.7; best is trial 0",
        ),
        (
            {"type": "median_stopping"},
            MAX,
            [[0.5], [0.6]],
            [0.31],
            "best 0.31 in 1 report is below the median 0.5 of 3 running averages;"
            " nearest is trial 0 with 0.5",
        ),
        (
            {"type": "median_stopping"},
            MIN,
            [[100.0], [23456.5]],
            [23456.25],
            None,
        ),
        (
            {"type": "median_stopping"},
            MIN,
            [[23456.0], [23456.125]],
            [23456.25],
            "best 23456.2 in 1 report is above the median 23456.1 of 3 running averages;"
            " nearest is trial 1 with 23456.1",
        ),
        (
            {"type": "truncation_selection", "truncation_percentage": 50},
            MAX,
            [[0.1], [0.5], [0.9]],
            [0.31],
            "best 0.31 in 1 report ranks 2nd worst of 4; the worst 50% (2) are stopped,"
            " the first spared is trial 1 with 0.5",
        ),
        (
            {"type": "truncation_selection", "truncation_percentage": 50},
            MAX,
            [[0.9]],
            [nan],
            "no usable value in 1 report ranks 1st worst of 2; the worst 50% (1) are stopped,"
            " the first spared is trial 0 with 0.9",
        ),
    ],
)
def test_a_reason_names_the_numbers_in_the_users_scale(
    config: dict[str, Any], goal: Goal, others: list[list[float]], own: list[float], reason: str | None
) -> None:
    found = verdict(config, goal, others, own)
    assert found.reason == (reason or "")
    assert found.stops == (reason is not None)


def test_without_any_usable_value_nobody_is_behind_the_best() -> None:
    assert verdict({"type": "bandit", "slack_factor": 0.0}, MAX, [[nan], [nan]], [nan]) == GO_ON


def test_a_trial_without_any_usable_value_does_not_pass_a_median_that_is_none_either() -> None:
    assert verdict({"type": "median_stopping"}, MAX, [[nan], [nan]], [nan]).stops


@pytest.mark.parametrize(
    "config",
    [
        {"type": "bandit"},
        {"type": "bandit", "slack_factor": 0.1, "slack_amount": 0.1},
        {"type": "bandit", "slack_amount": -0.1},
        {"type": "truncation_selection", "truncation_percentage": 0},
        {"type": "truncation_selection", "truncation_percentage": 100},
        {"type": "bandito"},
        {},
    ],
)
def test_settings_that_make_no_sense_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as error:
        build(config, MAX)
    assert error.value.hint
