"""Trials that are ended to go on later: what they saved is there for the next attempt, or for nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import Launched, PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order, Step, Verdict
from barrido.core.recipe import Unit
from barrido.executors.local import LocalExecutor
from barrido.testing.executors import collect, exits, offsets, until_ended, until_reports, values

Make = Callable[..., LocalExecutor]

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

SAVES = """
    import time
    from barrido.trial import checkpoint_dir, report
    path = checkpoint_dir() / "n"
    n = int(path.read_text()) if path.exists() else 0
    while n < 27:
        n += 1
        report(loss=n, step=n)
        time.sleep(0.3)
        path.write_text(str(n))
"""
SAVES_WHEN_ASKED = """
    import sys, time
    from barrido.trial import checkpoint_dir, report, should_stop
    path = checkpoint_dir() / "n"
    n = int(path.read_text()) if path.exists() else 0
    while n < 27:
        n += 1
        report(loss=n, step=n)
        if should_stop():
            path.write_text(str(n))
            sys.exit()
"""
SAVES_WHEN_TERMINATED = """
    import signal, sys, time
    from barrido.trial import checkpoint_dir, report
    path = checkpoint_dir() / "n"
    n = int(path.read_text()) if path.exists() else 0
    def save(*_):
        path.write_text(str(n))
        sys.exit(1)
    signal.signal(signal.SIGTERM, save)
    while n < 27:
        n += 1
        report(loss=n, step=n)
        time.sleep(1)
"""


@pytest.mark.parametrize(
    ("script", "code", "most"),
    [(SAVES, -15, 2), (SAVES_WHEN_ASKED, 0, 1), (SAVES_WHEN_TERMINATED, 1, 1)],
    ids=["always", "when asked", "when terminated"],
)
def test_a_script_with_checkpoints_is_ended_when_it_has_saved(
    script: str, code: int, most: int, staged: Make, write: Callable[[str], str], folder: SweepFolder
) -> None:
    executor = staged(PauseMode.CHECKPOINT)
    params = {"command": write(script)}
    saved = folder.trial(0).checkpoints / "n"
    for attempt, (start, rung) in enumerate(((0, 1), (1, 3)), 1):
        executor.launch(Order(0, attempt, params, until=rung, start=start))
        told = until_reports(executor, rung - start)
        assert values([*told, *executor.events(0.1)]) == [float(n) for n in range(start + 1, rung + 1)]
        executor.pause(0, attempt, PauseMode.CHECKPOINT, "others first")
        executor.answer(0, attempt, offsets(told), Verdict(Step.PAUSE))
        after = until_ended(executor)
        assert exits(after)[0].code == code
        assert len(values(after)) == most - 1  # it logs once more before it is known that it has saved
        assert saved.read_text() == str(rung)
    executor.discard(0)
    assert not saved.parent.exists()


def test_what_neither_logs_nor_listens_is_ended_when_patience_is_at_its_end(
    staged: Make, write: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barrido.executors.supervisor.PATIENCE_S", 0.2)
    executor = staged(PauseMode.CHECKPOINT)
    executor.launch(Order(0, 1, {"command": write("import time\ntime.sleep(600)")}, until=1))
    collect(executor, lambda signals: any(isinstance(one, Launched) for one in signals))
    executor.pause(0, 1, PauseMode.CHECKPOINT, "others first")
    assert exits(until_ended(executor))[0].code == -signal.SIGTERM


@pytest.mark.parametrize("mode", [PauseMode.CHECKPOINT, PauseMode.RESTART])
def test_checkpoints_are_there_for_the_next_attempt_unless_it_is_to_begin_anew(
    mode: PauseMode, staged: Make, folder: SweepFolder
) -> None:
    executor = staged(pausing={"spill": mode})
    found = []
    for attempt in (1, 2):
        command = 'ls "$BARRIDO_CHECKPOINT_DIR" > ../found; touch "$BARRIDO_CHECKPOINT_DIR/model"'
        executor.launch(Order(0, attempt, {"command": command}, until=1))
        until_ended(executor)
        found.append((folder.trial(0).root / "found").read_text())
    assert found == ["", "model\n" if mode is PauseMode.CHECKPOINT else ""]


def test_removing_checkpoints_spares_what_links_lead_to(
    staged: Make, folder: SweepFolder, tmp_path: Path
) -> None:
    executor = staged()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").touch()
    checkpoints = folder.trial(0).checkpoints
    for link in (checkpoints / "data", checkpoints):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(precious)
        executor.discard(0)
        assert not os.path.lexists(checkpoints)
        assert (precious / "data").exists()


@pytest.mark.parametrize(
    ("pausing", "told"),
    [
        ({"mode": PauseMode.SUSPEND}, "27"),
        ({"mode": PauseMode.CHECKPOINT}, "9"),
        ({"mode": PauseMode.RESTART, "unit": Unit.INPUT, "input": "epochs"}, "9"),
    ],
)
def test_a_trial_is_told_how_far_it_will_go(pausing: dict[str, Any], told: str, staged: Make) -> None:
    executor = staged(pausing=pausing)
    command = 'test "$BARRIDO_RESOURCE" = ' + told + ' && test -d "$BARRIDO_CHECKPOINT_DIR"'
    executor.launch(Order(0, 1, {"command": command}, until=9))
    assert exits(until_ended(executor))[0].code == 0


def test_without_a_scheduler_a_trial_is_told_nothing_and_nothing_is_written_for_it(
    executor: LocalExecutor, folder: SweepFolder
) -> None:
    command = 'test -z "$BARRIDO_RESOURCE$BARRIDO_CHECKPOINT_DIR$BARRIDO_HOLD"'
    executor.launch(Order(0, 1, {"command": command}))
    assert exits(until_ended(executor))[0].code == 0
    assert not folder.trial(0).checkpoints.exists()
    assert not Path(f"{folder.feed_stem(0, 1)}.answer").exists()
