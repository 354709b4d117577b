"""The command line of the search benchmark.

Peers' runs come from a cache that ``--peers`` fills and that is kept with the code; barrido's are made
now, in worker processes. Tables compare the settings (problem, seed) that every optimiser in them has.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import product
from pathlib import Path

import numpy as np
from benchmarks.search.contest import Runs, our_name, peer_runs, run_ours, settings_of
from benchmarks.search.filling import MODES, SEQUENTIAL, TRIALS, fill
from benchmarks.search.peers.process import PEERS
from benchmarks.search.play import Setting
from benchmarks.search.problems import DEVELOPMENT, HELD_OUT, Problem
from benchmarks.search.report import Section, write
from benchmarks.search.scores import compare, optima_of, regret

_SEEDS = 10
# The dearer a peer, the fewer of its runs there are: leaving it out leaves more to compare.
_GROUPS = (tuple(PEERS), tuple(peer for peer in PEERS if peer != "ax"), ("optuna-tpe",))
_RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--quick", action="store_true", help="development problems; writes RESULTS.md")
    what.add_argument("--full", action="store_true", help="held-out problems and more seeds, too")
    what.add_argument("--dev", action="store_true", help="ours beside the cache, a line a problem")
    what.add_argument("--peers", nargs="*", metavar="PEER", help="fill the cache (hours); all peers if none")
    parser.add_argument("--only", default="", metavar="NAME", help="problems whose name contains it")
    parser.add_argument(
        "--sampler", nargs="+", default=["bayesian"], metavar="NAME", help="of barrido, or as module:Class"
    )
    parser.add_argument("--seeds", type=int, default=None, help="at most so many")
    parser.add_argument("--in-flight", type=int, choices=MODES, default=SEQUENTIAL, help="for --dev")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time")
    args = parser.parse_args()
    if args.peers is not None:
        fill(args.peers or list(PEERS), args.workers)
        return
    problems = [
        problem
        for problem in (*DEVELOPMENT, *(HELD_OUT if args.full else ()))
        if args.only in problem.name and is_there(problem)
    ]
    if not problems:
        more = "" if args.full else "; held-out ones are in --full only"
        parser.error(f"no development problem has {args.only!r} in its name{more}")
    if args.dev:
        develop(args.sampler, settings_of(problems, args.seeds or 3, args.in_flight, TRIALS), args.workers)
    else:
        contend(args.sampler, problems, args.seeds or _SEEDS, full=args.full, workers=args.workers)


def is_there(problem: Problem) -> bool:
    if not problem.is_there:
        print(f"{problem.name}: skipped, its data is not on this machine")
    return problem.is_there


def contend(samplers: list[str], problems: list[Problem], seeds: int, *, full: bool, workers: int) -> None:
    """Run ours wherever it can be compared, make the tables, print and write them.

    The first of ``samplers`` is the one that is tested against all others.
    """
    ours = list(dict.fromkeys([*samplers, "random"]))
    peers = peer_runs()
    settings = [s for mode in MODES for s in settings_of(problems, seeds, mode, TRIALS)]
    wanted = [s for s in settings if full or all(s in peers[peer] for peer in _GROUPS[-2])]
    runs: Runs = {**run_ours(ours, wanted, workers), **peers}
    held_out = {problem.name for problem in HELD_OUT}
    sections: list[Section] = []
    for kind, mode in product((False, True), MODES):
        asked = [s for s in settings if s.in_flight == mode and (s.problem in held_out) is kind]
        most = 0
        for group in _GROUPS:
            comparison = compare(runs, (*map(our_name, ours), *group), asked)
            if comparison is not None and len(comparison.settings) > most:
                most = len(comparison.settings)
                sections.append(Section(kind, mode, comparison))
    write(_RESULTS, sections, runs)


def develop(samplers: list[str], settings: list[Setting], workers: int) -> None:
    """Mean normalised regret at the end, in thousandths: ours, and each peer on those seeds it has."""
    runs: Runs = {**run_ours(samplers, settings, workers), **peer_runs()}
    optima = optima_of(runs)
    names = list(runs)
    print(f"{settings[0].in_flight} in flight; 1000 x regret after {TRIALS} trials (seeds, where fewer)")
    print(f"{'':<34}" + "".join(f"{name:>18}" for name in names))
    rows = []
    for problem in dict.fromkeys(setting.problem for setting in settings):
        asked = [setting for setting in settings if setting.problem == problem]
        cells, row = [], []
        for name in names:
            found = [regret(runs[name][s], optima[problem], s)[-1] for s in asked if s in runs[name]]
            fewer = f" ({len(found)})" if len(found) < len(asked) else ""
            row.append(float(np.mean(found)) if found else float("nan"))
            cells.append(f"{1e3 * row[-1]:.4g}{fewer}" if found else "-")
        rows.append(row)
        print(f"{problem:<34}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    complete = [row for row in rows if not np.isnan(row).any()]
    if complete:
        means = np.mean(complete, axis=0)
        named = f"mean of {len(complete)} problems"
        print(f"{named:<34}" + "".join(f"{1e3 * mean:>18.4g}" for mean in means))
    if (comparison := compare(runs, names, settings)) is not None:
        named = f"rank, {len(comparison.settings)} runs that all have"
        print(f"{named:<34}" + "".join(f"{rank.value:>18.2f}" for rank in comparison.mean_ranks()))
    paces = [[record.median_s for record in done.values()] or [float("nan")] for done in runs.values()]
    print(f"{'ms a suggestion':<34}" + "".join(f"{1e3 * statistics.median(pace):>18.4g}" for pace in paces))


if __name__ == "__main__":
    main()
