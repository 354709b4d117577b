"""The table of trials, and what it is known of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from barrido.core.recipe import Limits
from barrido.errors import RequestError, TrialNotFound
from barrido.executors.sim import NO_FAULT, Fault
from barrido.figures import sweeps, trials
from barrido.figures.dimensions import columns_of, names_of
from barrido.space import Space
from barrido.store.queries import Reader

Play = Callable[..., Reader]
NESTED: dict[str, Any] = {
    "lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "units": {"type": "int", "low": 8, "high": 64},
    "opt": {
        "type": "choice",
        "values": [
            {"kind": "sgd", "rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
            {"kind": "adam", "rate": {"type": "uniform", "min_value": 2, "max_value": 3}},
            {"kind": "none"},
        ],
    },
    "width": {"type": "choice", "values": [32, 8, 16]},
    "noise": {"type": "normal", "mu": 0, "sigma": 1},
}


def by_name(space: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in names_of(space).to_json()}


def test_each_name_that_trials_show_is_described() -> None:
    known = by_name(NESTED)
    assert list(known) == ["lr", "units", "opt.kind", "opt.rate", "width", "noise"]
    lr, units, kind, rate, width, noise = known.values()
    assert (lr["kind"], lr["scale"], lr["low"], lr["high"]) == ("number", "log", 1e-4, 0.1)
    assert (units["kind"], units["scale"], units["low"], units["high"]) == ("integer", "linear", 8, 64)
    assert (kind["kind"], kind["choices"], kind["condition"]) == ("category", ["sgd", "adam", "none"], None)
    assert (rate["kind"], rate["low"], rate["high"]) == ("number", 0, 3)
    assert rate["condition"] == "opt is sgd or opt is adam"
    assert (width["kind"], width["choices"]) == ("category", [8, 16, 32])
    assert (noise["low"], noise["high"]) == (None, None)
    assert lr["distribution"] == "float(low: 0.0001, high: 0.1, log: True)"
    assert width["distribution"] == "choice(8, 16, 32)"


def test_branches_without_a_word_of_their_own_are_called_by_what_is_in_them() -> None:
    inner = {"type": "uniform", "min_value": 0, "max_value": 1}
    known = by_name({"conv": {"type": "choice", "values": [{"size": inner}, "none"]}})
    assert known["conv"]["choices"] == ["none"]
    assert known["conv"]["condition"] == "conv is none"
    assert known["conv.size"]["condition"] == "conv is {size}"


@pytest.mark.parametrize("seed", range(3))
def test_the_names_are_those_of_flattened_points(seed: int) -> None:
    import numpy as np

    space = Space.from_json(NESTED)
    points = space.from_unit(np.random.default_rng(seed).random((40, len(space))))
    names = names_of(NESTED)
    columns = columns_of(points, list(names))
    assert list(columns) == list(names)
    for row, point in enumerate(points):
        flat = Space.flatten(point)
        assert {name: column[row] for name, column in columns.items() if column[row] is not None} == flat
    described = {one["name"]: one for one in names.to_json()}
    for name, column in columns.items():
        one, known = described[name], [value for value in column if value is not None]
        if one["choices"] is not None:
            assert set(known) <= set(one["choices"])
        elif one["low"] is not None:
            assert all(one["low"] <= value <= one["high"] for value in known)


def test_every_column_of_the_cube_has_a_name_of_its_own_and_is_found_by_it() -> None:
    names = names_of(NESTED)
    called = [names.name_of(column) for column in range(len(names.space))]
    assert called == ["lr", "units", "opt.kind", "opt.values[0].rate", "opt.values[1].rate", "width", "noise"]
    assert [names.column_of(name) for name in called] == list(range(len(called)))
    assert names.column_of("opt.rate") == 3
    with pytest.raises(RequestError, match="no parameter 'unit'") as error:
        names.column_of("unit")
    assert error.value.hint.startswith("did you mean 'units'?")


def test_a_table_has_an_entry_a_trial_in_each_column(played: Play) -> None:
    reader = played(
        space=NESTED,
        world={
            "curve": lambda params, step: params["lr"] / step,
            "faults": lambda order: Fault(exit_code=3) if order.trial == 2 else NO_FAULT,
        },
    )
    table = trials.table(reader)
    rows = reader.trials()
    assert {len(column) for name, column in table.items() if name != "params"} == {8}
    assert {len(column) for column in table["params"].values()} == {8}
    assert table["number"] == list(range(8))
    assert table["status"][2] == "Failed"
    assert table["exit_code"][:3] == [0, 0, 3]
    assert table["value"] == [pytest.approx(row.params["lr"] / 4) for row in rows]
    assert table["reports"] == [4] * 8
    assert table["rungs"] == [{}] * 8
    assert table["expected"] == [None] * 8
    assert table["params"]["opt.kind"] == [row.params["opt"]["kind"] for row in rows]
    assert table["params"]["opt.rate"] == [row.params["opt"].get("rate") for row in rows]


def test_some_trials_and_one(played: Play) -> None:
    reader = played()
    assert trials.table(reader, [5, 1, 99])["number"] == [1, 5]
    one = trials.row(reader, 5)
    table = trials.table(reader)
    assert one == {
        **{name: column[5] for name, column in table.items() if name != "params"},
        "params": {"x": table["params"]["x"][5]},
    }
    with pytest.raises(TrialNotFound, match="sweep 'iris' has no trial 9") as error:
        trials.row(reader, 9)
    assert error.value.hint == "it has 8 trials, numbered 0 to 7; see `barrido job trials iris`"


def test_rungs_are_by_resource(played: Play) -> None:
    halving = {
        "type": "successive_halving",
        "size": 3,
        "max_resource": 3,
        "min_resource": 1,
        "reduction_factor": 3,
    }
    table = trials.table(
        played(scheduler=halving, limits=Limits(max_total_trials=3, max_concurrent_trials=1))
    )
    x = table["params"]["x"]
    assert table["rungs"][x.index(max(x))] == {"1": pytest.approx(max(x) + 1)}
    assert table["rungs"][x.index(min(x))].keys() == {"1", "3"}


def test_a_sweep_says_how_it_stands(played: Play) -> None:
    reader = played(tags={"team": "a"}, work=_work())
    said = sweeps.summary(reader)
    assert said["name"] == "iris"
    assert (said["status"], said["phase"], said["is_running"]) == ("Completed", "completed", False)
    assert (said["metric"], said["goal"], said["sampler"]) == ("loss", "minimize", "random")
    assert (said["scheduler"], said["policy"]) == ("fifo", None)
    assert said["counts"] == {"completed": 8}
    assert (said["done"], said["total"], said["warm"]) == (8, 8, {"started": 8, "warm": 0})
    best = min(reader.trials(), key=lambda row: row.params["x"])
    assert said["best"] == {"trial": best.number, "value": best.best_value, "params": best.params}
    assert said["elapsed_s"] == pytest.approx(reader.sweep().ended_at - reader.sweep().started_at)  # type: ignore[operator]
    more = sweeps.overview(reader)
    assert said.items() <= {**more, "elapsed_s": said["elapsed_s"]}.items()
    assert more["limits"]["max_total_trials"] == 8
    assert more["metrics"] == ["loss"]
    assert (more["plan"], more["spending"], more["mlflow"]) == (None, None, None)
    assert more["recipe"]["work"]["environment_variables"] == {"TOKEN": "***"}
    assert "secret" not in str(more)


def test_a_sweep_whose_controller_is_gone_does_not_respond(played: Play) -> None:
    reader = played(turns=5)
    said = sweeps.summary(reader)
    assert (said["status"], said["phase"], said["eta_s"]) == ("NotResponding", "running", None)
    assert sum(said["counts"].values()) < 8 == said["total"]


def test_a_finite_space_bounds_the_total(played: Play) -> None:
    reader = played(
        space={"x": {"type": "choice", "values": [0.1, 0.2, 0.3]}}, sampler={"type": "grid"}, turns=3
    )
    assert sweeps.summary(reader)["total"] == 3


def test_what_a_scheduler_plans_and_what_was_spent_is_told(played: Play) -> None:
    halving = {
        "type": "successive_halving",
        "size": 9,
        "max_resource": 9,
        "min_resource": 1,
        "reduction_factor": 3,
    }
    reader = played(scheduler=halving, limits=Limits(max_total_trials=9, max_concurrent_trials=1))
    more = sweeps.overview(reader)
    assert more["plan"]["resource"] == 9 + 3 * 2 + 6
    assert more["spending"] == {"reports": 21, "beyond": 0, "full": 9}


def test_the_list_has_the_newest_first_and_says_what_cannot_be_read(played: Play) -> None:
    from barrido.core.layout import Workspace

    first, _ = played("one"), played("two")
    workspace = Workspace(first.folder.root.parent.parent)
    broken = workspace.sweep("broken")
    broken.root.mkdir()
    broken.db.write_bytes(b"no database" * 100)
    found = sweeps.listing(workspace)
    assert {one["name"] for one in found["sweeps"]} == {"one", "two"}
    assert len(found["unreadable"]) == 1
    assert "broken" in found["unreadable"][0]


def _work() -> Any:
    from barrido.core.recipe import Work

    return Work(command="true", environment_variables={"TOKEN": "secret"})
