"""Everything the gateway does not answer by itself: streamed to MLflow and back, as it is.

Only the ids that scripts were told are replaced by the real ones: in paths, queries, and bodies of JSON.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web

from barrido.tracking import protocol
from barrido.tracking.upstream import Upstream, join

WAIT_S = 100.0
"""How long a call waits for MLflow; its client gives up after 120 s, and then tries again."""

JSON_BYTES = 16 * 1024 * 1024
"""Bodies of JSON up to this size are read whole."""

CHUNK_BYTES = 64 * 1024
IDLE_S = 600.0

_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
        "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip


class TooLarge(Exception):
    pass


async def read_body(request: web.BaseRequest, limit: int = JSON_BYTES) -> bytes:
    chunks = []
    size = 0
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"a request may have at most {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def replace(text: bytes, ids: Mapping[str, str]) -> bytes:
    for told, real in ids.items():
        text = text.replace(told.encode(), real.encode())
    return text


def _replace_text(text: str, ids: Mapping[str, str]) -> str:
    for told, real in ids.items():
        text = text.replace(told, real)
    return text


def is_json(request: web.BaseRequest) -> bool:
    """Whether its body can be read and changed: JSON that is not compressed, and not too large."""
    length = request.content_length
    return (
        request.content_type == "application/json"
        and "Content-Encoding" not in request.headers
        and (length is None or length <= JSON_BYTES)
    )


async def forward(
    request: web.BaseRequest,
    path: str,
    upstream: Upstream,
    ids: Mapping[str, str],
    body: bytes | None = None,
) -> web.StreamResponse:
    """Pass ``request`` on to ``path`` (with its query, percent-encoded) and stream the answer back.

    ``body`` is the request's, if it was read already.
    """
    deadline = time.monotonic() + WAIT_S
    if body is None and request.can_read_body and is_json(request):
        body = await read_body(request)
    if body is not None:
        body = replace(body, ids)
    path = _replace_text(path, ids)
    headers = [
        (name, _replace_text(value, ids))
        for name, value in request.headers.items()
        if name.lower() not in _HOP
        and name.lower() not in ("host", "content-length", "expect")
        and not (name.lower() == "authorization" and upstream.credentials.authorization)
    ]
    headers += upstream.headers().items()
    while await upstream.ready(max(0.0, deadline - time.monotonic())):
        base = upstream.base
        assert base is not None
        data: bytes | AsyncIterator[bytes] | None = body
        if body is None and request.can_read_body:
            data = request.content.iter_chunked(CHUNK_BYTES)
            if request.content_length is not None:
                headers.append(("Content-Length", str(request.content_length)))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=IDLE_S)
        try:
            answer = await upstream.session.request(
                request.method, join(base, path), data=data, headers=headers, timeout=timeout,
                ssl=upstream.ssl, allow_redirects=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            )  # fmt: skip
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            upstream.failed(type(error).__name__)
            # Once more, if nothing can have been done and nothing of the body is gone.
            unsent = isinstance(error, aiohttp.ClientConnectorError) or request.method in ("GET", "HEAD")
            if unsent and not isinstance(data, AsyncIterator) and time.monotonic() < deadline:
                continue
            break
        return await _stream(request, answer)
    return unavailable(upstream)


def unavailable(upstream: Upstream) -> web.Response:
    """What a call hears that cannot be done without MLflow. Its client tries again, if that can help."""
    if upstream.never:
        message = "the local MLflow server is not installed: pip install 'barrido[mlflow]'"
        return web.json_response(protocol.error(message, "FEATURE_DISABLED"), status=400)
    message = "MLflow cannot be reached now; this call has to wait for it"
    return web.json_response(protocol.error(message, "TEMPORARILY_UNAVAILABLE"), status=503)


async def _stream(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    async with answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                response.headers.add(name, value)
        try:
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                await response.write(chunk)
            await response.write_eof()
        except (aiohttp.ClientError, TimeoutError) as error:
            # The answer has begun, so its end cannot be told otherwise than by breaking the connection.
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError from error
        return response
