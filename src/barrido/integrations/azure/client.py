"""The `MLClient` that scripts of Azure's get: whatever workspace they name, it is the one on this machine."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import barrido.sdk.client
from barrido.errors import RequestError
from barrido.sdk.assets import DataOperations, EnvironmentOperations, ModelOperations
from barrido.sdk.jobs import JobOperations


class MLClient(barrido.sdk.client.MLClient):
    """Over ``$BARRIDO_WORKSPACE`` or ``.barrido``. Azure's names are kept, for scripts that ask for them."""

    def __init__(
        self,
        credential: Any = None,
        subscription_id: str | None = None,
        resource_group_name: str | None = None,
        workspace_name: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(credential, subscription_id, resource_group_name)
        self._name = Path(workspace_name).name if workspace_name is not None else ""
        self.jobs = _Jobs(self.workspace)
        self.environments = _Environments(self.workspace)
        self.data = _Data(self.workspace)
        self.models = _Models(self.workspace, self.jobs)

    def __repr__(self) -> str:
        return f"MLClient(workspace_name={self.workspace_name!r})"

    @property
    def workspace_name(self) -> str:
        return self._name or super().workspace_name


class _Asked:
    """What is not there is Azure's ``ResourceNotFoundError`` as well as our error: scripts catch that."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get(*args, **kwargs)  # type: ignore[misc]
        except RequestError as error:
            theirs = import_module("azure.core.exceptions").ResourceNotFoundError
            if isinstance(error, theirs):
                raise
            both = type(type(error).__name__, (type(error), theirs), {"__module__": "barrido.errors"})
            raise both(error.message, hint=error.hint) from None


class _Jobs(_Asked, JobOperations):
    pass


class _Environments(_Asked, EnvironmentOperations):
    pass


class _Data(_Asked, DataOperations):
    pass


class _Models(_Asked, ModelOperations):
    pass
