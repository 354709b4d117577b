"""The OpenAPI document against the server: whatever is sent, no answer is a 500, and each is as described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.cli.conftest import Tale
from tests.studio.conftest import MARKER, Studio, served, tell_finished

from barrido.core.layout import Workspace

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
QUICK = hypothesis.settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
LONG = hypothesis.settings(QUICK, max_examples=400, derandomize=False)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Over a finished sweep, and one whose controller died."""
    here = tmp_path_factory.mktemp("fuzzed")
    workspace = Workspace(here / ".barrido")
    tell_finished(workspace)
    died = Tale(workspace, "died", [{"lr": 0.1}, {"lr": 0.2}])
    died.launch(0)
    died.report(0, float("nan"), 0.5)
    with served(workspace, here) as studio:
        yield studio


def operations(document: Any) -> list[tuple[str, str]]:
    return [
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if not path.endswith("/stream")  # has no end
    ]


def document_of() -> Any:
    from barrido.studio import files, openapi, steering, views

    return openapi.document((*views.ROUTES, *files.ROUTES, *steering.ROUTES))


OPERATIONS = operations(document_of())


def fuzz(studio: Studio, method: str, path: str, settings: hypothesis.settings) -> None:
    document = studio.get("/openapi.json")
    schema = schemathesis.openapi.from_dict(document)
    operation = schema[path][method]
    # Half of what is sent is about sweeps and trials that there are
    known = hypothesis.strategies.sampled_from(["iris", "died", None])
    number = hypothesis.strategies.sampled_from([0, 2, None])

    @hypothesis.given(operation.as_strategy(), known, number)
    @settings
    def send(case: Any, name: str | None, trial: int | None) -> None:
        parameters = case.path_parameters
        if name is not None and "name" in parameters:
            parameters["name"] = name
        if trial is not None and "number" in parameters:
            parameters["number"] = trial
        headers = {**studio.client.headers, **(MARKER if method == "post" else {})}
        case.call_and_validate(base_url=studio.url, headers=headers, checks=CHECKS, timeout=60)

    send()


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_no_request_breaks_the_studio(fuzzed: Studio, method: str, path: str) -> None:
    fuzz(fuzzed, method, path, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_no_request_out_of_many_breaks_the_studio(fuzzed: Studio, method: str, path: str) -> None:
    fuzz(fuzzed, method, path, LONG)


def test_the_document_names_every_route(settled: Studio) -> None:
    document = settled.get("/openapi.json")
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    headers = [
        one for one in document["paths"]["/api/validate"]["post"]["parameters"] if one["in"] == "header"
    ]
    assert [(one["name"], one["schema"]) for one in headers] == [("X-Barrido", {"type": "string"})]
    assert described >= {(method.upper(), path) for method, path in OPERATIONS}
    assert {("GET", "/api/stream"), ("GET", "/api/sweeps/{name}/stream")} <= described
