"""What was registered in the workspace, as a table of names: what the workspace's own table does not name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from barrido.core.layout import Workspace
from barrido.spec.mapping import Table, read_table
from barrido.spec.source import Findings, Source
from barrido.store.assets import Versions, read_assets


def known_names(workspace: Workspace) -> Table:
    """The workspace's table, and below it what was registered there."""
    assets = read_assets(workspace.assets)
    environments = {name: _said(body) for name, body in _by_name(assets.get("environment", {})).items()}
    registered = Table(
        workspace.assets,
        environments,
        {name: body["path"] for name, body in _by_name(assets.get("data", {})).items()},
        {("environments", name): ("environments", name) for name in environments},
        Findings(Source(str(workspace.assets))),
    )
    return replace(read_table(workspace.mapping), registered=registered)


def _by_name(assets: Mapping[str, Versions]) -> dict[str, dict[str, Any]]:
    """Each version by ``name:version``, the one that was registered last by ``name@latest``, too."""
    found = {}
    for name, versions in assets.items():
        for version, body in versions.items():
            found[f"{name}:{version}"] = found[f"{name}@latest"] = body
    return found


def _said(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be installed; where that is nothing, the image, which the workspace's table may know."""
    packages = {
        key: environment[key] for key in ("conda_file", "requirements", "python") if key in environment
    }
    return packages or {key: environment[key] for key in ("image",) if key in environment}
