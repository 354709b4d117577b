"""One cluster for all tests of two nodes; its worker node is begun again when a test has killed it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.ray.cluster import Cluster, why_not

from barrido.core.layout import Workspace


@pytest.fixture(scope="session")
def two_nodes() -> Iterator[Cluster]:
    if why := why_not():
        pytest.skip(why)
    cluster = Cluster()
    try:
        cluster.begin()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def cluster(two_nodes: Cluster) -> Iterator[Cluster]:
    two_nodes.begin_worker()
    yield two_nodes
    two_nodes.mend()
    two_nodes.clean()


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One for all, so that they share one MLflow server."""
    return Workspace(tmp_path_factory.mktemp("ray") / "ws")
