"""Fill the cache of what peers do. May be stopped at any time, and goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import product

from benchmarks.budgets import results
from benchmarks.budgets.peers.process import PEERS, Process
from benchmarks.budgets.peers.replay import replay
from benchmarks.budgets.play import Setting, play
from benchmarks.budgets.problems import BY_NAME, DEVELOPMENT, HELD_OUT
from benchmarks.budgets.reference import references

TRAININGS = {1: 40, 8: 40, 64: 128}
"""Full trainings that may be spent, by workers."""

_CHEAP = ("optuna-tpe-hyperband", "optuna-tpe-halving")
_DEAR = ("smac-hyperband",)
_RAY = ("ray-hyperband", "ray-asha")
_LIVE = tuple(problem for problem in DEVELOPMENT if problem.family == "live")
_ALL = (*DEVELOPMENT, *HELD_OUT)
# Hours of computing are wanted, so each stage leaves something that can be compared.
_STAGES = (
    (_CHEAP, (0, 1, 2), DEVELOPMENT, (1, 8), False),
    (_DEAR, (0,), DEVELOPMENT, (1, 8), False),
    (_CHEAP, (0, 1, 2), HELD_OUT, (1, 8), False),
    (_RAY, (0, 1), _LIVE, (1,), False),
    (_DEAR, (1,), DEVELOPMENT, (1, 8), False),
    ((*_CHEAP, *_DEAR), (0,), DEVELOPMENT, (1, 8), True),
    (_DEAR, (0,), HELD_OUT, (1, 8), False),
    (_CHEAP, (0, 1), _ALL, (64,), False),
    (_CHEAP, (3, 4), _ALL, (1, 8), False),
    (_DEAR, (1,), HELD_OUT, (1, 8), False),
    (_DEAR, (0,), _ALL, (64,), False),
)


def planned() -> Iterator[tuple[str, Setting]]:
    for peers, seeds, problems, modes, thinks in _STAGES:
        for workers, seed, peer, problem in product(modes, seeds, peers, problems):
            if problem.is_there:
                yield peer, Setting(problem.name, seed, workers, TRAININGS[workers], thinks)


def fill(peers: Sequence[str]) -> None:
    """Run what is planned for ``peers`` and not there yet, one after the other."""
    done = {peer: results.load(peer) for peer in peers}
    missing = [(peer, setting) for peer, setting in planned() if peer in done and setting not in done[peer]]
    print(f"{len(missing)} runs are missing", flush=True)
    for peer, setting in missing:
        print(time.strftime("%H:%M:%S"), peer, _run(peer, setting), flush=True)


def _run(peer: str, setting: Setting) -> str:
    """Do one run, keep it, and say so; a peer that fails does not keep the others from running."""
    problem = BY_NAME[setting.problem]
    named = f"{setting.problem} seed {setting.seed}, {setting.workers} workers"
    try:
        if peer in _RAY:
            trace = replay(peer, problem, setting)
        else:
            with Process(peer, problem, setting.seed, setting.workers) as process:
                trace = play(process, problem, setting, references()[problem.name].full_s)
    except Exception as error:
        return f"{named}: {type(error).__name__}: {error}"
    results.append(peer, setting, trace)
    return f"{named}: {trace.improvements[-1][2]:.6g}, {trace.trials} trials, {trace.thought_s:.0f} s"


if __name__ == "__main__":
    fill(list(PEERS))
