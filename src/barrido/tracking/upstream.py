"""The MLflow server behind the gateway: one HTTP client, and whether it can be reached now."""

from __future__ import annotations

import asyncio
import base64
import configparser
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from yarl import URL

from barrido.tracking.notices import Notices

log = logging.getLogger(__name__)

API = "/api/2.0/mlflow/"
REMOTE_PATIENCE_S = 10.0
LOCAL_PATIENCE_S = 60.0
CALL_TIMEOUT_S = 60.0
MAX_PAUSE_S = 5.0
"""How long it takes at most to notice that MLflow is back."""

_LATER = frozenset({401, 403, 407, 408, 425, 429})  # besides 5xx: it may work when something was put right


class Unreachable(Exception):
    """MLflow gave no answer, or asked to come back later. Nothing is known of what it did."""


class Refused(Exception):
    """MLflow's answer is no."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {body.get('message', '')}")
        self.status = status
        self.body = body

    @property
    def code(self) -> str:
        return str(self.body.get("error_code", ""))


class Address(Protocol):
    """Where the server is."""

    patience_s: float
    never: bool  # True: there will not be one

    async def locate(self) -> URL:
        """Its URL, after starting it if that is needed. Raises Unreachable."""


class RemoteAddress:
    """The user's own server."""

    def __init__(self, url: URL) -> None:
        self.patience_s = REMOTE_PATIENCE_S
        self.never = False
        self._url = url

    async def locate(self) -> URL:
        return self._url


@dataclass(frozen=True, slots=True)
class Credentials:
    """How requests to the user's own server are signed; as MLflow's client reads it."""

    authorization: str | None = field(default=None, repr=False)
    verify: bool = True
    ca_file: str | None = None
    client_file: str | None = None

    @classmethod
    def read(cls, url: URL, environ: Mapping[str, str]) -> Credentials:
        user, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD")
        if url.user:
            user, password = url.user, url.password or ""
        elif not (user and password):
            user, password = _credentials_file(user, password)
        authorization = None
        if user and password:
            authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        elif token := environ.get("MLFLOW_TRACKING_TOKEN"):
            authorization = f"Bearer {token}"
        insecure = environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
        return cls(
            authorization,
            not insecure,
            environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None,
            environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
        )

    def ssl(self) -> ssl.SSLContext | bool:
        if not (self.ca_file or self.client_file):
            return self.verify
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.client_file:
            context.load_cert_chain(self.client_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Upstream:
    """Calls MLflow. `up` is set while it answers; while it does not, somebody keeps knocking."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: Address,
        notices: Notices,
        credentials: Credentials | None = None,
    ) -> None:
        self.session = session
        self.credentials = credentials or Credentials()
        self.ssl = self.credentials.ssl()
        self.up = asyncio.Event()
        self.base: URL | None = None
        self._address = address
        self._notices = notices
        self._down_since = time.monotonic()
        self._knocking: asyncio.Task[None] | None = None

    @property
    def never(self) -> bool:
        return self._address.never

    def start(self) -> None:
        """Look for the server, starting it if it is ours. May be repeated."""
        if self._knocking is None and not self.up.is_set():
            self._knocking = asyncio.create_task(self._knock())

    async def close(self) -> None:
        if self._knocking is not None:
            self._knocking.cancel()
            await asyncio.gather(self._knocking, return_exceptions=True)

    async def ready(self, patience_s: float | None = None) -> bool:
        """Wait until MLflow answers; whether it does.

        ``patience_s`` counts from now. Without it, it is the address's own and counts from when the
        outage began, so that an outage holds up a script once and not at every call.
        """
        if self.up.is_set():
            return True
        self.start()
        began = time.monotonic()
        while not self.never:
            # Looked at each time: patience shrinks when the local server turns out not to start.
            until = (
                began + patience_s if patience_s is not None else self._down_since + self._address.patience_s
            )
            if (left := until - time.monotonic()) <= 0:
                break
            try:
                await asyncio.wait_for(self.up.wait(), min(left, 0.5))
            except TimeoutError:
                continue
            return True
        return False

    async def post(self, call: str, body: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """One API call. Raises Unreachable, or Refused.

        ``repeatable``: doing it twice is as good as once, so it may be sent again on a new connection.
        """
        return await self._call("POST", call, body, None, repeatable)

    async def get(self, call: str, **query: str) -> dict[str, Any]:
        return await self._call("GET", call, None, query, True)

    async def ping(self) -> None:
        """Ask for nothing, so that a server which leaves when it is not used stays."""
        if self.base is None or not self.up.is_set():
            return
        try:
            async with self.session.get(
                join(self.base, "/health"), timeout=aiohttp.ClientTimeout(total=10), ssl=self.ssl
            ) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.failed(type(error).__name__)

    def failed(self, reason: str) -> None:
        """It did not answer: nobody needs to try before the door was knocked at."""
        if self.up.is_set():
            log.warning("MLflow cannot be reached: %s", reason)
            self.up.clear()
            self._down_since = time.monotonic()
        self.start()

    def headers(self) -> dict[str, str]:
        return {"Authorization": auth} if (auth := self.credentials.authorization) else {}

    async def _call(
        self,
        method: str,
        call: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        repeatable: bool,
    ) -> dict[str, Any]:
        if not self.up.is_set() or self.base is None:
            self.start()
            raise Unreachable("it is known to be down")
        status, raw = await self._send(method, join(self.base, API + call), body, query, repeatable)
        try:
            answer = json.loads(raw or b"{}")
        except ValueError:
            answer = {"message": raw[:300].decode(errors="replace")}
            if status < 400:  # a login page, say
                status = 401
        if not isinstance(answer, dict):
            answer = {"message": str(answer)[:300]}
        if status >= 500 or status in _LATER:
            reason = f"it answers {status} to {call}: {str(answer.get('message', ''))[:200]}"
            if status in (401, 403, 407):
                self._notices.say(f"MLflow does not let barrido in: {reason}", once="auth")
            self.failed(reason)
            raise Unreachable(reason)
        if status >= 400:
            raise Refused(status, answer)
        return answer

    async def _send(
        self,
        method: str,
        url: URL,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        repeatable: bool,
    ) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
        headers = {"Accept-Encoding": "identity", **self.headers()}
        again = repeatable  # a server may close a connection just when it is used again
        while True:
            try:
                async with self.session.request(
                    method, url, json=body, params=query, headers=headers, timeout=timeout,
                    ssl=self.ssl, allow_redirects=False,
                ) as response:  # fmt: skip
                    return response.status, await response.read()
            except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
                if not again:
                    self.failed(type(error).__name__)
                    raise Unreachable(type(error).__name__) from error
                again = False
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.failed(type(error).__name__)
                raise Unreachable(type(error).__name__) from error

    async def _knock(self) -> None:
        """Until MLflow answers."""
        pause = 0.1
        while True:
            try:
                base = await self._address.locate()
                timeout = aiohttp.ClientTimeout(total=10)
                async with self.session.get(
                    join(base, "/health"), timeout=timeout, headers=self.headers(), ssl=self.ssl
                ) as response:
                    if response.status < 500:
                        break
                    reason = f"it answers {response.status}"
            except Unreachable as error:
                reason = str(error)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = type(error).__name__
            if self.never:
                self._knocking = None
                return
            log.info("MLflow: %s", reason)
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_S)
        self.base = base
        self._knocking = None
        self.up.set()
        log.info("MLflow answers")


def join(base: URL, path: str) -> URL:
    """``path`` (percent-encoded, maybe with a query) below ``base``, which may have a path of its own.

    >>> join(URL("https://host/mlflow/"), "/api/x%20y?a=1")
    URL('https://host/mlflow/api/x%20y?a=1')
    """
    return URL(str(base).rstrip("/") + path, encoded=True)


def _credentials_file(user: str | None, password: str | None) -> tuple[str | None, str | None]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path.home() / ".mlflow" / "credentials")
    except (configparser.Error, RuntimeError):
        return user, password
    if not parser.has_section("mlflow"):
        return user, password
    section = parser["mlflow"]
    return (
        user or section.get("mlflow_tracking_username"),
        password or section.get("mlflow_tracking_password"),
    )
