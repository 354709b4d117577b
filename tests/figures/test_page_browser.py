"""Reports and figures as a browser shows them: opened from the disk, without a network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import BEGAN, Tale

from barrido.core.layout import Workspace
from barrido.core.recipe import Work
from barrido.figures import page
from barrido.figures.notebook import Plots
from barrido.store.queries import Reader

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "</script><img src=x onerror=alert(1)> \"'\u2028<!--"

pytestmark = pytest.mark.slow
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


def elsewhere(url: str) -> list[str]:
    return [] if url.startswith(("file:", "data:")) else [url]


@pytest.fixture
def open_file(browser: Any) -> Iterator[Open]:
    """Opens a file; fails at the end if its console said anything, or if anything was asked for elsewhere."""
    complaints: list[str] = []
    contexts = []

    def opened(file: Path, *, theme: str = "light", width: int = 1280) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda said: complaints.append(said.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        tab.on("request", lambda asked: complaints.extend(elsewhere(asked.url)))
        tab.goto(file.as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Tale:
    """Twelve trials, two of them stopped or failed, and hostile texts wherever people put texts."""
    rates = [(n * 5 % 12) / 12 for n in range(12)]
    points = [{"lr": rate, HOSTILE: "sgd" if n % 3 else HOSTILE} for n, rate in enumerate(rates)]
    tale = Tale(
        Workspace(tmp_path_factory.mktemp("told")),
        "iris",
        points,
        space={
            "lr": {"type": "uniform", "min_value": 0, "max_value": 1},
            HOSTILE: {"type": "choice", "values": [HOSTILE, "sgd"]},
        },
        display_name=f"Irises {HOSTILE}",
        description=HOSTILE,
        tags={HOSTILE: HOSTILE},
        notices=(HOSTILE,),
        work=Work(command=f"python train.py {HOSTILE}"),
    )
    for trial, rate in enumerate(rates):
        tale.launch(trial)
        tale.report(trial, 0.5, 1 - (rate - 0.4) ** 2)
        tale.end(trial, 3 if trial == 5 else 0, HOSTILE)
    return tale


@pytest.fixture
def report(told: Tale, tmp_path: Path) -> Path:
    file = tmp_path / "iris.html"
    with Reader(told.folder) as reader:
        file.write_text(page.report(reader), encoding="utf-8")
    return file


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_draws_every_chart(report: Path, open_file: Open, theme: str) -> None:
    tab = open_file(report, theme=theme)
    tab.wait_for_selector(".report-trials tbody tr")
    assert tab.locator(".report-trials tbody tr").count() == 12
    charts = tab.locator("[role=img][aria-label]")
    tab.wait_for_function("document.querySelectorAll('[role=img][aria-label]').length >= 6")
    assert all(charts.nth(n).get_attribute("aria-label") for n in range(charts.count()))
    assert tab.locator(".problem").count() == 0
    assert tab.evaluate("document.documentElement.dataset.theme") == theme


def test_a_report_of_a_running_sweep_stands_still(tmp_path: Path, open_file: Open) -> None:
    tale = Tale(Workspace(tmp_path), "running", [{"lr": 0.1}, {"lr": 0.2}])
    for trial in range(2):
        tale.launch(trial)
        tale.report(trial, 0.5)
    with Reader(tale.folder) as reader:
        text = page.report(reader)
    changes = {r'"made_at":\d+': f'"made_at":{BEGAN + 90}', r'"is_running":false': '"is_running":true'}
    for was, made in changes.items():
        text, count = re.subn(was, made, text)
        assert count == 1
    file = tmp_path / "running.html"
    file.write_text(text, encoding="utf-8")
    tab = open_file(file)
    timeline = tab.locator("[role=img][aria-label^=Timeline]")
    timeline.wait_for()
    assert "over 1 min 30 s" in timeline.get_attribute("aria-label")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_white(report: Path, open_file: Open, theme: str) -> None:
    tab = open_file(report, theme=theme)
    tab.wait_for_function("document.querySelectorAll('.chart[data-drawn]').length >= 6")
    tab.emulate_media(media="print", color_scheme=theme)
    style = "([part, name]) => getComputedStyle(document.querySelector(part))[name]"
    assert tab.evaluate(style, [".panel", "backgroundColor"]) == "rgb(255, 255, 255)"
    assert tab.evaluate(style, [".panel", "color"]) == "rgb(0, 0, 0)"
    assert ("invert" in tab.evaluate(style, [".chart > canvas", "filter"])) == (theme == "dark")


def test_hostile_texts_are_texts(report: Path, open_file: Open) -> None:
    tab = open_file(report)
    tab.wait_for_selector(".report-trials tbody tr")
    assert "</script><img src=x onerror=alert(1)> \"'" in tab.locator("h1").inner_text()
    assert tab.locator("img").count() == 0
    assert HOSTILE[:20] in tab.locator(".report-notes").inner_text()


def test_a_report_is_as_wide_as_a_phone(report: Path, open_file: Open) -> None:
    tab = open_file(report, width=390)
    tab.wait_for_selector(".report-trials tbody tr")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_table_sorts_by_what_is_clicked(report: Path, open_file: Open) -> None:
    tab = open_file(report)
    first = tab.locator(".report-trials tbody tr td:first-child")
    first.first.wait_for()
    tab.get_by_role("button", name="trial", exact=True).click()
    assert first.all_inner_texts() == [str(n) for n in range(12)]
    tab.get_by_role("button", name="trial", exact=True).click()
    assert first.all_inner_texts() == [str(n) for n in reversed(range(12))]


def test_a_click_on_a_trial_shows_it_everywhere(report: Path, open_file: Open) -> None:
    tab = open_file(report)
    tab.locator(".report-trials tbody tr").nth(2).click()
    assert tab.locator(".report-trials tr.is-selected").count() == 1


def test_a_notebook_shows_charts_in_their_frames(told: Tale, tmp_path: Path, open_file: Open) -> None:
    plots = Plots(told.folder)
    cells = [figure._repr_html_() for figure in (plots.best(), plots.curves(), plots.scatter("lr"))]
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><title>{escape(HOSTILE)}</title>{''.join(cells)}", encoding="utf-8")
    tab = open_file(file)
    for n in range(3):
        tab.locator("iframe").nth(n).scroll_into_view_if_needed()
        frame = tab.frame_locator("iframe").nth(n)
        frame.locator("[role=img][aria-label]").first.wait_for()
        assert "Irises </script>" in frame.locator("h1").inner_text()
        assert frame.locator(".problem").count() == 0
