"""The JSON schema of the language, for editors that complete and check YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from barrido.spec.models import CommandJob, SweepJob
from barrido.spec.pipeline import PipelineJob

_ADAPTER: TypeAdapter[SweepJob | CommandJob | PipelineJob] = TypeAdapter(SweepJob | CommandJob | PipelineJob)

_NO_EFFECT = "accepted, without effect on this machine"
_MEANINGS = {
    "$schema": "where the schema is, for editors",
    "base": "of the power, a number above 1; e if left out",
    "build": _NO_EFFECT,
    "compute": "where the steps run",
    "creation_context": _NO_EFFECT,
    "datastore": _NO_EFFECT,
    "default": "what an input is that is not given",
    "default_compute": "where steps run that do not say it",
    "default_datastore": _NO_EFFECT,
    "description": "for people",
    "display_name": "for people",
    "distribution": _NO_EFFECT,
    "docker_args": _NO_EFFECT,
    "early_termination": "the policy that stops trials which fall behind",
    "enum": "the values that there are, of a component's input; without effect elsewhere",
    "environment_variables": "what the trial finds in its environment, by name",
    "experiment_name": "the experiment in MLflow",
    "force_rerun": _NO_EFFECT,
    "id": _NO_EFFECT,
    "identity": _NO_EFFECT,
    "image": "a container image: without effect, or a name that the workspace's table knows",
    "inference_config": _NO_EFFECT,
    "inputs": "files, folders and literals that the command names",
    "instance_count": _NO_EFFECT,
    "instance_type": _NO_EFFECT,
    "label": "which version, by a word",
    "limits": "how far it may go",
    "locations": _NO_EFFECT,
    "logbase": "the base of log distributions: a number above 1, or e",
    "max": "the highest value, of a component's input; without effect elsewhere",
    "max_instance_count": _NO_EFFECT,
    "min": "the lowest value, of a component's input; without effect elsewhere",
    "mode": "how the data gets there: all is read and written where it lies",
    "name": "what it is called",
    "optional": "whether it may be missing",
    "os_type": "for people",
    "outputs": "folders that the command writes to, by name",
    "path": "where it is",
    "path_on_compute": _NO_EFFECT,
    "properties": "for people, by name",
    "queue_settings": _NO_EFFECT,
    "rule": "random, or sobol for points that fill the space evenly",
    "sampling_algorithm": "how points are chosen",
    "scheduler": "how far trials go before they are compared",
    "seed": "makes the points repeatable",
    "services": _NO_EFFECT,
    "settings": "of all steps",
    "shm_size": _NO_EFFECT,
    "status": _NO_EFFECT,
    "stop_after": "ends the sweep when it gets no better",
    "tags": "for people, by name",
    "type": "which kind it is",
    "value": "what it is",
    "variant": "which of the published forms",
    "version": "which version",
}
"""What an editor shows for keys that need no words in messages, most of them known from Azure ML."""


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of what `barrido.spec.load` reads.

    Words may be written in any case, as barrido takes them; it does not say that a number may be in quotes.
    """
    schema = _ADAPTER.json_schema(by_alias=True)
    for node in _nodes(schema):
        for key, shape in node.get("properties", {}).items():
            if "description" not in shape and key in _MEANINGS:
                shape["description"] = _MEANINGS[key]
        if node.get("type") == "string":
            _take_any_case(node)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "barrido job",
        **schema,
    }


def _nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and all those within it."""
    yield schema
    named = [schema.get(key, {}) for key in ("$defs", "properties")]
    listed = [schema.get(key, []) for key in ("anyOf", "oneOf", "allOf", "prefixItems")]
    within = [
        *(part for parts in named for part in parts.values()),
        *(part for parts in listed for part in parts),
    ]
    within += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for part in within:
        yield from _nodes(part)


def _take_any_case(shape: dict[str, Any]) -> None:
    """An editor offers the words as we write them, and takes them as others do."""
    if "const" in shape:
        words = {"const": shape.pop("const")}
        pattern = _pattern(words["const"])
    elif "enum" in shape:
        words = {"enum": shape.pop("enum")}
        pattern = "|".join(map(_pattern, words["enum"]))
    else:
        return
    shape["anyOf"] = [words, {"pattern": f"^({pattern})$"}]


def _pattern(word: str) -> str:
    """
    >>> _pattern("q_up")
    '[qQ]([_ -][uU][pP]|(?=[A-Z])[uU][pP])'
    """
    first, *rest = (
        "".join(f"[{c}{c.upper()}]" if c.islower() else c for c in part) for part in word.split("_")
    )
    return first + "".join(f"([_ -]{part}|(?=[A-Z]){part})" for part in rest)
