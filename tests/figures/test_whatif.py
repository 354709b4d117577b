"""What another rule would have made of a sweep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from barrido.core.wire import dumps
from barrido.errors import SpecError
from barrido.figures.whatif import what_if
from barrido.store.queries import Reader

Play = Callable[..., Reader]


def test_a_policy_beside_what_happened(played: Play) -> None:
    reader = played(world={"steps": 9})
    answer = what_if(reader.folder, {"type": "bandit", "slack_amount": 0.05, "delay_evaluation": 2}, None)
    assert answer["name"] == "iris"
    assert answer["objective"] == {"primary_metric": "loss", "goal": "minimize"}
    assert (answer["history"]["trials"], answer["history"]["reports"]) == (8, 72)
    (one,) = answer["what_if"]
    assert one["early_termination"]["type"] == "bandit"
    assert one["saved_reports"] == 72 - one["reports"] > 0
    assert one["stopped"] == sum(run["status"] == "pruned" for run in one["runs"])
    assert dumps(answer)


def test_a_scheduler_and_nothing_at_all(played: Play) -> None:
    reader = played(world={"steps": 9})
    (one,) = what_if(reader.folder, None, {"type": "hyperband", "max_resource": 9})["what_if"]
    assert one["scheduler"]["type"] == "hyperband"
    (none,) = what_if(reader.folder, None, None)["what_if"]
    assert (none["saved_reports"], none["best_survives"]) == (0, True)


def test_what_no_file_may_say_is_refused(played: Play) -> None:
    with pytest.raises(SpecError, match="slack"):
        what_if(played().folder, {"type": "bandit"}, None)
