"""Linear algebra on one core while a model learns: the others belong to the trials."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

from barrido.core.protocols import Explainer, Observation, Sampler
from barrido.core.trial import Expectation, Params

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_SAID = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


class OneCore:
    """A sampler whose matrices are multiplied by one thread, unless the user's environment says how many.

    They are small: threads that wait for each other on a busy machine take several times as long. Outside
    of a question the process keeps the number of threads that it had.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.learns = sampler.learns
        self._sampler = sampler

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Params | None]:
        with one_thread():
            return self._sampler.ask(observations, pending, numbers, seed)

    def explain(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        points: Sequence[Params],
        seed: int,
    ) -> list[Expectation | None]:
        if not isinstance(self._sampler, Explainer):
            return [None] * len(points)
        with one_thread():
            return self._sampler.explain(observations, pending, points, seed)


def one_thread() -> AbstractContextManager[Any]:
    """As long as it is entered, one thread, unless the user's environment says how many."""
    if any(name in os.environ for name in _SAID):
        return nullcontext()
    limits: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limits


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  its BLAS and NumPy's must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
