"""A pipeline from its file, as Python may change and submit it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barrido.core.layout import Workspace
from barrido.spec.source import Source

if TYPE_CHECKING:
    from barrido.core.pipeline import PipelineRecipe

SETTINGS = (
    "name",
    "display_name",
    "description",
    "tags",
    "properties",
    "experiment_name",
    "compute",
    "settings",
    "identity",
    "services",
    "inputs",
    "outputs",
    "jobs",
)
_MAPPINGS = ("tags", "properties", "settings", "inputs", "outputs", "jobs")


class PipelineJob:
    """What `load_job` gives for a file of ``type: pipeline``.

    Every setting may be changed until it is submitted. ``jobs`` are the steps by name, ``inputs`` and
    ``settings`` what they share, all as they stand in the file: ``job.inputs["epochs"] = 20``.
    """

    type = "pipeline"

    def __init__(self, body: Mapping[str, Any], *, base: Path, source: Source) -> None:
        self._base = base
        self._source = source
        self.name: str | None = body.get("name")
        self.display_name: str | None = body.get("display_name")
        self.description: str | None = body.get("description")
        self.experiment_name: str | None = body.get("experiment_name")
        self.compute: str | None = body.get("compute")
        self.identity: Any = body.get("identity")
        self.services: Any = body.get("services")
        self.tags: dict[str, Any] = dict(body.get("tags") or {})
        self.properties: dict[str, Any] = dict(body.get("properties") or {})
        self.settings: dict[str, Any] = dict(body.get("settings") or {})
        self.inputs: dict[str, Any] = dict(body.get("inputs") or {})
        self.outputs: dict[str, Any] = dict(body.get("outputs") or {})
        self.jobs: dict[str, Any] = dict(body.get("jobs") or {})

    def __repr__(self) -> str:
        return f"PipelineJob(name={self.name!r}, jobs={list(self.jobs)!r})"

    def to_document(self) -> dict[str, Any]:
        """The pipeline in the shape of its file."""
        given = {name: getattr(self, name) for name in SETTINGS}
        made = {name: value for name, value in given.items() if value is not None and value != {}}
        return {"type": "pipeline", **made}


def pipeline_recipe(
    job: PipelineJob,
    changes: Mapping[str, Any],
    workspace: Workspace | None,
) -> PipelineRecipe:
    """The recipe of ``job``, some of its settings changed. Raises SpecError with everything that is wrong."""
    from barrido.sdk.document import plain
    from barrido.spec.load import Defaults, check_pipeline
    from barrido.spec.source import Findings

    document = plain(job.to_document() | {key: one for key, one in changes.items() if one is not None})
    return check_pipeline(
        document,
        Findings(job._source),
        base=job._base,
        defaults=Defaults.here(workspace=workspace),
    )
