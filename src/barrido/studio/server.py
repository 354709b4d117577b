"""The process that serves the studio."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import uvicorn

from barrido.studio.address import Address
from barrido.studio.heap import share_one_heap
from barrido.studio.site import Site

PATIENCE_S = 2
"""How long is waited at the end for those who read an answer."""


class Server(uvicorn.Server):
    """Ends when it is interrupted, whoever still listens. ``ready`` is called once it answers."""

    def __init__(self, site: Site, address: Address, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            site,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=PATIENCE_S,
        )
        super().__init__(config)
        self._site, self._listener, self._ready = site, address.listener, ready

    def serve_forever(self) -> None:
        """Raises KeyboardInterrupt after Ctrl-C."""
        share_one_heap()
        self.run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Who reads too slowly is cut off, which uvicorn would call an error in a traceback
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await self._site.close()
        await super().shutdown(sockets)
