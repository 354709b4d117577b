"""Write `reference.json`: of each problem the optimum and the median loss of random points.

    python -m benchmarks.search.reference

An optimum that is not known exactly is the best of the random points, improved by a local search.
Losses that optimisers reach below it lower it in a report, not here.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
from benchmarks.search.problems import BY_NAME, REFERENCE, Problem, Reference, read_table
from numpy.typing import NDArray

from barrido.samplers.random import RandomSampler

_POINTS = 2_000
_STARTS, _STEPS = 5, 300


def measure(problem: Problem) -> Reference:
    points = [point for point in RandomSampler(problem.space).ask([], [], range(_POINTS), 0) if point]
    losses = np.array([problem.loss(point) for point in points])
    median = float(np.median(losses))
    if problem.optimum is not None:
        return Reference(problem.optimum, median, exact=True)
    if problem.family == "table":
        return Reference(min(read_table(problem.name).values()), median, exact=True)
    starts = problem.space.to_unit([points[i] for i in np.argsort(losses)[:_STARTS]])
    return Reference(min(improve(problem, u) for u in starts), median, exact=False)


def improve(problem: Problem, u: NDArray[np.float64]) -> float:
    """The loss that a random walk from ``u``, (d,), comes down to, its steps longer after a success."""
    rng, step = np.random.default_rng(0), 0.1
    is_fork = np.array([d.levels is not None and d.kind == "unordered" for d in problem.space.dimensions])

    def loss_at(u: NDArray[np.float64]) -> float:
        return problem.loss(problem.space.from_unit(u[None])[0])

    best = loss_at(u)
    for _ in range(_STEPS):
        moved = np.where(is_fork, u, np.clip(u + step * rng.standard_normal(len(u)), 0, 1))
        if (loss := loss_at(moved)) < best:
            u, best, step = moved, loss, step * 1.6
        else:
            step = max(step * 0.9, 1e-4)
    return best


def main() -> None:
    found = {name: asdict(measure(problem)) for name, problem in BY_NAME.items() if problem.is_there}
    REFERENCE.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
