"""What a model says of a sweep's parameters, where the truth is known."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from barrido.core.recipe import Goal, Limits, Objective
from barrido.errors import RequestError
from barrido.figures import importance
from barrido.figures.importance import contour, shares, slice_of
from barrido.store.queries import Reader

Play = Callable[..., Reader]
SPACE: dict[str, Any] = {
    "lr": {"type": "float", "low": 1e-4, "high": 1.0, "log": True},
    "units": {"type": "int", "low": 1, "high": 5},
    "opt": {
        "type": "choice",
        "values": [
            {"kind": "sgd", "rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
            {"kind": "adam"},
        ],
    },
    "idle": {"type": "choice", "values": ["a", "b", "c"]},
}


def truth(params: Any, step: int) -> float:
    away = np.log10(params["lr"]) + 2
    return float(away**2 + 0.1 * params["units"] + (params["opt"].get("rate", 0.5) - 0.5) ** 2)


@pytest.fixture
def learned(played: Play) -> Reader:
    return played(
        space=SPACE,
        sampler={"type": "sobol"},
        limits=Limits(max_total_trials=60, max_concurrent_trials=4),
        world={"curve": truth, "steps": 1},
    )


def test_what_matters_comes_first(learned: Reader) -> None:
    found = shares(learned)
    assert found["why_not"] == ""
    assert next(iter(found["shares"])) == "lr"
    assert found["shares"].keys() == {"lr", "units", "opt.kind", "opt.rate", "idle"}
    assert found["shares"]["lr"] > 0.8
    assert 0 <= found["shares"]["idle"] < 0.02


def test_a_slice_follows_the_truth_in_the_users_scale(learned: Reader) -> None:
    found = slice_of(learned, "lr")
    assert found["param"] == "lr"
    x, mean, spread = (np.array(found[name]) for name in ("x", "mean", "spread"))
    assert (x[0], x[-1]) == (pytest.approx(1e-4), pytest.approx(1.0))
    assert (np.diff(np.log(x)) > 0).all()
    assert (spread > 0).all()
    expected = (np.log10(x) + 2) ** 2 + 0.3 + 1 / 24
    assert np.abs(mean - expected).max() < 0.35
    assert x[mean.argmin()] == pytest.approx(0.01, rel=0.6)


def test_a_slice_has_the_levels_of_a_choice_and_of_whole_numbers(learned: Reader) -> None:
    assert slice_of(learned, "idle")["x"] == ["a", "b", "c"]
    assert slice_of(learned, "opt.kind")["x"] == ["sgd", "adam"]
    assert slice_of(learned, "units")["x"] == [1, 2, 3, 4, 5]
    assert all(0 <= x <= 1 for x in slice_of(learned, "opt.rate")["x"])


def test_where_more_is_better_values_keep_their_sign(played: Play) -> None:
    reader = played(
        space=SPACE,
        objective=Objective("acc", Goal.MAXIMIZE),
        limits=Limits(max_total_trials=40, max_concurrent_trials=4),
        world={"curve": lambda params, step: -truth(params, step), "steps": 1, "metric": "acc"},
    )
    found = slice_of(reader, "lr")
    assert found["x"][int(np.argmax(found["mean"]))] == pytest.approx(0.01, rel=1.0)
    assert max(found["mean"]) < 1.0


def test_a_contour_has_a_row_for_each_value_of_y(learned: Reader) -> None:
    found = contour(learned, "lr", "units")
    z = np.array(found["z"])
    assert (found["x"]["param"], found["y"]["param"]) == ("lr", "units")
    assert found["y"]["values"] == [1, 2, 3, 4, 5]
    assert z.shape == (5, len(found["x"]["values"]))
    x = np.array(found["x"]["values"])
    expected = (np.log10(x) + 2) ** 2 + 0.1 * np.arange(1, 6)[:, None] + 1 / 24
    assert np.abs(z - expected).max() < 0.5
    assert contour(learned, "units", "lr")["x"] == found["y"]


def test_a_name_that_no_parameter_has_is_refused_with_the_nearest(learned: Reader) -> None:
    with pytest.raises(RequestError, match="no parameter 'unit'") as error:
        slice_of(learned, "unit")
    assert error.value.hint.startswith("did you mean 'units'?")
    with pytest.raises(RequestError, match="no parameter 'nope'"):
        contour(learned, "lr", "nope")
    with pytest.raises(RequestError, match="one and the same"):
        contour(learned, "lr", "lr")


def test_too_few_trials_say_why_there_is_nothing(played: Play) -> None:
    reader = played()
    expected = "what matters cannot be told from 8 finished trials: it takes at least 10"
    assert shares(reader) == {"shares": None, "why_not": expected}
    assert slice_of(reader, "x") == {"why_not": expected}
    job = played("job", space={}, objective=None, world={"curve": lambda *_: 1.0})
    assert shares(job)["why_not"] == "in 'job' nothing is compared: nothing matters more than the rest"


def test_why_there_is_nothing_is_remembered_without_the_readers_that_asked(played: Play) -> None:
    folder = played().folder
    asked = []
    for _ in range(3):
        with Reader(folder) as reader:
            assert "at least 10" in shares(reader)["why_not"]
        asked.append(weakref.ref(reader))
        del reader
    gc.collect()
    assert [one() for one in asked] == [None] * 3


def test_branches_that_exclude_each_other_have_no_contour(played: Play) -> None:
    inner = {"type": "uniform", "min_value": 0, "max_value": 1}
    reader = played(
        space={"c": {"type": "choice", "values": [{"a": inner}, {"b": inner}]}},
        limits=Limits(max_total_trials=16, max_concurrent_trials=4),
        world={"curve": lambda params, step: sum(params["c"].values()), "steps": 1},
    )
    assert "different branches" in contour(reader, "c.a", "c.b")["why_not"]


def test_the_model_is_learned_once_for_as_many_trials(
    learned: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares(learned)

    def never(*_: Any) -> Any:
        raise AssertionError("learned again")

    monkeypatch.setattr(importance, "Believed", never)
    assert slice_of(learned, "lr")["x"]
    with Reader(learned.folder) as another:
        assert contour(another, "lr", "units")["z"]
