"""Ray Tune's side of the benchmark: it keeps its own loop and its own clock, so it is given whole curves.

Its configurations are those that random search gets from the same seed.
"""

from __future__ import annotations

import json
import subprocess

from benchmarks.budgets.peers.process import PEERS
from benchmarks.budgets.play import Ledger, Setting, Trace
from benchmarks.budgets.problems import Problem
from benchmarks.search.environments import ROOT, python_of, surroundings

from barrido.samplers.random import RandomSampler

_ROWS = 600  # more configurations than any of its schedulers begins within 40 full trainings
_PATIENCE_S = 900


def replay(peer: str, problem: Problem, setting: Setting) -> Trace:
    """With one worker: the seconds that passed are those of the steps done before, in their order."""
    kind = PEERS[peer]
    points = RandomSampler(problem.space).ask([], [], range(_ROWS), setting.seed)
    trainings = [problem.train(point) for point in points if point is not None]
    asked = {
        "losses": [training.losses.tolist() for training in trainings],
        "steps": setting.trainings * problem.most,
    }
    answer = subprocess.run(
        [python_of(kind.environment), "-m", f"benchmarks.budgets.peers.{kind.module}", kind.argument],
        input=json.dumps(asked) + "\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**surroundings(), "PYTHONWARNINGS": "ignore"},
        timeout=_PATIENCE_S,
        check=True,
    )
    ledger, now, rows = Ledger(), 0.0, set[int]()
    for row, loss in json.loads(answer.stdout):
        now += trainings[row].seconds
        rows.add(row)
        ledger.enter(now, loss)
    return Trace(tuple(ledger.improvements), ledger.steps, now, len(rows), 0.0)
