"""The same sweep, here and on two nodes of a cluster: the same results."""

from __future__ import annotations

from typing import Any

import pytest
from tests.faults.processes import trial_pids
from tests.ray.cluster import HAS_CLIENT, Cluster
from tests.ray.sweeps import agent_of, epochs, finish, recipe, reports, result, trials

from barrido import app
from barrido.core.events import PauseMode
from barrido.core.layout import Workspace

pytestmark = pytest.mark.slow

SWEEPS: dict[str, dict[str, Any]] = {
    "random": {"scheduler": {"type": "fifo"}, "trials": 6, "epochs": 5},
    "suspend": {"pausing": {"mode": PauseMode.SUSPEND}},
    "checkpoint": {"pausing": {"mode": PauseMode.CHECKPOINT}},
}


@pytest.mark.parametrize("kind", SWEEPS)
@pytest.mark.parametrize("compute", ["ray:auto", "ray://127.0.0.1:10001"])
def test_a_sweep_on_two_nodes_ends_as_it_does_here(
    cluster: Cluster, workspace: Workspace, kind: str, compute: str
) -> None:
    if compute != "ray:auto" and not HAS_CLIENT:
        pytest.skip("ray[client] is not installed")
    name = f"{kind}-{compute[3:8].strip(':/')}"
    here = app.create(recipe(workspace, f"{name}-here", compute="local", **SWEEPS[kind]), workspace)
    finish(here)
    there = cluster.create(
        recipe(workspace, f"{name}-there", compute=compute, pace_s=0.15, **SWEEPS[kind]), workspace
    )
    finish(there)
    assert result(there) == result(here)
    assert reports(there) == reports(here)
    assert epochs(there) == epochs(here)
    assert set(epochs(there).values()) == {1}
    agents = {agent_of(there, trial.number, trial.attempt) for trial in trials(there)}
    assert len(agents) == 2
    assert trial_pids(there) == []
    state = cluster.state()
    assert (state["places"], state["agents"]) == ([], [])
