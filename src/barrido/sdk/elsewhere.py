"""`MLClient.compute` and `.workspaces`, both this machine; and what there is only in Azure."""

from __future__ import annotations

import sys
from typing import Any

import barrido.sdk.cloud
from barrido.core.layout import Workspace
from barrido.sdk.azure import PACKAGE
from barrido.sdk.origin import warn

UNAVAILABLE = frozenset((
    "azure_openai_deployments", "batch_deployments", "batch_endpoints", "capability_hosts", "components",
    "connections", "datastores", "deployment_templates", "evaluators", "feature_sets",
    "feature_store_entities", "feature_stores", "indexes", "marketplace_subscriptions", "online_deployments",
    "online_endpoints", "registries", "schedules", "serverless_endpoints", "workspace_connections",
    "workspace_outbound_rules",
))  # fmt: skip
"""Parts of Azure's client that mean nothing on one's own machine."""


class Done:
    """Azure's pollers wait for what takes a while there. Here it has happened."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def result(self, timeout: float | None = None) -> Any:
        return self._made

    def wait(self, timeout: float | None = None) -> None: ...

    def done(self) -> bool:
        return True

    def status(self) -> str:
        return "Succeeded"


class ComputeOperations:
    """Whatever cluster is asked for is there: trials run on this machine. That is said once for each."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def get(self, name: str) -> Any:
        self._tell(name)
        cls = sys.modules.get(f"{PACKAGE}.entities", barrido.sdk.cloud).AmlCompute
        return cls(name=name, size="local", min_instances=0, max_instances=1)

    def begin_create_or_update(self, compute: Any) -> Done:
        self._tell(str(getattr(compute, "name", "")))
        return Done(compute)

    def begin_delete(self, name: str, **kwargs: Any) -> Done:
        return Done(None)

    def list(self, **kwargs: Any) -> list[Any]:
        return []

    def _tell(self, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            warn(f"compute {name!r}: trials run on this machine")


class WorkspaceOperations:
    """The folder that holds everything, in the form in which Azure describes a workspace."""

    def __init__(self, workspace: Workspace, resource_group: str | None) -> None:
        self._workspace, self._resource_group = workspace, resource_group

    def get(self, name: str | None = None, **kwargs: Any) -> Any:
        """With ``location``, and the ``mlflow_tracking_uri`` that its trials log to unless told another."""
        return barrido.sdk.cloud.CloudSetting(
            name=name or self._workspace.root.name,
            location="local",
            resource_group=self._resource_group,
            mlflow_tracking_uri=f"sqlite:///{self._workspace.mlflow / 'mlflow.db'}",
        )

    def list(self, **kwargs: Any) -> list[Any]:
        return [self.get()]
