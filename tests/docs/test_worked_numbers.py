"""The numbers that the guide works out are those of the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from barrido.core.protocols import Verdict
from barrido.core.recipe import Goal
from barrido.policies import build


def judged(config: Mapping[str, Any], goal: Goal, curves: Sequence[Sequence[float]]) -> Verdict:
    """The verdict on the last of ``curves`` at its last report, after all of them were reported."""
    policy = build(config, goal)
    for trial, curve in enumerate(curves):
        for n, value in enumerate(curve, start=1):
            policy.observe(trial, n, goal.sign * value)
    return policy.judge(len(curves) - 1, len(curves[-1]))


BEST = [0.5, 0.7, 0.9, 0.8, 0.8]


@pytest.mark.parametrize(("value", "stops"), [(0.69, True), (0.70, False), (0.71, False)])
def test_bandit_with_an_amount(value: float, stops: bool) -> None:
    policy = {"type": "bandit", "slack_amount": 0.2, "delay_evaluation": 5}
    assert judged(policy, Goal.MAXIMIZE, [BEST, [value] * 5]).stops is stops


@pytest.mark.parametrize(("value", "stops"), [(0.749, True), (0.75, False)])
def test_bandit_with_a_factor(value: float, stops: bool) -> None:
    policy = {"type": "bandit", "slack_factor": 0.2}
    assert judged(policy, Goal.MAXIMIZE, [BEST, [value] * 5]).stops is stops


@pytest.mark.parametrize(("value", "stops"), [(0.61, True), (0.60, False)])
def test_bandit_with_a_factor_when_a_loss_is_minimized(value: float, stops: bool) -> None:
    policy = {"type": "bandit", "slack_factor": 0.2}
    assert judged(policy, Goal.MINIMIZE, [[0.7, 0.5], [value] * 2]).stops is stops


def test_median_stopping() -> None:
    policy = {"type": "median_stopping", "delay_evaluation": 3}
    first, second, third = [0.5, 0.6, 0.7], [0.4, 0.5, 0.6], [0.1, 0.2, 0.3]
    assert judged(policy, Goal.MAXIMIZE, [first, second, third]).stops
    assert not judged(policy, Goal.MAXIMIZE, [first, third, second]).stops
    assert not judged(policy, Goal.MAXIMIZE, [third]).stops


def test_truncation_selection() -> None:
    policy = {"type": "truncation_selection", "truncation_percentage": 20, "delay_evaluation": 4}
    curves = [[value] * 4 for value in (0.9, 0.8, 0.7, 0.6, 0.5)]
    assert judged(policy, Goal.MAXIMIZE, curves).stops
    assert not judged(policy, Goal.MAXIMIZE, [*curves[:3], curves[4]]).stops
    assert not judged(policy, Goal.MAXIMIZE, [*curves[:3], curves[4], curves[3]]).stops


def test_the_reason_that_the_guide_shows() -> None:
    policy = {"type": "bandit", "slack_amount": 0.2, "delay_evaluation": 5}
    verdict = judged(policy, Goal.MAXIMIZE, [[0.8] * 5, [0.7] * 5, [11 / 12] * 5, [0.8] * 5, [0.675] * 5])
    assert verdict.reason == "best 0.675 in 5 reports is below 0.9167 − 0.2 = 0.7167; best is trial 2"
