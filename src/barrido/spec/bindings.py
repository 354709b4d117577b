"""``${{parent.…}}``: what a pipeline's parts say to be taken from elsewhere in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from barrido.spec.source import Findings, Path

_NAME = r"[A-Za-z_][\w-]*"
_BINDING = re.compile(
    rf"\$\{{\{{\s*parent\.(?:inputs\.(?P<input>{_NAME})|outputs\.(?P<output>{_NAME})"
    rf"|jobs\.(?P<step>{_NAME})\.outputs\.(?P<made>{_NAME}))\s*\}}\}}",
    re.ASCII,
)
_ATTEMPT = re.compile(r"\$\{\{\s*parent\b")


@dataclass(frozen=True, slots=True)
class Bound:
    """One of: an ``input`` of the pipeline, an ``output`` of it, or what a ``step`` ``made``."""

    input: str = ""
    output: str = ""
    step: str = ""
    made: str = ""


def binding(value: Any, place: Path, findings: Findings) -> Bound | None:
    """What ``value`` is bound to; None if it is no binding, or a wrong one, which is said.

    A mapping is bound by its ``path``, or its ``value``.
    """
    if isinstance(value, Mapping):
        for key in ("path", "value"):
            if isinstance(value.get(key), str):
                return binding(value[key], (*place, key), findings)
        return None
    if not isinstance(value, str) or _ATTEMPT.search(value) is None:
        return None
    if (found := _BINDING.fullmatch(value.strip())) is None:
        hint = (
            "it is `${{parent.inputs.NAME}}` or `${{parent.jobs.STEP.outputs.NAME}}`,"
            " `${{parent.outputs.NAME}}` under a step's `outputs`, and nothing around it"
        )
        findings.wrong(place, f"is not a binding (got {value!r:.80})", hint)
        return None
    return Bound(**{name: text or "" for name, text in found.groupdict().items()})
