from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.conftest import Tale
from tests.studio.conftest import NASTY, Studio

from barrido.errors import StoreError
from barrido.figures import sweeps
from barrido.studio import shapes, views


def test_what_people_wrote_arrives_as_text(settled: Studio) -> None:
    answer = settled.client.get("/api/sweeps")
    assert answer.headers["content-type"] == "application/json"
    [sweep] = answer.json()["sweeps"]
    assert (sweep["tags"], sweep["description"]) == ({"team": NASTY}, NASTY)
    assert settled.get("/api/sweeps/iris/trials")["params"]["solver"][0] == NASTY
    assert NASTY in settled.get("/api/sweeps/iris/trials/0/log")["text"]
    assert NASTY in settled.get("/api/sweeps/iris/trials/2")["trial"]["reason"]


@pytest.mark.parametrize(
    "route", [one for one in views.ROUTES if isinstance(one.answer, type)], ids=lambda one: one.path
)
def test_each_answer_has_its_declared_shape(settled: Studio, route: Any) -> None:
    path = route.path.format(name="iris", number=0)
    if route.method == "POST":
        body = settled.post(path, {"policy": {"type": "median_stopping"}}, status=200)
    else:
        query = {"param": "lr", "x": "lr", "y": "solver"} if route.is_slow else {}
        body = settled.get(path, params=query)
    route.answer.model_validate(body)


def test_trials_are_chosen_by_number(settled: Studio) -> None:
    assert settled.get("/api/sweeps/iris/trials?numbers=2,0,99")["number"] == [0, 2]
    for numbers in ("", "x", "1,", "-1", "1e3", "99999999999999999999"):
        assert settled.client.get(f"/api/sweeps/iris/trials?numbers={numbers}").status_code == 400


@pytest.mark.parametrize(
    "path", ["/trials/99", "/trials/x", "/trials/0/files/none", "/none", "/trials/99/log", "/trials/-1"]
)
def test_what_is_not_there_is_not_found(settled: Studio, path: str) -> None:
    answer = settled.client.get(f"/api/sweeps/iris{path}")
    assert answer.status_code in (400, 404), answer.text
    shapes.Error.model_validate(answer.json())


def test_a_sweep_that_is_misspelt_is_named(settled: Studio) -> None:
    answer = settled.client.get("/api/sweeps/irs")
    assert answer.status_code == 404
    assert answer.json()["error"]["hint"] == "did you mean 'iris'?"


@pytest.mark.parametrize(
    ("ending", "media_type"), [("csv", "text/csv"), ("json", "application/json"), ("html", "text/html")]
)
def test_a_sweep_can_be_taken_away(settled: Studio, ending: str, media_type: str) -> None:
    kind = "report" if ending == "html" else "export"
    answer = settled.client.get(f"/api/sweeps/iris/{kind}.{ending}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["content-disposition"] == f"attachment; filename*=utf-8''iris.{ending}"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.text


def test_large_answers_are_squeezed(tale: Callable[..., Tale], studio: Studio) -> None:
    tale(points=[{"lr": n / 100} for n in range(100)])
    answer = studio.client.get("/api/sweeps/iris/trials")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["number"]) == 100


def test_numbers_that_json_has_no_word_for_are_written_as_text(
    tale: Callable[..., Tale], studio: Studio
) -> None:
    told = tale()
    told.launch(0)
    told.report(0, float("nan"), float("-inf"))
    for path in ("", "/trials", "/trials/0", "/curves"):
        text = studio.client.get(f"/api/sweeps/iris{path}").text
        json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("a secret detail"), 500), (StoreError("it cannot be read"), 503)],
)
def test_what_goes_wrong_has_one_shape(
    settled: Studio,
    error: Exception,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def listing(workspace: Any) -> Any:
        raise error

    monkeypatch.setattr(sweeps, "listing", listing)
    answer = settled.client.get("/api/sweeps")
    assert answer.status_code == status
    shapes.Error.model_validate(answer.json())
    if status == 500:
        said = answer.json()["error"]["message"]
        assert "a secret detail" not in answer.text
        [record] = caplog.records
        assert record.getMessage().partition("error ")[2] in said
        assert record.exc_info is not None
        assert settled.keys.token not in caplog.text
