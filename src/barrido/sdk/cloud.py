"""Settings that mean something in Azure's cloud and nothing on one's own machine.

They are accepted so that a script written for Azure runs unchanged, and passed on: what must be said
about them is said when the job is submitted.
"""

from __future__ import annotations

from typing import Any, ClassVar


class CloudSetting:
    """Keeps whatever it is given, as attributes."""

    type: ClassVar[str | None] = None

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def to_document(self) -> dict[str, Any]:
        """As in YAML."""
        return {**({"type": self.type} if self.type else {}), **vars(self)}


class Asset(CloudSetting):
    """Something that is registered under a name and a version."""

    name: str | None = None
    version: str | None = None

    @property
    def id(self) -> str:
        """What jobs may say for it."""
        return address(str(self.name), self.version)


def address(name: str, version: str | None) -> str:
    """What jobs may say for an asset.

    >>> address("iris", "1"), address("iris", None)
    ('azureml:iris:1', 'azureml:iris@latest')
    """
    return f"azureml:{name}@latest" if version is None else f"azureml:{name}:{version}"


class Environment(Asset):
    """What trials run in: a conda file, requirements, the name of a registered one."""


class BuildContext(CloudSetting):
    """A folder with a Dockerfile: taken, and without effect."""


class Data(Asset):
    """A file or folder; its ``type`` is "uri_file", "uri_folder" or "mltable"."""


class Model(Asset):
    """A file or folder that a job made."""


class AmlCompute(CloudSetting):
    """A cluster of Azure's: trials run on this machine."""


class ComputeInstance(AmlCompute):
    """A machine of Azure's: trials run on this one."""


class JobResourceConfiguration(CloudSetting):
    """What each trial needs: ``cpu``, ``gpu``, ``memory``, ``custom``. Azure's instance types and counts are
    taken as well, and have no effect."""


class QueueSettings(CloudSetting):
    """Job tier and priority."""


class AmlTokenConfiguration(CloudSetting):
    """Who the job runs as."""

    type = "aml_token"


class ManagedIdentityConfiguration(CloudSetting):
    """Who the job runs as."""

    type = "managed_identity"


class UserIdentityConfiguration(CloudSetting):
    """Who the job runs as."""

    type = "user_identity"


class MpiDistribution(CloudSetting):
    """Several processes for one trial."""

    type = "mpi"


class PyTorchDistribution(CloudSetting):
    """Several processes for one trial."""

    type = "pytorch"


class TensorFlowDistribution(CloudSetting):
    """Several processes for one trial."""

    type = "tensorflow"


class RayDistribution(CloudSetting):
    """Several processes for one trial."""

    type = "ray"
