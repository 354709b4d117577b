from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tale
from tests.studio.conftest import NASTY, Studio

from barrido.errors import StoreError
from barrido.figures import sweeps
from barrido.studio import child, shapes, views
from barrido.studio.files import Measured


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


def test_asking_what_if_takes_a_process_of_its_own(
    settled: Studio, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("barrido.replay.record.read_history", pytest.fail)
    monkeypatch.setattr("barrido.figures.whatif.read_history", pytest.fail)
    answer = settled.post("/api/sweeps/iris/whatif", {"policy": {"type": "median_stopping"}}, status=200)
    assert answer.keys() == {"name", "objective", "history", "what_if"}
    wrong = settled.post("/api/sweeps/iris/whatif", {"policy": {"type": "x", "y": 1}}, status=400)["error"]
    assert wrong["problems"]
    assert wrong["problems"][0]["path"].startswith("early_termination")
    settled.post("/api/sweeps/none/whatif", {}, status=404)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("patch", "said", "logged"),
    [
        ("child.what_if = lambda *_: 1 / 0", "something went wrong in the studio", "ZeroDivisionError"),
        ("import os; os.kill(os.getpid(), 9)", "the simulation was ended before it was done", ""),
    ],
)
def test_a_simulation_that_goes_wrong_is_told_like_all_else(
    settled: Studio,
    patch: str,
    said: str,
    logged: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(child, "_COMMAND", patched(patch))
    error = settled.post("/api/sweeps/iris/whatif", {}, status=500)["error"]
    assert error["message"].startswith(said)
    assert logged in capfd.readouterr().err


def patched(patch: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"from barrido.studio import child\n{patch}\nchild.main()")


def test_a_simulation_ends_with_the_studio() -> None:
    asked = b'{"folder": "none", "policy": null, "scheduler": null}\n'
    slow = patched("import time; child.what_if = lambda *_: time.sleep(60)")
    process = subprocess.Popen(slow, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = process.communicate(asked, timeout=20)
    assert (process.returncode, out) == (1, b"")


def asked_and_left(studio: Studio, path: str, body: bytes, *, promised: int) -> socket.socket:
    """A connection on which ``body`` was sent, of ``promised`` bytes."""
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{studio.port}",
        f"Authorization: Bearer {studio.keys.token}",
        "X-Barrido: studio",
        "Content-Type: application/json",
        f"Content-Length: {promised}",
    ]
    connection = socket.create_connection(("127.0.0.1", studio.port), timeout=10)
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
    return connection


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_simulation_ends_when_whoever_asked_has_left(
    settled: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = tmp_path / "pid"
    wait = f"open({str(said)!r}, 'w').write(str(os.getpid())) and time.sleep(60)"
    monkeypatch.setattr(child, "_COMMAND", patched(f"import os, time; child.what_if = lambda *_: {wait}"))
    path = "/api/sweeps/iris/whatif"
    deadline = time.monotonic() + 20
    with (
        asked_and_left(settled, path, b"{}", promised=2) as first,
        asked_and_left(settled, path, b"{}", promised=2) as second,  # waits for its turn
    ):
        while not said.exists() or not said.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        second.close()
        first.close()
    while is_alive(int(said.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    monkeypatch.undo()
    settled.post(path, {"policy": {"type": "median_stopping"}}, status=200)
    assert capfd.readouterr().err == ""


def test_a_question_that_breaks_off_is_no_mistake_of_ours(
    settled: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    asked_and_left(settled, "/api/validate", b"{", promised=100).close()
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        settled.get("/api/sweeps")
    assert caplog.records == []


def test_no_more_points_are_asked_for_than_a_page_can_take(settled: Studio) -> None:
    settled.get("/api/sweeps/iris/curves?points=1000000")
    assert settled.client.get("/api/sweeps/iris/curves?points=1000001").status_code == 400


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


def test_a_file_that_grows_is_sent_as_it_was(settled: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settled.workspace.sweep("iris").trial(0).work / "outputs/growing"
    path.write_bytes(b"first")
    make = Measured.set_stat_headers

    def grow(response: Measured, found: Any) -> None:
        make(response, found)
        with path.open("ab") as file:
            file.write(b" and more" * 20_000)

    monkeypatch.setattr(Measured, "set_stat_headers", grow)
    address = "/api/sweeps/iris/trials/0/files/work/outputs/growing"
    assert settled.client.get(address).content == b"first"
    assert settled.client.head(address).status_code == 200
    assert settled.client.get(address, headers={"Range": "bytes=1-3"}).content == b"irs"
    path.unlink()


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
