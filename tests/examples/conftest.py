from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from barrido.core.layout import Workspace
from barrido.tracking.backend import backend


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace for all the examples, so that they share one MLflow server; it ends with the tests."""
    place = Workspace(tmp_path_factory.mktemp("examples"))
    yield place
    server = backend(place, None)
    assert server is not None
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(json.loads(server.state.read_text())["pid"], signal.SIGTERM)


@pytest.fixture(scope="session")
def examples() -> Path:
    return Path(__file__).parents[2] / "examples"
