"""All about one trial."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from barrido.core.recipe import Goal, Limits, Objective
from barrido.errors import TrialNotFound
from barrido.executors.sim import NO_FAULT, Fault
from barrido.figures import trial
from barrido.figures.trial import detail, log
from barrido.store.queries import Reader
from barrido.tracking.backend import Backend
from barrido.tracking.config import Config
from barrido.tracking.status import Status

Play = Callable[..., Reader]
TOLD = {"space": {"x": {"type": "choice", "values": [0.1, 0.2, 0.3, 0.9]}}, "sampler": {"type": "grid"}}
LIMITS = Limits(max_total_trials=4, max_concurrent_trials=4, max_failed_trials=9)


def test_a_trial_with_all_that_is_known(played: Play) -> None:
    reader = played(**TOLD, limits=LIMITS)
    found = detail(reader, 3)
    assert found["trial"]["params"] == {"x": 0.9}
    assert found["sweep"] == "iris"
    assert found["metrics"] == {"loss": {"last": 0.9 + 1 / 4, "best": 0.9 + 1 / 4, "count": 4}}
    assert (found["attempts"], found["seconds"], found["why"]) == (1, 4.0, None)
    assert (found["logs"], found["outputs"], found["mlflow"]) == ([], [], None)
    assert found["folder"] == str(reader.folder.root / "trials/3")
    with pytest.raises(TrialNotFound, match="has no trial 4"):
        detail(reader, 4)


@pytest.mark.parametrize(
    ("policy", "by", "against"),
    [
        ({"type": "bandit", "slack_amount": 0.1}, "bandit", 0),
        ({"type": "median_stopping"}, "median", 1),
        ({"type": "truncation_selection", "truncation_percentage": 25}, "truncation", 2),
    ],
)
def test_who_was_stopped_sees_by_whom_and_against_whom(
    played: Play, policy: dict[str, Any], by: str, against: int
) -> None:
    policy = {**policy, "evaluation_interval": 2}
    found = detail(played(**TOLD, limits=LIMITS, policy=policy), 3)
    assert found["trial"]["phase"] == "pruned"
    assert (found["why"]["by"], found["why"]["against"]) == (by, against)
    assert found["why"]["text"] == found["trial"]["reason"]


def test_who_had_no_value_was_compared_with_nobody(played: Play) -> None:
    reader = played(
        **TOLD,
        limits=LIMITS,
        policy={"type": "median_stopping", "evaluation_interval": 2},
        world={"faults": lambda order: Fault(nan_from=1)},
    )
    why = detail(reader, 3)["why"]
    assert (why["by"], why["against"]) == ("median", None)


def test_who_failed_sees_its_exit(played: Play) -> None:
    reader = played(
        **TOLD,
        limits=LIMITS,
        world={"faults": lambda order: Fault(exit_code=3) if order.trial == 1 else NO_FAULT},
    )
    why = detail(reader, 1)["why"]
    assert (why["by"], why["against"]) == ("exit", None)
    assert why["text"].startswith("exit code 3")


def test_a_trial_that_ran_too_long_met_a_limit(played: Play) -> None:
    limits = Limits(max_total_trials=4, max_concurrent_trials=4, trial_timeout=2.0)
    why = detail(played(**TOLD, limits=limits, world={"steps": 9}), 1)["why"]
    assert (why["by"], why["text"]) == ("limit", "ran longer than 2 s")


def test_the_best_of_a_metric_follows_the_goal(played: Play) -> None:
    reader = played(
        **TOLD,
        limits=LIMITS,
        objective=Objective("acc", Goal.MAXIMIZE),
        world={"metric": "acc", "curve": lambda params, step: (0.5, 0.9, float("nan"), 0.7)[step - 1]},
    )
    assert detail(reader, 0)["metrics"] == {"acc": {"last": 0.7, "best": 0.9, "count": 4}}


def test_files_of_all_attempts_are_listed_and_none_from_elsewhere(
    played: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = played(**TOLD, limits=LIMITS)
    place = reader.folder.trial(1)
    for path in (
        "work/outputs/a/model.bin",
        "work/outputs/ü<b>.txt",
        "named-outputs/best/x",
        "work/logs/steps.txt",
        "work.1/outputs/old",
        "work.1/logs/old",
    ):
        (place.root / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / path).write_bytes(b"12345")
    (place.work / "outputs/inside").symlink_to(place.named_outputs / "best/x")
    (tmp_path / "secret").write_text("secret")
    (place.work / "outputs/outside").symlink_to(tmp_path / "secret")
    (place.work / "outputs/dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/other").write_text("secret")
    (place.work / "outputs/away").symlink_to(tmp_path / "folder")
    (place.root / "work.2").mkdir()
    (place.root / "work.2/outputs").symlink_to(tmp_path / "folder")
    found = detail(reader, 1)["outputs"]
    assert {one["path"] for one in found} == {
        "work/outputs/a/model.bin",
        "work/outputs/ü<b>.txt",
        "work/outputs/inside",
        "named-outputs/best/x",
        "work/logs/steps.txt",
        "work.1/outputs/old",
        "work.1/logs/old",
    }
    assert {one["size"] for one in found} == {5}
    monkeypatch.setattr(trial, "LISTED", 2)
    assert len(detail(reader, 1)["outputs"]) == 2


def test_a_log_comes_in_pieces_that_tear_no_character(played: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = played(**TOLD, limits=LIMITS)
    place = reader.folder.trial(0).log
    assert log(reader.folder, 0) == {"text": "", "offset": 0, "size": 0, "is_over": True}
    place.parent.mkdir(parents=True)
    text = "epoch 1: ä€𝄞\n" * 20
    place.write_text(text)
    assert detail(reader, 0)["logs"] == [{"attempt": 1, "size": len(text.encode())}]
    for size in range(4, 30):
        monkeypatch.setattr(trial, "PIECE", size)
        whole, offset = "", 0
        while offset < len(text.encode()):
            piece = log(reader.folder, 0, offset)
            assert len(piece["text"].encode()) <= size
            whole, offset = whole + piece["text"], piece["offset"]
        assert whole == text
    monkeypatch.setattr(trial, "PIECE", 256 << 10)
    for back in range(1, 40):
        piece = log(reader.folder, 0, -back)
        assert text.endswith(piece["text"])
        assert "\ufffd" not in piece["text"]
        assert piece["offset"] == piece["size"] == len(text.encode())
    assert log(reader.folder, 0, -(10**9))["text"] == text
    assert log(reader.folder, 0, 10**9)["text"] == ""


def test_what_is_no_text_is_replaced(played: Play) -> None:
    reader = played(**TOLD, limits=LIMITS)
    place = reader.folder.trial(0).log
    place.parent.mkdir(parents=True)
    place.write_bytes(b"a\xff\xfeb\xe2\x82")
    piece = log(reader.folder, 0)
    assert (piece["text"], piece["offset"], piece["is_over"]) == ("a\ufffd\ufffdb\ufffd", 6, True)


def test_while_a_trial_runs_the_rest_of_a_character_is_waited_for(played: Play) -> None:
    reader = played(**TOLD, limits=LIMITS, turns=2)
    place = reader.folder.trial(0).log
    place.parent.mkdir(parents=True)
    place.write_bytes(b"a\xe2\x82")
    piece = log(reader.folder, 0)
    assert (piece["text"], piece["offset"], piece["is_over"]) == ("a", 1, False)
    place.write_bytes(b"a\xe2\x82\xac")
    assert log(reader.folder, 0, 1)["text"] == "€"


def test_each_attempt_has_its_log(played: Play) -> None:
    def faults(order: Any) -> Fault:
        return Fault(lost_after=2) if order.attempt == 1 else NO_FAULT

    reader = played(**TOLD, limits=LIMITS, world={"faults": faults})
    place = reader.folder.trial(0).log
    place.parent.mkdir(parents=True)
    place.write_text("second")
    place.with_name("std_log.1.txt").write_text("first")
    assert detail(reader, 0)["logs"] == [{"attempt": 1, "size": 5}, {"attempt": 2, "size": 6}]
    assert [log(reader.folder, 0, 0, one)["text"] for one in (None, 1, 2)] == ["second", "first", "second"]
    with pytest.raises(TrialNotFound, match="has no attempt 3"):
        log(reader.folder, 0, 0, 3)
    with pytest.raises(TrialNotFound, match="has no trial 12"):
        log(reader.folder, 12)


def tell_mlflow(reader: Reader, *, url: str, backend: Backend | None, reachable: bool = True) -> None:
    tracking = reader.folder.tracking
    tracking.mkdir()
    Config.new(url=None if backend else url, backend=backend, eager=False).write(tracking)
    status = Status(reachable=reachable, url=url, experiment_id="7", run_id="parent")
    (tracking / "status.json").write_text(json.dumps({k: getattr(status, k) for k in status.__slots__}))
    with closing(sqlite3.connect(tracking / "mirror.db")) as db, db:
        db.execute("CREATE TABLE runs (kind TEXT, trial INTEGER, attempt INTEGER, run_id TEXT)")
        db.execute(
            "INSERT INTO runs VALUES ('trial', 1, 1, 'old'), ('trial', 1, 2, 'new'), ('nested', 1, 3, 'no')"
        )


@pytest.mark.parametrize(
    ("url", "reachable", "expected"),
    [
        ("https://mlflow.example.com/", True, "https://mlflow.example.com/#/experiments/7/runs/new"),
        ("https://mlflow.example.com", False, None),
        ("https://ann:secret@mlflow.example.com", True, None),
        ("databricks", True, None),
    ],
)
def test_mlflow_is_linked_where_a_server_shows_the_run(
    played: Play, url: str, reachable: bool, expected: str | None
) -> None:
    from barrido.figures.sweeps import overview

    reader = played(**TOLD, limits=LIMITS)
    tell_mlflow(reader, url=url, backend=None, reachable=reachable)
    assert detail(reader, 1)["mlflow"] == expected
    assert detail(reader, 2)["mlflow"] is None
    assert overview(reader)["mlflow"] == (expected and expected.replace("new", "parent"))


def test_the_workspaces_own_server_is_linked_while_it_serves(played: Play, tmp_path: Path) -> None:
    reader = played(**TOLD, limits=LIMITS)
    backend = Backend(tmp_path / "mlflow", "server", "sqlite:///x.db", tmp_path, own=True)
    tell_mlflow(reader, url="http://127.0.0.1:5123", backend=backend)
    assert detail(reader, 1)["mlflow"] is None
    backend.folder.mkdir()
    backend.state.write_text('{"port": 5123}')
    with backend.lock.open("w") as lock:
        assert detail(reader, 1)["mlflow"] is None
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert detail(reader, 1)["mlflow"] == "http://127.0.0.1:5123/#/experiments/7/runs/new"
    assert detail(reader, 1)["mlflow"] is None
