"""Connections from a node's loopback to a server on the controller's loopback, through messages.

Both ends are the same: channels, each a TCP connection on either side. The far end's `near` listens and
opens them; the controller's end connects. A sender waits when `WINDOW` bytes of a channel were not taken.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

CHUNK = 1 << 16
WINDOW = 1 << 20
CONNECT_S = 30.0

Say = Callable[[Mapping[str, Any]], None]
"""Sends a message to the other end: ``{"is": "tunnel", "channel": …, …}``. May be called from any thread."""


@dataclass
class _Channel:
    number: int
    inbox: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    unacknowledged: int = 0
    has_room: asyncio.Event = field(default_factory=asyncio.Event)


class Tunnel:
    """One end, with a thread of its own. Messages for it are given to `take`, in their order."""

    def __init__(self, say: Say, *, target: tuple[str, int] | None) -> None:
        """``target`` is where the controller's end connects to; None at the end that listens."""
        self._say = say
        self._target = target
        self._channels: dict[int, _Channel] = {}
        self._next = 0
        self._tasks = set[asyncio.Task[None]]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tunnel", daemon=True)
        self._thread.start()

    def listen(self) -> int:
        """Accept connections on this machine's loopback; at which port."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        port = int(listener.getsockname()[1])
        serving = asyncio.start_server(self._accepted, sock=listener)
        asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return port

    def take(self, message: Mapping[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._take, message)

    def reset(self) -> None:
        """The other end is a new one: it knows none of the channels."""
        self._loop.call_soon_threadsafe(self._reset)

    def close(self) -> None:
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)

    def _reset(self) -> None:
        for channel in self._channels.values():
            channel.inbox.put_nowait(None)
            channel.has_room.set()
        self._channels.clear()

    def _take(self, message: Mapping[str, Any]) -> None:
        number = message["channel"]
        channel = self._channels.get(number)
        if message.get("opens") and self._target is not None:
            channel = self._channels[number] = _Channel(number)
            self._start(self._connect(channel, *self._target))
        if channel is None:
            return
        if "taken" in message:
            channel.unacknowledged -= message["taken"]
            channel.has_room.set()
        if "data" in message:
            channel.inbox.put_nowait(b64decode(message["data"]))
        if message.get("closes"):
            self._channels.pop(number, None)
            channel.inbox.put_nowait(None)
            channel.has_room.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # the loop itself holds it weakly
        task.add_done_callback(self._tasks.discard)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next += 1
        channel = self._channels[self._next] = _Channel(self._next)
        self._tell(channel, opens=True)
        await self._carry(channel, reader, writer)

    async def _connect(self, channel: _Channel, host: str, port: int) -> None:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_S)
        except OSError:
            self._end(channel)
            return
        await self._carry(channel, reader, writer)

    async def _carry(
        self, channel: _Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Both ways, until either side closes."""
        sending = self._loop.create_task(self._send(channel, reader))
        try:
            while (data := await channel.inbox.get()) is not None:
                writer.write(data)
                await writer.drain()
                self._tell(channel, taken=len(data))
        except OSError:
            pass  # closed by the process at this end
        finally:
            sending.cancel()
            self._end(channel)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _send(self, channel: _Channel, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self._tell(channel, data=b64encode(data).decode())
                channel.unacknowledged += len(data)
                while channel.unacknowledged >= WINDOW and channel.number in self._channels:
                    channel.has_room.clear()
                    await channel.has_room.wait()
        channel.inbox.put_nowait(None)

    def _end(self, channel: _Channel) -> None:
        if self._channels.pop(channel.number, None) is not None:
            self._tell(channel, closes=True)

    def _tell(self, channel: _Channel, **what: Any) -> None:
        self._say({"is": "tunnel", "channel": channel.number, **what})
