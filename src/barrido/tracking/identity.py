"""Names that can be computed: the address a trial is given, and the run and experiment it is told of.

A trial must be told its run before MLflow may have been reached, so it gets an *alias*, made from the
sweep's secret alone. Real ids, given by MLflow, belong to aliases later; both are accepted everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256

_PREFIX = re.compile(r"/t/([^/]+)/(\d{1,9})\.(\d{1,9})(/.*)?")


@dataclass(frozen=True, slots=True)
class Identity:
    """All names of one sweep. ``secret`` keeps other users of the machine out; it is never logged."""

    secret: str = field(repr=False)

    def alias(self, *parts: str | int) -> str:
        """A run id of 32 hex digits, the same for the same parts.

        >>> Identity("s").alias(3, 1) == Identity("s").alias(3, 1) != Identity("s").alias(31)
        True
        """
        text = "\0".join([self.secret, *map(str, parts)])
        return sha256(text.encode()).hexdigest()[:32]

    @property
    def experiment(self) -> str:
        """An experiment id that no MLflow store gives: 18 digits, as its file store's."""
        return f"9{int(self.alias('experiment'), 16) % 10**17:017d}"

    def path(self, trial: int, attempt: int) -> str:
        return f"/t/{self.secret}/{trial}.{attempt}"

    def match(self, path: str) -> tuple[int, int, str] | None:
        """(trial, attempt, the rest of the path), None for a path without the secret.

        >>> Identity("s").match("/t/s/3.1/api/2.0/mlflow/runs/get")
        (3, 1, '/api/2.0/mlflow/runs/get')
        >>> Identity("s").match("/t/x/3.1/api")
        """
        from hmac import compare_digest

        found = _PREFIX.fullmatch(path)
        if found is None or not compare_digest(found[1].encode(), self.secret.encode()):
            return None
        return int(found[2]), int(found[3]), found[4] or "/"
