"""What a local MLflow server serves: the user's database or folder, or barrido's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from barrido.core.layout import Workspace

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


@dataclass(frozen=True, slots=True)
class Backend:
    """What a local server serves. ``name`` tells the files of different ones apart in ``folder``."""

    folder: Path
    name: str
    store_uri: str
    artifacts: Path
    own: bool  # the database is barrido's own, not the user's

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.name}.lock"

    @property
    def state(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def to_json(self) -> dict[str, str | bool]:
        return {
            "folder": str(self.folder),
            "name": self.name,
            "store_uri": self.store_uri,
            "artifacts": str(self.artifacts),
            "own": self.own,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, str | bool]) -> Backend:
        return cls(
            Path(str(body["folder"])),
            str(body["name"]),
            str(body["store_uri"]),
            Path(str(body["artifacts"])),
            bool(body["own"]),
        )


def backend(workspace: Workspace, uri: str | None) -> Backend | None:
    """The server for a tracking URI: a database's, a folder's, or not set (None). None for any other."""
    folder = workspace.mlflow.absolute()
    if not uri:
        return Backend(folder, "server", f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts", True)
    scheme, colon, rest = uri.partition(":")
    if uri == "databricks":
        return None
    if not colon or scheme == "file":
        path = Path(unquote(rest.removeprefix("//")) if colon else uri).expanduser().absolute()
        store, artifacts = path.as_uri(), path
    elif scheme.partition("+")[0] == "sqlite":
        path = Path(rest.removeprefix("///").partition("?")[0]).absolute()
        store, artifacts = f"{scheme}:///{path}", path.parent / "mlruns"  # where its clients put them
    elif scheme.partition("+")[0] in _DATABASES:
        store, artifacts = uri, folder / "artifacts"
    else:
        return None
    from hashlib import sha256

    return Backend(folder, f"server-{sha256(store.encode()).hexdigest()[:12]}", store, artifacts, False)
