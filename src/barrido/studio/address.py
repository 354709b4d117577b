"""Where the studio listens, and the names that it answers to there."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass

from barrido.errors import RequestError

PORT = 8270
TRIES = 20
"""So many ports are tried, from `PORT` on, if none was asked for."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """``host`` as it was given."""

    listener: socket.socket
    host: str

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def is_private(self) -> bool:
        """Whether nobody but people on this machine can come."""
        return ipaddress.ip_address(self.listener.getsockname()[0]).is_loopback

    @property
    def link(self) -> str:
        """Of the studio, for a browser on this machine."""
        return f"http://{self._named('127.0.0.1' if self._is_any else self.host)}"

    @property
    def hosts(self) -> frozenset[str]:
        """The values of a Host header that mean this address, in small letters."""
        names = {*_LOOPBACK, self.host}
        if self._is_any:
            names |= {socket.gethostname(), socket.getfqdn(), *_own_addresses()}
        return frozenset(form for name in names for form in self._forms(name.lower()))

    @property
    def _is_any(self) -> bool:
        return ipaddress.ip_address(self.listener.getsockname()[0]).is_unspecified

    def _forms(self, name: str) -> set[str]:
        """Browsers leave out port 80."""
        named = self._named(name)
        return {named, named.removesuffix(":80")} if self.port == 80 else {named}

    def _named(self, name: str) -> str:
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"


def listen(host: str, port: int | None) -> Address:
    """Take the port; without one, the first free one from `PORT` on.

    Raises RequestError if it cannot be had, or if there is no such host.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise RequestError(f"there is no host {host!r} to listen on", hint="leave --host out") from None
    wanted = range(PORT, PORT + TRIES) if port is None else (port,)
    for one in wanted:
        listener = socket.socket(family, socket.SOCK_STREAM)
        # A studio that was just ended leaves connections behind, which must not keep the next one out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((place[0], one, *place[2:]))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            raise _refused(host, one, error) from None
        return Address(listener, host)
    raise RequestError(
        f"all ports from {PORT} to {PORT + TRIES - 1} are taken", hint="--port 0 takes any that is free"
    )


def _refused(host: str, port: int, error: OSError) -> RequestError:
    if error.errno == errno.EADDRINUSE:
        return RequestError(
            f"port {port} is taken, perhaps by another studio", hint="--port 0 takes any port that is free"
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    return RequestError(f"the studio cannot listen on {host}, port {port}: {reason}")


def _own_addresses() -> set[str]:
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    found = (one for each in psutil.net_if_addrs().values() for one in each if one.family in families)
    return {one.address.partition("%")[0] for one in found}
