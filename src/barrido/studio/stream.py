"""Server-sent events: one that looks for all who listen to the same, and none where nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from barrido.studio.faults import Fault
from barrido.studio.following import News, Source
from barrido.studio.routes import CLOSING

log = logging.getLogger(__name__)

LOOK_S = 0.25
QUIET_S = 15.0
"""After so long without news a line is sent that means nothing: what stands between would hang up."""


T = TypeVar("T")


class Listener:
    """One open stream. What it has not taken yet is kept as what it is about, so that it cannot pile up."""

    def __init__(self, tell: Callable[[News], Awaitable[str]]) -> None:
        self._tell = tell
        self._news: News | None = None
        self._text: str | None = None
        self._is_over = False
        self._woken = asyncio.Event()

    def put(self, news: News, text: str) -> None:
        """``text`` tells ``news``, and is of no use to somebody who was not told what went before."""
        if self._news is None:
            self._news, self._text = news, text
        else:
            self._news, self._text = self._news.and_then(news), None
        self._woken.set()

    def end(self) -> None:
        self._is_over = True
        self._woken.set()

    async def texts(self) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        while True:
            try:
                await asyncio.wait_for(self._woken.wait(), QUIET_S)
            except TimeoutError:
                yield ":\n\n"
                continue
            self._woken.clear()
            news, text, is_over = self._news, self._text, self._is_over
            self._news = self._text = None
            if news is not None:
                yield text if text is not None else await self._tell(news)
            if is_over:
                return


class Channel:
    """All who listen to one source."""

    def __init__(self, source: Source, thread: ThreadPoolExecutor) -> None:
        self._source, self._thread = source, thread
        self._listeners: set[Listener] = set()
        self._opened = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._follow())
        self.is_over = False

    async def join(self) -> Listener:
        """Raises what keeps the source from being opened."""
        listener = Listener(self._tell)
        self._listeners.add(listener)
        try:
            await asyncio.shield(self._opened)
            listener.put(*await self._run(self._tell_everything))
        except BaseException:
            self.leave(listener)
            raise
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            self.is_over = True
            self._task.cancel()

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _follow(self) -> None:
        try:
            await self._run(self._source.open)
            self._opened.set_result(None)
            while True:
                await asyncio.sleep(LOOK_S)
                found = await self._run(self._look)
                if found is None:
                    continue
                for listener in self._listeners:
                    listener.put(*found)
                if found[0].is_gone:
                    return
        except Exception as error:
            if self._opened.done():
                log.warning("a stream is ended: %s", error)  # who listens comes again, and is told why
            else:
                self._opened.set_exception(error)
        finally:
            self.is_over = True
            for listener in self._listeners:
                listener.end()
            self._thread.submit(self._source.close)

    def _look(self) -> tuple[News, str] | None:
        news = self._source.look()
        return None if news is None else (news, self._source.tell(news))

    def _tell_everything(self) -> tuple[News, str]:
        news = self._source.everything()
        return news, self._source.tell(news)

    async def _tell(self, news: News) -> str:
        return await self._run(partial(self._source.tell, news))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class Hub:
    """The channels by what they are about. Made and used in the event loop."""

    def __init__(self) -> None:
        self._channels: dict[Hashable, Channel] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="barrido-following")
        self._is_closed = False

    @asynccontextmanager
    async def listening(self, key: Hashable, make: Callable[[], Source]) -> AsyncIterator[Listener]:
        if self._is_closed:
            raise Fault(503, CLOSING)
        channel = self._channels.get(key)
        if channel is None or channel.is_over:
            channel = self._channels[key] = Channel(make(), self._thread)
        try:
            listener = await channel.join()
            try:
                yield listener
            finally:
                channel.leave(listener)
        finally:
            if channel.is_over and self._channels.get(key) is channel:
                del self._channels[key]

    async def close(self) -> None:
        """End all streams, so that nothing waits for them."""
        self._is_closed = True
        for channel in list(self._channels.values()):
            await channel.end()
        self._thread.shutdown(wait=False)


class Events(Response):
    """The answer that listens as long as somebody reads it."""

    def __init__(self, hub: Hub, key: Hashable, make: Callable[[], Source]) -> None:
        super().__init__()
        self._hub, self._key, self._make = hub, key, make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._hub.listening(self._key, self._make) as listener:
            texts = listener.texts() if scope["method"] == "GET" else iter(())
            await StreamingResponse(texts, media_type="text/event-stream")(scope, receive, send)
