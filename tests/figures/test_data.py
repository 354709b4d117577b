"""The sweep that benchmarks look at is one that could have been."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest

from barrido.core.layout import Workspace
from barrido.core.trial import Phase
from barrido.figures import curves, importance, sweeps, timeline, trial, trials
from barrido.replay.proof import prove
from barrido.store.queries import Reader

LARGE = run_path(str(Path(__file__).parents[2] / "benchmarks/large/sweep.py"))


@pytest.mark.parametrize("running", [False, True])
def test_its_log_leads_to_what_is_shown_and_every_view_has_something(tmp_path: Path, running: bool) -> None:
    folder = LARGE["make"](Workspace(tmp_path), trials=200, reports=60, running=running)
    assert prove(folder).trials == 200
    with Reader(folder) as reader:
        rows = reader.trials()
        phases = {row.phase for row in rows}
        assert {Phase.COMPLETED, Phase.PRUNED, Phase.FAILED} <= phases
        assert (Phase.RUNNING in phases) == running
        assert sweeps.overview(reader)["total"] == 200
        table = trials.table(reader)
        assert len(table["number"]) == 200
        assert set(table["params"]["optimizer.kind"]) == {"sgd", "adam"}
        lines = curves.curves(reader)["trials"]
        assert [len(steps) for steps in lines["steps"]] == [row.reports for row in rows]
        assert timeline.timeline(reader)["slots"] == LARGE["CONCURRENT"]
        assert importance.shares(reader)["shares"].keys() == table["params"].keys()
        stopped = next(row.number for row in rows if row.phase is Phase.PRUNED)
        assert trial.detail(reader, stopped)["why"]["by"] == "bandit"
