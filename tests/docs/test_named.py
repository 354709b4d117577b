"""What users can write or call is named in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import barrido
import barrido.sweep
from barrido.cli.commands import barrido as cli
from barrido.policies import POLICIES
from barrido.registry import SAMPLERS, SCHEDULERS
from barrido.space.reading import DOMAINS
from barrido.spec.schema import json_schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below ``group`` with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def keys(schema: Any) -> Iterator[str]:
    """Every property that a JSON schema names, at any depth."""
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        yield from properties
        for part in [*properties.values(), *(v for k, v in schema.items() if k != "properties")]:
            yield from keys(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from keys(part)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("words", "command"), list(commands(cli, "barrido")))
def test_every_command_has_its_place_in_the_reference_with_its_options(
    words: str, command: click.Command
) -> None:
    text = page("cli.md")
    row = next((line for line in text.splitlines() if line.startswith(f"| `{words}")), None)
    assert row is not None, f"docs/cli.md has no row for `{words}`"
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    missing = [o.opts[-1] for o in options if not any(name in text for name in o.opts)]
    assert not missing, f"docs/cli.md does not name {missing} of `{words}`"


@pytest.mark.parametrize("key", sorted(set(keys(json_schema()))))
def test_every_key_of_the_language_is_in_the_reference(key: str) -> None:
    text = page("yaml.md") + page("pipelines.md")
    assert f"`{key}`" in text or f".{key}`" in text


@pytest.mark.parametrize("name", [*DOMAINS, *SAMPLERS, *POLICIES, *SCHEDULERS])
def test_every_distribution_sampler_policy_and_scheduler_is_in_the_reference(name: str) -> None:
    assert f"`{name}`" in page("yaml.md")


@pytest.mark.parametrize("name", [*DOMAINS, *SAMPLERS])
def test_every_distribution_and_sampler_is_explained_in_the_guide(name: str) -> None:
    assert f"`{name}`" in page("guide.md")


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_explained_in_the_guide_as_it_is_written(name: str) -> None:
    assert f"type: {name}" in page("guide.md")


@pytest.mark.parametrize("name", sorted({*barrido.__all__, *barrido.sweep.__all__} - {"__version__"}))
def test_every_public_name_is_in_the_page_on_python(name: str) -> None:
    text = page("python.md")
    assert re.search(rf"`(barrido\.)?{name}\b", text) or re.search(
        rf"^from barrido\S* import .*\b{name}\b", text, re.M
    )
