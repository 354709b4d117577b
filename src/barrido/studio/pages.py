"""The page, its static files, and the door to it."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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
<h1>This studio is not open to you yet</h1>
<p>Open it by the link that <code>barrido studio</code> printed in its terminal, which has the token.</p>
<p>If that link brought you here, <a href="/">go on to the studio</a>.</p>
</html>
"""
"""The last line: a browser that was sent here by another site's link keeps the new cookie back once."""


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
            return HTMLResponse(CLOSED, 401)
        page = (STATIC / "index.html").read_text(encoding="utf-8").replace(_FIRST, _preloads() + _FIRST)
        return HTMLResponse(
            page, headers={"Content-Security-Policy": content_policy(page), "Cache-Control": "no-cache"}
        )


@cache
def _preloads() -> str:
    """Links to all modules that the first one needs, so that none waits until another one names it."""
    found, unread = dict.fromkeys(["app.js"]), ["app.js"]
    while unread:
        text = (STATIC / unread.pop()).read_text(encoding="utf-8")
        new = [path for path in _IMPORT.findall(text) if path not in found]
        found.update(dict.fromkeys(new))
        unread += new
    return "".join(f'<link rel="modulepreload" href="/static/{path}">\n    ' for path in found)


def content_policy(page: str) -> str:
    """Nothing but what the studio itself serves, and the import maps that stand in the page."""
    maps = [hashlib.sha256(text.encode()).digest() for text in _IMPORT_MAP.findall(page)]
    scripts = " ".join(["'self'", *(f"'sha256-{b64encode(digest).decode()}'" for digest in maps)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


class Static(StaticFiles):
    """Browsers ask each time whether a file has changed: a new version of barrido is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
