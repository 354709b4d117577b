"""Fill the cache of what peers do. May be stopped at any time, and goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from benchmarks.search import cache
from benchmarks.search.cache import Record
from benchmarks.search.environments import python_of
from benchmarks.search.peers.process import PEERS, Process
from benchmarks.search.play import Setting, play
from benchmarks.search.problems import BY_NAME, DEVELOPMENT, HELD_OUT

TRIALS = 80
SEQUENTIAL, PARALLEL = 1, 4
MODES = (SEQUENTIAL, PARALLEL)
"""How many trials are in flight."""

_CHEAP = ("optuna-tpe",)
_DEAR = tuple(peer for peer in PEERS if peer not in _CHEAP)
# Days of computing are wanted and hours are there, so each stage leaves something that can be compared.
_STAGES = (
    (_CHEAP, range(10), (*DEVELOPMENT, *HELD_OUT), MODES),
    (_DEAR, (0,), DEVELOPMENT, MODES),
    (_DEAR, (1,), DEVELOPMENT, MODES),
    (_DEAR, (0,), HELD_OUT, MODES),
    (_DEAR, (1,), HELD_OUT, (SEQUENTIAL,)),
    (_DEAR, (2,), DEVELOPMENT, MODES),
    (_DEAR, (1,), HELD_OUT, (PARALLEL,)),
)


def planned() -> Iterator[tuple[str, Setting]]:
    for peers, seeds, problems, modes in _STAGES:
        for in_flight, seed, peer, problem in product(modes, seeds, peers, problems):
            if problem.is_there:
                yield peer, Setting(problem.name, seed, in_flight, TRIALS)


def fill(peers: Sequence[str], workers: int) -> None:
    """Run what is planned for ``peers`` and not there yet, ``workers`` at a time."""
    done = {peer: cache.load(peer) for peer in peers}
    missing = [(peer, setting) for peer, setting in planned() if peer in done and setting not in done[peer]]
    print(f"{len(missing)} runs are missing", flush=True)
    for peer in peers:
        python_of(PEERS[peer].environment)  # now, lest two workers make the same
    with ThreadPoolExecutor(workers) as pool:
        for line in pool.map(lambda run: _run(*run), missing):
            print(line, flush=True)


def _run(peer: str, setting: Setting) -> str:
    """Do one run, keep it, and say so; a peer that fails does not keep the others from running."""
    problem = BY_NAME[setting.problem]
    named = f"{peer} {setting.problem} seed {setting.seed}, {setting.in_flight} in flight"
    try:
        with Process(peer, problem.space, setting.seed, setting.trials, setting.in_flight) as process:
            record = Record.of(play(process, problem, setting))
    except Exception as error:
        return f"{time.strftime('%H:%M:%S')} {named}: {type(error).__name__}: {error}"
    cache.append(peer, setting, record)
    return f"{time.strftime('%H:%M:%S')} {named}: {min(record.losses):.6g} in {record.total_s:.0f} s"
