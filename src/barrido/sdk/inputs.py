"""What a job reads and writes, as said in Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

LITERALS = frozenset({"string", "number", "integer", "boolean"})
T = TypeVar("T")


class Names(dict[str, T], Generic[T]):
    """A dict whose entries are attributes as well: ``job.inputs.data`` is ``job.inputs["data"]``."""

    def __getattr__(self, name: str) -> T:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"there is no {name!r} here; there is {', '.join(self) or 'nothing'}"
            ) from None

    def __setattr__(self, name: str, value: T) -> None:
        self[name] = value


@dataclass(kw_only=True)
class Input:
    """A file, a folder, or a literal that a command refers to as ``${{inputs.name}}``.

    ``type`` is "uri_folder", "uri_file" and their kin, with a local ``path``; or "string", "number",
    "integer", "boolean", with a ``default``. The rest has no effect on one's own machine, which is said.
    """

    type: str = "uri_folder"
    path: str | os.PathLike[str] | None = None
    mode: str | None = None
    default: Any = None
    optional: bool | None = None
    description: str | None = None
    path_on_compute: str | None = None
    datastore: str | None = None
    min: float | None = None
    max: float | None = None
    enum: Sequence[Any] | None = None

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        body = {"type": self.type, "optional": self.optional, "description": self.description}
        if self.type.lower() in LITERALS and self.path is None:
            bounds = {"min": self.min, "max": self.max, "enum": self.enum}
            return body | {"default": self.default} | bounds
        azures = {"datastore": self.datastore, "path_on_compute": self.path_on_compute}
        return body | {"path": self.path, "mode": self.mode} | azures


@dataclass(kw_only=True)
class Output:
    """A folder that each trial gets, referred to as ``${{outputs.name}}``."""

    type: str = "uri_folder"
    path: str | os.PathLike[str] | None = None
    mode: str | None = None
    description: str | None = None
    name: str | None = None
    version: str | None = None

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return dict(vars(self))
