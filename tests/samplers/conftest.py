from __future__ import annotations

from collections.abc import Iterator

import pytest
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_core() -> Iterator[None]:
    """Samplers that are asked directly take the threads that they find, and several tests run at once."""
    with threadpool_limits(1, user_api="blas"):
        yield
