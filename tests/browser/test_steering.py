"""Steering a running sweep from the browser: it takes effect, it is told, it outlives the controller."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.browser.conftest import OpenPage, Studio
from tests.browser.sweeps import create, wait_for_end

from barrido.controller import lock
from barrido.core.layout import SweepFolder
from barrido.core.state import SweepPhase
from barrido.store.queries import Reader

Running = tuple[SweepFolder, Path]
pytestmark = pytest.mark.slow


def await_state(folder: SweepFolder, holds: Callable[[Reader], object]) -> None:
    deadline = time.monotonic() + 30
    with Reader(folder) as reader:
        while not holds(reader):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_reports_arrive_while_one_looks(open_page: OpenPage, running: Running) -> None:
    folder, gate = running
    page = open_page(f"#/s/{folder.name}/t/0")
    page.get_by_text("0 reports").first.wait_for()
    for epoch in (1, 2, 3):
        (gate / f"0.{epoch}").touch()
        page.get_by_text(re.compile(rf"\b{epoch} reports?\b")).first.wait_for()
        page.get_by_text(f"epoch {epoch} ").first.wait_for()


def test_pause_add_limits_note_and_cancel(open_page: OpenPage, studio: Studio, running: Running) -> None:
    folder, gate = running
    page = open_page(f"#/s/{folder.name}")
    page.get_by_role("button", name="Pause").click()
    await_state(folder, lambda reader: reader.sweep().phase is SweepPhase.PAUSED)
    page.get_by_role("button", name="Unpause").wait_for()

    page.get_by_role("button", name="Add trial…").click()
    page.get_by_label("rate").fill("0.123")
    page.get_by_role("button", name="Add trial", exact=True).click()
    await_state(folder, lambda reader: reader.sweep().limits.max_total_trials == 7)

    page.get_by_role("button", name="Limits…").click()
    page.get_by_label("Trials in all").fill("9")
    page.get_by_role("button", name="Set limits").click()
    await_state(folder, lambda reader: reader.sweep().limits.max_total_trials == 9)

    page.get_by_role("button", name="Note…").click()
    page.get_by_label("Note", exact=True).fill("<i>looks</i> good")
    page.get_by_role("button", name="Save").click()
    await_state(folder, lambda reader: reader.sweep().note == "<i>looks</i> good")
    page.get_by_text("<i>looks</i> good").first.wait_for()

    page.get_by_role("button", name="Unpause").click()
    await_state(folder, lambda reader: reader.sweep().phase is SweepPhase.RUNNING)
    for epoch in range(1, 21):
        (gate / f"0.{epoch}").touch()
    await_state(folder, lambda reader: any(t.params["rate"] == 0.123 for t in reader.trials()))

    page.goto(f"{studio.address}/#/s/{folder.name}/t/0")
    page.get_by_role("button", name="Run again…").click()
    page.get_by_role("button", name="Run again", exact=True).click()
    await_state(folder, lambda reader: reader.sweep().limits.max_total_trials == 10)

    page.goto(f"{studio.address}/#/s/{folder.name}/t/1")
    page.get_by_label("Steer trial 1").get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the trial").click()
    await_state(folder, lambda reader: reader.trials([1])[0].phase.is_terminal)

    page.goto(f"{studio.address}/#/s/{folder.name}")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the sweep").click()
    wait_for_end(folder)
    page.locator("main h1").get_by_text(folder.name).wait_for()
    page.get_by_text("Canceled", exact=True).first.wait_for()
    with Reader(folder) as reader:
        origins = {event["origin"] for _, event, _ in reader.events() if event["kind"] == "requested"}
    assert origins == {"studio"}


def test_a_wish_outlives_the_controller_that_was_to_hear_it(open_page: OpenPage, running: Running) -> None:
    folder, _ = running
    page = open_page(f"#/s/{folder.name}")
    page.get_by_role("button", name="Pause").wait_for()
    controller = lock.holder(folder)
    assert controller is not None
    os.kill(controller, signal.SIGSTOP)
    page.get_by_role("button", name="Pause").click()
    await_state(folder, lambda reader: any(folder.requests.glob("*.json")))
    os.kill(controller, signal.SIGKILL)
    page.get_by_role("button", name="Resume").first.click()
    await_state(folder, lambda reader: reader.sweep().phase is SweepPhase.PAUSED)
    page.get_by_role("button", name="Unpause").wait_for()


def test_a_sweep_that_is_over_cannot_be_steered(open_page: OpenPage, studio: Studio) -> None:
    page = open_page("#/s/plain")
    for name in ("Pause", "Add trial…", "Limits…", "Cancel…"):
        button = page.get_by_role("button", name=name)
        button.wait_for()
        assert button.get_attribute("aria-disabled") == "true"
        assert "is over" in (button.get_attribute("title") or "")


AGAIN = """\
type: sweep
trial: {code: ., command: "test -e MENDED || test ${{search_space.k}} = 2", warm: "off"}
search_space: {k: {type: choice, values: [1, 2, 3]}}
sampling_algorithm: grid
limits: {max_total_trials: 3, max_concurrent_trials: 1, max_failed_trials: 9,
  max_retries: 1, retry_backoff: 0.1}
"""


def test_those_that_failed_run_again_when_the_sweep_is_over(open_page: OpenPage, studio: Studio) -> None:
    mended = studio.place / "mended"
    folder = create(studio.place, "again", AGAIN.replace("MENDED", str(mended)))
    wait_for_end(folder)
    page = open_page("#/s/again/t/0")
    page.get_by_text("exit code", exact=True).wait_for()
    page.get_by_text("exit code 1", exact=True).first.wait_for()
    page.goto(f"{studio.address}/#/s/again")
    page.get_by_text("1 retry of a trial that fails, the first after 0.1s").wait_for()
    mended.touch()
    page.get_by_role("button", name="Run failed again…").click()
    page.get_by_text("Each of 2 failed trials runs once more").wait_for()
    page.get_by_text("The sweep is opened again for them").wait_for()
    page.get_by_role("button", name="Run again", exact=True).click()
    await_state(folder, lambda reader: len(reader.trials()) == 5 and reader.sweep().phase.is_terminal)
    page.get_by_text(re.compile("all 5 trials are done", re.IGNORECASE)).first.wait_for()
    with Reader(folder) as reader:
        assert [trial.phase.value for trial in reader.trials()][3:] == ["completed", "completed"]
