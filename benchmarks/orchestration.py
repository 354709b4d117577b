"""What it costs to run a trial, beside xargs and Optuna in the same run; how fast ``decide`` is; how soon
a report is answered; what a million reports cost the controller, what it keeps, and what it does when idle.

    python benchmarks/orchestration.py [--quick]

Ratios are what counts: the machine is whatever it is. Required: at most 5x xargs for `true`, 1.5x for
`python -c pass`, 20,000 events/s through `decide` with any policy on, a median of 15 ms from report to
decision, 120 s of the controller's CPU for 10,000 trials of 100 reports, 1 KB kept of a finished trial
without its reports. Aimed at: 2x, 1.1x, 50,000/s, 5 ms, 60 s.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from barrido import app
from barrido.controller import lock
from barrido.core.decide import begin, decide
from barrido.core.events import Cause, Event, Exited, Launched, Reported, Started, Suggested, Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepPhase
from barrido.registry import build_plan
from barrido.store.queries import Reader

# Lenient, so that they are asked at nearly every report and few histories are cut short.
POLICIES: dict[str, dict[str, Any]] = {
    "bandit": {"type": "bandit", "slack_amount": 100.0, "evaluation_interval": 1, "delay_evaluation": 5},
    "median_stopping": {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 5},
    "truncation_selection": {
        "type": "truncation_selection",
        "truncation_percentage": 1,
        "evaluation_interval": 1,
        "delay_evaluation": 5,
    },
}


def recipe(name: str, command: str, trials: int, **more: Any) -> Recipe:
    return Recipe(
        name=name,
        space={"x": {"type": "randint", "upper": trials}},
        sampler={"type": "grid"},
        limits=Limits(max_total_trials=trials, max_concurrent_trials=2),
        work=Work(command=command, **more.pop("work", {})),
        **more,
    )


def run_barrido(where: Path, name: str, command: str, trials: int) -> tuple[float, float]:
    """Seconds from the call of `create` to the sweep's end, and those from first decision to last."""
    began_at = time.time()
    folder = app.create(recipe(name, command, trials), Workspace(where))
    with Reader(folder) as reader:
        while not (row := reader.sweep()).phase.is_terminal:
            time.sleep(0.05)
        assert len(reader.trials()) == trials, row.reason
        assert row.ended_at is not None
        assert row.started_at is not None
        return row.ended_at - began_at, row.ended_at - row.started_at


def run_xargs(argv: list[str], trials: int) -> float:
    began = time.perf_counter()
    lines = "\n".join(map(str, range(trials)))
    subprocess.run(["xargs", "-P2", "-I{}", *argv], input=lines, text=True, check=True)
    return time.perf_counter() - began


def run_optuna(where: Path, argv: list[str], trials: int) -> float | None:
    try:
        import optuna
    except ImportError:
        return None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{where / 'optuna.db'}", sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def objective(trial: Any) -> float:
        trial.suggest_int("x", 0, trials)
        return float(subprocess.run(argv, check=True).returncode)

    began = time.perf_counter()
    study.optimize(objective, n_trials=trials, n_jobs=2)
    return time.perf_counter() - began


def processes(where: Path, quick: bool) -> None:
    print("trials that do nothing, two at a time, everything journaled (ms per trial; lower is better)")
    print(
        f"{'command':<18}{'n':>6}{'barrido':>10}{'in loop':>10}{'xargs':>8}"
        f"{'ratio':>7}{'in loop':>9}{'optuna':>9}"
    )
    cases = [("true", ["true"], 1000), ("python -c pass", [sys.executable, "-c", "pass"], 200)]
    for i, (label, argv, trials) in enumerate(cases):
        n = trials // 5 if quick else trials
        rounds = [paired(where, f"bench{i}{r}", label, argv, n) for r in range(1 if quick else 5)]
        total, loop, xargs = (statistics.median(times[k] for times in rounds) / n * 1e3 for k in range(3))
        ratio, loop_ratio = (statistics.median(times[k] / times[2] for times in rounds) for k in range(2))
        optuna = run_optuna(where, argv, n // 5)
        shown = "absent" if optuna is None else f"{optuna / (n // 5) * 1e3:.2f}"
        print(
            f"{label:<18}{n:>6}{total:>10.2f}{loop:>10.2f}{xargs:>8.2f}"
            f"{ratio:>6.2f}x{loop_ratio:>8.2f}x{shown:>9}",
            flush=True,
        )


def paired(where: Path, name: str, label: str, argv: list[str], n: int) -> tuple[float, float, float]:
    """Seconds for barrido in all, for its trials alone, and for xargs right before and after (their mean)."""
    before = run_xargs(argv, n)
    total, loop = run_barrido(where, name, label, n)
    return total, loop, (before + run_xargs(argv, n)) / 2


def history(trials: int, reports: int, concurrent: int) -> list[Event]:
    """A made-up life of ``trials`` trials, ``concurrent`` at a time, interleaved as they would be."""
    rng = random.Random(0)
    events: list[Event] = [Started(0.0)]
    for first in range(0, trials, concurrent):
        batch = range(first, min(first + concurrent, trials))
        events += [Launched(t, 1, 1.0) for t in batch]
        for n in range(reports):
            events += [Reported(t, 1, 1 / (n + 1) + rng.random(), n, 2.0) for t in batch]
        events += [Exited(t, 1, Cause.EXIT, 0, 3.0) for t in batch]
    return events


def decisions(quick: bool) -> None:
    trials, reports = (1000, 100) if quick else (10_000, 100)
    events = history(trials, reports, 50)
    print(f"\n`decide`, {trials:,} trials of {reports} reports (events per second; higher is better)")
    for name, policy in (("none", None), *POLICIES.items()):
        plan = build_plan(
            Recipe(
                name="d",
                objective=Objective("loss", Goal.MINIMIZE),
                policy=policy,
                limits=Limits(max_total_trials=trials, max_concurrent_trials=50),
                work=Work(command="true"),
            )
        )
        state = begin(plan)
        asked: list[Any] = []
        began = time.perf_counter()
        for event in events:
            for action in decide(plan, state, event):
                if type(action).__name__ == "Ask":
                    asked.append(action)
            while asked:
                ask = asked.pop()
                points = tuple({"x": n} for n in ask.numbers)
                asked += [
                    a
                    for a in decide(plan, state, Suggested(ask.ask, points, 0.5))
                    if type(a).__name__ == "Ask"
                ]
        took = time.perf_counter() - began
        counted = sum(trial.reports for trial in state.trials.values())
        print(f"  {name:<24}{len(events) / took:>12,.0f}   ({counted:,} reports decided on)", flush=True)


SCRIPT = """
import json, sys, time
import barrido
waits = []
for step in range(int(sys.argv[1])):
    began = time.perf_counter()
    barrido.report(loss=1.0, step=step)
    waits.append(time.perf_counter() - began)
    time.sleep(0.005)
open("waits.json", "w").write(json.dumps(waits))
"""


def latency(where: Path, quick: bool) -> None:
    code = where / "latency"
    code.mkdir()
    (code / "script.py").write_text(SCRIPT)
    asked = recipe(
        "latency",
        f"python script.py {100 if quick else 400}",
        2,
        work={"code": str(code)},
        objective=Objective("loss", Goal.MINIMIZE),
        policy={**POLICIES["bandit"], "delay_evaluation": 1},
    )
    folder = app.create(asked, Workspace(where))
    with Reader(folder) as reader:
        while not reader.sweep().phase.is_terminal:
            time.sleep(0.05)
    waits = sorted(
        wait for n in range(2) for wait in json.loads((folder.trial(n).work / "waits.json").read_text())
    )

    def at(share: float) -> float:
        return float(waits[int(share * (len(waits) - 1))]) * 1e3

    print(
        "\nreport to decision, as the script that waits for it sees it, two at a time (ms; lower is better)"
    )
    print(f"  median {at(0.5):.1f}   p90 {at(0.9):.1f}   p99 {at(0.99):.1f}   of {len(waits)}")


# A training script's metrics without a training script's CPU time: 100 lines, each a write of its own.
WRITER = """\
exec 3>> "$BARRIDO_METRICS"
step=0
while [ $step -lt 100 ]; do
  step=$((step + 1))
  echo "{\\"name\\": \\"loss\\", \\"value\\": 0.$((1000 - step))$BARRIDO_TRIAL, \\"step\\": $step}" >&3
done
"""


def reports(where: Path, quick: bool) -> None:
    """Everything of a sweep is in it: processes, journals, policy, SQLite. Counted is the controller alone.

    The trials are shell scripts that write as fast as they can, 50 at a time, so that many reports go into
    one transaction: how much the controller can take, not what it costs when little happens.
    """
    trials = 2_000 if quick else 10_000
    code = where / "writer"
    code.mkdir()
    (code / "script.sh").write_text(WRITER)
    asked = Recipe(
        name="reports",
        space={
            "lr": {"type": "loguniform", "min_value": -9, "max_value": 0},
            "units": {"type": "randint", "upper": 512},
        },
        objective=Objective("loss", Goal.MINIMIZE),
        policy=POLICIES["median_stopping"],
        limits=Limits(max_total_trials=trials, max_concurrent_trials=50),
        work=Work(command="sh script.sh", code=str(code)),
    )
    folder = app.create(asked, Workspace(where))
    cost = watched(folder, trials // 10)
    with Reader(folder) as reader:
        heard = sum(trial.reports for trial in reader.trials())
    assert heard == 100 * trials
    print(
        f"\n{trials:,} trials of 100 reports, 50 at a time, through journal, controller and store\n"
        f"  controller: {cost.cpu_s:.1f} s of CPU, {heard / cost.cpu_s:,.0f} reports in each;"
        f" {cost.memory()}\n"
        f"  {cost.wall_s:.1f} s in all, the trials' processes on the same cores",
        flush=True,
    )


def memory(where: Path, quick: bool) -> None:
    """What the controller keeps of a trial that ended, apart from its reports."""
    trials = 2_200 if quick else 11_000
    cost = watched(app.create(recipe("memory", "true", trials), Workspace(where)), trials // 11)
    print(f"\n{trials:,} trials without reports\n  controller: {cost.memory()}", flush=True)


@dataclass(frozen=True)
class Cost:
    """What a controller used; ``early`` is (trials finished, bytes held) long before the end."""

    cpu_s: float
    wall_s: float
    finished: int
    early: tuple[int, int]
    rss: int  # bytes, at the end
    peak: int

    def memory(self) -> str:
        finished, held = self.early
        each = (self.rss - held) / (self.finished - finished)
        return (
            f"{self.rss / 2**20:.0f} MiB at the end (highest {self.peak / 2**20:.0f}),"
            f" {each:,.0f} bytes for each trial after the {finished:,}th"
        )


def watched(folder: SweepFolder, early: int) -> Cost:
    """Look on from outside until the sweep is over; ``early`` trials are to end before memory is compared."""
    began = time.perf_counter()
    controller = psutil.Process(lock.holder(folder))
    cpu_s, first, rss, peak = 0.0, (0, 0), 0, 0
    with Reader(folder) as reader:
        while not (row := reader.sweep()).phase.is_terminal:
            with suppress(psutil.NoSuchProcess):  # it has just ended
                times, held = controller.cpu_times(), controller.memory_info().rss
                cpu_s, rss, peak = times.user + times.system, held, max(peak, held)
            if not first[0] and (count := finished(reader)) >= early:
                first = count, rss
            time.sleep(0.1)
        assert row.phase is SweepPhase.COMPLETED, row.reason
        return Cost(cpu_s, time.perf_counter() - began, finished(reader), first, rss, peak)


def finished(reader: Reader) -> int:
    return sum(count for phase, count in reader.counts().items() if phase.is_terminal)


def idle(where: Path, quick: bool) -> None:
    """A controller whose trials sleep."""
    seconds = 2 if quick else 10
    folder = app.create(recipe("idle", "sleep 60", 2), Workspace(where))
    controller = psutil.Process(lock.holder(folder))
    time.sleep(1.0)
    before = controller.cpu_times()
    time.sleep(seconds)
    after = controller.cpu_times()
    app.request(folder, Verb.CANCEL, origin="benchmark")
    used_s = after.user + after.system - before.user - before.system
    print(f"\ncontroller of two trials that sleep: {used_s * 1e3:.0f} ms of CPU in {seconds} s")
    with Reader(folder) as reader:
        while not reader.sweep().phase.is_terminal:
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of everything, one round")
    quick = parser.parse_args().quick
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    where = Path(tempfile.mkdtemp(prefix="barrido-bench-"))
    try:
        processes(where, quick)
        decisions(quick)
        latency(where, quick)
        reports(where, quick)
        memory(where, quick)
        idle(where, quick)
    finally:
        shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
