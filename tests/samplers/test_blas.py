"""Models learn on one core, and leave the process as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_info, threadpool_limits

from barrido.blas import OneCore
from barrido.core.protocols import Observation
from barrido.core.trial import Params


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


class Looking:
    """Says how many threads there are."""

    learns = True

    def ask(
        self,
        observations: Sequence[Observation],
        pending: Sequence[Params],
        numbers: Sequence[int],
        seed: int,
    ) -> list[Any]:
        return [{"threads": threads()}]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_a_model_learns_on_one_core_and_the_process_keeps_its_threads() -> None:
    with threadpool_limits(2, user_api="blas"):
        assert OneCore(Looking()).ask([], [], [0], 0) == [{"threads": {1}}]
        assert threads() == {2}


def test_who_says_how_many_threads_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with threadpool_limits(2, user_api="blas"):
        assert OneCore(Looking()).ask([], [], [0], 0) == [{"threads": {2}}]


def test_a_sampler_that_cannot_explain_explains_nothing() -> None:
    assert OneCore(Looking()).explain([], [], [{}, {}], 0) == [None, None]
