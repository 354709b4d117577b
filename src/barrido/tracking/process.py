"""The tracking process of one sweep: the gateway that its trials talk to, and the mirror.

Run as ``python -m barrido.tracking.process TRACKING_FOLDER SOCKET_FD`` by the supervisor. It may be
killed at any moment: everything it acknowledged lies in files, and it starts again from them. Exit
code 0 means that there is nothing left to do; the supervisor takes any other as a crash.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from barrido.core.layout import SweepFolder
from barrido.tracking.config import Config
from barrido.tracking.door import Doors
from barrido.tracking.early import Early
from barrido.tracking.forward import Forwarder, Logs
from barrido.tracking.gateway import Gateway
from barrido.tracking.identity import Identity
from barrido.tracking.ledger import Ledger
from barrido.tracking.local import LocalAddress
from barrido.tracking.mirror import Mirror
from barrido.tracking.notices import Notices
from barrido.tracking.reader import StoreReader
from barrido.tracking.runs import Runs
from barrido.tracking.status import GIVE_UP_S, Status
from barrido.tracking.supervisor import ABANDONED_S, anyone_told, is_locked
from barrido.tracking.upstream import Address, Credentials, RemoteAddress, Upstream

log = logging.getLogger("barrido.tracking")

PING_S = 60.0
LOOK_S = 0.25
KEEP_ALIVE_S = 3600.0


class Process:
    def __init__(self, folder: SweepFolder, listener: socket.socket) -> None:
        self._folder = folder
        self._listener = listener
        self._config = Config.read(folder.tracking)
        self._began = time.time()
        self._seen_at = time.monotonic()
        self._status: Status | None = None  # as it was written, none yet
        self._gave_up = False

    async def run(self) -> int:
        local = self._config.backend is not None
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            trust_env=not local,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            return await self._run(session)

    async def _run(self, session: aiohttp.ClientSession) -> int:
        folder = self._folder
        notices = Notices(folder.tracking / "notices.jsonl")
        address, credentials = self._where(notices)
        self._upstream = upstream = Upstream(session, address, notices, credentials)
        self._ledger = ledger = Ledger(folder.tracking / "mirror.db")
        reader = StoreReader(folder)
        identity = Identity(self._config.secret)
        objective = reader.recipe.objective
        logs = Logs(folder, objective.metric if objective else None)
        self._runs = runs = Runs(folder, identity, ledger, reader, upstream, notices)
        doors = Doors(folder, reader.recipe, runs, logs)
        forwarder = Forwarder(runs, logs, upstream, notices)
        self._mirror = mirror = Mirror(reader, runs, forwarder, doors, upstream, notices)
        self._gateway = Gateway(identity, reader, runs, logs, doors, forwarder, upstream, notices)
        upstream.start()
        early = Early(folder, reader, runs, upstream)
        self._server = web.Server(self._gateway.handle, access_log=None, keepalive_timeout=KEEP_ALIVE_S)
        runner = web.ServerRunner(self._server, handle_signals=False)
        await runner.setup()
        await web.SockSite(runner, self._listener).start()
        tasks = [asyncio.create_task(work) for work in (forwarder.run(), self._watch(notices), mirror.run())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # an exception in one of them is a crash of all
            return 0
        finally:
            self._tell()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await early.close()
            await runner.cleanup()
            await upstream.close()
            reader.close()
            ledger.close()

    def _where(self, notices: Notices) -> tuple[Address, Credentials]:
        if self._config.backend is not None:
            return LocalAddress(self._config.backend, notices), Credentials()
        url = URL(self._config.url or "")
        return RemoteAddress(url.with_user(None)), Credentials.read(url, os.environ)

    async def _watch(self, notices: Notices) -> None:
        """Until there is nothing left to do."""
        pinged_at = time.monotonic()
        while True:
            self._tell()
            if time.monotonic() - pinged_at > PING_S:
                pinged_at = time.monotonic()
                await self._upstream.ping()
            if self._gateway.active == 0 and self._may_leave(notices):
                return
            await asyncio.sleep(LOOK_S)

    def _may_leave(self, notices: Notices) -> bool:
        if self._mirror.complete:
            return not is_locked(self._folder.lock)  # who holds it may open the sweep again
        sweep = self._mirror.sweep
        if sweep.phase.is_terminal:
            if self._upstream.never:
                self._gave_up = True
                return True
            if time.time() - max(self._began, sweep.ended_at or 0.0) < GIVE_UP_S:
                return False
            notices.say("MLflow could not be reached to the end: not all of the sweep is shown there")
            self._gave_up = True
            return True
        if self._server.connections:
            self._seen_at = time.monotonic()
        if time.monotonic() - self._seen_at < ABANDONED_S:
            return False
        if is_locked(self._folder.lock) or anyone_told(self._config.secret):
            self._seen_at = time.monotonic()
            return False
        return True

    def _tell(self) -> None:
        experiment = self._ledger.fact("experiment") or {}
        base = self._upstream.base
        status = Status(
            complete=self._mirror.complete,
            gave_up=self._gave_up,
            reachable=self._upstream.up.is_set(),
            url=None if base is None else str(base),
            experiment_id=experiment.get("experiment_id"),
            run_id=self._runs.of_sweep().run_id,
        )
        if status != self._status:
            status.write(self._folder.tracking / "status.json")
            self._status = status


async def _serve(folder: SweepFolder, listener: socket.socket) -> int:
    watching = asyncio.create_task(_leave_with_supervisor())
    try:
        return await Process(folder, listener).run()
    finally:
        watching.cancel()


async def _leave_with_supervisor() -> None:
    """Until the supervisor is gone: its end of our standard input is closed with it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    os._exit(1)  # another supervisor may want the port now; whatever is not done yet lies in files


def main(argv: list[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    folder = SweepFolder(Path(argv[0]).parent)
    listener = socket.socket(fileno=int(argv[1]))
    listener.setblocking(False)
    return asyncio.run(_serve(folder, listener))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
