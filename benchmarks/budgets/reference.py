"""Write `reference.json`: what the losses of each problem are measured by.

    python -m benchmarks.budgets.reference [NAME ...]

`POINTS` random configurations are trained to their ends. The optimum is the best loss of any of them at
any step, or the best known one: of a recorded problem that of all its records, and so exact. Losses that
optimisers reach below it lower it in a report, not here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from benchmarks.budgets.problems import BY_NAME, Array, Problem

from barrido.samplers.random import RandomSampler

REFERENCE = Path(__file__).parent / "reference.json"
POINTS = 4_000
TRAININGS = 100


@dataclass(frozen=True)
class Reference:
    """Regret is (best loss so far - optimum) / scale, and at most 1.

    ``random`` are the losses that random search is expected to have reached after 1, 2, ... `TRAININGS` full
    trainings; ``full_s`` is how long a full training takes, in the mean.
    """

    optimum: float
    median: float
    full_s: float
    random: list[float]

    @property
    def scale(self) -> float:
        return self.median - self.optimum


@cache
def references() -> Mapping[str, Reference]:
    return {name: Reference(**one) for name, one in json.loads(REFERENCE.read_text()).items()}


def measure(problem: Problem) -> Reference:
    points = [point for point in RandomSampler(problem.space).ask([], [], range(POINTS), 2**31) if point]
    trainings = [problem.train(point) for point in points]
    best = np.array([training.losses.min() for training in trainings])
    return Reference(
        optimum=min(problem.best(), float(best.min())),
        median=float(np.median(best)),
        full_s=float(np.mean([training.seconds for training in trainings])) * problem.most,
        random=[float(f"{expected(best, n):.6g}") for n in range(1, TRAININGS + 1)],
    )


def expected(losses: Array, n: int) -> float:
    """The mean of the least of ``n`` draws with replacement from ``losses``, exactly."""
    below = np.linspace(0, 1, len(losses) + 1)
    chances = (1 - below[:-1]) ** n - (1 - below[1:]) ** n
    return float(chances @ np.sort(losses))


def main() -> None:
    found = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}
    for name in sys.argv[1:] or BY_NAME:
        if BY_NAME[name].is_there:
            found[name] = asdict(measure(BY_NAME[name]))
    REFERENCE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
