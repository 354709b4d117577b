"""Sweeps that really run, steered from the studio."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.studio.conftest import Studio, tell_finished
from tests.studio.test_streams import until

from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace

SCRIPT = """\
import sys, time
from pathlib import Path
import barrido
barrido.report(loss=float(sys.argv[1]))
while not Path(sys.argv[2]).exists():
    time.sleep(0.01)
"""

TEXT = """\
type: sweep
name: live
trial:
  code: code
  command: python train.py ${{search_space.rate}} GATE
  warm: "off"
search_space:
  rate: {type: uniform, min_value: 0, max_value: 1}
sampling_algorithm: {type: random, seed: 3}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 8, max_concurrent_trials: 2}
"""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that all trials wait for."""
    return tmp_path / "gate"


@pytest.fixture
def live(
    studio: Studio, tmp_path: Path, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SweepFolder]:
    """A sweep that was created from the studio. Its trials report once, and wait."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "off")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/train.py").write_text(SCRIPT)
    text = TEXT.replace("GATE", str(gate))
    assert studio.post("/api/sweeps", {"yaml": text, "folder": None}, status=201) == {"name": "live"}
    folder = studio.workspace.sweep("live")
    yield folder
    gate.touch()
    if not studio.get("/api/sweeps/live")["ended_at"]:
        if not studio.get("/api/sweeps/live")["is_running"]:
            studio.post("/api/sweeps/live/resume", {})
        with studio.stream("/api/sweeps/live/stream") as events:
            until(events, lambda data: data["sweep"]["ended_at"])


def refused(studio: Studio, path: str, body: Any, status: int) -> str:
    return str(studio.post(path, body, status=status)["error"]["message"])


def test_a_sweep_is_steered_from_its_beginning_to_its_end(
    studio: Studio, live: SweepFolder, gate: Path
) -> None:
    with studio.stream("/api/sweeps/live/stream") as events:
        until(events, lambda data: data["sweep"]["counts"].get("running") == 2)
        assert "live" in refused(studio, "/api/sweeps", {"yaml": TEXT}, 409)
        assert "running" in refused(studio, "/api/sweeps/live/resume", {}, 409)

        assert studio.post("/api/sweeps/live/pause", {})["request"]
        until(events, lambda data: data["sweep"]["phase"] == "paused")

        studio.post("/api/sweeps/live/trials/0/cancel", {})
        until(events, lambda data: 0 in data["trials"]["number"] and data["sweep"]["counts"].get("canceled"))
        assert "is over (canceled)" in refused(studio, "/api/sweeps/live/trials/0/cancel", {}, 409)
        assert "no trial 99" in refused(studio, "/api/sweeps/live/trials/99/cancel", {}, 404)

        studio.post("/api/sweeps/live/limits", {"changes": {"max_total_trials": 4}})
        until(events, lambda data: data["limits"]["max_total_trials"] == 4)
        problems = studio.post("/api/sweeps/live/limits", {"changes": {"max_total_trials": -1}}, status=400)
        assert problems["error"]["problems"][0]["path"] == "limits.max_total_trials"
        assert refused(studio, "/api/sweeps/live/limits", {"changes": {}}, 400)

        tags = {"team": "<b>", "seen": "yes"}
        studio.post("/api/sweeps/live/trials/1/annotate", {"note": "look", "tags": tags})
        news = until(events, lambda data: 1 in data["trials"]["number"] and any(data["trials"]["note"]))
        assert news["trials"]["tags"][news["trials"]["number"].index(1)] == tags
        assert refused(studio, "/api/sweeps/live/annotate", {}, 400)

        studio.post("/api/sweeps/live/enqueue", {"params": {"rate": 0.125}})
        assert "rate" in refused(studio, "/api/sweeps/live/enqueue", {"params": {"rate": 7}}, 400)
        studio.post("/api/sweeps/live/trials/0/rerun", {})
        gate.touch()
        studio.post("/api/sweeps/live/unpause", {})
        until(events, lambda data: data["sweep"]["phase"] == "completed")
    trials = studio.get("/api/sweeps/live/trials")
    assert 0.125 in trials["params"]["rate"]
    assert trials["params"]["rate"].count(trials["params"]["rate"][0]) == 2
    assert any("studio" in origin for origin in trials["origin"])


def test_a_wish_survives_a_controller_that_is_killed_before_it_heard_it(
    studio: Studio, live: SweepFolder
) -> None:
    with studio.stream("/api/sweeps/live/stream") as events:
        until(events, lambda data: data["sweep"]["counts"].get("running") == 2)
        pid = lock.holder(live)
        assert pid
        os.kill(pid, signal.SIGSTOP)
        assert studio.post("/api/sweeps/live/cancel", {})["request"]
        os.kill(pid, signal.SIGKILL)
        until(events, lambda data: data["sweep"]["status"] == "NotResponding")
        assert studio.post("/api/sweeps/live/resume", {}) == {"request": None}
        until(events, lambda data: data["sweep"]["phase"] == "canceled")
    assert "over (canceled)" in refused(studio, "/api/sweeps/live/resume", {}, 409)


def test_a_wish_brings_a_dead_controller_back(studio: Studio, live: SweepFolder) -> None:
    with studio.stream("/api/sweeps/live/stream") as events:
        until(events, lambda data: data["sweep"]["counts"].get("running") == 2)
        pid = lock.holder(live)
        assert pid
        os.kill(pid, signal.SIGKILL)
        until(events, lambda data: data["sweep"]["status"] == "NotResponding")
        studio.post("/api/sweeps/live/trials/1/cancel", {})
        until(events, lambda data: data["sweep"]["counts"].get("canceled"))
        assert studio.get("/api/sweeps/live")["is_running"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("cancel", {}),
        ("pause", {}),
        ("unpause", {}),
        ("resume", {}),
        ("limits", {"changes": {"max_total_trials": 9}}),
        ("enqueue", {"params": {"lr": 0.5, "solver": "sgd"}}),
        ("trials/0/cancel", {}),
    ],
)
def test_a_sweep_that_is_over_is_left_as_it_is(
    studio: Studio, workspace: Workspace, path: str, body: Any
) -> None:
    folder = tell_finished(workspace).folder
    assert "over" in refused(studio, f"/api/sweeps/iris/{path}", body, 409)
    assert not folder.requests.exists()


def test_failed_trials_of_a_sweep_that_is_over_run_again(
    studio: Studio, tmp_path: Path, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "off")
    text = (
        "type: sweep\nname: again\ntrial: {command: 'test -e GATE || test ${{search_space.k}} = 2'}\n"
        "search_space: {k: {type: choice, values: [1, 2, 3]}}\nsampling_algorithm: grid\n"
        "limits: {max_total_trials: 3, max_concurrent_trials: 1, max_failed_trials: 9}\n"
    ).replace("GATE", str(gate))
    studio.post("/api/sweeps", {"yaml": text}, status=201)
    with studio.stream("/api/sweeps/again/stream") as events:
        until(events, lambda data: data["sweep"]["phase"] == "completed")
        assert studio.get("/api/sweeps/again/trials")["failure"] == ["exit_code", None, "exit_code"]
        gate.touch()
        studio.post("/api/sweeps/again/rerun", {})
        until(
            events, lambda data: data["sweep"]["counts"].get("completed") == 3 and data["sweep"]["ended_at"]
        )
    trials = studio.get("/api/sweeps/again/trials")
    assert trials["phase"] == ["failed", "completed", "failed", "completed", "completed"]
    assert trials["params"]["k"] == [1, 2, 3, 1, 3]
    assert trials["origin"][3:] == ["trial 0 again, by studio", "trial 2 again, by studio"]
    assert "no trial 9" in refused(studio, "/api/sweeps/again/trials/9/rerun", {}, 404)


def test_where_no_trial_failed_none_runs_again(studio: Studio, live: SweepFolder) -> None:
    assert "no trial of 'live' has failed" in refused(studio, "/api/sweeps/live/rerun", {}, 409)


def test_a_text_is_checked_without_being_run(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/train.py").write_text(SCRIPT)
    good = studio.post("/api/validate", {"yaml": TEXT}, status=200)
    assert good["problems"] == []
    assert good["plan"]["trials"] == 8
    assert good["summary"][:2] == ["live: random over rate", "minimize loss"]
    bad = TEXT.replace("goal: minimize", "goal: smallest").replace("min_value: 0,", "min_value: 3,")
    answer = studio.post("/api/validate", {"yaml": bad, "folder": str(tmp_path)}, status=200)
    assert [(one["path"], one["line"]) for one in answer["problems"]] == [
        ("search_space.rate.min_value", 8),
        ("objective.goal", 10),
    ]
    created = studio.post("/api/sweeps", {"yaml": bad}, status=400)["error"]
    assert created["problems"] == answer["problems"]
    assert not studio.workspace.sweeps.exists()
    for folder in ("nowhere", "code/train.py", "a\0b", "x" * 5000):
        assert "no folder" in refused(studio, "/api/validate", {"yaml": TEXT, "folder": folder}, 400)


def test_it_is_said_that_an_environment_has_to_be_built_first(studio: Studio) -> None:
    text = TEXT.replace("code: code", "environment: {name: mine, requirements: [tiny]}")
    text = text.replace("train.py", "-V")
    answer = studio.post("/api/validate", {"yaml": text}, status=200)
    assert answer["problems"] == []
    assert any("environment mine is built before the sweep starts" in one for one in answer["notices"])


@pytest.mark.parametrize(
    "text", ["", "[]", "a: [", "a: &a [*a]", "\0", "type: sweep", "- " * 5000, "x: !!python/x 1"]
)
def test_a_text_that_is_no_sweep_is_told_so(studio: Studio, text: str) -> None:
    assert studio.post("/api/validate", {"yaml": text}, status=200)["problems"]
