"""What pages show of a sweep that goes on, or of which nothing is heard; how the keyboard gets about."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.browser.conftest import DRAWN, OpenPage, Studio, go
from tests.figures.conftest import recipe_of

from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.store.sqlite import SqliteStore

Running = tuple[SweepFolder, Path]
pytestmark = pytest.mark.slow


KEEP_STREAMS = """
    globalThis.streams = [];
    globalThis.EventSource = class extends EventSource {
        constructor(url) {
            super(url);
            streams.push(this);
        }
    };
"""


def facts(page: Any) -> dict[str, str]:
    """The names and values that a page lists under each other."""
    found = page.locator("main dl.facts > div").all_inner_texts()
    return dict(text.split("\n", 1) for text in found if "\n" in text)


def test_times_stand_still_while_nothing_is_heard(
    open_page: OpenPage, studio: Studio, running: Running
) -> None:
    folder, gate = running
    page = open_page()
    page.add_init_script(KEEP_STREAMS)
    page.reload()
    go(page, studio, f"#/s/{folder.name}")
    page.locator(".connection.live").wait_for()
    page.wait_for_function(DRAWN)
    before = facts(page)["Running for"]
    page.wait_for_timeout(1500)
    assert facts(page)["Running for"] != before
    page.evaluate("() => streams.at(-1).dispatchEvent(new Event('error'))")
    page.locator(".connection.lost").wait_for()
    page.wait_for_timeout(500)  # what was being drawn just then is there
    stands = facts(page)["Running for"]
    page.wait_for_timeout(2500)
    assert facts(page)["Running for"] == stands
    (gate / "0.1").touch()
    page.locator(".connection.live").wait_for()
    page.wait_for_timeout(1500)
    assert facts(page)["Running for"] != stands


def test_side_by_side_few_requests_are_made(open_page: OpenPage, studio: Studio) -> None:
    page = open_page("#/s/plain")
    page.wait_for_function(DRAWN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/api/")[2]))
    go(page, studio, "#/s/plain/compare?trials=0,1,2,3,4,5,6,7,8,9,10,11")
    accuracy = page.get_by_role("row", name=re.compile("^accuracy"))
    accuracy.wait_for()
    assert len(re.findall(r"\t[01]\b", accuracy.inner_text())) == 12
    assert len([path for path in asked if path]) <= 4, asked


def test_a_sweep_without_a_trial_can_be_looked_at(open_page: OpenPage, studio: Studio) -> None:
    folder = Workspace(studio.place / ".barrido").sweep("none-yet")
    if not folder.db.exists():
        folder.requests.mkdir(parents=True)
        SqliteStore.create(folder, recipe_of("none-yet"), version="0", at=1_700_000_000.0).close()
    page = open_page()
    for path in (
        "",
        "trials",
        "curves",
        "parallel",
        "scatter",
        "importance",
        "timeline",
        "whatif",
        "compare",
    ):
        go(page, studio, f"#/s/none-yet/{path}".rstrip("/"))
        page.locator("main h1").wait_for()
        assert not page.get_by_text("This page broke").count(), path
    page.wait_for_timeout(1000)


def test_a_timeline_that_nobody_goes_on_with_says_so(open_page: OpenPage, running: Running) -> None:
    folder, _ = running
    page = open_page(f"#/s/{folder.name}/timeline")
    page.get_by_text(re.compile("so far; busy")).wait_for()
    controller = lock.holder(folder)
    assert controller is not None
    os.kill(controller, signal.SIGKILL)
    page.get_by_text("Nobody runs this sweep any more").wait_for()
    page.get_by_text(re.compile("up to the last that is known; busy")).wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_text(re.compile("so far; busy")).wait_for()


def test_earlier_lines_of_a_log_come_before_those_that_came_meanwhile(
    open_page: OpenPage, studio: Studio
) -> None:
    page = open_page("#/s/plain")
    page.wait_for_function(DRAWN)
    said = page.evaluate(
        """async () => {
            const { LogReader } = await import("studio/lib/log.js");
            const piece = 256 * 1024;
            const bytes = new TextEncoder().encode("é".repeat(piece) + "!");
            let size = bytes.length - 1;
            let held = null;
            window.fetch = async (url) => {
                const asked = Number(new URLSearchParams(url.split("?")[1]).get("offset"));
                let from = asked < 0 ? Math.max(0, size + asked) : asked;
                let to = Math.min(size, from + piece);
                if (from % 2 && from < size) from += 1;
                if (to % 2 && to < size) to -= 1;
                const text = new TextDecoder().decode(bytes.subarray(from, to));
                const body = { text, offset: to, size, is_over: false };
                if (asked === 0 && held === null) await new Promise((go) => { held = go; });
                return new Response(JSON.stringify(body));
            };
            let state;
            const wait = async (holds) => { while (!holds()) await new Promise((go) => setTimeout(go, 20)); };
            const reader = new LogReader("plain", 1, 1, (now) => { state = now; });
            await wait(() => state?.isReady);
            const [once, twice] = [reader.back(), reader.back()];
            await wait(() => held);
            size += 1;
            await wait(() => state.end === size);
            held();
            await Promise.all([once, twice]);
            reader.close();
            return state.pieces.map(({ text }) => text).join("");
        }"""
    )
    assert said == "é" * (256 * 1024) + "!"


def test_infinity_is_found_by_the_filter(open_page: OpenPage, studio: Studio) -> None:
    page = open_page("#/s/plain")
    page.wait_for_function(DRAWN)
    found = page.evaluate(
        """async () => {
            const { parseFilter } = await import("studio/lib/filter.js");
            const { columnsOf } = await import("studio/lib/columns.js");
            const table = { number: [0, 1, 2], value: ["Infinity", 1, "NaN"], params: {} };
            const columns = columnsOf({ metric: "loss", space: [] }, table);
            return ["loss = inf", "loss != inf", "loss = nan"].map((text) =>
                table.number.filter((row) => parseFilter(text, columns)(table, row, 0)));
        }"""
    )
    assert found == [[0], [1, 2], [2]]


def test_the_keyboard_comes_back_to_where_it_was(open_page: OpenPage, studio: Studio) -> None:
    page = open_page("#/s/plain/trials")
    page.wait_for_function(DRAWN)
    focused = "(name) => document.activeElement.innerText.trim().startsWith(name)"
    for name, opened in (("Note…", "dialog[open]"), ("Export", "[role=menu]"), ("Columns", ".chooser")):
        page.get_by_role("button", name=re.compile(name)).first.focus()
        page.keyboard.press("Enter")
        page.locator(opened).wait_for()
        page.keyboard.press("Escape")
        page.locator(opened).wait_for(state="detached")
        page.wait_for_function(focused, arg=name)
    page.keyboard.press("Enter")
    page.locator(".chooser").wait_for()
    page.locator(".chooser button").last.focus()
    page.keyboard.press("Tab")
    page.locator(".chooser").wait_for(state="detached")
    page.wait_for_function(focused, arg="Export")
