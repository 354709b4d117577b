from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.processes import end_server

from barrido.core.layout import Workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace for all the examples, so that they share one MLflow server; it ends with the tests."""
    place = Workspace(tmp_path_factory.mktemp("examples"))
    yield place
    end_server(place)


@pytest.fixture(scope="session")
def examples() -> Path:
    return Path(__file__).parents[2] / "examples"
