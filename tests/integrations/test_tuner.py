"""Both plug-ins in a real `ray.tune.Tuner`, on a Ray of two CPUs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from math import isfinite, nan
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray.tune", reason="Ray Tune is not installed", exc_type=ImportError)
import ray
from ray import tune
from tests.integrations import driver

from barrido import (
    ASHAScheduler,
    BanditPolicy,
    BOHBScheduler,
    HyperbandScheduler,
    Search,
    SuccessiveHalvingScheduler,
)
from barrido.integrations.ray import BarridoScheduler, BarridoSearch
from barrido.integrations.ray.journal import read
from barrido.space import Uniform

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

LENGTHS = [1] * 6 + [3] * 6 + [9] * 5
HYPERBAND = HyperbandScheduler(max_resource=9)


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="r_")  # short: it has sockets in it
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(ray_folder: str) -> Iterator[None]:
    driver.start(ray_folder)
    yield
    ray.shutdown()


def executed(folder: Path) -> Counter[str]:
    return Counter((folder / "executed").read_text().splitlines())


def lengths(results: Any) -> list[int]:
    return sorted(one.metrics["training_iteration"] for one in results)


def losses_told(folder: Path) -> dict[int, int]:
    """How many reports of each trial are in the journal."""
    events = [line["event"] for line in read(folder / "run" / "barrido.jsonl") if "event" in line]
    return Counter(event["trial"] for event in events if event["kind"] == "reported")


@pytest.mark.parametrize(("slots", "kind"), [(None, "theirs"), (2, "theirs"), (2, "ours")])
def test_seventeen_configurations_take_sixty_nine_iterations(
    cluster: None, tmp_path: Path, slots: int | None, kind: str
) -> None:
    search = BarridoSearch(sampling_algorithm="sobol", seed=4) if kind == "ours" else None
    results = driver.run(tmp_path, BarridoScheduler(HYPERBAND), search=search, slots=slots)
    assert executed(tmp_path).total() == 69
    assert lengths(results) == LENGTHS
    if search is not None:
        ask = Search({"x": Uniform(0, 1)}, sampling_algorithm="sobol", seed=4)
        assert [one.config["x"] for one in results] == [ask.ask().params["x"] for _ in range(17)]


def test_a_value_that_is_no_number_never_wins(cluster: None, tmp_path: Path) -> None:
    results = driver.run(
        tmp_path,
        BarridoScheduler(SuccessiveHalvingScheduler(max_resource=9)),
        search=BarridoSearch(seed=1),
        slots=2,
        trials=9,
        loss=lambda x, n: nan if x < 0.3 else x + 1 / n,
    )
    reached = {n: [one for one in results if one.metrics["training_iteration"] >= n] for n in (1, 3, 9)}
    assert [len(came) for came in reached.values()] == [9, 3, 1]
    assert sum(isfinite(one.metrics["loss"]) for one in reached[1]) < 9
    assert all(isfinite(one.metrics["loss"]) for one in reached[3])


def test_trials_that_fail_hold_up_nobody(cluster: None, tmp_path: Path) -> None:
    def loss(x: float, n: int) -> float:
        if n in (3, 9) and int(x * 1000) % 2:
            raise RuntimeError("as told")
        return x + 1 / n

    results = driver.run(tmp_path, BarridoScheduler(HYPERBAND), slots=2, loss=loss)
    assert results.errors
    assert len(results) == 17
    assert max(executed(tmp_path).values()) == 1


def test_nine_in_a_rung_of_asha_promote_three(cluster: None, tmp_path: Path) -> None:
    results = driver.run(
        tmp_path,
        BarridoScheduler(ASHAScheduler(max_resource=9)),
        slots=2,
        trials=9,
        search=BarridoSearch(seed=1),
    )
    assert lengths(results) == [1] * 6 + [3] * 2 + [9]


def test_a_policy_stops_what_a_sweep_of_the_same_curves_would_stop(cluster: None, tmp_path: Path) -> None:
    policy = BanditPolicy(slack_amount=0.3, delay_evaluation=2)
    results = driver.run(
        tmp_path, BarridoScheduler(early_termination=policy), slots=1, trials=6, search=BarridoSearch(seed=1)
    )
    ask = Search({"x": Uniform(0, 1)}, seed=1, early_termination=policy)
    for one in results:
        trial = ask.ask()
        assert one.config["x"] == trial.params["x"]
        n = next((n for n in range(1, 10) if ask.report(trial, driver.smooth(one.config["x"], n)).stops), 9)
        assert one.metrics["training_iteration"] == n
        ask.tell(trial)


def test_bohb_is_one_sweep_with_its_search(cluster: None, tmp_path: Path) -> None:
    search = BarridoSearch(sampling_algorithm="bohb", seed=1)
    results = driver.run(tmp_path, BarridoScheduler(BOHBScheduler(max_resource=9)), search=search, slots=2)
    assert executed(tmp_path).total() == 69
    assert len(results) == 17


def test_a_search_alone(cluster: None, tmp_path: Path) -> None:
    space = {"x": tune.uniform(0, 1), "inner": {"kind": tune.choice(["a", None])}, "constant": [1, 2]}
    results = driver.run(
        tmp_path,
        None,
        search=BarridoSearch(sampling_algorithm="tpe", seed=1),
        trials=4,
        space=space,
        length=2,
    )
    assert all(
        one.config["constant"] == [1, 2] and one.config["inner"]["kind"] in ("a", None) for one in results
    )


@pytest.mark.parametrize(("slots", "kind", "kill"), [(1, "ours", 40), (2, "ours", 25), (2, "theirs", 55)])
def test_a_driver_that_is_killed_goes_on_where_it_was(
    ray_folder: str, tmp_path: Path, slots: int, kind: str, kill: int
) -> None:
    def run(after: int) -> int:
        command = [sys.executable, driver.__file__, str(tmp_path), str(slots), kind, str(after), ray_folder]
        with (tmp_path / "log").open("ab") as log:
            return subprocess.run(command, stdout=log, stderr=log, timeout=240, check=False).returncode

    assert run(kill) == -9
    before = losses_told(tmp_path)
    assert run(0) == 0, (tmp_path / "log").read_text()
    assert sum(before.values()) == kill
    assert sorted(losses_told(tmp_path).values()) == LENGTHS
    assert (tmp_path / "lengths").read_text().split() == [str(n) for n in LENGTHS]
    # What was under way when it was killed was told to nobody
    assert 69 <= executed(tmp_path).total() <= 69 + slots - 1
    text = (tmp_path / "run" / "barrido.jsonl").read_text()
    assert all(json.loads(line) for line in text.splitlines())
