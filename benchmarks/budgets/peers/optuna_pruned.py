"""Optuna's TPE with one of its pruners, through ask and tell: asked at each step whether to prune.

Everything as it comes, but for what the problem says (the least and the most steps) and a reduction factor
of 3 for both pruners. The name of the study decides the brackets, so it carries the seed.
"""

from __future__ import annotations

import sys
from typing import Any

import optuna
from benchmarks.budgets.peers.conversation import Job, Opening, converse
from benchmarks.search.peers.optuna_study import suggest


def pruner_of(name: str, opening: Opening) -> Any:
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(opening.least, opening.most, reduction_factor=3)
    return optuna.pruners.SuccessiveHalvingPruner(opening.least, reduction_factor=3)


class Study:
    def __init__(self, opening: Opening) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._opening = opening
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=opening.seed, constant_liar=opening.workers > 1),
            pruner=pruner_of(sys.argv[1], opening),
            study_name=f"budgets-{opening.seed}",
        )
        self._trials: dict[int, Any] = {}
        self._pruned: set[int] = set()

    def next(self) -> Job:
        trial = self._study.ask()
        self._trials[trial.number] = trial
        point = {dimension.name: suggest(trial, dimension) for dimension in self._opening.dimensions}
        return trial.number, point, self._opening.most

    def report(self, number: int, step: int, loss: float) -> bool:
        trial = self._trials[number]
        trial.report(loss, step)
        if step < self._opening.most and trial.should_prune():
            self._pruned.add(number)
        return number not in self._pruned

    def ended(self, number: int, step: int, loss: float) -> None:
        trial = self._trials.pop(number)
        if number in self._pruned:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, loss)


if __name__ == "__main__":
    converse(Study)
