"""How soon the studio shows a large sweep, beside optuna-dashboard on the same trials; what watching costs.

    python -m benchmarks.studio [--quick]

A finished sweep of 10,000 trials of 100 reports; server and browser (Debian's Chromium, without a window)
share the machine. A page is there when what it is for can be read; a chart when it is drawn to its last
mark; for optuna-dashboard, when Plotly's first drawing is there. Required: first page 1 s, every chart 2 s,
no blank row in the table, server below 200 MB, and nothing measurable from the controller of a sweep that is
watched; a report is on the page within a second. Chromium and the extras ``studio`` and ``dev`` are needed,
``pip install optuna-dashboard`` for the comparison.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from benchmarks.large.study import make_study
from benchmarks.large.sweep import make
from benchmarks.orchestration import WRITER, watched

from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.store.queries import Reader

ROUNDS = 3
PAGES = {
    "overview": "",
    "trials": "/trials",
    "curves, all lines": "/curves",
    "parallel": "/parallel",
    "scatter": "/scatter",
    "scatter, 3-D": "/scatter?view=3d",
    "importance": "/importance",
    "timeline": "/timeline",
}
DRAWN = """() => {
    const charts = [...document.querySelectorAll("main .chart")].filter((one) => one.offsetParent);
    const rows = document.querySelectorAll("main [role=row], main tbody tr");
    return (charts.length ? charts.every((one) => one.hasAttribute("data-drawn")) : rows.length > 5)
        && !document.querySelector("main [aria-busy=true]");
}"""
READABLE = (
    """() => document.querySelector("main h1") && /best/i.test(document.querySelector("main").innerText)"""
)
PLOTLY = "() => document.querySelector('.js-plotly-plot .main-svg .trace, .js-plotly-plot .gl-canvas')"
SCROLL = """async () => {
    const box = document.querySelector("main [role=grid]");
    const frame = () => new Promise(requestAnimationFrame);
    const rows = () => box.querySelectorAll("tbody [role=row]");
    let blank = 0, frames = 0;
    for (let top = 0; top < box.scrollHeight - box.clientHeight; top += 1700) {
        box.scrollTop = top;
        await frame();
        await frame();
        frames += 1;
        const edges = box.getBoundingClientRect();
        const tops = [...rows()].map((row) => row.getBoundingClientRect());
        const low = Math.max(...tops.map((one) => one.bottom));
        if (!tops.length || low < edges.bottom - 24) blank += 1;
    }
    return [blank, frames];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 trials, one round")
    arguments = parser.parse_args()
    trials, rounds = (2_000, 1) if arguments.quick else (10_000, ROUNDS)
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if executable is None:
        print("Chromium is absent: apt install chromium")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        where = Path(folder)
        began = time.perf_counter()
        wide = make(Workspace(where / ".barrido"), trials=trials)
        print(f"{trials:,} trials of 100 reports, made in {time.perf_counter() - began:.0f} s", flush=True)
        browser = playwright.chromium.launch(executable_path=executable)
        with studio(where) as (server, link):
            show_pages(browser, server, link, wide.name, rounds)
            watching(browser, server, link, where, quick=arguments.quick)
        peer(browser, wide, where)
        browser.close()


@contextmanager
def studio(place: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A studio over the workspace in ``place``, and its link."""
    words = [str(Path(sys.executable).with_name("barrido")), "studio", "--port", "0", "--no-open"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(words, cwd=place, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)))
        yield psutil.Process(process.pid), found[0]
    finally:
        _end(process)


def show_pages(browser: Any, server: psutil.Process, link: str, name: str, rounds: int) -> None:
    address = link.partition("/?")[0]
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(link)
        for title, path in PAGES.items():
            fresh = context.new_page()
            began = time.perf_counter()
            fresh.goto(f"{address}/#/s/{name}{path}")
            if title == "overview":
                fresh.wait_for_function(READABLE, polling="raf", timeout=60_000)
                times.setdefault("first page: what was best", []).append(time.perf_counter() - began)
            fresh.wait_for_function(DRAWN, polling="raf", timeout=60_000)
            times.setdefault(title, []).append(time.perf_counter() - began)
            if title == "trials":
                blank, frames = fresh.evaluate(SCROLL)
            fresh.close()
        context.close()
    print("\nbarrido studio, from the address to what is asked for (s; medians)")
    for title, took in times.items():
        print(f"  {title:<28}{statistics.median(took):>7.2f}", flush=True)
    memory = server.memory_full_info()
    print(f"  blank while scrolling through the table: {blank} of {frames} looks")
    print(f"  server: {memory.rss / 2**20:.0f} MiB ({memory.pss / 2**20:.0f} of its own)", flush=True)


def peer(browser: Any, wide: SweepFolder, where: Path) -> None:
    """optuna-dashboard on the same trials, each page once: it takes long."""
    words = Path(sys.executable).with_name("optuna-dashboard")
    if not words.exists():
        print("\noptuna-dashboard is absent: pip install optuna-dashboard")
        return
    url = make_study(wide, where / "optuna.db")
    port = _free_port()
    process = subprocess.Popen(
        [words, url, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(lambda: psutil.Process(process.pid).net_connections(kind="tcp"))
        print("\noptuna-dashboard, the same (s)")
        address = f"http://127.0.0.1:{port}/dashboard/studies/1"
        for title, path, there in (
            ("first page, with its charts", "", PLOTLY),
            ("analytics", "/analytics", PLOTLY),
            ("trials", "/trials", "() => document.body.innerText.includes('Trial 1')"),
        ):
            took = _timed(browser, f"{address}{path}", there)
            print(f"  {title:<28}{'> 60' if took is None else f'{took:.2f}':>7}", flush=True)
        memory = psutil.Process(process.pid).memory_full_info()
        print(f"  server: {memory.rss / 2**20:.0f} MiB ({memory.pss / 2**20:.0f} of its own)", flush=True)
    finally:
        _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    """Ask it to end; make it end where it would first answer what nobody waits for any more."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _timed(browser: Any, address: str, there: str) -> float | None:
    """Seconds; None if it was not there after a minute."""
    from playwright.sync_api import Error

    page = browser.new_page(viewport={"width": 1280, "height": 800})
    began = time.perf_counter()
    try:
        page.goto(address, timeout=60_000)
        page.wait_for_function(there, polling="raf", timeout=60_000)
        return time.perf_counter() - began
    except Error:
        return None
    finally:
        page.close()


def watching(browser: Any, server: psutil.Process, link: str, where: Path, *, quick: bool) -> None:
    """How soon a report is on the page, and what a page that watches costs the sweep's controller."""
    code = where / "code"
    code.mkdir()
    (code / "script.sh").write_text(WRITER)
    (code / "wait.py").write_text(WAITING)
    address = link.partition("/?")[0]
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(link)
    print(f"\na report is on the page after {_latency(page, address, where, code):.0f} ms (median of 20)")
    trials = 200 if quick else 600
    costs: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(2 if quick else 6):
        is_watched = turn % 2 == 1
        folder = app.create(
            _recipe(f"watched{turn}", "sh script.sh", trials, code), Workspace(where / ".barrido")
        )
        page.goto(f"{address}/#/s/{folder.name}" if is_watched else "about:blank")
        before = _cpu(server)
        costs[is_watched].append(watched(folder, 1).cpu_s)
        if is_watched:
            served = _cpu(server) - before
    print(
        f"controller of {trials} trials of 100 reports: {_spread(costs[False])} s of processor time,"
        f" {_spread(costs[True])} s while a page watches (the studio itself: {served:.1f} s)",
        flush=True,
    )
    page.close()


WAITING = """\
import sys, time
from pathlib import Path
import barrido
for step in range(1, 21):
    while not (Path(sys.argv[1]) / str(step)).exists():
        time.sleep(0.002)
    barrido.report(loss=1 / step, step=step)
"""


def _latency(page: Any, address: str, where: Path, code: Path) -> float:
    gate = where / "gate"
    gate.mkdir()
    folder = app.create(
        _recipe("latency", f"{sys.executable} wait.py {gate}", 1, code), Workspace(where / ".barrido")
    )
    with Reader(folder) as reader:
        _await(lambda: any(trial.started_at for trial in reader.trials()))
    page.goto(f"{address}/#/s/{folder.name}/t/0")
    page.wait_for_selector("main h1")
    took = []
    for step in range(1, 21):
        began = time.perf_counter()
        (gate / str(step)).touch()
        value = f"{1 / step:.6g}"
        page.wait_for_function(
            "(value) => document.querySelector('main').innerText.includes(value)", arg=value, polling="raf"
        )
        took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


def _recipe(name: str, command: str, trials: int, code: Path) -> Recipe:
    return Recipe(
        name=name,
        space={"lr": {"type": "loguniform", "min_value": -9, "max_value": 0}},
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=trials, max_concurrent_trials=10),
        work=Work(command=command, code=str(code)),
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def _await(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(psutil.AccessDenied):
            if condition():
                return
        time.sleep(0.02)
    raise TimeoutError("it did not come to pass within a minute")


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    main()
