"""What a sweep's tracking was set up with; the same as long as the sweep lives, whoever takes it up."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from barrido.tracking.backend import Backend

FILE = "gateway.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """``port`` is 0 before one was bound. Either ``url`` is the user's server, or ``backend`` is set."""

    secret: str = field(repr=False)
    port: int = 0
    url: str | None = field(default=None, repr=False)  # it may hold a password
    backend: Backend | None = None
    eager: bool = False  # the user wants the sweep in MLflow, whether its script logs there or not

    @classmethod
    def new(cls, *, url: str | None, backend: Backend | None, eager: bool) -> Config:
        return cls(secret=os.urandom(16).hex(), url=url, backend=backend, eager=eager)

    @classmethod
    def read(cls, tracking: Path) -> Config:
        """Raises FileNotFoundError if the sweep has none."""
        body: dict[str, Any] = json.loads((tracking / FILE).read_text())
        if body["backend"] is not None:
            body["backend"] = Backend.from_json(body["backend"])
        return cls(**body)

    def write(self, tracking: Path) -> None:
        """For the user's eyes only: who can read it can write to the sweep's runs."""
        body = asdict(self)
        body["backend"] = None if self.backend is None else self.backend.to_json()
        draft = tracking / f"{FILE}.draft"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump(body, file)
            file.flush()
            os.fsync(fd)  # without the secret, nobody finds the sweep's runs again
        draft.replace(tracking / FILE)

    def at(self, port: int) -> Config:
        return replace(self, port=port)
