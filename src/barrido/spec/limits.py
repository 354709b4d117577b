"""New limits for a sweep that runs: read from the command line or said in Python, checked like a file's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from barrido.core.recipe import Limits, Recipe
from barrido.errors import SpecError
from barrido.spec import overrides
from barrido.spec.document import Document
from barrido.spec.draft import plain, shaped
from barrido.spec.models import SweepLimits
from barrido.spec.node import Node
from barrido.spec.objective import NEEDS_ONE
from barrido.spec.source import Findings, Source, undotted

SECTION = "limits"
_ANNOTATED = frozenset({"tags", "description", "display_name"})


class _Changes(Node):
    limits: SweepLimits


def read_limits(set_values: Sequence[tuple[str, str]], recipe: Recipe, current: Limits) -> dict[str, Any]:
    """The limits that ``--set limits.NAME=VALUE`` changes, by name, as JSON. Raises SpecError."""
    document = Document({SECTION: asdict(current)}, Findings(Source("--set")))
    document = overrides.apply(document, set_values)
    findings = document.findings
    for key in document.value.keys() - {SECTION}:
        hint = "a sweep keeps what it was created with, but for its limits: --set limits.NAME=VALUE"
        if key in _ANNOTATED:
            hint = f"write notes and tags: `barrido job annotate {recipe.name} --tag KEY=TEXT`"
        findings.wrong((key,), "cannot be changed any more", hint)
    names = [path[1] for text, _ in set_values if len(path := undotted(text)) > 1 and path[0] == SECTION]
    return _checked(document.value[SECTION], map(str, names), recipe, findings)


def check_limits(
    changes: Mapping[str, Any], recipe: Recipe, current: Limits, *, source: Source
) -> dict[str, Any]:
    """The same for limits that are given by name. Raises SpecError."""
    findings = Findings(source)
    given = plain(changes, (SECTION,), findings)
    return _checked({**asdict(current), **given}, given, recipe, findings)


def _checked(value: Any, names: Iterable[str], recipe: Recipe, findings: Findings) -> dict[str, Any]:
    found = shaped(_Changes, {SECTION: value}, findings)
    if found is not None and found.limits.stop_after is not None and recipe.objective is None:
        findings.wrong((SECTION, "stop_after"), NEEDS_ONE)
    concurrent = found.limits.max_concurrent_trials if found is not None else None
    if recipe.places is not None and concurrent is not None and concurrent > recipe.places:
        what = f"is more than there is room for, {recipe.places} (got {concurrent})"
        hint = "the sweep's `resources` say what each trial needs, and they stay what they are"
        findings.wrong((SECTION, "max_concurrent_trials"), what, hint)
    if findings.problems or found is None:
        raise SpecError(findings.problems)
    changed = found.limits.model_dump(mode="json")
    return {name: changed[name] for name in names}
