"""The Python that trials run in, where it is not the one that barrido runs in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An interpreter that is there, or what one is to be built from.

    ``name`` is what people call it. With ``interpreter``, an absolute path, there is nothing to build.
    Else ``requirements`` are lines for pip, with absolute paths, and ``python`` the version that they are
    installed for ("3.12", None: as barrido's own); or ``conda`` is a conda file as
    JSON, for conda itself. ``files`` are the marks of local files and folders that lines name, by path: where
    one changes, another environment is meant.
    """

    name: str
    interpreter: str | None = None
    python: str | None = None
    requirements: tuple[str, ...] = ()
    conda: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """What decides whether two of them are the same: their names and the order of lines do not."""
        body = asdict(self)
        del body["name"]
        return {**body, "requirements": sorted(self.requirements)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Environment:
        return cls(**{**body, "requirements": tuple(body["requirements"])})
