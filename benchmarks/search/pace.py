"""Seconds a suggestion on one core with 80, 300, 1,000 and 10,000 observations in eight dimensions; memory.

A median over several questions, each with one observation more than the one before. Peers arrive at
their observations by asking, as they would in use; barrido is given random ones.

Aimed at: 20 ms at 80 observations, 100 ms at 1,000, 250 ms at 10,000; 300 MB.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.search.functions import styblinski
from benchmarks.search.peers.process import PEERS, Process
from benchmarks.search.play import Ours

from barrido.samplers.random import RandomSampler
from barrido.space import Space, Uniform

_SPACE = Space({f"x{i}": Uniform(-5.0, 5.0) for i in range(8)})
_QUESTIONS = 9
_SIZES = (80, 1_000, 10_000)
_BOUNDS_MS = {80: 20, 1_000: 100, 10_000: 250}
_BOUND_MIB = 300e6 / 2**20
# Where a peer would take many minutes to get there it is not asked.
_PEER_SIZES = {"optuna-tpe": (80, 1_000), "optuna-gp": (80, 300), "smac": (80,), "ax": (80,)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="speed.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the peers, but for Optuna at 80")
    parser.add_argument("--sampler", default="bayesian", help="of barrido, or as module:Class")
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{'':<24}{'observations':>14}{'ms a suggestion':>17}{'aim':>6}{'peak MiB':>10}{'aim':>6}")
    for size in _SIZES:
        # A process each, so that the peak is its own.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, peak = pool.submit(measure_ours, args.sampler, size).result()
        show(f"barrido {args.sampler}", size, seconds, peak, _BOUNDS_MS[size])
    for peer in PEERS:
        for size in _PEER_SIZES[peer]:
            if not args.quick or (size == 80 and peer.startswith("optuna")):
                show(peer, size, *measure_peer(peer, size))


def show(name: str, size: int, seconds: list[float], peak_mib: float, bound_ms: float | None = None) -> None:
    pace = f"{name:<24}{size:>14,}{1e3 * statistics.median(seconds):>17.1f}"
    aims = ("", "") if bound_ms is None else (f"{bound_ms:.0f}", f"{_BOUND_MIB:.0f}")
    print(f"{pace}{aims[0]:>6}{peak_mib:>10.0f}{aims[1]:>6}", flush=True)


def measure_ours(sampler: str, size: int) -> tuple[list[float], float]:
    """Seconds of each question, and the peak of this process's memory in MiB."""
    ours = Ours(sampler, _SPACE, 0)
    for number, point in enumerate(RandomSampler(_SPACE).ask([], [], range(size), 0)):
        assert point is not None
        ours.take(number, dict(point), loss_of(point))
    for number in range(size, size + _QUESTIONS):
        ours.tell(number, loss_of(ours.ask(number)))
    return ours.seconds, peak_of(os.getpid())


def measure_peer(peer: str, size: int) -> tuple[list[float], float]:
    trials = size + _QUESTIONS
    with Process(peer, _SPACE, 0, trials, 1) as process:
        for number in range(trials):
            process.tell(number, loss_of(process.ask(number)))
        return process.seconds[size:], peak_of(process.pid)


def loss_of(params: Mapping[str, Any]) -> float:
    return styblinski(np.array(list(params.values())))


def peak_of(pid: int) -> float:
    """The most memory that a process held, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
