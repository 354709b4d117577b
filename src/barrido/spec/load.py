"""From a description to a recipe: the front door of the spec floor.

A description is a YAML file (`load`) or the same as a dict (`check`). Everything that is wrong with it is
said at once, in a SpecError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from barrido.core.recipe import Recipe
from barrido.errors import SpecError
from barrido.spec import document, overrides
from barrido.spec.check import examine
from barrido.spec.defaults import Defaults
from barrido.spec.source import Findings, Source

SetValues = Sequence[tuple[str, str]]

__all__ = ["Defaults", "SetValues", "Source", "check", "load"]


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
