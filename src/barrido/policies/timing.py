"""When a policy is asked."""

from __future__ import annotations

from typing import Protocol


class Timed(Protocol):
    evaluation_interval: int
    delay_evaluation: int


def applies(policy: Timed, n: int) -> bool:
    """Whether ``policy`` judges a trial at its ``n``-th report (from 1).

    At the multiples of its interval from its delay on: interval 2 and delay 5 give 6, 8, 10, …
    """
    return n % policy.evaluation_interval == 0 and n >= policy.delay_evaluation
