"""Hyperband: brackets of successive halving, from those that try many trials briefly to those that try few.

Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach to hyperparameter
optimization", JMLR 18 (2018) (arXiv 1603.06560), Algorithm 1. `run` is that algorithm, line by line, over its
three functions. `Hyperband` is its form for many workers and a sweep that may be interrupted; there

* ``get_hyperparameter_configuration(n)`` is what `Hyperband.next` asks for in n answers `Sample`,
* ``run_then_return_val_loss(t, r)`` begins with a `Sample` or `Promote` whose ``until`` is r, and returns
  with `Hyperband.report`,
* ``top_k(configs, losses, k)`` is `barrido.schedulers.rungs.top_k`, called when a rung is complete.

Differences from the paper: those of `barrido.schedulers.halving`. Rungs are whole numbers: r_i = ⌊R·η^(i-s)⌋,
none below ``min_resource``. ``variant="table"`` has the brackets of the paper's Table 1, which rounds down
where Algorithm 1 rounds up. It is repeated while there are new trials; a sweep of fewer than it needs begins
at a higher rung, so that what it begins it can finish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, TypeVar

from barrido.core.protocols import Assignment, Verdict
from barrido.errors import RequestError
from barrido.schedulers.halving import Bracket, Tournament, share_out
from barrido.schedulers.rungs import is_usable, levels, top_k

T = TypeVar("T")

VARIANTS = ("algorithm", "table")


def run(
    get_hyperparameter_configuration: Callable[[int], Sequence[T]],
    run_then_return_val_loss: Callable[[T, int], float],
    top_k: Callable[[Sequence[T], Sequence[float], int], Sequence[T]] = top_k,
    *,
    max_resource: int,
    reduction_factor: int = 3,
) -> T | None:
    """Algorithm 1: the configuration with the lowest loss seen at any rung, None if no loss was usable.

    ``run_then_return_val_loss(t, r)`` trains t with the resource r, counted from nothing.
    """
    R, eta = max_resource, reduction_factor
    s_max = len(levels(R, 1, eta)) - 1
    best, lowest = None, inf
    for s in range(s_max, -1, -1):
        n = -((s_max + 1) * eta**s // -(s + 1))  # ⌈(B/R) · η^s/(s+1)⌉, where B = (s_max + 1) R
        configs = get_hyperparameter_configuration(n)
        for i in range(s + 1):
            n_i = n // eta**i
            r_i = R // eta ** (s - i)
            losses = [run_then_return_val_loss(t, r_i) for t in configs]
            for t, loss in zip(configs, losses, strict=True):
                if is_usable(loss) and loss < lowest:
                    best, lowest = t, loss
            configs = top_k(configs, losses, n_i // eta)
    return best


def make_brackets(rungs: Sequence[int], reduction_factor: int, variant: str) -> tuple[Bracket, ...]:
    """One Hyperband over ``rungs``, in its order: s from s_max to 0.

    >>> [bracket.size for bracket in make_brackets((1, 3, 9, 27, 81), 3, "algorithm")]
    [81, 34, 15, 8, 5]
    >>> [bracket.size for bracket in make_brackets((1, 3, 9, 27, 81), 3, "table")]
    [81, 27, 9, 6, 5]
    """
    count, eta = len(rungs), reduction_factor
    brackets = []
    for s in reversed(range(count)):
        size = count // (s + 1) * eta**s if variant == "table" else -(count * eta**s // -(s + 1))
        brackets.append(Bracket(tuple(rungs[count - s - 1 :]), size, eta))
    return tuple(brackets)


class Hyperband:
    """For a sweep of at most ``trials`` (None: there is no limit).

    ``full`` is one Hyperband up to ``max_resource``, ``fitting`` the largest that ``trials`` suffice for, and
    ``planned`` what they are used for: that one over and over, the last bracket cut to what is left for it.
    If there turn out to be more trials, as when the limit is raised, full ones follow. ``stop_last_trials``
    ends a trial as soon as it had ``max_resource``.
    """

    def __init__(
        self,
        *,
        max_resource: int,
        min_resource: int = 1,
        reduction_factor: int = 3,
        variant: str = "algorithm",
        stop_last_trials: bool = False,
        trials: int | None = None,
    ) -> None:
        if variant not in VARIANTS:
            raise RequestError(
                f"there is no variant {variant!r} of hyperband", hint=f"there are: {', '.join(VARIANTS)}"
            )
        self.rungs = rungs = levels(max_resource, min_resource, reduction_factor)
        self.full = self.fitting = make_brackets(rungs, reduction_factor, variant)
        if trials is not None:
            while len(rungs) > 1 and sum(bracket.size for bracket in self.fitting) > trials:
                rungs = rungs[1:]
                self.fitting = make_brackets(rungs, reduction_factor, variant)
        self.planned = () if trials is None else share_out(self.fitting, trials)
        self._tournament = Tournament(self.planned, self.full, stop_last_trials=stop_last_trials)

    def init(self) -> Any:
        return self._tournament.init()

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        return self._tournament.next(state, number)

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        return self._tournament.report(state, trial, resource, loss)

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        return self._tournament.ended(state, trial, loss)

    def missing(self, state: Any, trial: int) -> Any:
        return self._tournament.missing(state, trial)
