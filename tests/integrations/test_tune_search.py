"""BarridoSearch, called as Tune calls it, and what it makes of a param_space."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from math import inf, log, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from barrido import BayesianSamplingAlgorithm, Choice, Float, Int, RandomSamplingAlgorithm, Search, Uniform
from barrido.errors import RequestError, SpecError
from barrido.space import Normal, QLogUniform, QNormal, QUniform

pytest.importorskip("ray.tune", reason="Ray Tune is not installed", exc_type=ImportError)
from ray import tune
from ray.tune.search import ConcurrencyLimiter

from barrido.integrations.ray import BarridoSearch
from barrido.integrations.ray.space import Translation, translate

SPACE = {"lr": Float(1e-4, 1e-1, log=True), "layers": Int(1, 4)}
OBJECT = object()


def suggestions(search: Any, count: int, first: int = 0) -> list[Any]:
    return [search.suggest(f"t{k}") for k in range(first, first + count)]


def result(loss: Any, n: int = 1) -> dict[str, Any]:
    return {"loss": loss, "training_iteration": n}


def asked(space: Mapping[str, Any], count: int, **options: Any) -> list[Any]:
    search = Search(space, **options)
    return [search.ask().params for _ in range(count)]


@pytest.mark.parametrize("algorithm", ["random", "sobol", "grid", {"type": "random", "rule": "sobol"}])
def test_points_are_those_of_a_sweep_with_the_same_seed(algorithm: Any) -> None:
    space: dict[str, Any] = SPACE if algorithm != "grid" else {"a": Choice([3, 1, 2]), "b": Int(0, 2)}
    mine = BarridoSearch(space, sampling_algorithm=algorithm, seed=5)
    assert suggestions(mine, 9) == asked(space, 9, sampling_algorithm=algorithm, seed=5)


def test_a_translated_space_gives_the_points_of_ours() -> None:
    search = BarridoSearch(sampling_algorithm="sobol", seed=3)
    given = {"lr": tune.loguniform(1e-4, 1e-1), "layers": tune.randint(1, 5), "epochs": 4}
    assert search.set_search_properties("loss", "min", given)
    assert suggestions(search, 6) == asked(SPACE, 6, sampling_algorithm="sobol", seed=3)


def test_an_algorithm_may_be_an_object_with_a_seed_of_its_own() -> None:
    mine = BarridoSearch(SPACE, sampling_algorithm=RandomSamplingAlgorithm(seed=4), seed=1)
    assert suggestions(mine, 3) == asked(SPACE, 3, seed=4)


@pytest.mark.parametrize("algorithm", ["tpe", BayesianSamplingAlgorithm(seed=1)])
def test_those_that_learn_do_as_ask_and_tell_does(algorithm: Any) -> None:
    mine = BarridoSearch(SPACE, sampling_algorithm=algorithm, seed=1, metric="loss", mode="max")
    theirs = Search(SPACE, sampling_algorithm=algorithm, seed=1, goal="maximize")
    values = [nan, inf, 0.1, None, 0.7, 0.2, 0.3, 0.9, 0.5, 0.6, 0.8, 0.4]
    for k, value in enumerate(values):
        trial = theirs.ask()
        assert mine.suggest(f"t{k}") == trial.params
        if value is None:
            theirs.tell(trial, failed=True)
            mine.on_trial_complete(f"t{k}", error=True)
        else:
            theirs.tell(trial, value)
            mine.on_trial_result(f"t{k}", result(np.float64(value)))
            mine.on_trial_complete(f"t{k}", result(value))


def test_a_result_that_tune_tells_at_the_end_only_counts() -> None:
    search = BarridoSearch(SPACE, metric="loss", mode="min")
    search.suggest("a")
    search.on_trial_complete("a", result(0.5))
    search.suggest("b")
    search.on_trial_result("b", result("no number"))
    search.on_trial_complete("b", None)
    search.on_trial_result("never heard of", result(1))
    search.on_trial_complete("never heard of", error=True)
    assert search._conductor.state.best_loss == 0.5  # type: ignore[union-attr]


def test_a_finite_space_comes_to_an_end() -> None:
    search = BarridoSearch({"a": Choice([1, 2])}, sampling_algorithm="grid")
    assert suggestions(search, 3) == [{"a": 1}, {"a": 2}, "FINISHED"]


def test_only_so_many_at_a_time() -> None:
    limiter = ConcurrencyLimiter(BarridoSearch(SPACE, metric="loss", mode="min"), max_concurrent=2)
    assert [one is None for one in suggestions(limiter, 4)] == [False, False, True, True]
    limiter.on_trial_complete("t0", result(1.0))
    assert limiter.suggest("t4") is not None
    assert limiter.suggest("t5") is None


@pytest.mark.parametrize("has_journal", [False, True])
def test_it_goes_on_where_it_was_saved(tmp_path: Path, has_journal: bool) -> None:
    options: dict[str, Any] = {"sampling_algorithm": "tpe", "metric": "loss", "mode": "min"}
    if has_journal:
        options["journal"] = tmp_path / "j"
    search = BarridoSearch(SPACE, **options)
    for k in range(12):
        search.suggest(f"t{k}")
        search.on_trial_complete(f"t{k}", result(k))
    search.save(str(tmp_path / "saved"))
    following = suggestions(search, 2, first=12)
    again = BarridoSearch(SPACE, **options)
    again.restore(str(tmp_path / "saved"))
    assert suggestions(again, 2, first=20) == following  # those that Tune has forgotten come again


def test_a_restored_search_needs_no_param_space(tmp_path: Path) -> None:
    given = {
        "a": {"b": tune.choice([(1, 2), None, [3]])},
        "q": tune.qrandint(2, 10, 2),
        "x": tune.uniform(0, 1),
    }
    search = BarridoSearch(seed=2)
    search.set_search_properties("loss", "min", given)
    first = suggestions(search, 2)
    search.save(str(tmp_path / "s"))
    again = BarridoSearch(seed=2)
    again.restore(str(tmp_path / "s"))
    both = BarridoSearch(seed=2)
    both.set_search_properties("loss", "min", given)
    assert [*first, *suggestions(again, 5, first=2)] == suggestions(both, 7)


def test_a_param_space_that_could_not_be_saved_is_asked_for(tmp_path: Path) -> None:
    search = BarridoSearch()
    search.set_search_properties("loss", "min", {"a": tune.choice([OBJECT, None])})
    search.save(str(tmp_path / "s"))
    with pytest.raises(RequestError, match=r"Tuner.restore\(path, trainable, param_space="):
        BarridoSearch().restore(str(tmp_path / "s"))


def test_it_travels_as_tune_sends_it() -> None:
    search = pickle.loads(pickle.dumps(BarridoSearch(SPACE, seed=1)))
    assert suggestions(search, 2) == asked(SPACE, 2, seed=1)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(RequestError, match="no sampling algorithm"):
        BarridoSearch(SPACE, sampling_algorithm="magic")
    with pytest.raises(RequestError, match="min or max"):
        BarridoSearch(SPACE, metric="loss", mode="low")
    with pytest.raises(RequestError, match="leave one of them out"):
        BarridoSearch(SPACE).set_search_properties("loss", "min", {"x": tune.uniform(0, 1)})
    with pytest.raises(RequestError, match="search space is empty"):
        BarridoSearch().set_search_properties("loss", "min", {"x": 3})
    with pytest.raises(SpecError, match="what to search over"):
        BarridoSearch().suggest("a")
    assert BarridoSearch(SPACE).set_search_properties("loss", "min", {"x": 3})
    assert not BarridoSearch(SPACE, metric="a", mode="min").set_search_properties("b", "min", {"x": 3})
    for algorithm, says in (("bohb", "rungs of its scheduler"), ("tpe", "nobody said from which")):
        search = BarridoSearch(SPACE, sampling_algorithm=algorithm)
        with pytest.raises(RequestError, match=says):
            suggestions(search, 2)


TRANSLATED = {
    "uniform": (tune.uniform(0, 2), Uniform(0, 2)),
    "quniform": (tune.quniform(0, 2, 0.5), QUniform(0, 2, 0.5)),
    "loguniform": (tune.loguniform(1e-4, 1), Float(1e-4, 1, log=True)),
    "qloguniform": (tune.qloguniform(1, 100, 1), QLogUniform(0.0, log(100), 1)),
    "randn": (tune.randn(1, 2), Normal(1, 2)),
    "qrandn": (tune.qrandn(1, 2, 0.5), QNormal(1, 2, 0.5)),
    "randint": (tune.randint(3, 7), Int(3, 6)),
    "qrandint": (tune.qrandint(4, 12, 4), Int(1, 3)),
    "lograndint": (tune.lograndint(1, 10), Int(1, 9, log=True)),
    "qlograndint": (tune.qlograndint(2, 10, 2), Int(1, 5, log=True)),
    "choice": (tune.choice(["a", 1, True]), Choice(["a", 1, True])),
    "places": (tune.choice([None, [1], (2, 3)]), Choice([0, 1, 2], ordered=False)),
}


@pytest.mark.parametrize("kind", TRANSLATED)
def test_every_distribution_of_tune_becomes_one_of_ours(kind: str) -> None:
    given, ours = TRANSLATED[kind]
    translation = translate({"x": given, "constant": {"y": [1, 2]}}, is_grid=False)
    assert translation.space.parameters == {"x": ours}
    assert Translation.from_json(json.loads(json.dumps(translation.to_json()))) == translation
    for k in range(20):
        (point,) = translation.space.from_unit([[k / 20]])
        value = translation.config(point)["x"]
        assert kind in ("randn", "qrandn") or given.is_valid(value)
        if hasattr(given, "cast"):
            assert type(value) is type(given.cast(value))


def test_parameters_may_lie_anywhere() -> None:
    given = {
        "a": {"b": {"c": tune.uniform(0, 1)}, "d": 1},
        "optimizer": tune.choice([{"name": "sgd", "m": 0.9}]),
    }
    translation = translate(given, is_grid=False)
    (point,) = translation.space.from_unit([[0.5, 0.5]])
    assert translation.config(point) == {"a": {"b": {"c": 0.5}}, "optimizer": {"name": "sgd", "m": 0.9}}


def test_a_grid_takes_grid_search() -> None:
    search = BarridoSearch(sampling_algorithm="grid")
    search.set_search_properties("loss", "min", {"a": tune.grid_search([1, 2]), "b": tune.choice([3, 4])})
    assert suggestions(search, 4) == [{"a": a, "b": b} for a in (1, 2) for b in (3, 4)]


def test_what_cannot_be_translated_is_named_all_at_once() -> None:
    given = {
        "f": tune.sample_from(lambda config: 1),
        "grid": tune.grid_search([1, 2]),
        "inner": {"choice": tune.choice([{"lr": tune.uniform(0, 1)}])},
        "list": [tune.uniform(0, 1), 2],
        "fine": tune.uniform(0, 1),
        "nothing": tune.choice([]),
    }
    with pytest.raises(SpecError) as told:
        translate(given, is_grid=False)
    named = [problem.path for problem in told.value.problems]
    assert named == ["f", "grid", "inner/choice", "list", "nothing.values"]
