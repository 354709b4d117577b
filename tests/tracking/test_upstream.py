"""Waiting for an MLflow that does not answer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
from yarl import URL

from barrido.tracking.notices import Notices
from barrido.tracking.upstream import Unreachable, Upstream


class LosesHope:
    """A local server that does not start: after some tries there is less reason to wait for it."""

    def __init__(self) -> None:
        self.patience_s = 60.0
        self.never = False
        self.tries = 0

    async def locate(self) -> URL:
        self.tries += 1
        if self.tries > 2:
            self.patience_s = 0.5
        raise Unreachable("it does not start")


def test_who_waits_for_the_local_server_hears_that_it_does_not_start(tmp_path: Path) -> None:
    """Trials that began to wait when there still was hope waited for a whole minute."""

    async def play() -> None:
        async with aiohttp.ClientSession() as session:
            address = LosesHope()
            upstream = Upstream(session, address, Notices(tmp_path / "notices.jsonl"))
            began = time.monotonic()
            assert not await asyncio.wait_for(upstream.ready(), 30)
            assert address.tries > 2
            assert time.monotonic() - began >= 0.5
            await upstream.close()

    asyncio.run(play())
