"""Who comes in, and what leaves: everything that another site, or another person, might try."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from tests.studio.conftest import MARKER, NASTY, Studio

from barrido.studio.pages import content_policy


def ask(
    studio: Studio, path: str, *, method: str = "GET", body: bytes | None = None, **headers: Any
) -> tuple[int, Mapping[str, str], bytes]:
    """A request as it is written here, path and headers untouched; with the token, unless told otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"Host": f"127.0.0.1:{studio.port}", "Authorization": f"Bearer {studio.keys.token}", **named}
    connection = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if body is not None:
            given.setdefault("Content-Length", str(len(body)))
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def message(raw: bytes) -> str:
    error = json.loads(raw)["error"]
    assert error.keys() == {"message", "hint", "problems"}
    return str(error["message"])


@pytest.mark.parametrize("path", ["/api/sweeps", "/api/stream", "/openapi.json", "/nothing", "/api/validate"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic TOKEN"},
        {"Authorization": None, "Cookie": "barrido_studio_PORT=wrong"},
        {"Authorization": None, "Cookie": "barrido_studio_1=TOKEN"},
        {"Authorization": None, "X-Barrido": "TOKEN"},
    ],
    ids=str,
)
def test_without_the_token_there_is_nothing_to_see(
    settled: Studio, path: str, headers: dict[str, str | None]
) -> None:
    filled: dict[str, Any] = {
        name: value and value.replace("TOKEN", settled.keys.token).replace("PORT", str(settled.port))
        for name, value in headers.items()
    }
    status, answered, raw = ask(settled, path, **filled)
    assert (status, answered["content-type"]) == (401, "application/json")
    assert message(raw) == "this needs the studio's token"
    assert answered["www-authenticate"] == "Bearer"


def test_a_token_in_the_address_opens_the_door_only(settled: Studio) -> None:
    token = settled.keys.token
    assert ask(settled, f"/api/sweeps?token={token}", Authorization=None)[0] == 401
    status, headers, _ = ask(settled, f"/?token={token}", Authorization=None)
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert cookie == f"barrido_studio_{settled.port}={token}; HttpOnly; Path=/; SameSite=strict"
    carried = cookie.partition(";")[0]
    assert ask(settled, "/", Authorization=None, Cookie=carried)[0] == 200
    assert ask(settled, "/api/sweeps", Authorization=None, Cookie=f"a=b; {carried}")[0] == 200


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=ñ"])
def test_at_the_door_people_read_what_to_do(settled: Studio, path: str) -> None:
    answer = httpx.get(f"{settled.url}{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "the link that <code>barrido studio</code> printed" in answer.text
    assert "set-cookie" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert policy == content_policy(answer.text)
    assert "sandbox" not in policy  # from a sandbox, browsers keep the cookie back
    assert answer.headers["cache-control"] == "no-store"


def test_a_link_for_a_browser_that_is_started_opens_once(settled: Studio) -> None:
    link = f"{settled.url}/?token={settled.keys.single()}"
    assert httpx.get(link).status_code == 303
    assert httpx.get(link).status_code == 401


@pytest.mark.parametrize("path", ["/", "/static/index.html", "/api/sweeps", "/nothing"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:PORT", "",
        None,
        "127.0.0.1:PORT.evil.example", "[::1]:1", "127.0.0.1:PORT, evil.example",
    ],
)  # fmt: skip
def test_a_forged_host_is_refused_wherever_it_asks(settled: Studio, path: str, host: str | None) -> None:
    status, _, raw = ask(settled, path, Host=host and host.replace("PORT", str(settled.port)))
    assert status in ({421} if host else {400, 421})
    assert NASTY.encode() not in raw


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_loopback_has_several_names(settled: Studio, name: str) -> None:
    host = f"{name}:{settled.port}"
    assert ask(settled, "/api/sweeps", Host=host)[0] == 200
    assert ask(settled, "/api/sweeps", Host=host, Origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        "https://127.0.0.1:PORT",
        "http://localhost:PORT",
    ],
)
def test_another_site_is_refused_even_with_the_cookie(settled: Studio, origin: str) -> None:
    foreign = origin.replace("PORT", str(settled.port))
    cookie = f"{settled.keys.cookie}={settled.keys.token}"
    for path in ("/api/sweeps", "/", "/static/index.html"):
        assert ask(settled, path, Origin=foreign, Cookie=cookie)[0] == 403
    headers = {"Content-Type": "application/json", "X-Barrido": "studio"}
    sent = ask(settled, "/api/sweeps/iris/annotate", method="POST", body=b"{}", Origin=foreign, **headers)
    assert sent[0] == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 403),
        ({**MARKER, "Content-Type": "text/plain"}, 415),
        ({**MARKER, "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({**MARKER, "Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({**MARKER, "Content-Type": "application/jsonp"}, 415),
        (MARKER, 415),
        ({**MARKER, "Content-Type": "Application/JSON; charset=utf-8"}, 400),
    ],
    ids=str,
)
def test_no_form_and_no_simple_request_can_change_anything(
    settled: Studio, headers: dict[str, str], status: int
) -> None:
    assert ask(settled, "/api/validate", method="POST", body=b"[]", **headers)[0] == status


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(settled: Studio, is_chunked: bool) -> None:
    body = json.dumps({"yaml": "x" * (1 << 20), "folder": None}).encode()
    content: Any = iter([body[:1000], body[1000:]]) if is_chunked else body
    headers = {**MARKER, "Content-Type": "application/json"}
    answer = settled.client.post("/api/validate", content=content, headers=headers)
    assert answer.status_code == 413
    assert "1024 KiB" in message(answer.content)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"1", b'{"yaml": 1}', b'{"yaml": "", "more": 1}', b"\xff"]
)
def test_a_body_that_is_not_as_it_must_be_is_refused(settled: Studio, body: bytes) -> None:
    headers = {**MARKER, "Content-Type": "application/json"}
    answer = settled.client.post("/api/validate", content=body, headers=headers)
    assert answer.status_code == 400
    message(answer.content)


@pytest.mark.parametrize(
    "path",
    [
        "../../../sweep.db", "..%2f..%2f..%2fsweep.db", "%2e%2e/%2e%2e/%2e%2e/sweep.db", "....//sweep.db",
        "work/outputs/../../logs/std_log.txt", "/etc/passwd", "%2fetc%2fpasswd", "work/outputs/way-out",
        "work/outputs/folder-out/sweep.db", "work/outputs", "", "nothing", "a%00b", "x" * 5000, "%ff%fe",
        "..", "%5c..%5c..%5csweep.db",
    ],
    ids=lambda path: path[:40],
)  # fmt: skip
def test_no_path_leads_out_of_a_trials_folder(settled: Studio, path: str) -> None:
    status, headers, raw = ask(settled, f"/api/sweeps/iris/trials/0/files/{path}")
    assert (status, headers["content-type"]) == (404, "application/json"), raw
    message(raw)


@pytest.mark.parametrize(
    "path",
    [
        "../site.py", "..%2fsite.py", "%2e%2e/site.py", "%2e%2e%2f%2e%2e%2fapp.py", "/etc/passwd",
        "%2fetc%2fpasswd", "lib/../../site.py", "", "lib", "lib/", "nothing.js", "a%00b", "x" * 5000,
    ],
    ids=lambda path: path[:40],
)  # fmt: skip
def test_no_path_leads_out_of_the_static_files(settled: Studio, path: str) -> None:
    status, headers, raw = ask(settled, f"/static/{path}", Authorization=None)
    assert (status, headers["content-type"]) == (404, "application/json")
    message(raw)


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2f..", ".", "a%2fb", "%00", ".draft-1", "x" * 300, "%ff", "IRIS", "%c3%b1" * 200],
)
def test_a_sweep_is_named_by_its_name_only(settled: Studio, name: str) -> None:
    (settled.workspace.sweeps / ".draft-1").mkdir(exist_ok=True)
    (settled.workspace.sweeps / ".draft-1/sweep.db").touch()
    for path in (f"/api/sweeps/{name}", f"/api/sweeps/{name}/stream", f"/api/sweeps/{name}/trials/0/log"):
        status, headers, raw = ask(settled, path)
        assert (status, headers["content-type"]) == (404, "application/json"), raw
        message(raw)


@pytest.mark.parametrize("name", ["page.html", 'ñ "quoted".txt'])
def test_a_trials_file_is_never_shown_but_kept(settled: Studio, name: str) -> None:
    answer = settled.client.get(f"/api/sweeps/iris/trials/0/files/work/outputs/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_every_answer_says_what_a_browser_must_not_do(settled: Studio) -> None:
    for path in ("/", "/api/sweeps", "/static/index.html", "/nothing", "/openapi.json", "/api/sweeps/none"):
        headers = ask(settled, path)[1]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        is_page = path in ("/", "/static/index.html")
        assert headers["cache-control"] == ("no-cache" if is_page else "no-store")
        assert "server" not in headers


def test_the_page_may_load_its_own_files_and_its_one_import_map(settled: Studio) -> None:
    page = settled.client.get("/")
    policy = page.headers["content-security-policy"]
    assert policy == content_policy(page.text)
    assert policy.count("'sha256-") == len(re.findall("<script type=.importmap", page.text)) == 1
    assert "unsafe" not in policy
    assert page.text.count("<script") == 2
    assert "style=" not in page.text


def test_static_files_are_asked_for_again_and_sent_once(settled: Studio) -> None:
    first = httpx.get(f"{settled.url}/static/vendor/preact.js")
    assert first.status_code == 200
    assert "javascript" in first.headers["content-type"]
    again = httpx.get(
        f"{settled.url}/static/vendor/preact.js", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_names_files_that_browsers_may_keep(settled: Studio) -> None:
    page = settled.client.get("/").text
    links = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(links) > 20
    for link in links:
        one = httpx.get(f"{settled.url}{link}")
        assert one.status_code == 200, link
        assert "immutable" in one.headers["cache-control"]
    assert httpx.get(f"{settled.url}/static/{'0' * 16}/app.js").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_what_no_address_takes_is_refused_in_words(settled: Studio, method: str) -> None:
    headers = {**MARKER, "Content-Type": "application/json"}
    status, answered, raw = ask(settled, "/api/sweeps/iris/trials", method=method, body=b"{}", **headers)
    assert (status, answered["content-type"]) == (405, "application/json")
    assert message(raw)
