"""What a pipeline keeps on disk: its recipe, and how its steps ended. The rest is in their stores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from barrido.core.layout import PipelineFolder
from barrido.core.pipeline import VERSION, PipelinePhase, PipelineRecipe, StepPhase
from barrido.errors import StoreError


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ended, and why; ``trial`` is the one whose outputs others get. Times since the epoch."""

    phase: StepPhase
    reason: str = ""
    trial: int | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class PipelineState:
    """``ends`` are by step; a step without one has not been seen at its end."""

    created_at: float
    phase: PipelinePhase = PipelinePhase.RUNNING
    reason: str = ""
    ended_at: float | None = None
    ends: Mapping[str, StepEnd] = field(default_factory=dict)


def read_recipe(folder: PipelineFolder) -> PipelineRecipe:
    """Raises StoreError if it cannot be read, or was written by a newer barrido."""
    body = _read(folder.recipe)
    if not isinstance(body, dict) or not isinstance(body.get("version"), int):
        raise StoreError(f"{folder.recipe} holds no pipeline")
    if body["version"] > VERSION:
        raise StoreError(f"{folder.recipe} was written by a newer barrido", hint="update barrido")
    try:
        return PipelineRecipe.from_json(body)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreError(f"{folder.recipe} holds no pipeline that is known here: {error!r}") from error


def read_state(folder: PipelineFolder) -> PipelineState:
    """Raises StoreError if it cannot be read."""
    body = _read(folder.state)
    try:
        ends = {
            name: StepEnd(StepPhase(one["phase"]), one["reason"], one["trial"], one["at"])
            for name, one in body["ends"].items()
        }
        phase = PipelinePhase(body["phase"])
        return PipelineState(body["created_at"], phase, body["reason"], body["ended_at"], ends)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreError(f"{folder.state} holds no state of a pipeline: {error!r}") from error


def write_recipe(folder: PipelineFolder, recipe: PipelineRecipe) -> None:
    write(folder.recipe, json.dumps(recipe.to_json(), ensure_ascii=False))


def write_state(folder: PipelineFolder, state: PipelineState) -> None:
    write(folder.state, json.dumps(asdict(state), ensure_ascii=False))


def write(path: Path, text: str) -> None:
    """The whole text is there, or what was there before: also after a power failure."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
