"""Who did what: the peers' runs from the cache, those of barrido and of the baselines made now."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.budgets import results
from benchmarks.budgets.baselines import PlainHyperband, RandomSearch
from benchmarks.budgets.ours import Combination, run
from benchmarks.budgets.peers.process import PEERS
from benchmarks.budgets.play import Optimiser, Setting, Trace, play
from benchmarks.budgets.problems import BY_NAME, Problem
from benchmarks.budgets.reference import references
from benchmarks.budgets.scores import Traces

BASELINES: Mapping[str, Callable[[Problem, int, int], Optimiser]] = {
    "random": RandomSearch,
    "plain hyperband": PlainHyperband,
}


def peer_traces() -> Traces:
    return {peer: results.load(peer) for peer in PEERS}


def run_here(names: Sequence[str], settings: Sequence[Setting], workers: int) -> Traces:
    """Baselines by name, barrido's as ``scheduler+sampler``; ``workers`` processes at a time."""
    traces: dict[str, dict[Setting, Trace]] = {shown(name): {} for name in names}
    began = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        playing = {
            pool.submit(_run, name, setting): (shown(name), setting) for setting in settings for name in names
        }
        for count, future in enumerate(as_completed(playing), 1):
            name, setting = playing[future]
            traces[name][setting] = future.result()
            if sys.stderr.isatty():
                took = time.perf_counter() - began
                print(f"\r{count} of {len(playing)} runs, {took:.0f} s ", end="", file=sys.stderr, flush=True)
    return traces


def shown(name: str) -> str:
    return name if name in BASELINES else Combination.parse(name).name


def _run(name: str, setting: Setting) -> Trace:
    problem = BY_NAME[setting.problem]
    full_s = references()[problem.name].full_s
    if name in BASELINES:
        return play(BASELINES[name](problem, setting.seed, setting.workers), problem, setting, full_s)
    return run(Combination.parse(name), problem, setting, full_s)
