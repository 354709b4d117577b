"""What is said of every kind of job, beside what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

from barrido.sdk.document import plain
from barrido.sdk.inputs import Names
from barrido.sdk.origin import Placed, caller
from barrido.spec.source import Source

Settings = Mapping[str, Any]


class JobFields(TypedDict, total=False):
    """The settings that sweeps and commands share; each may be None, for "not said"."""

    name: str | None
    display_name: str | None
    experiment_name: str | None
    description: str | None
    tags: Settings | None
    properties: Settings | None
    compute: str | None
    inputs: Settings | None
    outputs: Settings | None
    identity: Any
    queue_settings: Any
    resources: Any
    services: Settings | None


class Described(Placed):
    """A job's description: its shared settings as attributes, and where they were said.

    Raises TypeError for a setting that there is not.
    """

    def __init__(self, **settings: Unpack[JobFields]) -> None:
        if unknown := settings.keys() - JobFields.__annotations__.keys():
            raise TypeError(f"{type(self).__name__} has no setting {', '.join(map(repr, sorted(unknown)))}")
        self._base: Path | None = None  # where paths begin; None: the current folder
        self._source: Source | None = None
        self._origin = caller()
        self.name = settings.get("name")
        self.display_name = settings.get("display_name")
        self.experiment_name = settings.get("experiment_name")
        self.description = settings.get("description")
        self.tags = dict(settings.get("tags") or {})
        self.properties = dict(settings.get("properties") or {})
        self.compute = settings.get("compute")
        self.inputs: Names[Any] = Names(settings.get("inputs") or {})
        self.outputs: Names[Any] = Names(settings.get("outputs") or {})
        self.identity = settings.get("identity")
        self.queue_settings = settings.get("queue_settings")
        self.resources = settings.get("resources")
        self.services = settings.get("services")

    def fields(self) -> dict[str, Any]:
        """The shared settings by name."""
        return {name: getattr(self, name) for name in JobFields.__annotations__}

    def set_resources(self, **resources: Any) -> None:
        """What each trial needs: ``cpu``, ``gpu``, ``memory``, ``custom``; what is not given stays as it is.
        What a sweep says counts before what its command says. Azure's own settings are taken, and have no
        effect."""
        self.resources = {**(plain(self.resources) or {}), **resources}

    def set_queue_settings(self, *, job_tier: str | None = None, priority: str | None = None) -> None:
        """Taken as Azure does, and of no effect: who submits first is first served."""
        self.queue_settings = {
            **(plain(self.queue_settings) or {}),
            **said(job_tier=job_tier, priority=priority),
        }


def said(**settings: Any) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in settings.items() if value is not None}
