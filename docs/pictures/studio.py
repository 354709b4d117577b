"""The studio's pictures in the README: an example, run for real, seen in Chromium.

    python docs/pictures/studio.py

Takes a minute. Needs Debian's Chromium and the extras ``mlflow``, ``studio`` and ``dev``.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
NAME = "hyperband"
EXAMPLE = HERE.parents[1] / "examples" / NAME
BARRIDO = str(Path(sys.executable).with_name("barrido"))
DRAWN = """() => {
    const charts = [...document.querySelectorAll("main .chart")].filter((one) => one.offsetParent);
    return charts.length && charts.every((one) => one.hasAttribute("data-drawn"));
}"""
PICTURES = (
    ("studio-overview.png", "", "light", 1000),
    ("studio-parallel.png", "/parallel", "dark", 720),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        shutil.copytree(EXAMPLE, where / NAME)
        words = [BARRIDO, "job", "create", "-f", f"{NAME}/sweep.yml", "--set", f"name={NAME}", "--stream"]
        subprocess.run(words, cwd=where, check=True)
        words = [BARRIDO, "studio", "--port", "0", "--no-open"]
        studio = subprocess.Popen(words, cwd=where, stdout=subprocess.PIPE, text=True)
        assert studio.stdout is not None
        link = next(found[0] for line in studio.stdout if (found := re.search(r"http://\S+", line)))
        try:
            shoot(link)
        finally:
            studio.send_signal(signal.SIGINT)
            studio.wait(30)


def shoot(link: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for file, path, theme, height in PICTURES:
            context = browser.new_context(viewport={"width": 1280, "height": height}, color_scheme=theme)
            page = context.new_page()
            page.goto(link)
            page.goto(f"{link.partition('/?')[0]}/#/s/{NAME}{path}")
            page.wait_for_function(DRAWN)
            page.screenshot(path=HERE / file)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
