"""A campaign of faults: what becomes of real sweeps whose processes die, or whose disk loses its power.

    python -m benchmarks.faults [--faults 500] [--seed 0] [--only KIND ...] [--sweep NUMBER] [--quick]

Each sweep is of a kind of its own (doors, policies, Hyperband, warm and cold, two trials at a time), and
suffers some twenty faults, one at a time, at random moments; whenever its controller is gone it is resumed,
as a person would. Then all that its scripts wrote down themselves is compared with its store, with its log
played again, with MLflow, and with the processes that are left. A table says what was found: the campaign
fails unless all of it is 0. The same seed draws the same sweeps and faults; what they meet differs.

The disks of sweeps are mounted, which only root may do; clocks and commits need a C compiler. The extra
``mlflow`` is needed. A sweep that something is wrong with is told about, and its folder kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.campaign.audit import HEADS, Findings, audit
from tests.faults.campaign.faults import FAULTS, no_mlflow
from tests.faults.campaign.ordeal import Ordeal, prepared, undergo
from tests.faults.campaign.sweeps import Kind

AT_ONCE = 3
EACH = 20
"""Faults that a sweep suffers at most."""

OUTAGES, OUTAGE_S = (0, 1), 180.0
"""The sweeps of these numbers have no MLflow for so long: one from the start, one from its midst on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one sweep. ``found`` is what is wrong with it, by head; ``told`` is what happened to it."""

    words: str
    faults: Counter[str]
    found: dict[str, list[str]]
    told: list[str]
    reports: int
    trials: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=FAULTS, metavar="KIND", help=", ".join(FAULTS))
    parser.add_argument("--sweep", type=int, help="only the sweep of this number")
    parser.add_argument("--quick", action="store_true", help="40 faults")
    given = parser.parse_args()
    wanted = 40 if given.quick else given.faults
    place = Path(tempfile.mkdtemp(prefix="barrido-faults-"))
    began = time.monotonic()
    if given.sweep is not None:
        outcomes = [suffer(place, given.seed, given.sweep, given.only, EACH, is_loud=True)]
        show(given.sweep, outcomes[0])
    else:
        outcomes = campaign(place, given.seed, given.only, wanted)
    is_clean = conclude(outcomes, time.monotonic() - began)
    if is_clean:
        shutil.rmtree(place)
    else:
        print(f"what is left of the sweeps lies in {place}")
    sys.exit(not is_clean)


def campaign(place: Path, seed: int, only: list[str] | None, wanted: int) -> list[Outcome]:
    """As many sweeps as it takes, some at a time."""
    outcomes: list[Outcome] = []
    running: dict[Future[Outcome], int] = {}
    count = 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as pool:
        while True:
            done = sum(one.faults.total() for one in outcomes)
            while len(running) < AT_ONCE and done + EACH * len(running) // 2 < wanted:
                most = min(EACH, wanted - done)
                running[pool.submit(suffer, place, seed, count, only, most)] = count
                count += 1
            if not running:
                return outcomes
            for one in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(one)
                outcomes.append(one.result())
                show(number, outcomes[-1])


def suffer(
    campaign: Path, seed: int, number: int, only: list[str] | None, most: int, *, is_loud: bool = False
) -> Outcome:
    """One sweep, from its creation to what is found of it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that its disk does not stay
    place = campaign / str(number)
    began = time.monotonic()
    is_outage = number in OUTAGES and only is None
    ordeal = prepared(place, f"{seed}/{number}", Kind("mlflow", shown=True) if is_outage else None)
    ordeal.is_loud = is_loud
    try:
        if is_outage:
            ended = outlast(ordeal, at_launch=number == OUTAGES[0])
        else:
            ended = undergo(ordeal, {name: FAULTS[name] for name in only or FAULTS}, most)
        found = audit(ordeal, ended=ended)
    except Exception:  # whatever it is, the others are to go on, and it must be told
        found = Findings()
        found.add("wrong", traceback.format_exc())
    try:
        if any(found.of.values()):
            with suppress(OSError):
                shutil.copytree(ordeal.where.root, place / "left", symlinks=True)
    finally:
        ordeal.close()
    if not any(found.of.values()):
        shutil.rmtree(place)
    seconds = time.monotonic() - began
    return Outcome(
        ordeal.kind.words, ordeal.faults, found.of, ordeal.told, found.reports, found.trials, seconds
    )


def outlast(ordeal: Ordeal, *, at_launch: bool) -> bool:
    """MLflow is away for three minutes: all of the sweep's life, or from its midst on."""
    if not at_launch:
        ordeal.away_s = OUTAGE_S
        return undergo(ordeal, {"mlflow away": FAULTS["mlflow away"]}, 1)
    began = time.monotonic()
    with no_mlflow(ordeal.where):
        others = ("controller", "gateway", "keeper", "trial", "nursery")
        ended = undergo(ordeal, {name: FAULTS[name] for name in others}, 10)
        time.sleep(max(0.0, began + OUTAGE_S - time.monotonic()))
    ordeal.faults["mlflow away"] += 1
    ordeal.say("MLflow was away from the start")
    return ended


def show(number: int, one: Outcome) -> None:
    print(
        f"sweep {number:3} ({one.words}): {one.faults.total()} faults, {one.trials} trials,"
        f" {one.reports} reports, {one.seconds:.0f} s",
        flush=True,
    )
    for head in HEADS:
        for text in one.found[head]:
            print(f"    {head}: {text}", flush=True)
    if any(one.found.values()):
        print("    " + "\n    ".join(one.told), flush=True)


def conclude(outcomes: list[Outcome], seconds: float) -> bool:
    """Print the table; whether nothing is wrong."""
    kinds = sum((one.faults for one in outcomes), Counter[str]())
    found = {head: sum(len(one.found[head]) for one in outcomes) for head in HEADS}
    print("\n| fault | times |\n|---|---|")
    for name in FAULTS:
        print(f"| {name} | {kinds[name]} |")
    print(f"| all | {kinds.total()} |\n\n| found | |\n|---|---|")
    words = {
        "lost": "reports and decisions lost",
        "doubled": "doubled",
        "orphans": "processes left",
        "stuck": "sweeps stuck",
        "replay": "logs that lead elsewhere",
        "wrong": "wrong otherwise",
    }
    for head in HEADS:
        print(f"| {words[head]} | {found[head]} |")
    trials, reports = (sum(getattr(one, name) for one in outcomes) for name in ("trials", "reports"))
    print(f"\n{len(outcomes)} sweeps, {trials:,} trials, {reports:,} reports, {seconds / 60:.1f} minutes")
    return not any(found.values())


if __name__ == "__main__":
    main()
