"""Sampling algorithms that learn, in a loop of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from barrido import Choice, Float, MedianStoppingPolicy, Search, SpaceExhausted, TPESamplingAlgorithm


def accuracy(params: Any) -> float:
    """At most 1, at lr 0.01 with adam."""
    distance = abs(float(params["lr"]) - 0.01) / 0.01
    return 1 / (1 + distance) - (0.2 if params["optimizer"] == "sgd" else 0.0)


SPACE = {"lr": Float(1e-5, 1.0, log=True), "optimizer": Choice(["sgd", "adam"])}


def best_of(algorithm: Any, *, seed: int, goal: str = "maximize", at_once: int = 1) -> float:
    search = Search(SPACE, sampling_algorithm=algorithm, goal=goal, seed=seed)
    for _ in range(40 // at_once):
        for trial in [search.ask() for _ in range(at_once)]:
            value = accuracy(trial.params)
            search.tell(trial, value if goal == "maximize" else -value)
    assert search.best is not None
    assert search.best.value is not None
    return abs(search.best.value)


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
@pytest.mark.parametrize("at_once", [1, 4])
def test_tpe_learns_towards_either_goal_one_by_one_or_side_by_side(goal: str, at_once: int) -> None:
    learned, by_chance = (
        sum(best_of(algorithm, seed=seed, goal=goal, at_once=at_once) for seed in range(3)) / 3
        for algorithm in (TPESamplingAlgorithm(), "random")
    )
    assert learned > max(by_chance, 0.8)


def test_tpe_goes_on_with_a_policy_that_stops_trials_and_with_failures() -> None:
    search = Search(
        SPACE, sampling_algorithm="TPE", goal="maximize", early_termination=MedianStoppingPolicy()
    )
    for _ in range(30):
        trial = search.ask()
        is_broken = trial.params["lr"] > 0.05
        for epoch in range(1, 1 if is_broken else 6):
            if search.report(trial, accuracy(trial.params) * epoch / 5).stops:
                break
        search.tell(trial, failed=is_broken)
    assert {trial.phase for trial in search.trials} >= {"completed", "pruned", "failed"}
    assert search.best is not None
    assert search.best.value is not None
    assert search.best.value > 0.7


def test_tpe_ends_with_the_points_of_a_finite_space() -> None:
    search = Search({"a": Choice([1, 2, 3]), "b": Choice(["x", "y"])}, sampling_algorithm="tpe")
    points = []
    for _ in range(6):
        trial = search.ask()
        points.append(tuple(trial.params.values()))
        search.tell(trial, float(len(points)))
    assert len(set(points)) == 6
    with pytest.raises(SpaceExhausted, match="every point"):
        search.ask()
