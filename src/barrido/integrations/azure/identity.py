"""What a script imports from ``azure.identity``: credentials that ask nobody.

There is nobody to log in to. Every credential is content, whatever it was made with.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

DAY_S = 24 * 3600


class AccessToken(NamedTuple):
    """A token that opens nothing; it is said to last a day."""

    token: str
    expires_on: int


class Credential:
    """Takes what any credential of Azure's takes. Reaches no network."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken("barrido", int(time.time()) + DAY_S)

    def get_token_info(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return self.get_token(*scopes)

    def close(self) -> None: ...

    def __enter__(self) -> Credential:
        return self

    def __exit__(self, *args: Any) -> None: ...


class CredentialUnavailableError(Exception):
    """Scripts catch it; it is never raised."""


class AuthenticationRequiredError(CredentialUnavailableError):
    """Scripts catch it; it is never raised."""


class AzureAuthorityHosts:
    """Where Azure would be asked."""

    AZURE_PUBLIC_CLOUD = "login.microsoftonline.com"
    AZURE_CHINA = "login.chinacloudapi.cn"
    AZURE_GOVERNMENT = "login.microsoftonline.us"


class TokenCachePersistenceOptions:
    """Takes anything; there are no tokens to keep."""

    def __init__(self, **kwargs: Any) -> None: ...


def get_bearer_token_provider(credential: Credential, *scopes: str) -> Callable[[], str]:
    return lambda: credential.get_token(*scopes).token


@cache  # a class is the same however often it is imported
def __getattr__(name: str) -> Any:
    if name.endswith("Credential") and not name.startswith("_"):
        return type(name, (Credential,), {"__module__": "azure.identity"})
    raise AttributeError(f"module 'azure.identity' has no attribute {name!r}")
