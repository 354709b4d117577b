"""Who may come in: whoever has the link from the terminal, or the cookie that it was exchanged for."""

from __future__ import annotations

import hmac
import secrets

from starlette.requests import Request


class Keys:
    """The secret of one run of the studio. Cookies do not know ports: hence the port in the cookie's name."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"barrido_studio_{port}"
        self._single: str | None = None

    def single(self) -> str:
        """A token that opens once. For a browser that we start: others can read its arguments."""
        self._single = secrets.token_urlsafe(32)
        return self._single

    def exchanges(self, token: str) -> bool:
        """Whether a link with this token gets the cookie."""
        if self._single is not None and _is_same(token, self._single):
            self._single = None
            return True
        return _is_same(token, self.token)

    def opens(self, request: Request) -> bool:
        """Whether the request carries the secret, as a cookie or as ``Authorization: Bearer``."""
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _is_same(bearer.strip(), self.token):
            return True
        return _is_same(request.cookies.get(self.cookie, ""), self.token)


def _is_same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())
