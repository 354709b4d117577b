"""The page, its static files, and the door to it."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from barrido.studio.keys import Keys

STATIC = Path(__file__).with_name("static")

_FIRST = '<script type="module" src="/static/app.js">'
_IMPORT = re.compile(r'^(?:import|export) [^;]*?from "studio/([^"]+)";', re.MULTILINE)
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)

CLOSED = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>barrido studio</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/studio.css">
<main class="page">
<h1>This studio is not open to you yet</h1>
<p>Open it by the link that <code>barrido studio</code> printed in its terminal, which has the token.</p>
<p>If that link brought you here, <a href="/">go on to the studio</a>.</p>
</main>
</html>
"""
"""The last line: a browser that was sent here by another site's link keeps the new cookie back once. It would
do so again if it came from a page in a sandbox: this one has the policy of the page it leads to.
"""


class Pages:
    """What stands at ``/``."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def answer(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if token is not None and self._keys.exchanges(token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._keys.cookie, self._keys.token, httponly=True, samesite="strict", path="/")
            return answer
        if not self._keys.opens(request):
            return HTMLResponse(CLOSED, 401, {"Content-Security-Policy": content_policy(CLOSED)})
        page = _index()
        return HTMLResponse(
            page, headers={"Content-Security-Policy": content_policy(page), "Cache-Control": "no-cache"}
        )


def content_policy(page: str) -> str:
    """Nothing but what the studio itself serves, and the import maps that stand in the page."""
    maps = [hashlib.sha256(text.encode()).digest() for text in _IMPORT_MAP.findall(page)]
    scripts = " ".join(["'self'", *(f"'sha256-{b64encode(digest).decode()}'" for digest in maps)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


class Static:
    """The page's files, from memory: by their names, and under `digest`, where browsers may keep them.

    Under its plain name a file is asked for each time whether it has changed.
    """

    def __init__(self) -> None:
        paths = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}
        self._files = {name: (path.read_bytes(), guess_type(name)[0]) for name, path in paths.items()}

    async def answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        name = path.removeprefix(f"{digest()}/")
        if name not in self._files:
            raise HTTPException(404)
        headers = {"ETag": f'"{digest()}"', "Cache-Control": "no-cache"}
        if name != path:
            headers["Cache-Control"] = "max-age=31536000, immutable"
        elif request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        body, kind = self._files[name]
        return Response(body, headers=headers, media_type=kind or "application/octet-stream")


@cache
def digest() -> str:
    """Of all static files: another version of barrido has another one."""
    found = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


@cache
def _index() -> str:
    """The page, with the addresses of this version's files, and links to what its first module needs.

    So none of them waits until another one names it.
    """
    found, unread = dict.fromkeys(["app.js"]), ["app.js"]
    while unread:
        text = (STATIC / unread.pop()).read_text(encoding="utf-8")
        new = [path for path in _IMPORT.findall(text) if path not in found]
        found.update(dict.fromkeys(new))
        unread += new
    links = "".join(f'<link rel="modulepreload" href="/static/{path}">\n    ' for path in found)
    page = (STATIC / "index.html").read_text(encoding="utf-8").replace(_FIRST, links + _FIRST)
    return page.replace('"/static/', f'"/static/{digest()}/')
