"""From a description to a recipe: the front door of the spec floor.

A description is a YAML file (`load`) or the same as a dict (`check`). Everything that is wrong with it is
said at once, in a SpecError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from barrido.core.pipeline import PipelineRecipe
from barrido.core.recipe import Recipe
from barrido.errors import SpecError
from barrido.spec import document, overrides
from barrido.spec.check import examine
from barrido.spec.defaults import Defaults
from barrido.spec.pipeline import examine_pipeline, is_pipeline
from barrido.spec.source import Findings, Source

SetValues = Sequence[tuple[str, str]]

__all__ = ["Defaults", "SetValues", "Source", "check", "check_pipeline", "load", "load_any"]


def load_any(
    path: FilePath | str, *, set_values: SetValues = (), defaults: Defaults
) -> Recipe | PipelineRecipe:
    """As `load`, but the file may describe a pipeline as well."""
    read = overrides.apply(document.read(FilePath(path)), set_values)
    if not is_pipeline(read.value):
        return load(path, set_values=set_values, defaults=defaults)
    return check_pipeline(read.value, read.findings, base=FilePath(path).parent, defaults=defaults)


def check_pipeline(
    document: object, findings: Findings, *, base: FilePath, defaults: Defaults
) -> PipelineRecipe:
    """Make a recipe of a pipeline's description, of which ``findings`` tells what was found already.

    Relative paths begin at ``base``, those of a component in a file at its folder. Raises SpecError with
    everything that is wrong, in the components, too.
    """
    recipe = examine_pipeline(document, findings, base=base, defaults=defaults)
    if recipe is None:
        raise SpecError(findings.problems)
    return recipe


def load(path: FilePath | str, *, set_values: SetValues = (), defaults: Defaults) -> Recipe:
    """Read a sweep, or a command job, from a YAML file.

    ``set_values`` are (dotted path, YAML value) pairs that replace what the file says. File paths in it begin
    at its folder. Raises SpecError with everything that is wrong, RequestError if there is no such file.
    """
    read = document.read(FilePath(path))
    recipe, findings = None, read.findings
    if read.value is not None or not findings.problems:
        read = overrides.apply(read, set_values)
        findings = read.findings
        if is_pipeline(read.value):
            hint = "it can be sweep or command; a pipeline is made of those"
            findings.wrong(("type",), "is not a kind of job that has trials (got 'pipeline')", hint)
        else:
            recipe = examine(read.value, findings, base=FilePath(path).parent, defaults=defaults)
    if recipe is None:
        raise SpecError(findings.problems)
    return recipe


def check(document: Mapping[str, Any], *, source: Source, base: FilePath | str, defaults: Defaults) -> Recipe:
    """Make a recipe of a dict in the shape of a YAML file, as the Python SDK builds it.

    Distributions are in their JSON form. ``source`` tells where the values come from, for messages
    (``Source("train.py:12")``); relative paths begin at ``base``. Raises SpecError with everything wrong.
    """
    findings = Findings(source)
    recipe = examine(document, findings, base=FilePath(base), defaults=defaults)
    if recipe is None:
        raise SpecError(findings.problems)
    return recipe
