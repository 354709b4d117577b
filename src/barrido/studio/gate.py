"""The gate that every request passes, before anything of the studio sees it.

Other pages in the same browser can send requests to this machine, and a name server of theirs can make
their own name point here. So the Host must be ours, an Origin too; what changes something must come with
a header and a content type that no form and no simple request can have; and all but the static files
needs the secret.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from barrido.studio.faults import Fault
from barrido.studio.keys import Keys

OPEN = "/static/"
DOOR = "/"
"""Says itself who may come in: it takes the token of the link, and speaks HTML."""

SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": SANDBOX,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What an answer has that does not say otherwise."""


class Gate:
    """``hosts`` are the values of the Host header that are served."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], keys: Keys) -> None:
        self._app, self._hosts, self._keys = app, hosts, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        fault = self._fault(Request(scope))
        app = self._app if fault is None else fault.response()
        await app(scope, receive, send_guarded)

    def _fault(self, request: Request) -> Fault | None:
        headers, path = request.headers, request.url.path
        host = headers.get("host", "").lower()
        if host not in self._hosts or len(headers.getlist("host")) != 1:
            hint = f"open it at http://{min(self._hosts)}; through a tunnel, keep the port"
            return Fault(421, "this studio does not answer to that name", hint)
        if any(origin.lower() != f"http://{host}" for origin in headers.getlist("origin")):
            return Fault(403, "this request comes from another site")
        if path.startswith(OPEN) or path == DOOR:
            return None
        if not self._keys.opens(request):
            hint = "open the link that `barrido studio` printed in its terminal"
            return Fault(401, "this needs the studio's token", hint, headers={"WWW-Authenticate": "Bearer"})
        if request.method in ("GET", "HEAD"):
            return None
        if "x-barrido" not in headers:
            return Fault(403, "the header X-Barrido is missing", "send `X-Barrido: studio`")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Fault(415, "what is sent must be JSON", "send `Content-Type: application/json`")
        return None
