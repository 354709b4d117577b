"""The code in the documentation is right: files load, Python runs, commands and links exist."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from barrido import Command, MLClient, SweepJob
from barrido.cli.commands import barrido as cli
from barrido.sdk.azure import kind_of
from barrido.spec.load import Defaults, Source, check, check_pipeline
from barrido.spec.mapping import read_table
from barrido.spec.source import Findings

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "examples" / "tutorial"
PIPELINE = ROOT / "examples" / "pipeline"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CLIENTS = {"client", "ml_client"}

WHOLE = """
type: sweep
trial:
  code: ./src
  command: echo
search_space:
  x: {type: uniform, min_value: 0, max_value: 1}
objective: {primary_metric: Accuracy, goal: maximize}
limits: {max_total_trials: 4}
"""
"""What a fragment of a file is put into before it is loaded."""


def blocks(path: Path, language: str) -> Iterator[tuple[int, str]]:
    """(line, text) of each fenced block in ``language``."""
    text = path.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match[1] == language:
            yield text.count("\n", 0, match.start()) + 2, match[2]


def all_blocks(language: str) -> list[Any]:
    return [
        pytest.param(path, line, text, id=f"{path.name}:{line}")
        for path in PAGES
        for line, text in blocks(path, language)
    ]


@pytest.mark.parametrize(("path", "line", "text"), all_blocks("yaml"))
def test_yaml_loads_without_a_mistake(path: Path, line: int, text: str, tmp_path: Path) -> None:
    yaml = YAML(typ="safe")
    document = yaml.load(text)
    if text.startswith("# .barrido/mapping.yaml"):
        table = tmp_path / "mapping.yaml"
        table.write_text(text, encoding="utf-8")
        assert not read_table(table).findings.problems
        return
    if "type" not in document:
        document = {**yaml.load(WHOLE), **document}
    anywhere = replace(Defaults.here(), machine=lambda _: None)  # not every machine has GPUs
    if document["type"] == "pipeline":
        findings = Findings(Source(f"{path.name}:{line}"))
        assert check_pipeline(document, findings, base=PIPELINE, defaults=anywhere).steps
        return
    recipe = check(document, source=Source(f"{path.name}:{line}"), base=TUTORIAL, defaults=anywhere)
    assert recipe.work.command


@pytest.mark.parametrize(
    "path", [path for path in PAGES if list(blocks(path, "python"))], ids=lambda p: p.name
)
def test_python_runs_and_its_jobs_could_be_submitted(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if path.name == "azure.md":
        pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")
    # Statements that touch a client would start sweeps: they are read, not run.
    monkeypatch.chdir(TUTORIAL)
    namespace: dict[str, Any] = {"__name__": "docs"}
    for line, text in blocks(path, "python"):
        tree = ast.increment_lineno(ast.parse(text, filename=str(path)), line - 1)
        for statement in tree.body:
            names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
            if not names & CLIENTS:
                exec(compile(ast.Module([statement], []), str(path), "exec"), namespace)
    jobs = MLClient(workspace_name=tmp_path).jobs
    submitted = [
        value
        for value in namespace.values()
        if isinstance(value, SweepJob | Command) or kind_of(value) in ("Command", "Sweep")
    ]
    assert [jobs.validate(job).error_messages for job in submitted] == [{}] * len(submitted)


def written_commands() -> Iterator[Any]:
    """Every ``barrido …`` and ``make …`` in a block of shell or in the running text."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        lines = [line for _, block in blocks(path, "sh") for line in block.splitlines()]
        for found in [*lines, *CODE.findall(FENCE.sub("", text))]:
            if not found.startswith(("barrido ", "make ")):
                continue
            words = shlex.split(found, comments=True)
            if len(words) > 1:
                yield pytest.param(words, id=f"{path.name}: {' '.join(words)}")


@pytest.mark.parametrize("words", list(written_commands()))
def test_commands_exist_and_know_their_options(words: list[str]) -> None:
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert words[1] in targets
        return
    group: click.Command = cli
    context = click.Context(cli)
    rest = words[1:]
    while isinstance(group, click.Group) and rest and not rest[0].startswith("-") and rest[0] != "COMMAND":
        found = group.get_command(context, rest[0])
        assert found is not None, f"there is no command {rest[0]!r}"
        group, rest = found, rest[1:]
    known = {name for p in group.params for name in p.opts} | {"--help"}
    assert {word for word in rest if re.match(r"-[a-z-]", word)} <= known


def anchors(path: Path) -> set[str]:
    """The anchors that headings get: lower case, spaces as dashes, without punctuation."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
