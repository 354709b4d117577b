"""The studio put together: an ASGI application behind its gate."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from barrido.errors import BarridoError
from barrido.studio import files, openapi, steering, views
from barrido.studio.faults import Fault, fault_of
from barrido.studio.following import ListSource, SweepSource
from barrido.studio.gate import Gate
from barrido.studio.keys import Keys
from barrido.studio.pages import Pages, Static
from barrido.studio.routes import EVENTS, Asked, Place, Route, Threads, json_answer, mounted
from barrido.studio.stream import Events, Hub
from barrido.studio.views import OfSweep

BEFORE_A_STREAM = (BarridoError, Fault)
"""What a stream that cannot begin raises."""


class Site:
    """Serves ``place`` to those who have a key and call it by one of the names in ``hosts``."""

    def __init__(self, place: Place, *, keys: Keys, hosts: frozenset[str]) -> None:
        self._hub, self._threads = Hub(), Threads()
        described = (*views.ROUTES, *files.ROUTES, *self._streams(), *steering.ROUTES)
        document = openapi.document(described)

        async def describe(_: Request) -> Response:
            return json_answer(document)

        app = Starlette(
            routes=[
                StarletteRoute("/", Pages(keys).answer),
                StarletteRoute("/openapi.json", describe),
                StarletteRoute("/static/{path:path}", Static().answer),
                *(mounted(route, place, self._threads) for route in described),
            ],
            exception_handlers={HTTPException: _say_fault, **dict.fromkeys(BEFORE_A_STREAM, _say_fault)},
        )
        app.router.redirect_slashes = False
        self._app = Gate(app, hosts=hosts, keys=keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def close(self) -> None:
        """End what would go on by itself: streams that are listened to, and work that takes long."""
        await self._hub.close()
        await self._threads.close()

    def _streams(self) -> tuple[Route, ...]:
        def follow(place: Place, asked: OfSweep, _: None) -> Response:
            folder = place.sweep(asked.name)
            return Events(self._hub, folder, partial(SweepSource, folder))

        def follow_all(place: Place, *_: Any) -> Response:
            return Events(self._hub, None, partial(ListSource, place.workspace))

        def route(path: str, summary: str, function: Any, asked: type[Asked]) -> Route:
            return Route(
                method="GET", path=path, summary=summary, function=function, asked=asked, answer=EVENTS
            )

        return (
            route("/api/stream", "The list of sweeps, as it changes.", follow_all, Asked),
            route("/api/sweeps/{name}/stream", "One sweep, as it changes.", follow, OfSweep),
        )


async def _say_fault(_: Request, error: Exception) -> Response:
    """For what Starlette raises itself, and what is raised before a stream begins."""
    fault = fault_of(error)
    if isinstance(error, HTTPException):
        fault.headers.update(error.headers or {})
    return fault.response()
