"""One sweep of 100,000 trials: what the controller keeps of each, how soon it is back after kill -9, and how
soon command line and studio answer meanwhile.

    python -m benchmarks.scale [--trials 100000] [--quick]

Real processes, 8 at a time: shell scripts that report one value through their journal file. Required: 1 KB of
the controller's memory for a trial that ended, 5 s from `barrido job resume` to a controller that decides.
The extra ``studio`` is needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
from benchmarks.orchestration import finished, watched
from benchmarks.studio import studio

from barrido import app
from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.store.queries import Reader

REPORT = """printf '{"name": "loss", "value": %s}\\n' "$AZUREML_SWEEP_lr" >> "$BARRIDO_METRICS"\n"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="5,000 trials")
    parser.add_argument("--keep", type=Path, help="run in this folder, and leave it there")
    given = parser.parse_args()
    trials = 5_000 if given.quick else given.trials
    place = given.keep or Path(tempfile.mkdtemp())
    try:
        run(place, trials)
    finally:
        if given.keep is None:
            print("tidying up", flush=True)
            shutil.rmtree(place, ignore_errors=True)


def run(place: Path, trials: int) -> None:
    code = place / "code"
    code.mkdir(parents=True)
    (code / "script.sh").write_text(REPORT)
    began = time.perf_counter()
    folder = app.create(asked(code, trials), Workspace(place / ".barrido"))
    controller = psutil.Process(lock.holder(folder))
    early, late = trials // 10, trials * 9 // 10
    first = at(folder, controller, early)
    last = at(folder, controller, late)
    each = (last[1] - first[1]) / (last[0] - first[0])
    print(
        f"{trials:,} trials, one report each\n"
        f"  controller's memory: {last[1] / 2**20:.0f} MiB after {last[0]:,} trials,"
        f" {each:,.0f} bytes for each since the {first[0]:,}th (required 1,024)\n"
        f"  {controller.cpu_times().user + controller.cpu_times().system:.0f} s of its processor time so far",
        flush=True,
    )
    os.kill(controller.pid, signal.SIGKILL)
    controller.wait()
    back = timed(barrido, place, "job", "resume", folder.name)
    print(f"  back after kill -9 in {back:.2f} s (required 5)", flush=True)
    answers(place, folder)
    cost = watched(folder, trials)
    with Reader(folder) as reader:
        heard = sum(trial.reports for trial in reader.trials())
    assert heard == trials, heard
    print(f"  {time.perf_counter() - began:.0f} s in all; {cost.rss / 2**20:.0f} MiB at the end", flush=True)


def asked(code: Path, trials: int) -> Recipe:
    return Recipe(
        name="scale",
        space={
            "lr": {"type": "loguniform", "min_value": -9, "max_value": 0},
            "units": {"type": "randint", "upper": 512},
        },
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=trials, max_concurrent_trials=8),
        work=Work(command="sh script.sh", code=str(code)),
    )


def at(folder: SweepFolder, controller: psutil.Process, trials: int) -> tuple[int, int]:
    """Waits for so many trials to have ended: how many they are, and what the controller holds, in bytes."""
    with Reader(folder) as reader:
        while (count := finished(reader)) < trials:
            print(f"\r  {count:,} trials", end="", file=sys.stderr, flush=True)
            time.sleep(1.0)
    return count, controller.memory_info().rss


def answers(place: Path, folder: SweepFolder) -> None:
    """How soon those who look at the sweep are answered, while it runs."""
    asked_for: Sequence[Sequence[str]] = (
        ("job", "list"),
        ("job", "show", folder.name),
        ("job", "trials", folder.name),
        ("job", "show", f"{folder.name}_7"),
        ("job", "export", folder.name),
    )
    for words in asked_for:
        print(f"  barrido {' '.join(words):<24}{timed(barrido, place, *words):>7.2f} s", flush=True)
    with studio(place) as (server, link):
        address = urlsplit(link)
        (token,) = parse_qs(address.query)["token"]
        base = f"{address.scheme}://{address.netloc}/api/sweeps"
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60.0) as client:

            def fetch(url: str) -> None:
                client.get(url).raise_for_status()

            for path in (
                "",
                f"/{folder.name}",
                f"/{folder.name}/trials",
                f"/{folder.name}/timeline",
                f"/{folder.name}/trials/7",
            ):
                took = timed(fetch, base + path)
                print(f"  studio {'/api/sweeps' + path:<25}{took:>7.2f} s", flush=True)
        print(f"  studio's server: {server.memory_full_info().uss / 2**20:.0f} MiB", flush=True)


def barrido(place: Path, *words: str) -> None:
    program = str(Path(sys.executable).with_name("barrido"))
    subprocess.run([program, *words], cwd=place, stdout=subprocess.DEVNULL, check=True)


def timed(act: Callable[..., object], *args: object) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    act(*args)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
