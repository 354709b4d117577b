"""`MLClient`: where sweeps are submitted, as in ``azure.ai.ml``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from barrido import app
from barrido.errors import RequestError
from barrido.sdk.assets import DataOperations, EnvironmentOperations, ModelOperations
from barrido.sdk.azure import kind_of
from barrido.sdk.cloud import CloudSetting
from barrido.sdk.command import Command
from barrido.sdk.elsewhere import UNAVAILABLE, ComputeOperations, Done, WorkspaceOperations
from barrido.sdk.job import Job
from barrido.sdk.jobs import JobOperations
from barrido.sdk.pipeline_job import PipelineJob
from barrido.sdk.sweep_job import SweepJob

CONFIG = "config.json"
C = TypeVar("C", bound=CloudSetting)


class MLClient:
    """A workspace: a folder that holds sweeps and what they made.

    Credential, subscription and resource group are Azure's, and ignored. ``workspace_name`` is the
    folder, relative to the current one: ``MLClient(workspace_name="sweeps/iris")``. Without it,
    ``$BARRIDO_WORKSPACE`` or ``.barrido``, which is where the ``barrido`` command looks.
    """

    def __init__(
        self,
        credential: Any = None,
        subscription_id: str | None = None,
        resource_group_name: str | None = None,
        workspace_name: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        del credential
        self.subscription_id = subscription_id
        self.resource_group_name = resource_group_name
        self.workspace = app.workspace(workspace_name)
        self.jobs = JobOperations(self.workspace)
        self.environments = EnvironmentOperations(self.workspace)
        self.data = DataOperations(self.workspace)
        self.models = ModelOperations(self.workspace, self.jobs)
        self.compute = ComputeOperations()
        self.workspaces = WorkspaceOperations(self.workspace, resource_group_name)

    def __repr__(self) -> str:
        return f"MLClient(workspace_name={str(self.workspace.root)!r})"

    def __getattr__(self, name: str) -> Any:
        if name in UNAVAILABLE:
            raise RequestError(f"ml_client.{name} is Azure's: there is nothing of that kind on this machine")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def workspace_name(self) -> str:
        return str(self.workspace.root)

    @classmethod
    def from_config(
        cls,
        credential: Any = None,
        *,
        path: str | os.PathLike[str] | None = None,
        file_name: str | None = None,
        **kwargs: Any,
    ) -> MLClient:
        """The client of a ``config.json``, as the Azure portal hands out; without one, the default client.

        ``path`` is the file or its folder; else it is looked for in the current folder and those above
        it, and in their ``.azureml``. Its ``workspace_name`` is a folder beside it. Raises RequestError
        if ``path`` is given and holds no such file, or if the file cannot be read.
        """
        found = _find(Path(path) if path is not None else None, file_name or CONFIG)
        if found is None:
            return cls(credential, **kwargs)
        try:
            body = json.loads(found.read_text())
            name = body.get("workspace_name")
        except (OSError, ValueError, AttributeError) as error:
            raise RequestError(f"{found} is no configuration of a workspace: {error}") from None
        folder = found.parent.parent if found.parent.name == ".azureml" else found.parent
        settings = {"workspace_name": folder / str(name) if name else None, **kwargs}
        return cls(credential, body.get("subscription_id"), body.get("resource_group"), **settings)

    def create_or_update(self, entity: Command | SweepJob | PipelineJob | C, **kwargs: Any) -> Job | C:
        """Submit a job (see `JobOperations.create_or_update`), or register an environment, data, a model.

        What else there is in Azure comes back as it is.
        """
        kind = kind_of(entity) or type(entity).__name__
        for operations in (self.environments, self.data, self.models):
            if kind == operations.entity:
                registered: C = operations.register(entity)
                return registered
        if isinstance(entity, CloudSetting):
            return entity
        return self.jobs.create_or_update(entity, **kwargs)

    def begin_create_or_update(self, entity: C, **kwargs: Any) -> Done:
        """As `create_or_update`, for what takes its time in Azure."""
        return self.compute.begin_create_or_update(entity)


def _find(path: Path | None, name: str) -> Path | None:
    if path is not None:
        for candidate in (path, path / name, path / ".azureml" / name):
            if candidate.is_file():
                return candidate
        raise RequestError(f"there is no {name} in {path}")
    here = Path.cwd()
    for folder in (here, *here.parents):
        for candidate in (folder / name, folder / ".azureml" / name):
            if candidate.is_file() and _is_ours(candidate):
                return candidate
    return None


def _is_ours(path: Path) -> bool:
    """Many programs have a config.json; a workspace's names it."""
    try:
        body = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(body, dict) and "workspace_name" in body
