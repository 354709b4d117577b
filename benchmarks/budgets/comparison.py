"""The command line of the benchmark of budgets.

Peers' runs come from a cache that ``--peers`` fills and that is kept with the code; barrido's and those of
the baselines are made now. Tables compare the settings (problem, seed) that every optimiser in them has.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from benchmarks.budgets.contestants import BASELINES, peer_traces, run_here, shown
from benchmarks.budgets.filling import TRAININGS, fill
from benchmarks.budgets.peers.process import PEERS
from benchmarks.budgets.play import Setting
from benchmarks.budgets.problems import DEVELOPMENT, HELD_OUT, Problem
from benchmarks.budgets.report import Section, write
from benchmarks.budgets.scores import Axis, contest

_OURS = ("successive_halving+tpe", "hyperband+tpe", "bohb+bohb", "hyperband+random")
_SEEDS = {1: 5, 8: 5, 64: 2}  # by workers
_QUICK_SEEDS = {1: 3, 8: 3}
# The dearer a peer, the fewer of its runs there are: leaving it out leaves more to compare.
_GROUPS = (tuple(PEERS), ("optuna-tpe-hyperband", "optuna-tpe-halving", "smac-hyperband"), tuple(PEERS)[:2])
_RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--quick", action="store_true", help="development problems, three seeds; writes RESULTS.md"
    )
    what.add_argument("--full", action="store_true", help="held-out problems, 64 workers and more seeds, too")
    what.add_argument("--dev", action="store_true", help="a line a contestant, and what it needs by problem")
    what.add_argument("--peers", nargs="*", metavar="PEER", help="fill the cache (hours); all peers if none")
    parser.add_argument("--only", default="", metavar="NAME", help="problems whose name contains it")
    parser.add_argument(
        "--ours",
        nargs="+",
        default=list(_OURS),
        metavar="SCHEDULER+SAMPLER",
        help="the first is tested against all others; a sampler of barrido, or as module:Class",
    )
    parser.add_argument("--seeds", type=int, default=None, help="at most so many")
    parser.add_argument("--workers", type=int, choices=TRAININGS, default=1, help="simulated ones, for --dev")
    parser.add_argument(
        "--count-suggestions", action="store_true", help="let their time pass, for --dev (--full has both)"
    )
    parser.add_argument("--processes", type=int, default=2, help="at a time")
    args = parser.parse_args()
    if args.peers is not None:
        fill(args.peers or list(PEERS))
        return
    problems = [
        problem
        for problem in (*DEVELOPMENT, *(HELD_OUT if args.full else ()))
        if args.only in problem.name and is_there(problem)
    ]
    if not problems:
        parser.error(f"no problem has {args.only!r} in its name; held-out ones are in --full only")
    if args.dev:
        develop(
            args.ours,
            problems,
            args.seeds or 3,
            args.workers,
            thinks=args.count_suggestions,
            processes=args.processes,
        )
    else:
        contend(args.ours, problems, args.seeds, full=args.full, processes=args.processes)


def is_there(problem: Problem) -> bool:
    if not problem.is_there:
        print(f"{problem.name}: skipped, its data is not on this machine")
    return problem.is_there


def settings_of(problems: list[Problem], seeds: int, workers: int, *, thinks: bool) -> list[Setting]:
    return [
        Setting(problem.name, seed, workers, TRAININGS[workers], thinks)
        for problem in problems
        for seed in range(seeds)
    ]


def contend(
    ours: list[str], problems: list[Problem], seeds: int | None, *, full: bool, processes: int
) -> None:
    """Run what can be compared, make the tables, print and write them."""
    here = [*dict.fromkeys(ours), *BASELINES]
    modes = [(w, count, False) for w, count in (_SEEDS if full else _QUICK_SEEDS).items()]
    modes += [(w, 1, True) for w in _QUICK_SEEDS if full]
    wanted = {
        (w, thinks): settings_of(problems, min(seeds or count, count), w, thinks=thinks)
        for w, count, thinks in modes
    }
    peers = peer_traces()
    some = [s for settings in wanted.values() for s in settings if any(s in done for done in peers.values())]
    traces = {**run_here(here, some, processes), **peers}
    held_out = {problem.name for problem in HELD_OUT}
    sections: list[Section] = []
    for kind, (workers, thinks) in product((False, True), wanted):
        asked = [s for s in wanted[workers, thinks] if (s.problem in held_out) is kind]
        settled = 0
        for group in _GROUPS:
            found = contest(traces, [*map(shown, here), *group], asked)
            if found is not None and len(found.settings) > settled:
                settled = len(found.settings)
                sections.append(Section(kind, workers, thinks, found))
    write(_RESULTS, sections)


def develop(
    ours: list[str], problems: list[Problem], seeds: int, workers: int, *, thinks: bool, processes: int
) -> None:
    """Area under the regret by resource and by time, and full trainings to random search's after 100."""
    settings = settings_of(problems, seeds, workers, thinks=thinks)
    traces = {**run_here([*dict.fromkeys(ours), *BASELINES], settings, processes), **peer_traces()}
    print(f"\n{workers} workers, {len(problems)} problems, at most {seeds} seeds")
    heads = [f"{problem.name.split('-', 1)[1][-12:]:>13}" for problem in problems]
    print(
        f"{'':<34}{'seeds':>6}{'area':>8}{'(time)':>8}{'@10':>8}{'@40':>8}{'median':>8}{'half':>8}"
        + "".join(heads)
    )
    for name in traces:
        found = contest(traces, [name], settings)
        if found is None or len(found.by_resource.problems) < len(problems):
            continue
        areas = [found.areas(axis).mean_regrets(1)[0].value for axis in Axis]
        regrets = [found.by_resource.mean_regrets(20 * at)[0].value for at in (10, 40)]
        (reached,) = found.reached()
        half = np.median(found.reached_by_half())
        numbers = "".join(f"{1e3 * value:>8.1f}" for value in (*areas, *regrets))
        cells = "".join(f"{value:>13.1f}" for value in reached)
        print(
            f"{name:<34}{len(found.settings):>6}{numbers}{np.median(reached):>8.2f}{half:>8.2f}{cells}",
            flush=True,
        )


if __name__ == "__main__":
    main()
