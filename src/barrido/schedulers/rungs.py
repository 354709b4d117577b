"""Rungs: the resources at which trials are compared, and what is said of the places that they took.

The arithmetic is in integers. A logarithm in floating point loses a rung where it matters: log(243, 3) is
4.999999999999999.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TypeGuard, TypeVar

from barrido.core.protocols import Step, Verdict
from barrido.errors import RequestError

T = TypeVar("T")


def levels(max_resource: int, min_resource: int, reduction_factor: int) -> tuple[int, ...]:
    """The rungs in ascending order: ``max_resource // reduction_factor**k``, none below ``min_resource``.

    There are s_max + 1 of them. Raises RequestError for numbers that make no rungs.

    >>> levels(81, 1, 3), levels(100, 1, 3), levels(81, 5, 3)
    ((1, 3, 9, 27, 81), (1, 3, 11, 33, 100), (9, 27, 81))
    """
    if not 1 <= min_resource <= max_resource:
        raise RequestError(
            f"min_resource must be from 1 to max_resource, {max_resource} (got {min_resource})",
            hint="max_resource is what the best trials get, min_resource what the worst are given",
        )
    if reduction_factor < 2:
        raise RequestError(
            f"reduction_factor must be 2 or more (got {reduction_factor})",
            hint="3 lets the best third of the trials go on",
        )
    found = [max_resource]
    while (lower := found[-1] // reduction_factor) >= min_resource:
        found.append(lower)
    return tuple(reversed(found))


def halvings(trials: int, reduction_factor: int) -> int:
    """How often so many trials can be divided by ``reduction_factor`` until one is left: ⌊log_η n⌋.

    >>> halvings(243, 3), halvings(242, 3), halvings(1, 3)
    (5, 4, 0)
    """
    count = 0
    while trials >= reduction_factor:
        trials //= reduction_factor
        count += 1
    return count


def is_usable(loss: float | None) -> TypeGuard[float]:
    """Whether a loss can be compared. One that is NaN, infinite or missing is the worst: it never goes on."""
    return loss is not None and isfinite(loss)


def top_k(configs: Sequence[T], losses: Sequence[float | None], k: int) -> list[T]:
    """The ``k`` configurations with the lowest losses, best first; of equal ones the earlier in ``configs``.

    Fewer if not so many have a usable loss.

    >>> top_k("abcd", [0.5, float("nan"), 0.1, 0.5], 3)
    ['c', 'a', 'd']
    """
    usable = [(loss, i) for i, loss in enumerate(losses) if is_usable(loss)]
    return [configs[i] for _, i in sorted(usable)[:k]]


def describe_place(place: int, count: int, resource: int, going_on: int) -> str:
    """
    >>> describe_place(5, 27, 3, 9), describe_place(1, 2, 3, 0)
    ('place 5 of 27 at 3: 9 go on', 'place 1 of 2 at 3: none goes on')
    """
    who = {0: "none goes", 1: "1 goes"}.get(going_on, f"{going_on} go")
    return f"place {place} of {count} at {resource}: {who} on"


def reject(resource: int) -> Verdict:
    """The verdict on a trial without a usable loss."""
    return Verdict(Step.STOP, f"no usable value at {resource}: it cannot go on")


def complete(max_resource: int, *, stops: bool) -> Verdict:
    """The verdict on a trial that had ``max_resource``: unless ``stops``, it may come to its own end.

    Many scripts save their model or log a last figure when they have trained; one that goes on training is
    ended at its next unit of resource, where it is asked about again.
    """
    reason = f"it had its max_resource of {max_resource}"
    return Verdict(Step.FINISH, reason) if stops else Verdict(Step.GO_ON, reason, until=max_resource + 1)
