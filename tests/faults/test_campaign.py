"""Each fault of the campaign against a small sweep, with fixed seeds: nothing lost, doubled, left or stuck.

`benchmarks/faults.py` does the same some hundred times, all faults mixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.faults.campaign.audit import audit
from tests.faults.campaign.faults import FAULTS, cut_power, no_mlflow
from tests.faults.campaign.ordeal import Ordeal, prepared, undergo
from tests.faults.campaign.sweeps import Kind, recipe

from barrido.controller import lock
from barrido.core.events import PauseMode
from barrido.store.queries import Reader

pytestmark = pytest.mark.slow

HAS_MLFLOW = find_spec("mlflow") is not None
NEEDS_DISK = {"full disk", "read-only", "power cut"}
NEEDS_SHIM = {"clock", "commit"}
NEEDS_MLFLOW = {"mlflow", "mlflow away", "gateway"}
PLAIN, WARM = Kind(policy=1), Kind(warm=True, policy=2)
RUNGS, SAVED = Kind(rungs=PauseMode.SUSPEND, warm=True), Kind(rungs=PauseMode.CHECKPOINT)
THROUGH_MLFLOW = Kind("mlflow", shown=True)
ON = {"nursery": WARM, "studio": Kind(watched=True), **dict.fromkeys(NEEDS_MLFLOW, THROUGH_MLFLOW)}


@pytest.fixture
def ordeal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ordeal]:
    fault, kind = request.param
    if kind.shown and not HAS_MLFLOW:
        pytest.skip("no MLflow")
    made = prepared(tmp_path / "place", f"{fault} {kind.words}", kind)
    with closing(made):
        if fault in NEEDS_DISK and made.disk is None:
            pytest.skip("only root can mount a disk")
        if fault in NEEDS_SHIM and made.shim is None:
            pytest.skip("no C compiler")
        yield made


def put_through(fault: str, kind: Kind) -> object:
    return pytest.param((fault, kind), id=f"{fault}, {kind.words}")


@pytest.mark.parametrize(
    "ordeal",
    [
        *(put_through(fault, ON.get(fault, PLAIN)) for fault in FAULTS),
        *(put_through(fault, RUNGS) for fault in ("controller", "commit", "leader", "trial", "power cut")),
        *(put_through(fault, SAVED) for fault in ("read-only", "full disk", "power cut")),
        put_through("power cut", THROUGH_MLFLOW),
    ],
    indirect=True,
)
def test_a_sweep_outlasts(ordeal: Ordeal, request: pytest.FixtureRequest) -> None:
    fault = request.node.callspec.params["ordeal"][0]
    ended = undergo(ordeal, {fault: FAULTS[fault]}, 2)
    assert ordeal.faults[fault]
    assert list(audit(ordeal, ended=ended)) == [], "\n".join(ordeal.told)


@pytest.mark.parametrize("ordeal", [put_through("commit", Kind(policy=1))], indirect=True)
def test_controllers_that_die_at_every_touch_of_their_log(ordeal: Ordeal) -> None:
    """The first at the first write or sync, the next at the second, and so on, until none dies any more."""
    ordeal.create(recipe(ordeal.kind, ordeal.folder.name, 7, ordeal.place, ordeal.ledger))
    FAULTS["controller"](ordeal)
    touch = 0
    while not ordeal.is_over():
        touch += 1
        ordeal.resume(die_at=touch)
        ordeal.wait(lambda: lock.holder(ordeal.folder) is None, 60)
    assert touch > 20
    assert list(audit(ordeal, ended=True)) == []


@pytest.mark.parametrize("ordeal", [put_through("mlflow away", THROUGH_MLFLOW)], indirect=True)
def test_mlflow_is_away_from_the_start(ordeal: Ordeal) -> None:
    with no_mlflow(ordeal.where):
        ended = undergo(ordeal, {name: FAULTS[name] for name in ("controller", "gateway", "trial")}, 5)
    assert list(audit(ordeal, ended=ended)) == [], "\n".join(ordeal.told)


@pytest.mark.parametrize("ordeal", [put_through("full disk", PLAIN)], indirect=True)
def test_whoever_resumes_on_a_full_disk_loses_no_trial(ordeal: Ordeal) -> None:
    """Launches that were decided on wait for room; their trials were not lost with any machine."""
    assert ordeal.disk is not None
    ordeal.create(recipe(ordeal.kind, ordeal.folder.name, 7, ordeal.place, ordeal.ledger))
    FAULTS["controller"](ordeal)
    for number in range(1, 8):
        ordeal.wait(lambda: lock.holder(ordeal.folder) is None, 20)
        ordeal.resume(die_at=10 * number)
        ordeal.disk.fill()
        ordeal.wait(lambda: lock.holder(ordeal.folder) is None, 2)
        ordeal.resume()
        FAULTS["controller"](ordeal)
        ordeal.disk.empty()
    ended = ordeal.finish()
    assert list(audit(ordeal, ended=ended)) == []
    with Reader(ordeal.folder) as reader:
        assert {trial.attempt for trial in reader.trials()} == {1}


@pytest.mark.parametrize("ordeal", [put_through("power cut", PLAIN)], indirect=True)
def test_the_code_of_a_sweep_outlives_the_power(ordeal: Ordeal) -> None:
    """Cut right after its creation: what it was created with is on the disk."""
    made = recipe(ordeal.kind, ordeal.folder.name, 7, ordeal.place, ordeal.ledger)
    ordeal.create(made)
    assert cut_power(ordeal)
    snapshot = ordeal.folder.code / "script.py"
    assert made.work.code is not None
    assert snapshot.read_bytes() == (Path(made.work.code) / "script.py").read_bytes()
    ended = ordeal.finish()
    assert list(audit(ordeal, ended=ended)) == []
