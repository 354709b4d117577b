"""Addresses as they may be shown: without what lets others in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A password may hold an @; in the address of a database, though not of a server, slashes too.
_WHO = re.compile(r"(?<=://)(?:[^/?#]*|(?<!http://)(?<!https://)[^/?#@:]*:[^@]*)@")
_SECRET = re.compile(r"(?<=[?&])([^=&#]*(?:password|passwd|pwd|secret|token|key)[^=&#]*=)[^&#]*", re.I)


def hide_secrets(environment: Mapping[str, Any]) -> dict[str, Any]:
    """An environment as JSON, without the passwords in the addresses of its packages."""
    lines, conda = environment["requirements"], environment["conda"]
    return {
        **environment,
        "requirements": [without_secrets(line) for line in lines],
        "conda": None if conda is None else without_secrets(conda),
    }


def without_secrets(address: str) -> str:
    """``address`` with stars for user and password, and for what its query calls a secret.

    >>> without_secrets("https://ann:pass@word@mlflow.example.com/x")
    'https://***@mlflow.example.com/x'
    >>> without_secrets("postgresql://db.example.com/mlflow?sslpassword=1234&user=ann")
    'postgresql://db.example.com/mlflow?sslpassword=***&user=ann'
    """
    return _SECRET.sub(r"\1***", _WHO.sub("***@", address))
