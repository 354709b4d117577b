"""Ask and tell: the search without the processes."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest

from barrido import (
    BanditPolicy,
    Choice,
    Float,
    LogUniform,
    MedianStoppingPolicy,
    RandomSamplingAlgorithm,
    RequestError,
    Search,
    SpaceExhausted,
    SpecError,
    TrialNotFound,
    TruncationSelectionPolicy,
    Uniform,
)
from barrido.core.trial import Expectation, Phase

SPACE = {"x": Uniform(-1, 1), "kind": Choice(["a", "b"])}


def test_the_best_of_what_was_told_is_the_best() -> None:
    search = Search({"x": Uniform(-1, 1)}, goal="minimize", seed=3)
    asked = [search.ask() for _ in range(8)]
    for trial in reversed(asked):
        search.tell(trial, trial.params["x"] ** 2)
    best = min(asked, key=lambda trial: trial.params["x"] ** 2)
    assert search.best is not None
    assert (search.best.number, search.best.params) == (best.number, best.params)
    assert search.best.value == best.params["x"] ** 2
    assert [trial.phase for trial in search.trials] == [Phase.COMPLETED] * 8


@pytest.mark.parametrize("algorithm", ["random", "sobol", RandomSamplingAlgorithm(rule="sobol", seed=5)])
def test_the_same_seed_gives_the_same_points_whatever_is_open(algorithm: Any) -> None:
    one, other = (Search(SPACE, sampling_algorithm=algorithm, seed=5) for _ in range(2))
    together = [one.ask().params for _ in range(6)]
    in_turn = []
    for _ in range(6):
        trial = other.ask()
        in_turn.append(trial.params)
        other.tell(trial, 0.0)
    assert together == in_turn


def test_a_grid_ends_with_every_point_asked_for_once() -> None:
    search = Search({"a": Choice([1, 2]), "b": Choice(["x", "y"])}, sampling_algorithm="grid")
    points = [search.ask().params for _ in range(4)]
    assert points == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]
    for _ in range(2):
        with pytest.raises(SpaceExhausted, match="every point"):
            search.ask()
    search.tell(3, 1.0)
    search.tell(0, 0.5)
    assert search.best is not None
    assert search.best.number == 0


def test_max_trials_ends_the_asking_and_telling_goes_on() -> None:
    search = Search(SPACE, max_trials=2)
    first, second = search.ask(), search.ask()
    with pytest.raises(SpaceExhausted, match="max_trials is 2"):
        search.ask()
    search.tell(second, 2.0)
    assert search.report(first, 1.0).go_on
    search.tell(first)
    assert [trial.value for trial in search.trials] == [1.0, 2.0]


@pytest.mark.parametrize(("logbase", "low", "high"), [(10, 100, 1000), ("e", 7.3, 20.1), (None, 7.3, 20.1)])
def test_logbase_is_what_exponents_are_counted_to(logbase: Any, low: float, high: float) -> None:
    algorithm = RandomSamplingAlgorithm(logbase=logbase)
    search = Search({"x": LogUniform(2, 3)}, sampling_algorithm=algorithm)
    assert all(low <= search.ask().params["x"] <= high for _ in range(20))


def test_a_policy_stops_a_trial_and_says_why() -> None:
    policy = BanditPolicy(slack_amount=0.2, delay_evaluation=2, evaluation_interval=1)
    search = Search({"x": Uniform(0, 1)}, goal="Maximize", early_termination=policy)
    good, bad = search.ask(), search.ask()
    for step in (1, 2):
        assert search.report(good, 0.9, step=step).go_on
    assert search.report(bad, 0.69).go_on
    answer = search.report(bad, 0.6)
    assert answer.stops
    assert not answer.go_on
    assert "0.9" in answer.reason
    assert search.report(bad, 5.0).stops  # what a stopped trial says counts no more
    ended = search.tell(bad)
    assert (ended.phase, ended.value, ended.reason) == (Phase.PRUNED, 0.69, answer.reason)
    assert search.tell(good).phase is Phase.COMPLETED


@pytest.mark.parametrize(
    "policy",
    [
        MedianStoppingPolicy(),
        "median_stopping",
        {"type": "median_stopping"},
        TruncationSelectionPolicy(truncation_percentage=50),
    ],
)
def test_policies_come_as_objects_words_and_mappings(policy: Any) -> None:
    search = Search({"x": Uniform(0, 1)}, early_termination=policy)
    good, bad = search.ask(), search.ask()
    assert search.report(good, 0.1).go_on
    assert search.report(bad, 0.2).stops


def test_failures_and_nan_never_are_the_best() -> None:
    search = Search(SPACE)
    for value in (nan, float("inf")):
        search.tell(search.ask(), value)
    for _ in range(5):
        assert search.tell(search.ask(), failed=True).phase is Phase.FAILED
    best_of_none = search.best
    assert best_of_none is None
    search.tell(search.ask(), 4.0)
    assert search.best is not None
    assert search.best.value == 4.0


def test_what_was_expected_of_a_trial_is_in_the_scale_of_its_value(echo: str) -> None:
    search = Search({"x": Uniform(0, 1)}, goal="maximize", sampling_algorithm=echo)
    first = search.tell(search.ask(), 0.7)
    second = search.ask()
    assert search.explain(first) is None
    assert search.explain(second) == search.explain(1) == Expectation(0.7, 0.1, 0.0)
    with pytest.raises(TrialNotFound, match="no trial 2"):
        search.explain(2)


def test_what_mattered_most_comes_first() -> None:
    search = Search({"idle": Uniform(0, 1), "x": Uniform(-1, 1)}, sampling_algorithm="sobol")
    with pytest.raises(RequestError, match="from 0 finished trials"):
        search.importance()
    for _ in range(16):
        trial = search.ask()
        search.tell(trial, trial.params["x"])
    shares = search.importance()
    assert list(shares) == ["x", "idle"]
    assert shares["x"] > 0.9


def test_many_trials_may_be_open_and_end_in_any_order() -> None:
    search = Search({"x": Float(1e-4, 1.0, log=True)}, sampling_algorithm="sobol")
    trials = [search.ask() for _ in range(10)]
    for trial in trials[::2]:
        search.tell(trial, trial.params["x"])
    later = search.ask()
    assert later.number == 10
    assert [trial.number for trial in search.trials if trial.phase is Phase.RUNNING] == [1, 3, 5, 7, 9, 10]


def test_what_makes_no_sense_is_said() -> None:
    search = Search(SPACE)
    trial = search.ask()
    with pytest.raises(RequestError, match="trial 0 has no value"):
        search.tell(trial)
    with pytest.raises(RequestError, match="a value is a number"):
        search.report(trial, "high")  # type: ignore[arg-type]
    search.tell(trial, 1)
    with pytest.raises(RequestError, match="trial 0 has ended"):
        search.tell(trial, 1)
    with pytest.raises(TrialNotFound, match="no trial 7"):
        search.report(7, 1.0)
    with pytest.raises(RequestError, match="minimize or maximize"):
        Search(SPACE, goal="best")
    with pytest.raises(RequestError, match="no sampling algorithm 'magic'"):
        Search(SPACE, sampling_algorithm="magic")
    with pytest.raises(RequestError, match="logbase must be a number above 1"):
        Search(SPACE, sampling_algorithm={"type": "random", "logbase": 1})
    with pytest.raises(RequestError, match="nothing to search"):
        Search({})
    with pytest.raises(SpecError, match="min_value must be below max_value"):
        Search({"x": Uniform(2, 1)})
    with pytest.raises(RequestError, match="slack"):
        Search(SPACE, early_termination="bandit")
    with pytest.raises(RequestError, match="early_termination"):
        Search(SPACE, early_termination={"type": "median_stopping", "patience": 3})


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        ({"type": "bayesian", "foo": 1}, "bayesian has no option foo"),
        ({"type": "tpe", "rule": "sobol"}, "tpe has no option rule"),
        ({"type": "grid", "seed": 1}, "grid has no option seed"),
        ({"type": "tpe", "seed": -1}, "a seed is a whole number"),
        ({"type": "bayesian", "seed": "x"}, "a seed is a whole number"),
        (3, "a name, a mapping or an object"),
    ],
)
def test_an_option_that_a_sampling_algorithm_does_not_have_is_named(algorithm: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Search({"x": Uniform(0, 1)}, sampling_algorithm=algorithm)


@pytest.mark.parametrize(
    "prior", [5, [({1: 2}, 0.3)], [({"x": 0.1}, "0.3")], [({"x": 0.1}, 10**400)], ["iris"]]
)
def test_what_cannot_be_learned_from_is_refused(prior: Any) -> None:
    with pytest.raises(RequestError, match="resume_from"):
        Search({"x": Uniform(0, 1)}, sampling_algorithm="tpe", resume_from=prior)
