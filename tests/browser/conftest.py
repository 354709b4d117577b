from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.browser.sweeps import BARRIDO, FINISHED, RUNNING, create, run, wait_for_end

from barrido.core.layout import SweepFolder
from barrido.store.queries import Reader

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

Page = Any  # playwright's, which has its own
OpenPage = Callable[..., Page]

DRAWN = """() => {
    const charts = [...document.querySelectorAll("main .chart")].filter((one) => one.offsetParent);
    return document.querySelector("main h1") && charts.every((one) => one.hasAttribute("data-drawn"))
        && !document.querySelector("main .waiting");
}"""


@dataclass(frozen=True)
class Studio:
    """A studio that runs over the workspace of the folder ``place``. ``link`` holds its token."""

    place: Path
    link: str
    pid: int

    @property
    def address(self) -> str:
        return self.link.partition("/?")[0]


def go(page: Page, studio: Studio, route: str) -> None:
    page.goto(f"{studio.address}/{route}")
    page.wait_for_function(DRAWN)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium. Closed before tests of other files: playwright has an event loop in this thread."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


def open_studio(place: Path) -> Iterator[Studio]:
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("BARRIDO_", "MLFLOW_"))}
    process = subprocess.Popen(
        [BARRIDO, "studio", "--port", "0", "--no-open"],
        cwd=place,
        env={**outer, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        link = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)))
        yield Studio(place, link[0], process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0, rest


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Over one finished sweep of each kind."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt install chromium")
    place = tmp_path_factory.mktemp("studio")
    for folder in [create(place, name, text) for name, text in FINISHED.items()]:
        wait_for_end(folder)
    yield from open_studio(place)


@pytest.fixture
def running(studio: Studio, tmp_path: Path) -> Iterator[tuple[SweepFolder, Path]]:
    """A sweep whose trials make a report for each file ``<trial>.<epoch>`` in the folder beside it."""
    gate = tmp_path / "gate"
    gate.mkdir()
    name = f"running-{tmp_path.name}"[:60].replace("_", "-")
    folder = create(studio.place, name, RUNNING.replace("GATE", str(gate)))
    yield folder, gate
    with Reader(folder) as reader:
        if not reader.sweep().phase.is_terminal:
            run("job", "cancel", folder.name, cwd=studio.place)
    wait_for_end(folder)


@pytest.fixture
def open_page(studio: Studio, browser: Any) -> Iterator[OpenPage]:
    """Opens a page of the studio by its hash; fails at the end if its console had anything to complain of."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(route: str = "#/", *, width: int = 1280, theme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: (
                complaints.append(f"{page.url}: {said.text}") if said.type in ("error", "warning") else None
            ),
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((studio.address, "data:", "blob:"))
                else complaints.append(f"{page.url} asks for {asked.url}")
            ),
        )
        page.goto(studio.link)
        page.goto(f"{studio.address}/{route}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)
