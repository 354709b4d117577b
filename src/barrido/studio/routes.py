"""Routes as data: the server's routing and its OpenAPI document are both made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.wire import dumps, number_to_json
from barrido.errors import SweepNotFound
from barrido.studio.faults import Fault, fault_of
from barrido.studio.heap import LARGE, give_back

BINARY, EVENTS = "application/octet-stream", "text/event-stream"
LARGEST_BODY = 1 << 20  # bytes
LONGEST_NAME = 255  # bytes that a file system takes
QUICK, SLOW = 4, 1
"""How many requests are worked on at once: those that read, and those that fit models. As many simulate, in
processes of their own.
"""
FINISH_S = 1.0
"""How long work that is under way is waited for at the end."""
CLOSING = "the studio is being closed"

T = TypeVar("T")
_GZIP = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=1)


@dataclass(frozen=True, slots=True)
class Place:
    """What the studio looks at. ``here`` is where it was started."""

    workspace: Workspace
    here: Path

    def sweep(self, name: str) -> SweepFolder:
        """Raises SweepNotFound."""
        from barrido import app

        if name.startswith(".") or "\0" in name or len(name.encode()) > LONGEST_NAME:
            raise SweepNotFound(f"there is no sweep {name!r:.100} in {self.workspace.root}")
        return app.find(self.workspace, name)


class Asked(BaseModel):
    """The parameters of a request: those that stand in the path, and those behind the question mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """``function(place, asked, body)`` gives what ``answer`` describes, or, where that is a media type, a
    Response. It runs in a thread; a coroutine function, which gives a Response, waits for a process.
    ``refusal`` is the status of a request that cannot be done as asked. What ``is_slow`` is given up when
    whoever asked has left.
    """

    method: Literal["GET", "POST"]
    path: str
    summary: str
    function: Callable[[Place, Any, Any], Any]
    asked: type[Asked] = Asked
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | str
    status: int = 200
    refusal: int = 400
    is_slow: bool = False


class Threads:
    """Where work is done that blocks or takes long, so that nothing else waits for it."""

    def __init__(self) -> None:
        self._quick, self._slow = ThreadPoolExecutor(QUICK), ThreadPoolExecutor(SLOW)
        self._simulating = asyncio.Semaphore(SLOW)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._is_closed = False

    async def run(self, work: Callable[[], T], *, is_slow: bool) -> T:
        """Raises Fault if the studio is closed before the work is done."""
        pool = self._slow if is_slow else self._quick
        return await self._finish(lambda: asyncio.get_running_loop().run_in_executor(pool, work))

    async def wait_for(self, process: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The same of work that a process does."""

        async def in_turn() -> T:
            async with self._simulating:
                return await process()

        return await self._finish(lambda: asyncio.create_task(in_turn()))

    async def _finish(self, begin: Callable[[], asyncio.Future[T]]) -> T:
        if self._is_closed:
            raise Fault(503, CLOSING)
        future = begin()
        self._under_way.add(future)
        try:
            return await future
        except asyncio.CancelledError:
            if self._is_closed:
                raise Fault(503, CLOSING) from None
            raise
        finally:
            self._under_way.discard(future)

    async def close(self) -> None:
        """Begin nothing more, and give up what is not done in time: its threads are left to themselves."""
        self._is_closed = True
        for pool in (self._quick, self._slow):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=FINISH_S)
        for future in self._under_way:
            future.cancel()


def mounted(route: Route, place: Place, threads: Threads) -> StarletteRoute:
    """The route as Starlette takes it."""

    def work(asked: Asked, body: BaseModel | None) -> Response:
        answer = route.function(place, asked, body)
        response = answer if isinstance(answer, Response) else json_answer(answer, route.status)
        del answer
        if route.is_slow or len(getattr(response, "body", b"")) > LARGE:
            give_back()
        return response

    async def endpoint(request: Request) -> Response:
        try:
            asked = route.asked.model_validate({**request.query_params, **request.path_params})
            body = await _read_body(request, route.body) if route.body is not None else None
            if iscoroutinefunction(route.function):
                doing = threads.wait_for(partial(route.function, place, asked, body))
            else:
                doing = threads.run(partial(work, asked, body), is_slow=route.is_slow)
            return await (_while_asked(request, doing) if route.is_slow else doing)
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        except Exception as error:
            return fault_of(error, refusal=route.refusal).response()

    squeezed = [] if route.answer in (BINARY, EVENTS) else [_GZIP]
    return StarletteRoute(route.path, endpoint, methods=[route.method], middleware=squeezed)


async def _while_asked(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Raises ClientDisconnect if whoever asked leaves before the work is done, and gives it up."""
    doing, leaving = asyncio.create_task(work), asyncio.create_task(_until_left(request))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientDisconnect
        return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()


async def _until_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _read_body(request: Request, model: type[BaseModel]) -> BaseModel:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > LARGEST_BODY:
            raise Fault(413, f"what is sent must not be larger than {LARGEST_BODY // 1024} KiB")
    try:
        return model.model_validate_json(bytes(raw))
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Fault(400, "what was sent is not JSON", error.errors()[0]["msg"]) from None
        raise


def json_answer(body: Any, status: int = 200) -> Response:
    try:
        text = dumps(body)
    except ValueError:  # a number that JSON has no word for: what is stored may come from elsewhere
        text = dumps(_finite(body))
    return Response(text, status, media_type="application/json")


def _finite(value: Any) -> Any:
    """
    >>> _finite({"a": [float("nan"), 1, None]})
    {'a': ['NaN', 1, None]}
    """
    match value:
        case float():
            return value if isfinite(value) else number_to_json(value)
        case Mapping():
            return {name: _finite(item) for name, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
