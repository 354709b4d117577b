"""Arithmetic on reported numbers as people read them.

In binary ``0.9 - 0.2`` is 0.7000000000000001, and a trial with 0.7 would fall below "0.9 less 0.2".
So bounds and means are taken of the decimals that numbers are written as, and rounded once.
"""

from __future__ import annotations

from decimal import Context, Decimal
from math import inf

WIDE = Context(prec=60)
"""Wide enough for exact sums of millions of doubles of like size."""

ZERO = Decimal(0)


def decimal(value: float) -> Decimal:
    """
    >>> decimal(0.1)
    Decimal('0.1')
    """
    return Decimal(repr(float(value)))


def plus(total: Decimal, value: float) -> Decimal:
    return WIDE.add(total, decimal(value))


def divided(total: Decimal, count: int) -> float:
    """
    >>> (0.1 + 0.7) / 2, divided(plus(decimal(0.1), 0.7), 2)
    (0.39999999999999997, 0.4)
    """
    return float(WIDE.divide(total, count))


def halfway(low: float, high: float) -> float:
    """The mean of two numbers; infinite if ``high`` is."""
    if high in (low, inf):
        return high
    return divided(plus(decimal(low), high), 2)
