"""Who did what: the peers' runs from the cache, those of barrido's samplers made now."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.search import cache
from benchmarks.search.cache import Record
from benchmarks.search.peers.process import PEERS
from benchmarks.search.play import Ours, Setting, play
from benchmarks.search.problems import BY_NAME, Problem

Runs = Mapping[str, Mapping[Setting, Record]]
"""By optimiser. Those of barrido have its name in front."""


def peer_runs() -> Runs:
    return {peer: cache.load(peer) for peer in PEERS}


def settings_of(problems: Sequence[Problem], seeds: int, in_flight: int, trials: int) -> list[Setting]:
    return [
        Setting(problem.name, seed, in_flight, trials)
        for problem in problems
        for seed in range(seeds)
        if problem.is_there
    ]


def our_name(sampler: str) -> str:
    return f"barrido {sampler}"


def run_ours(samplers: Sequence[str], settings: Sequence[Setting], workers: int) -> Runs:
    """Play them all, ``workers`` processes at a time, with a line that says how far it is."""
    runs: dict[str, dict[Setting, Record]] = {our_name(sampler): {} for sampler in samplers}
    began = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        playing = {
            pool.submit(_play, sampler, setting): (sampler, setting)
            for setting in settings
            for sampler in samplers
        }
        for count, future in enumerate(as_completed(playing), 1):
            sampler, setting = playing[future]
            runs[our_name(sampler)][setting] = future.result()
            if sys.stderr.isatty():
                took = time.perf_counter() - began
                print(f"\r{count} of {len(playing)} runs, {took:.0f} s ", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
    return runs


def _play(sampler: str, setting: Setting) -> Record:
    problem = BY_NAME[setting.problem]
    return Record.of(play(Ours(sampler, problem.space, setting.seed), problem, setting))
