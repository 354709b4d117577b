"""`MLClient.environments`, `.data` and `.models`: what is registered under a name and a version.

Jobs say ``name:version`` or ``name@latest`` for it, in Python and in YAML files of the same workspace.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import barrido.sdk.cloud
from barrido.core.layout import Workspace
from barrido.errors import RequestError
from barrido.sdk.azure import PACKAGE
from barrido.sdk.document import plain
from barrido.sdk.origin import warn
from barrido.spec.messages import did_you_mean
from barrido.store.assets import changed_assets, next_version, read_assets
from barrido.store.sqlite import explain

if TYPE_CHECKING:
    from barrido.sdk.jobs import JobOperations

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
_OF_A_JOB = re.compile(
    r"azureml://(?:.*/)?jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?(?:/(?P<path>.*))?"
)
_OF_A_RUN = re.compile(r"runs:/+([^/]+)/")
_LABEL = "latest"
_DRAFT = ".draft"
_AZURES = frozenset((
    "archive", "import_data", "list_materialization_status", "mount", "package", "restore", "share"
))  # fmt: skip


class AssetOperations:
    """The assets of one kind in a workspace."""

    kind: ClassVar[str]
    entity: ClassVar[str]
    """Its class, here and in Microsoft's package."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __getattr__(self, name: str) -> Any:
        if name in _AZURES:
            raise RequestError(
                f"{self.entity}: {name}() is Azure's: what was registered stays as it is on this machine",
                hint=f"register a version again to replace it, or take it out of {self._workspace.assets}",
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def register(self, asset: Any) -> Any:
        """Register an asset. Without a version it gets the next number, unless it is the same as the latest;
        what has that version already is replaced.

        Gives it back, with its version. Raises RequestError if it cannot be used.
        """
        said = plain(asset)
        if not isinstance(said, Mapping) or self.entity not in (cls.__name__ for cls in type(asset).__mro__):
            raise RequestError(
                f"only a {self.entity} can be registered (got an object of type {type(asset).__name__})"
            )
        body = {
            key: os.fspath(value) if isinstance(value, os.PathLike) else value
            for key, value in said.items()
            if key not in ("name", "version")
        }
        name, version = said.get("name"), said.get("version")
        for what, word in (("name", name), ("version", "1" if version is None else version)):
            if not isinstance(word, str | int) or not _NAME.fullmatch(str(word)):
                hint = "letters, digits, dots, dashes and underscores"
                raise RequestError(f"{self.entity}: {what}: must be a word (got {word!r})", hint=hint)
        body = self.checked(body)
        with changed_assets(self._workspace.assets) as assets:
            versions = assets.setdefault(self.kind, {}).setdefault(str(name), {})
            if version is None and body == next(reversed(versions.values()), None):
                version = next(reversed(versions))
            version = next_version(versions) if version is None else str(version)
            replaced = versions.pop(version, None)
            versions[version] = self.settled(body, str(name), version)
        if replaced is not None:
            self.forget(replaced)
        return self._made(str(name), version, versions[version], type(asset))

    def get(self, name: str, version: str | int | None = None, label: str | None = None) -> Any:
        """The asset of that name: a version of it, or the one registered last; what was never registered is
        looked for in the workspace's table. Raises RequestError if there is no such asset."""
        if label not in (None, _LABEL):
            raise RequestError(f"there is no label {label!r}", hint=f"the only one is {_LABEL!r}")
        versions = read_assets(self._workspace.assets).get(self.kind, {}).get(name)
        if not versions:
            body = self.mapped(f"{name}@{_LABEL}" if version is None else f"{name}:{version}")
            if body is None:
                raise self._unknown(name)
            return self._made(name, None if version is None else str(version), body, self._class())
        chosen = next(reversed(versions)) if version is None else str(version)
        if chosen not in versions:
            raise RequestError(
                f"{self.kind} {name!r} has no version {chosen!r}", hint=f"it has {', '.join(versions)}"
            )
        return self._made(name, chosen, versions[chosen], self._class())

    def list(self, name: str | None = None, **kwargs: Any) -> list[Any]:
        """The latest version of each; of ``name`` every version, the latest first."""
        if name is not None:
            versions = read_assets(self._workspace.assets).get(self.kind, {}).get(name, {})
            return [self.get(name, version) for version in reversed(versions)]
        return [self.get(one) for one in read_assets(self._workspace.assets).get(self.kind, {})]

    def checked(self, body: dict[str, Any]) -> dict[str, Any]:
        """What is to be kept of a description. Raises RequestError if it cannot be used here."""
        return body

    def settled(self, body: dict[str, Any], name: str, version: str) -> dict[str, Any]:
        """Its files brought to where they stay; those of an earlier one of that version stay as they are."""
        return body

    def forget(self, body: Mapping[str, Any]) -> None:
        """Remove the files of what was replaced."""

    def mapped(self, name: str) -> dict[str, Any] | None:
        """What the workspace's table has for a name; None if that is nothing."""
        return None

    def _unknown(self, name: str) -> RequestError:
        registered = read_assets(self._workspace.assets).get(self.kind, {})
        hint = did_you_mean(name, registered) if registered else "nothing was registered yet"
        return RequestError(f"there is no {self.kind} {name!r} in this workspace", hint=hint)

    def _class(self) -> Any:
        """Microsoft's for those who use that: its other classes take no other."""
        return getattr(sys.modules.get(f"{PACKAGE}.entities", barrido.sdk.cloud), self.entity)

    def _made(self, name: str, version: str | None, body: Mapping[str, Any], cls: Any) -> Any:
        body = {key: value for key, value in body.items() if value is not None}
        if not issubclass(cls, barrido.sdk.cloud.Asset):
            body["id"] = barrido.sdk.cloud.address(name, version)
            if "build" in body:
                body["build"] = sys.modules[f"{PACKAGE}.entities"].BuildContext(**body["build"])
        return cls(name=name, version=version, **body)


class EnvironmentOperations(AssetOperations):
    """`MLClient.environments`."""

    kind, entity = "environment", "Environment"

    def create_or_update(self, environment: Any) -> Any:
        """See `AssetOperations.register`."""
        return self.register(environment)

    def checked(self, body: dict[str, Any]) -> dict[str, Any]:
        from barrido.spec.load import Defaults, Source, check

        anything = {"type": "command", "command": "true", "environment": body}
        defaults = Defaults.here(workspace=self._workspace)
        for notice in check(anything, source=Source(""), base=Path.cwd(), defaults=defaults).notices:
            warn(notice)
        here = {
            key: str(Path.cwd() / value)
            for key, value in body.items()
            if key in ("conda_file", "requirements") and isinstance(value, str)
        }
        return {**body, **here}

    def mapped(self, name: str) -> dict[str, Any] | None:
        from barrido.spec.assets import known_names

        return None if known_names(self._workspace).environment(name) is None else {}


class DataOperations(AssetOperations):
    """`MLClient.data`. Files stay where they are."""

    kind, entity = "data", "Data"

    def create_or_update(self, data: Any) -> Any:
        """See `AssetOperations.register`."""
        return self.register(data)

    def checked(self, body: dict[str, Any]) -> dict[str, Any]:
        from barrido.spec.assets import known_names

        path = str(body.get("path") or "")
        found = _local(path, known_names(self._workspace).local(path), self._workspace)
        return {**body, "path": str(found)}

    def mapped(self, name: str) -> dict[str, Any] | None:
        from barrido.spec.assets import known_names

        path = known_names(self._workspace).local(f"azureml:{name}")
        if not path:
            return None
        return {"path": path, "type": "uri_folder" if Path(path).is_dir() else "uri_file"}


class ModelOperations(AssetOperations):
    """`MLClient.models`. The workspace keeps a copy of their files."""

    kind, entity = "model", "Model"

    def __init__(self, workspace: Workspace, jobs: JobOperations) -> None:
        super().__init__(workspace)
        self._jobs = jobs

    def create_or_update(self, model: Any) -> Any:
        """See `AssetOperations.register`."""
        return self.register(model)

    def settled(self, body: dict[str, Any], name: str, version: str) -> dict[str, Any]:
        path = str(body.get("path") or "")
        home = self._workspace.models / name / version
        if home.exists():
            home = home.with_name(f"{version}-{os.urandom(4).hex()}")
        draft = home.with_name(_DRAFT)
        fetched = draft / "fetched"
        try:
            shutil.rmtree(draft, ignore_errors=True)  # of one who died: only one at a time is here
            (draft / "model").mkdir(parents=True)
            source = self._made_by_a_job(path, fetched) or _local(path, None, self._workspace)
            if draft.resolve().is_relative_to(source.resolve()):
                hint = "name the folder that holds nothing but the model"
                raise RequestError(f"path: the workspace lies in it (got {path!r})", hint=hint)
            copied = _copy(source, draft / "model")
            (draft / "model").rename(home)
        except OSError as error:
            raise explain(error, f"the model could not be copied to {home}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return {**body, "path": str(home / copied.name)}

    def forget(self, body: Mapping[str, Any]) -> None:
        shutil.rmtree(Path(body["path"]).parent, ignore_errors=True)

    def download(self, name: str, version: str | int, download_path: str | os.PathLike[str] = ".") -> None:
        """Copy a model's files into a folder of its name. Raises RequestError if there is no such model."""
        path = Path(self.get(name, version).path)
        target = Path(download_path) / name
        target.mkdir(parents=True, exist_ok=True)
        _copy(path, target)

    def _made_by_a_job(self, path: str, to: Path) -> Path | None:
        """The files that an address names below a job's outputs; None if it is no such address."""
        address = _OF_A_RUN.sub(r"azureml://jobs/\1/outputs/artifacts/paths/", path, count=1)
        match = _OF_A_JOB.fullmatch(address)
        if match is None:
            return None
        job, output, below = match["job"], match["output"], (match["path"] or "").strip("/")
        if output == "artifacts":
            self._jobs.download(job, download_path=to)
            root = to / "artifacts"
        else:
            self._jobs.download(job, download_path=to, output_name=output)
            root = to / "named-outputs" / output
        found = root / below
        if ".." in Path(below).parts or not found.exists():
            there = (
                sorted(one.relative_to(root).as_posix() for one in root.glob("*")) if root.is_dir() else []
            )
            raise RequestError(
                f"job {job!r} has no {below!r} in its {output}",
                hint=f"there is {', '.join(there) or 'nothing'}",
            )
        return found


def _copy(source: Path, into: Path) -> Path:
    """With the files that links lead to: a copy is to stay whole where these do not."""
    name = source.resolve().name if source.name == ".." else source.name
    target = into / name
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
    return target


def _local(path: str, mapped: str | None, workspace: Workspace) -> Path:
    from barrido.spec.paths import is_remote, local_path, near

    if mapped is None and (not path or is_remote(path)):
        line = f"inputs: {{{path or 'https://…'}: ../data}}"
        hint = f"download it and give its path, or add a line to {workspace.mapping}: {line}"
        raise RequestError(f"path: is not on this machine (got {path!r})", hint=hint)
    found = local_path(mapped or path, Path.cwd())
    if not found.exists():
        raise RequestError(f"path: there is no file or folder {found}", hint=near(found))
    return found
